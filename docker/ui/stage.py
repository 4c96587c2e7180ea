"""Build stage: put the admin UI where LiteLLM's own images have it, complete and marked ready.

Usage: stage.py STAGE TARGET. STAGE holds what install.sh took out of the wheel; TARGET gets ui/ and assets/. LiteLLM
serves the UI without touching it when the marker is there (litellm/proxy/proxy_server.py, _is_ui_pre_restructured).
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

MARKER = ".litellm_ui_ready"


def restructure(ui: Path) -> None:
    """Make each page NAME.html available as NAME/index.html, as the proxy's routes expect."""
    for page in sorted(ui.rglob("*.html")):
        inside = page.relative_to(ui)
        if page.name == "index.html" or inside.parts[0] == "_next":
            continue
        folder = page.with_suffix("")
        folder.mkdir(exist_ok=True)
        target = folder / "index.html"
        if target.exists():
            page.unlink()
        else:
            page.rename(target)


def main() -> int:
    """Stage the UI; fail the build when LiteLLM's layout is not what this expects."""
    stage, target = Path(sys.argv[1]), Path(sys.argv[2])
    ui, assets = target / "ui", target / "assets"
    shutil.copytree(stage / "ui", ui)
    assets.mkdir()
    for logo in sorted(stage.glob("logo*.png")):
        shutil.copy2(logo, assets)
    restructure(ui)
    missing = [name for name in ("index.html", "_next", "login/index.html") if not (ui / name).exists()]
    if missing or not any(assets.iterdir()):
        print(f"stage.py: the wheel's admin UI lacks {', '.join(missing) or 'its logos'}", file=sys.stderr)
        return 1
    (ui / MARKER).touch()
    for path in (target, *sorted(target.rglob("*"))):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (0, 0))
    return 0


if __name__ == "__main__":
    sys.exit(main())
