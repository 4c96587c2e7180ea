"""The file with the quickstart's secrets: each is made once, and never again over data that depends on it."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

MASTER_KEY: Final = "LITELLM_MASTER_KEY"
# Hexadecimal, because they become part of a URL and of a file that Compose expands.
GENERATED: Final = {
    MASTER_KEY: lambda: f"sk-{secrets.token_hex(24)}",
    "LITELLM_SALT_KEY": lambda: f"sk-{secrets.token_hex(24)}",
    "POSTGRES_PASSWORD": lambda: secrets.token_hex(24),
}


class Refused(Exception):
    """Something a person has to decide: ``what`` happened, ``why``, and the ``fix``."""

    def __init__(self, what: str, why: str, fix: str) -> None:
        super().__init__(f"{what}\n  why: {why}\n  fix: {fix}")


def read(path: Path) -> dict[str, str]:
    """The names and values of the file; none when it does not exist."""
    values: dict[str, str] = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            name, equals, value = line.strip().removeprefix("export ").partition("=")
            if equals and not name.startswith("#"):
                values[name.strip()] = value.strip().strip("'\"")
    return values


def complete(path: Path, volume: str | None) -> list[str]:
    """Add the secrets that are missing, keeping every line that is there; returns the names of those added.

    ``volume`` names the database's volume when it exists. Raises Refused when it does and a secret is missing: its data
    could not be opened with a new one.
    """
    missing = [name for name in GENERATED if not read(path).get(name)]
    if missing and volume:
        raise Refused(
            f"{path} lacks {', '.join(missing)}",
            f"the database in the volume {volume} was made with the old value; a new one would lock it out",
            f"put the old file back; or, to lose the data and begin anew: make stop, then docker volume rm {volume}",
        )
    if missing:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        old = path.read_text(encoding="utf-8").rstrip("\n") if path.exists() else ""
        lines = [line for line in old.splitlines() if line.partition("=")[0].strip() not in missing]
        lines += [f"{name}={GENERATED[name]()}" for name in missing]
        # mkstemp's mode is 0600; the file appears whole or not at all.
        handle, name = tempfile.mkstemp(dir=path.parent)
        with open(handle, "w", encoding="utf-8") as file:
            file.write("\n".join([*lines, ""]))
        os.replace(name, path)
    path.chmod(0o600)
    return missing
