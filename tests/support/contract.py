"""What holds of a gateway wherever it runs, asserted in the same words: plain Docker, Compose, systemd, a pod."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx

# systemd makes the last one together with /tmp.
WRITABLE = {"/tmp", "/run/slipway", "/var/lib/slipway", "/var/tmp"}
# Places of the kernel's own, and memory that any program may share.
KERNEL = ("/proc", "/sys", "/dev")
CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")

_READER = """
import json, os, sys
def open_to(pid, place):
    # A mount that only root may write to is none that the gateway can.
    try:
        found = os.stat(f"/proc/{pid}/root{place}")
    except OSError:
        return False
    return bool(found.st_mode & 0o022) or found.st_uid == os.stat(f"/proc/{pid}").st_uid
def read(pid):
    status = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status") if ":" in line)
    mounts = []
    for line in open(f"/proc/{pid}/mountinfo"):
        words = line.split()
        mounts.append([words[4], words[5].split(",")[0], open_to(pid, words[4])])
    return {"status": {name: text.split() for name, text in status.items()}, "mounts": mounts}
found = {"self": read("self")}
for name in sys.argv[1:] or os.listdir("/proc"):
    if name.isdigit() and int(name) != os.getpid():
        try:
            found[name] = read(name)
        except OSError:
            pass
print(json.dumps(found))
"""


def assert_hardened(python: Callable[[str], str]) -> None:
    """Nobody is root, can become more than it is, or can write where it should not. `python` runs code beside it."""
    found: dict[str, dict[str, Any]] = json.loads(python(_READER))
    outside = int(found.pop("self")["status"]["Seccomp_filters"][0])
    assert found, "no process was seen"
    for process in found.values():
        status = process["status"]
        name = status["Name"]
        assert "0" not in status["Uid"], name
        assert {capability: status[capability] for capability in CAPABILITIES} == {
            capability: ["0" * 16] for capability in CAPABILITIES
        }, name
        assert status["NoNewPrivs"] == ["1"], name
        assert status["Seccomp"] == ["2"], name
        mounts = {place: (mode, open_to_it) for place, mode, open_to_it in process["mounts"]}
        assert mounts["/"][0] == "ro", name
        writable = {place for place, found in mounts.items() if found == ("rw", True) and not place.startswith(KERNEL)}
        assert writable <= WRITABLE, (name, writable)
    # Besides what the engine has put in force for whoever is in there, the gateway has its own.
    assert [pid for pid, count in _filters(found).items() if count <= outside] == []


def confined_processes(python: Callable[[str], str]) -> dict[str, int]:
    """How many seccomp filters each process of the gateway has, by its number."""
    found: dict[str, dict[str, Any]] = json.loads(python(_READER))
    del found["self"]
    return _filters(found)


def _filters(found: dict[str, dict[str, Any]]) -> dict[str, int]:
    # Process 1 starts the gateway, and what the engine puts in there beside it has no parent to be seen.
    told = {pid: process["status"] for pid, process in found.items()}
    return {pid: int(status["Seccomp_filters"][0]) for pid, status in told.items() if status["PPid"] != ["0"]}


def assert_closed(ask: Callable[[str], httpx.Response], declared: str, undeclared: str) -> None:
    """The model behind a declared host answers, and the one behind another host has no way to it."""
    answer = ask(declared)
    assert answer.status_code == 200, answer.text
    refused = ask(undeclared)
    assert refused.status_code >= 400, refused.text
    # Refused at once, or dropped in silence.
    assert "onnect" in refused.text or "imed out" in refused.text, f"not for want of a way: {refused.text}"
