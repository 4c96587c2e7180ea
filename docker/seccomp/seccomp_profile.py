"""Make the two forms of calls.toml: the launcher's table with numbers, and the profile for container engines.

Usage: seccomp_profile.py. Numbers are those of the kernel's headers on this machine (Debian's linux-libc-dev):
asm/unistd_64.h for x86_64, and asm-generic/unistd.h, which is aarch64's.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
TABLE: Final = ROOT / "entrypoint" / "slipway" / "calls.txt"
PROFILE: Final = HERE / "profile.json"
_INCLUDES: Final = Path("/usr/include")
# Calls whose arguments decide; the launcher's filter has the same rules (entrypoint/slipway/confinement.py).
_NAMESPACES: Final = 0x7E020000
_FAMILIES: Final = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}
_ENOSYS: Final = 38
_HEAD: Final = """\
# Made from docker/seccomp/calls.toml by `make seccomp`: a call's name, and its number on x86_64 and aarch64.
"""


def names() -> list[str]:
    """Return every call of calls.toml, in order. Raises ValueError for one that stands there twice."""
    groups = tomllib.loads((HERE / "calls.toml").read_text(encoding="utf-8"))["group"]
    found = [name for group in groups for name in group["names"].split()]
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise ValueError(f"calls.toml has {', '.join(twice)} twice")
    return sorted(found)


def numbers(header: str) -> dict[str, int]:
    """Return the numbers of a header. aarch64 takes the forms for 64 bits of calls that have two."""
    text = next(_INCLUDES.glob(f"*/{header}"), _INCLUDES / header).read_text(encoding="utf-8")
    found = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", text)}
    return found | ({"newfstatat": found["fstatat"]} if "fstatat" in found else {})


def table(calls: list[str]) -> str:
    """Return the launcher's table. Raises ValueError for a name that no machine has."""
    newer = tomllib.loads((HERE / "calls.toml").read_text(encoding="utf-8"))["newer"]
    x86_64, aarch64 = (newer | numbers(header) for header in ("asm/unistd_64.h", "asm-generic/unistd.h"))
    lines = []
    for name in calls:
        both = [str(known.get(name, "-")) for known in (x86_64, aarch64)]
        if both == ["-", "-"]:
            raise ValueError(f"calls.toml has {name}, which the headers here do not have")
        lines.append(" ".join((name, *both)))
    return _HEAD + "\n".join(lines) + "\n"


def profile(calls: list[str]) -> dict[str, Any]:
    """Return the profile. Source: the OCI runtime specification, config-linux, "Seccomp"."""
    plain = [name for name in calls if name not in ("clone", "clone3", "socket")]
    allow = "SCMP_ACT_ALLOW"
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "archMap": [
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []},
            {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []},
        ],
        "syscalls": [
            {"names": plain, "action": allow},
            {
                "names": ["clone"],
                "action": allow,
                "args": [{"index": 0, "value": _NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}],
            },
            # Its flags lie in memory, where no filter can look: libc goes back to clone.
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": _ENOSYS},
            *(
                {"names": ["socket"], "action": allow, "args": [{"index": 0, "value": family, "op": "SCMP_CMP_EQ"}]}
                for family in _FAMILIES.values()
            ),
        ],
    }


def main() -> int:
    """Write both files."""
    calls = names()
    TABLE.write_text(table(calls), encoding="utf-8")
    PROFILE.write_text(json.dumps(profile(calls), indent=2) + "\n", encoding="utf-8")
    print(f"seccomp: {len(calls)} calls in {TABLE.relative_to(ROOT)} and {PROFILE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
