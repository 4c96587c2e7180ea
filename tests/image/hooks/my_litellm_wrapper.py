"""Flags of gflags, set up in the master by `init_gflags` and again in each worker by the startup hook."""

import json
import os
import sys

import gflags

gflags.DEFINE_string("my_flag", "unset", "shows that a worker knows the flags")


def init_gflags(raw_args: list[str] | None = None, known_only: bool = False) -> list[str]:
    """Parse the flags; a wrong one ends the process."""
    gflags.FLAGS.set_gnu_getopt(True)
    try:
        rest: list[str] = gflags.FLAGS(raw_args or sys.argv, known_only=known_only)
    except gflags.Error as error:
        sys.exit(f"{error}\n{gflags.FLAGS}")
    return rest


def init_gflags_for_worker() -> None:
    """The hook: parse what the master put into GFLAGS_ARGV, then leave a note of it."""
    init_gflags(json.loads(os.environ.get("GFLAGS_ARGV", "[]")) or sys.argv, known_only=True)
    note("flags", gflags.FLAGS.my_flag)


async def open_connections() -> None:
    """An async hook that needs the flags of the hook before it."""
    note("connections", gflags.FLAGS.my_flag)


def refuse() -> None:
    """A hook that fails."""
    raise RuntimeError("the hook of the test refuses to start")


def note(what: str, value: str) -> None:
    """One line per call; short appends of several processes do not mix."""
    with open(os.environ.get("HOOK_NOTES", "/tmp/notes"), "a") as notes:
        notes.write(f"{os.getpid()} {what} {value}\n")


# Found by no reading of the source, only by the import in the worker.
setattr(sys.modules[__name__], "made_" + "at_import", init_gflags_for_worker)
