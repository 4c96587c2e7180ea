"""Makes the secrets of production.yaml as files, once: ``python3 make_secrets.py [FOLDER]`` (``secrets`` beside this).

A folder a service, so that none sees another's. Files that are there are kept, whatever they hold; once all have been
made, one that is missing is not made anew, since data depends on it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from secrets import token_hex
from typing import Final

from environment_file import Refused

HERE: Final = Path(__file__).resolve().parent
# The uid and gid that a service runs as; the gateway reads by its group.
OWNERS: Final = {"gateway": (0, 0), "postgres": (999, 999), "redis": (999, 999)}
MODE: Final = 0o440
# Nobody but root may give files away. The folder around them keeps others out all the same.
MODE_OF_ALL: Final = 0o444


def _key() -> str:
    return f"sk-{token_hex(24)}"


# What makes a value, and every file that holds it.
SECRETS: Final[Mapping[tuple[str, ...], Callable[[], str]]] = {
    ("gateway/LITELLM_MASTER_KEY",): _key,
    ("gateway/LITELLM_SALT_KEY",): _key,
    ("gateway/DATABASE_PASSWORD", "postgres/password"): lambda: token_hex(24),
    ("gateway/REDIS_PASSWORD", "redis/password"): lambda: token_hex(24),
}
# Written last.
MADE: Final = ".made"


def make(folder: Path) -> list[str]:
    """Make the files that are missing; return their names. Raises Refused, OSError."""
    missing = [name for names in SECRETS for name in names if not (folder / name).is_file()]
    if missing and (folder / MADE).exists():
        raise Refused(
            f"{folder} lacks {', '.join(missing)}",
            "they were made once, and the data in the volumes depends on them",
            f"put the old files back; or, to lose the data: docker compose down --volumes, rm -r {folder}, and again",
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for service, owner in OWNERS.items():
        place = folder / service
        place.mkdir(exist_ok=True)
        _give(place, owner, 0o550, 0o755)
    for names, value in SECRETS.items():
        kept = next((folder / name for name in names if name not in missing), None)
        text = kept.read_text(encoding="utf-8") if kept else value()
        for name in missing:
            if name in names:
                _write(folder / name, text)
    (folder / MADE).touch()
    return missing


def _write(path: Path, text: str) -> None:
    # mkstemp's mode is 0600; the file appears whole or not at all.
    handle, name = tempfile.mkstemp(dir=path.parent.parent)
    with open(handle, "w", encoding="utf-8") as file:
        file.write(text)
    _give(Path(name), OWNERS[path.parent.name], MODE, MODE_OF_ALL)
    os.replace(name, path)


def _give(path: Path, owner: tuple[int, int], mode: int, mode_of_all: int) -> None:
    mine = os.geteuid() == 0
    if mine:
        os.chown(path, *owner)
    path.chmod(mode if mine else mode_of_all)


def main() -> int:
    """Make them, and say which."""
    folder = Path(sys.argv[1]) if sys.argv[1:] else HERE / "secrets"
    made = make(folder)
    print(f"secrets: made {', '.join(made)} in {folder}" if made else f"secrets: all are in {folder} already")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Refused, OSError) as problem:
        sys.exit(f"secrets: {problem}")
