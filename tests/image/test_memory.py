"""A container whose memory is used up says so; the kernel tells nobody else."""

from __future__ import annotations

from pathlib import Path

from tests.support import gateway
from tests.support.lab import Lab

HOOK = "def eat():\n    global kept\n    kept = bytearray(1_000_000_000)\n"


def test_a_gateway_that_is_killed_for_its_memory_names_the_limit(lab: Lab, directory: Path) -> None:
    folder = directory / "eating"
    folder.mkdir(mode=0o755)
    gateway.write(folder, "hungry.py", HOOK)
    env = {"LITELLM_WORKER_STARTUP_HOOKS": "hungry:eat"}
    files = {"/etc/slipway/hooks": folder}
    done = lab.once(gateway.specify(directory, env=env, files=files, memory=500_000_000))
    assert done.code == 137, done.output
    assert "killed by SIGKILL: the container's 499 MB of memory were used up" in done.stderr
    assert "docs/runbooks/memory-budget.md" in done.stderr
