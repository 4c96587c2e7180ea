"""Changes to installed packages, made when the image is built, where no setting does what is needed.

Each patch names the text it expects and fails the build when a new release no longer has it. Usage at build:
``python3 patches.py SITE_PACKAGES``. ``slipway explain`` lists them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Patch:
    """One replacement in one file. ``switch`` is the variable that, set to off, brings the original behaviour back."""

    name: str
    why: str
    switch: str
    file: str
    expected: str
    replacement: str

    def apply(self, packages: Path) -> None:
        """Patch the file below ``packages``. Raises ValueError when it is not as expected."""
        path = packages / self.file
        text = path.read_text(encoding="utf-8")
        if text.count(self.expected) != 1:
            raise ValueError(f"patch {self.name}: {self.file} is not as expected; read the new release and adapt it")
        path.write_text(text.replace(self.expected, self.replacement), encoding="utf-8")

    def state(self, environment: Mapping[str, str]) -> str:
        """Return ``applied`` or ``off``."""
        return "off" if environment.get(self.switch, "").strip().lower() == "off" else "applied"


PATCHES: Final = (
    Patch(
        name="fast-litellm-inert",
        why="importing fast_litellm 0.1.10 swaps LiteLLM's router class for one without its methods, and every "
        "completion fails with 400; with this patch the import changes nothing",
        switch="SLIPWAY_PATCH_FAST_LITELLM",
        file="fast_litellm/__init__.py",
        expected="        enhanced_monkeypatch.enhanced_apply_acceleration(rust_module)\n",
        replacement="        import os\n\n"
        '        if os.environ.get("SLIPWAY_PATCH_FAST_LITELLM", "").strip().lower() == "off":\n'
        "            enhanced_monkeypatch.enhanced_apply_acceleration(rust_module)\n",
    ),
    Patch(
        name="prisma-engine-attribute",
        why="LiteLLM writes a private attribute that prisma-client-py 0.15 has renamed: each connect fails once, and a "
        "reconnect after a database restart for good; with this patch it uses the property that both releases have",
        switch="SLIPWAY_PATCH_PRISMA_ENGINE",
        file="litellm/proxy/db/prisma_client.py",
        expected="        prisma_client._Prisma__engine = engine\n",
        replacement='        if os.environ.get("SLIPWAY_PATCH_PRISMA_ENGINE", "").strip().lower() == "off":\n'
        "            prisma_client._Prisma__engine = engine\n"
        "        else:\n"
        "            prisma_client._engine = engine\n",
    ),
)


def main() -> int:
    """Apply every patch."""
    for patch in PATCHES:
        try:
            patch.apply(Path(sys.argv[1]))
        except (OSError, ValueError) as problem:
            print(f"patches: {problem}", file=sys.stderr)
            return 1
        print(f"patches: {patch.name} applied", file=sys.stderr)
    return 0


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
