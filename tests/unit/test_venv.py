"""requirements/venv.sh: what the list locks is what is installed, whatever appears on the index later."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import zipfile
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "requirements/venv.sh"


def wheel(folder: Path, name: str, version: str, *metadata: str) -> str:
    """A package without a module; the line that locks it."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{info}/METADATA": "\n".join(("Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata, "")),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{path},sha256={_digest(text.encode())},{len(text)}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join((*record, f"{info}/RECORD,,", ""))
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in files.items():
            archive.writestr(member, text)
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def install(tmp_path: Path, lines: str) -> subprocess.CompletedProcess[str]:
    list_ = tmp_path / "list.txt"
    list_.write_text(lines, encoding="utf-8")
    environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    return subprocess.run(
        ["sh", str(SCRIPT), str(tmp_path / "venv"), str(list_)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_release_newer_than_the_lock_changes_nothing_for_who_asks_for_its_extra(tmp_path: Path) -> None:
    asking = wheel(tmp_path, "asking", "1.0", "Requires-Dist: asked[more]>=1")
    asked = wheel(tmp_path, "asked", "1.0", "Provides-Extra: more")
    wheel(tmp_path, "asked", "1.1", "Provides-Extra: more")
    done = install(tmp_path, asked + asking)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.glob("venv/lib/*/site-packages/asked-*")] == ["asked-1.0.dist-info"]


def test_a_list_that_lacks_what_its_packages_need_is_refused(tmp_path: Path) -> None:
    done = install(tmp_path, wheel(tmp_path, "asking", "1.0", "Requires-Dist: asked>=1"))
    assert done.returncode != 0
    assert "asked" in done.stdout + done.stderr
