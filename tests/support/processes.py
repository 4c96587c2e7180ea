"""The processes of a container, read from its own /proc (the image has no ps)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.lab import Box

_READER = """
import json, os
rows = []
for name in os.listdir("/proc"):
    if name.isdigit() and int(name) != os.getpid():
        try:
            stat = open(f"/proc/{name}/stat").read()
            argv = open(f"/proc/{name}/cmdline", "rb").read().decode(errors="replace").split(chr(0))[:-1]
        except OSError:
            continue
        comm, _, rest = stat.partition("(")[2].rpartition(")")
        state, parent = rest.split()[:2]
        rows.append([int(name), int(parent), state, comm, argv])
print(json.dumps(rows))
"""


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    state: str
    comm: str
    argv: tuple[str, ...]

    @property
    def line(self) -> str:
        return " ".join(self.argv) or f"[{self.comm}]"

    @property
    def helper(self) -> bool:
        """Python's own book-keeper of spawned processes, which serves nothing."""
        return "resource_tracker" in self.line or "forkserver" in self.line


class Tree:
    """The processes of a container at one moment, without those of `docker exec`."""

    def __init__(self, rows: list[Process]) -> None:
        self._rows = {row.pid: row for row in rows}

    @property
    def root(self) -> Process:
        return self._rows[1]

    def children(self, process: Process) -> list[Process]:
        return [row for row in self._rows.values() if row.parent == process.pid and not row.helper]

    def only_child(self, process: Process) -> Process:
        children = self.children(process)
        assert len(children) == 1, f"{process.line} has {len(children)} children:\n{self}"
        return children[0]

    def below(self, process: Process) -> Iterator[Process]:
        for child in self.children(process):
            yield child
            yield from self.below(child)

    def engines(self, worker: Process | None = None) -> list[Process]:
        """The database engines of a worker, or of all processes."""
        rows = self.children(worker) if worker else list(self._rows.values())
        return [row for row in rows if row.comm.startswith("query-engine") and row.state != "Z"]

    def strays(self) -> list[Process]:
        """Engines without a worker: whoever adopts orphans is their parent."""
        adopters = [self.root, *(row for row in self.children(self.root) if "slipway.runtime.supervisor" in row.line)]
        return [row for row in self.engines() if row.parent in {adopter.pid for adopter in adopters}]

    def zombies(self) -> list[Process]:
        return [row for row in self._rows.values() if row.state == "Z"]

    def alive(self, pid: int) -> bool:
        return pid in self._rows and self._rows[pid].state != "Z"

    def __str__(self) -> str:
        return "\n".join(f"{row.pid:>6} {row.parent:>6} {row.state} {row.line[:160]}" for row in self._rows.values())


def tree(box: Box) -> Tree:
    rows = json.loads(box.python(_READER))
    return Tree([Process(pid, parent, state, comm, tuple(argv)) for pid, parent, state, comm, argv in rows])


def server_of(found: Tree, server: str, supervised: bool = True) -> Process:
    """The server process; fails unless the way to it is tini, then (supervised) Slipway's supervisor."""
    assert found.root.comm == "tini", str(found)
    process = found.only_child(found.root)
    if supervised:
        assert "slipway" in process.line, str(found)
        process = found.only_child(process)
    assert server in process.line, str(found)
    return process


def workers_of(found: Tree, server: Process, count: int) -> list[Process]:
    """The processes that serve: the server's children, or the server itself where it has none."""
    children = [child for child in found.children(server) if child.state != "Z"]
    if not children and count == 1:
        return [server]
    return children
