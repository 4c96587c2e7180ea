"""The filter of system calls: decided as the table says on each machine, and kept by the kernel of this one."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import seccomp_profile
from slipway import confinement

LINES = confinement.TABLE.read_text(encoding="ascii").splitlines()
ALLOWED, EPERM, ENOSYS, EAFNOSUPPORT = 0x7FFF0000, 0x50001, 0x50026, 0x50061
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
HIGHEST = 600


def decide(program: bytes, architecture: int, number: int, argument: int = 0) -> int:
    """What the kernel would do: a filter is run on each call from its beginning."""
    data = struct.pack("=IIQQ", number, architecture, 0, argument)
    code = list(struct.iter_unpack("=HBBI", program))
    place = value = 0
    while True:
        operation, then, otherwise, operand = code[place]
        place += 1
        match operation:
            case 0x20:
                (value,) = struct.unpack_from("=I", data, operand)
            case 0x06:
                return int(operand)
            case 0x15:
                place += then if value == operand else otherwise
            case 0x25:
                place += then if value > operand else otherwise
            case 0x35:
                place += then if value >= operand else otherwise
            case 0x45:
                place += then if value & operand else otherwise


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_what_is_in_the_table_is_allowed_and_nothing_else(machine: str) -> None:
    calls = confinement.table(machine, LINES)
    program = confinement.program(machine, calls)
    expected = {number for name, number in calls.items() if name not in ("clone3", "socket")}
    found = {number for number in range(HIGHEST) if decide(program, ARCHITECTURES[machine], number) == ALLOWED}
    assert found == expected
    assert len(program) // 8 < 4096


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_what_is_refused_is_said_so_that_callers_take_another_way(machine: str) -> None:
    calls, architecture = confinement.table(machine, LINES), ARCHITECTURES[machine]
    program = confinement.program(machine, calls)
    assert decide(program, architecture, calls["clone3"]) == ENOSYS
    # io_uring_setup, a call of the future, and one in the form of another machine.
    assert {decide(program, architecture, number) for number in (425, HIGHEST, 0x40000000)} == {ENOSYS}
    assert decide(program, 0x40000003, calls["read"]) == ENOSYS
    # bpf(2) has the one number or the other.
    assert decide(program, architecture, {"x86_64": 321, "aarch64": 280}[machine]) == EPERM


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_arguments_decide_on_namespaces_and_families(machine: str) -> None:
    calls, architecture = confinement.table(machine, LINES), ARCHITECTURES[machine]
    program = confinement.program(machine, calls)
    # A thread's flags, and those of a child; then each kind of namespace.
    assert {decide(program, architecture, calls["clone"], flags) for flags in (0x3D0F00, 0x1200011)} == {ALLOWED}
    kinds = (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
    assert {decide(program, architecture, calls["clone"], 0x11 | kind) for kind in kinds} == {EPERM}
    assert {decide(program, architecture, calls["socket"], family) for family in (1, 2, 10, 16)} == {ALLOWED}
    assert {decide(program, architecture, calls["socket"], family) for family in (0, 17, 38, 40)} == {EAFNOSUPPORT}


CONFINED = """
import ctypes, errno, json, os, socket, subprocess, sys, threading
from slipway import confinement
confinement.confine(json.loads(sys.argv[1]))
libc = ctypes.CDLL(None, use_errno=True)
def tried(*words):
    return errno.errorcode.get(ctypes.get_errno(), "") if libc.syscall(*words) < 0 else "done"
def family():
    try:
        socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET).close()
    except OSError as problem:
        return errno.errorcode[problem.errno]
    return "done"
thread = threading.Thread(target=lambda: None)
thread.start()
thread.join()
child = subprocess.run([sys.executable, "-c", "print('a child')"], capture_output=True, text=True).stdout.strip()
keyctl = {"x86_64": 250, "aarch64": 219}[os.uname().machine]
print(json.dumps({"keyctl": tried(keyctl, 0, -3, 0), "io_uring": tried(425, 0, 0), "alg": family(), "child": child}))
"""


def confined(**environment: str) -> tuple[dict[str, str], str]:
    done = subprocess.run(
        [sys.executable, "-c", CONFINED, json.dumps(environment)],
        env={**os.environ, "PYTHONPATH": str(confinement.TABLE.parents[1])},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, str] = json.loads(done.stdout)
    return found, done.stderr


@pytest.mark.parametrize("text", ["", "on", "no switch"])
def test_the_kernel_keeps_to_it(text: str) -> None:
    found, told = confined(SLIPWAY_SECCOMP=text)
    assert found == {"keyctl": "EPERM", "io_uring": "ENOSYS", "alg": "EAFNOSUPPORT", "child": "a child"}
    assert told == ""


def test_off_leaves_everything() -> None:
    found, _ = confined(SLIPWAY_SECCOMP="off")
    assert found["keyctl"] != "EPERM"
    assert found["io_uring"] != "ENOSYS"


def test_a_machine_without_a_table_is_told_and_not_confined(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "host", "6", "1", "riscv64")))
    confinement.confine({})
    assert "not confined to the system calls that a gateway needs: no table for riscv64" in capsys.readouterr().err


def test_the_profile_and_the_table_say_what_the_list_says() -> None:
    calls = seccomp_profile.names()
    assert [line.split()[0] for line in LINES if not line.startswith("#")] == calls
    assert json.loads(seccomp_profile.PROFILE.read_text(encoding="utf-8")) == seccomp_profile.profile(calls)


def test_a_call_that_stands_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "calls.toml").write_text('[[group]]\nreason = "a"\nnames = "read write read"\n')
    monkeypatch.setattr(seccomp_profile, "HERE", tmp_path)
    with pytest.raises(ValueError, match=r"calls\.toml has read twice"):
        seccomp_profile.names()
