"""How much there is to attack in an image: counts of what it holds, and where a gateway of it listens.

Usage: surface.py IMAGE [--engine COMMAND]; prints a table in Markdown. It works for any image of the proxy, so that two
can be compared on a machine that has both; what an image does not tell is said so.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

_READY_SECONDS: Final = 180
_PACKAGES: Final = {
    "packages of the system": re.compile(r"(^|\n)(?:Package: |P:)"),
    "packages of Python": re.compile(r".*\.dist-info/METADATA$"),
    "packages of npm": re.compile(r".*/node_modules/(@[^/]+/)?[^/]+/package\.json$"),
}
_LISTS: Final = ("var/lib/dpkg/status", "lib/apk/db/installed", "usr/lib/apk/db/installed")
_PROGRAM: Final = re.compile(r"(usr/local/|usr/)?s?bin/[^/]+")
_SHELLS: Final = {"sh", "bash", "dash", "ash", "zsh", "busybox"}
_MANAGERS: Final = {"apt", "apt-get", "dpkg", "apk", "pip", "pip3", "uv", "npm", "yarn", "pnpm", "corepack"}


def held(image: str, engine: Sequence[str]) -> Counter[str]:
    """Count what the files of an image are, by a container of it that is never started."""
    made = _answer(engine, "create", image)
    counts: Counter[str] = Counter()
    try:
        with subprocess.Popen([*engine, "export", made], stdout=subprocess.PIPE) as process:
            assert process.stdout
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                for member in archive:
                    counts.update(_kinds(archive, member))
    finally:
        _answer(engine, "rm", "--force", made)
    return counts


def _kinds(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[str]:
    if member.isdir():
        if member.mode & 0o002 and not member.mode & 0o1000:
            yield "folders that anybody may write to"
        return
    if _PROGRAM.fullmatch(member.name):
        name = member.name.rpartition("/")[2]
        yield "programs on the path of the system"
        yield from (["shells"] if name in _SHELLS else [])
        yield from (["package managers"] if name in _MANAGERS else [])
    if not member.isreg():
        return
    yield "files"
    if member.mode & 0o6000:
        yield "files that take another identity"
    if member.name in _LISTS and (file := archive.extractfile(member)):
        text = file.read().decode(errors="replace")
        yield from ["packages of the system"] * len(_PACKAGES["packages of the system"].findall(text))
    for kind in ("packages of Python", "packages of npm"):
        if _PACKAGES[kind].fullmatch(member.name):
            yield kind


def megabytes(image: str, engine: Sequence[str]) -> int:
    """Size of all layers, unpacked, in 10^6 bytes."""
    return round(int(_answer(engine, "image", "inspect", "--format", "{{.Size}}", image)) / 1e6)


def _answer(engine: Sequence[str], *words: str) -> str:
    return subprocess.run([*engine, *words], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def listening(image: str, engine: Sequence[str]) -> list[int]:
    """Ports that a gateway listens on once it has answered that it is ready, without a database."""
    name = _answer(
        engine, "run", "--detach", "--network", "none", "--env", f"LITELLM_MASTER_KEY=sk-{'0' * 32}",
        "--env", "SLIPWAY_NO_DATABASE=on", image,
    )  # fmt: skip
    read = [*engine, "exec", name, "cat", "/proc/net/tcp", "/proc/net/tcp6"]
    try:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            done = subprocess.run(read, check=False, stdout=subprocess.PIPE, text=True)
            rows = [line.split() for line in done.stdout.splitlines()]
            ports = {int(row[1].rpartition(":")[2], 16) for row in rows if len(row) > 3 and row[3] == "0A"}
            if 4000 in ports:
                return sorted(ports)
            time.sleep(0.5)
        return []
    finally:
        subprocess.run([*engine, "rm", "--force", name], check=False, stdout=subprocess.DEVNULL)


def main(arguments: list[str]) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Count what there is to attack in an image.")
    parser.add_argument("image", metavar="IMAGE")
    parser.add_argument("--engine", default="docker")
    options = parser.parse_args(arguments)
    engine = shlex.split(options.engine)
    counts = held(options.image, engine)
    ports = listening(options.image, engine)
    rows = {
        **{kind: str(counts[kind]) for kind in sorted({*counts, *_ALWAYS})},
        "MB of layers": str(megabytes(options.image, engine)),
        "ports that a gateway listens on": ", ".join(map(str, ports)) or "not told",
    }
    print(f"| | {options.image} |\n|---|---|")
    for kind, count in rows.items():
        print(f"| {kind} | {count} |")
    return 0


_ALWAYS: Final = (
    "files that take another identity", "folders that anybody may write to", "package managers", "packages of npm",
    "shells",
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
