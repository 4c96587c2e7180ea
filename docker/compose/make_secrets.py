"""Makes the secrets of production.yaml as files, once: ``python3 make_secrets.py [FOLDER]`` (``secrets`` beside this).

``--add NAME`` takes one more from standard input, for the gateways, in the place of a former one. A folder a service,
so that none sees another's. Files that are there are kept; once all have been made, one that is missing is not made
anew, since data depends on it.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
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
# What nobody replaces by the way; the master key may change.
_KEPT: Final = {name for names in SECRETS for name in names} - {"gateway/LITELLM_MASTER_KEY"}
# Written last.
MADE: Final = ".made"
_UNFINISHED: Final = ".unfinished-"
_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]*")


def make(folder: Path) -> list[str]:
    """Make the files that are missing; return their names. Raises Refused, OSError."""
    _look_over(folder)
    missing = [name for names in SECRETS for name in names if not (folder / name).is_file()]
    if missing and (folder / MADE).exists():
        raise Refused(
            f"{folder} lacks {', '.join(missing)}",
            "they were made once, and the data in the volumes depends on them",
            f"put the old files back; or, to lose the data: docker compose down --volumes, rm -r {folder}, and again",
        )
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


def add(folder: Path, name: str, text: str) -> None:
    """Give the gateways one more secret. Raises Refused, OSError."""
    if not _NAME.fullmatch(name) or not text:
        raise Refused(
            "nothing was added",
            f"{name} is no name of a variable" if text else "standard input is empty",
            'printf %s "$OPENAI_API_KEY" | python3 make_secrets.py --add OPENAI_API_KEY',
        )
    if f"gateway/{name}" in _KEPT:
        raise Refused(
            f"{name} stays as it is",
            "data depends on it: the salt key opens what is in the database, PostgreSQL and Redis have their passwords",
            "slipway salt rotate changes the salt key; each password is changed in its service first, then in its file",
        )
    if not (folder / MADE).exists():
        raise Refused(f"{folder} has no secrets yet", "they are made first", "python3 make_secrets.py")
    _write(folder / "gateway" / name, text)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep others out of the folder, users and runs of this. Raises Refused, OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid == os.geteuid():
        folder.chmod(0o700)
    elif folder.stat().st_mode & 0o077:
        raise Refused(
            f"{folder} is open to others, and not yours",
            "Compose makes it so, when it is started before there are secrets",
            f"sudo rmdir {folder}, or name another in SECRETS",
        )
    place = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(place, fcntl.LOCK_EX)
        for left in folder.glob(f"{_UNFINISHED}*"):
            left.unlink()
        yield
    finally:
        os.close(place)


def _look_over(folder: Path) -> None:
    """Raise Refused for what an interrupted hand has left: an empty file, or two that should be the same and differ."""
    for names in SECRETS:
        found = {(folder / name).read_text(encoding="utf-8") for name in names if (folder / name).is_file()}
        if len(found) > 1 or "" in found:
            raise Refused(
                f"{' and '.join(str(folder / name) for name in names)} cannot be used",
                "one is empty" if "" in found else "they have to be the same, and differ",
                "put back what the data was made with; without data, remove them and run this again",
            )


def _write(path: Path, text: str) -> None:
    # mkstemp's mode is 0600; the file appears whole or not at all.
    handle, name = tempfile.mkstemp(dir=path.parent.parent, prefix=_UNFINISHED)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        _give(Path(name), OWNERS[path.parent.name], MODE, MODE_OF_ALL)
        os.replace(name, path)
    except OSError as problem:
        with suppress(OSError):
            os.unlink(name)
        raise Refused(
            f"{path} cannot be written", str(problem.strerror), "mend that, and run this again; nothing is lost"
        ) from problem


def _give(path: Path, owner: tuple[int, int], mode: int, mode_of_all: int) -> None:
    mine = os.geteuid() == 0
    if mine:
        os.chown(path, *owner)
    path.chmod(mode if mine else mode_of_all)


def main() -> int:
    """Make them, and say which."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=HERE / "secrets")
    parser.add_argument("--add", metavar="NAME", help="take this one from standard input")
    asked = parser.parse_args()
    with alone(asked.folder):
        if asked.add:
            add(asked.folder, asked.add, sys.stdin.read().rstrip("\n"))
            print(f"secrets: {asked.add} is in {asked.folder}/gateway")
        else:
            made = make(asked.folder)
            where = f"in {asked.folder}"
            print(f"secrets: made {', '.join(made)} {where}" if made else f"secrets: all are {where} already")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Refused, OSError) as problem:
        sys.exit(f"secrets: {problem}")
