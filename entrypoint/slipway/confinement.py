"""The gateway confines itself to the system calls that it needs, wherever it runs: those of calls.txt, by seccomp.

Sources: seccomp(2), the kernel's Documentation/userspace-api/seccomp_filter.rst. The filter goes on to every program
that is started from here; `docker exec` starts its own.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from slipway import log
from slipway.settings import parse_switch

VARIABLE: Final = "SLIPWAY_SECCOMP"
TABLE: Final = Path(__file__).with_name("calls.txt")
# A machine's name in uname(2): its column in the table, AUDIT_ARCH (linux/audit.h), and the number of seccomp(2).
_MACHINES: Final = {"x86_64": (1, 0xC000003E, 317), "aarch64": (2, 0xC00000B7, 277)}
_PR_SET_NO_NEW_PRIVS: Final = 38
_SET_MODE_FILTER: Final = 1
# Without it, older kernels slow every process under a filter down (spec_store_bypass).
_SPEC_ALLOW: Final = 4
# linux/bpf_common.h: load a word; jump if equal, greater, greater or equal, or with a bit in common; return.
_LOAD, _EQUAL, _GREATER, _AT_LEAST, _COMMON, _RETURN = 0x20, 0x15, 0x25, 0x35, 0x45, 0x06
# struct seccomp_data: the number, the machine, and the lower half of the first argument.
_NUMBER, _ARCHITECTURE, _ARGUMENT = 0, 4, 16
_ALLOW: Final = 0x7FFF0000
_ERROR: Final = 0x00050000
# CLONE_NEW*: a namespace of one's own is the beginning of many ways out.
_NAMESPACES: Final = 0x7E020000
# AF_UNIX, AF_INET, AF_INET6, and AF_NETLINK, by which libc asks for addresses.
_FAMILIES: Final = (1, 2, 10, 16)
# From here on a call is so new that whoever makes it has another way, and takes it when it hears ENOSYS.
_NEW: Final = 424


def confine(environment: Mapping[str, str]) -> None:
    """Confine this process, what it becomes and what it starts, unless SLIPWAY_SECCOMP is off."""
    if parse_switch(environment.get(VARIABLE, "")) is False:
        return
    machine = os.uname().machine
    problem = _install(machine) if machine in _MACHINES else f"no table for {machine}"
    if problem:
        log.line(f"not confined to the system calls that a gateway needs: {problem}", level="warning")


def table(machine: str, lines: Iterable[str]) -> dict[str, int]:
    """Return the calls of a machine and their numbers."""
    column = _MACHINES[machine][0]
    rows = (line.split() for line in lines if line.strip() and not line.startswith("#"))
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


def program(machine: str, calls: Mapping[str, int]) -> bytes:
    """Return the filter: what is not in ``calls`` fails with EPERM, and with ENOSYS when it is a new one."""
    plain = sorted(number for name, number in calls.items() if name not in ("clone", "clone3", "socket"))
    refused = _ERROR | errno.EPERM
    unknown = _ERROR | errno.ENOSYS
    code = [
        _instruction(_LOAD, _ARCHITECTURE),
        _instruction(_EQUAL, _MACHINES[machine][1], then=1),
        _instruction(_RETURN, unknown),
        _instruction(_LOAD, _NUMBER),
        # Its flags lie in memory, where no filter can look: libc goes back to clone.
        _instruction(_EQUAL, calls["clone3"], otherwise=1),
        _instruction(_RETURN, unknown),
        _instruction(_EQUAL, calls["clone"], otherwise=4),
        _instruction(_LOAD, _ARGUMENT),
        _instruction(_COMMON, _NAMESPACES, otherwise=1),
        _instruction(_RETURN, refused),
        _instruction(_RETURN, _ALLOW),
        _instruction(_EQUAL, calls["socket"], otherwise=len(_FAMILIES) + 3),
        _instruction(_LOAD, _ARGUMENT),
        *(_instruction(_EQUAL, family, then=len(_FAMILIES) - index) for index, family in enumerate(_FAMILIES)),
        _instruction(_RETURN, _ERROR | errno.EAFNOSUPPORT),
        _instruction(_RETURN, _ALLOW),
    ]
    for first, last in _ranges(plain):
        code += [
            _instruction(_GREATER, last, then=3),
            _instruction(_AT_LEAST, first, otherwise=1),
            _instruction(_RETURN, _ALLOW),
            _instruction(_RETURN, unknown if first > _NEW else refused),
        ]
    return b"".join([*code, _instruction(_RETURN, unknown)])


def _ranges(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Yield runs of numbers with nothing missing: the first and the last of each."""
    first = last = numbers[0]
    for number in numbers[1:]:
        if number != last + 1:
            yield first, last
            first = number
        last = number
    yield first, last


def _instruction(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)


def _install(machine: str) -> str | None:
    """Put the filter in force; return why the kernel did not take it."""
    import ctypes

    class Program(ctypes.Structure):
        """struct sock_fprog of linux/filter.h."""

        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    filtered = program(machine, table(machine, TABLE.read_text(encoding="ascii").splitlines()))
    libc = ctypes.CDLL(None, use_errno=True)
    given = Program(len(filtered) // 8, filtered)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.syscall(
        _MACHINES[machine][2], _SET_MODE_FILTER, _SPEC_ALLOW, ctypes.byref(given)
    ):
        return f"the kernel said {errno.errorcode.get(ctypes.get_errno(), 'no')} to the filter"
    return None
