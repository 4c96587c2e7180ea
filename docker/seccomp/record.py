"""What gateways on this machine call while tests run, compared with calls.toml.

Usage: record.py, as root, until Ctrl-C; it needs bpftrace. Run tests meanwhile with SLIPWAY_SECCOMP=off, or what is
refused is seen without what would have followed.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tomllib
from typing import Final

from seccomp_profile import HERE, numbers

# Whom tests run gateways as: the image's own user, and another one.
_USERS: Final = (65532, 12345)
_LINE: Final = re.compile(r"@\[(\d+)\]: \d+")


def seen(output: str) -> set[str]:
    """Return the calls that bpftrace has counted, by name, or by number where this machine's headers have none."""
    names = {number: name for name, number in numbers("asm/unistd_64.h").items()}
    return {names.get(int(number), number) for number in _LINE.findall(output)}


def main() -> int:
    """Record until Ctrl-C, then compare."""
    whose = " || ".join(f"uid == {user}" for user in _USERS)
    words = ["bpftrace", "-e", f"tracepoint:raw_syscalls:sys_enter /{whose}/ {{ @[args->id] = count(); }}"]
    print("seccomp: recording until Ctrl-C", file=sys.stderr, flush=True)
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as recorder:
        # It prints what it has counted at the same Ctrl-C.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        output, _ = recorder.communicate()
    groups = tomllib.loads((HERE / "calls.toml").read_text(encoding="utf-8"))["group"]
    listed = {name for group in groups for name in group["names"].split()}
    found = seen(output)
    print(f"called and refused: {' '.join(sorted(found - listed)) or 'none'}")
    print(f"listed as seen and not called now: {' '.join(sorted(set(groups[0]['names'].split()) - found)) or 'none'}")
    return 0 if found <= listed else 1


if __name__ == "__main__":
    sys.exit(main())
