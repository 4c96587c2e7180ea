"""What a gateway may ask of the kernel: it confines itself in any container, and the profile does so by the engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import gateway
from tests.support.contract import confined_processes
from tests.support.lab import Lab, wait_until

# A namespace of one's own, a socket into the kernel's ciphers, and another process's memory.
TRIED = """
import ctypes, errno, json, os, socket
def tried(call, *words):
    libc = ctypes.CDLL(None, use_errno=True)
    return errno.errorcode[ctypes.get_errno()] if getattr(libc, call)(*words) < 0 else "done"
def family():
    try:
        socket.socket(38, socket.SOCK_SEQPACKET).close()
    except OSError as problem:
        return errno.errorcode[problem.errno]
    return "done"
def found():
    return {"unshare": tried("unshare", 0x20000000), "ptrace": tried("ptrace", 0, 0, 0, 0), "alg": family()}
"""
HOOK = f"""{TRIED}
def begin():
    with open("/tmp/unfinished", "w") as file:
        json.dump(found(), file)
    os.rename("/tmp/unfinished", "/tmp/found")
"""
# Without the profile, which gateways of other tests are started under.
PLAIN = ("no-new-privileges",)
REFUSED = {"unshare": "EPERM", "ptrace": "EPERM", "alg": "EAFNOSUPPORT"}


@pytest.mark.parametrize("server", ["uvicorn", "gunicorn", "hypercorn", "granian"])
def test_a_worker_is_refused_what_no_gateway_needs_and_serves(lab: Lab, directory: Path, server: str) -> None:
    hooks = directory / server
    hooks.mkdir(mode=0o755)
    gateway.write(hooks, "trying.py", HOOK)
    running = gateway.start(
        lab, directory, files={"/etc/slipway/hooks": hooks},
        args=("--config", gateway.CONFIG_PATH, "--num_workers", "2"),
        env={"SLIPWAY_SERVER": server, "LITELLM_WORKER_STARTUP_HOOKS": "trying:begin"},
        # The engine's own profile, so that what refuses is the gateway's.
        security_opt=PLAIN,
    )  # fmt: skip
    wait_until("the hook", lambda: running.box.exec(["test", "-e", "/tmp/found"]).code == 0, 30)
    assert json.loads(running.box.exec(["cat", "/tmp/found"]).stdout) == REFUSED
    assert running.ask() == "mocked answer"
    # Process 1 is tini; what it starts, and all that follows.
    filters = confined_processes(running.box.python)
    assert len(filters) >= 3
    assert set(filters.values()) == {2}


def test_switched_off_the_engines_own_is_all_there_is(lab: Lab, directory: Path) -> None:
    running = gateway.start(lab, directory, env={"SLIPWAY_SECCOMP": "off"}, security_opt=PLAIN)
    assert running.ask() == "mocked answer"
    assert set(confined_processes(running.box.python).values()) == {1}


def test_under_the_profile_whoever_is_in_the_container_is_refused_the_same(lab: Lab, directory: Path) -> None:
    running = gateway.start(lab, directory, env={"SLIPWAY_SECCOMP": "off"})
    assert running.ask() == "mocked answer"
    # The profile has one answer for all.
    told = json.loads(running.box.python(f"{TRIED}\nprint(json.dumps(found()))"))
    assert told == dict.fromkeys(REFUSED, "EPERM")
