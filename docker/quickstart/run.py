"""``make run`` and ``make stop``: one hardened gateway on this machine, with a key that is made once and kept.

Usage: run.py up|down --engine COMMAND. The key, and any provider keys, live in .run/env (mode 0600, not in git).
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
STATE: Final = ROOT / ".run" / "env"
CONFIG: Final = ROOT / "docker" / "quickstart" / "config.yaml"
NAME: Final = "slipway-quickstart"
IMAGE: Final = "slipway:dev"
KEY: Final = "LITELLM_MASTER_KEY"
READY_SECONDS: Final = 120


class Engine:
    """The container engine's command line."""

    def __init__(self, command: str) -> None:
        self._command = shlex.split(command)

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one command of the engine. Raises CalledProcessError when it fails and ``check`` is set."""
        return subprocess.run([*self._command, *arguments], check=check, text=True, capture_output=True)


def say(text: str) -> None:
    """Print progress."""
    print(text, flush=True)


def master_key() -> str:
    """Return the key of .run/env, made there at the first run."""
    STATE.parent.mkdir(mode=0o700, exist_ok=True)
    lines = STATE.read_text().splitlines() if STATE.exists() else []
    for line in lines:
        name, _, value = line.partition("=")
        if name == KEY and value:
            return value
    key = f"sk-{secrets.token_hex(24)}"
    # Created with its final mode: nobody else may read it for a moment either.
    with open(os.open(STATE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write("\n".join([*lines, f"{KEY}={key}", ""]))
    say(f"quickstart: a new key is in {STATE.relative_to(ROOT)}")
    return key


def up(engine: Engine, port: int) -> int:
    """Start the gateway anew, wait until it is ready, and print how to use it."""
    if not free(engine, port):
        print(f"quickstart: port {port} is taken by another program; choose one: make run PORT=NUMBER", file=sys.stderr)
        return 1
    key = master_key()
    mounted = ["--env-file", str(STATE), "--volume", f"{CONFIG}:/app/config.yaml:ro"]
    checked = engine.run("run", "--rm", *mounted, IMAGE, "explain", "--config", "/app/config.yaml", check=False)
    if checked.returncode:
        print(checked.stderr.strip(), file=sys.stderr)
        return checked.returncode
    if engine.run("inspect", NAME, check=False).returncode == 0:
        say("quickstart: replacing the gateway that runs")
        engine.run("stop", NAME, check=False)
        engine.run("rm", "--force", NAME, check=False)
    options = ["--detach", "--name", NAME, "--publish", f"127.0.0.1:{port}:4000", *mounted]
    options += ["--stop-timeout", "640"]
    options += ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    for directory in ("/tmp", "/run/slipway", "/var/lib/slipway"):
        options += ["--tmpfs", f"{directory}:mode=1777"]
    started = engine.run("run", *options, IMAGE, "--config", "/app/config.yaml", check=False)
    if started.returncode:
        engine.run("rm", "--force", NAME, check=False)
        print(started.stderr.strip(), file=sys.stderr)
        print("quickstart: the gateway could not start; the engine says why above", file=sys.stderr)
        return 1
    if not wait(engine):
        print(engine.run("logs", NAME, check=False).stderr, file=sys.stderr)
        print("quickstart: the gateway did not become ready; its log is above", file=sys.stderr)
        return 1
    url = f"http://127.0.0.1:{port}"
    body = json.dumps({"model": "hello", "messages": [{"role": "user", "content": "Hi"}]})
    say(f"\nThe gateway is ready.\n\n  URL   {url}\n  key   {key}\n  API   {url}/ (interactive)\n")
    say(f"  curl {url}/v1/chat/completions -H 'Authorization: Bearer {key}' \\")
    say(f"    -H 'Content-Type: application/json' -d '{body}'\n")
    say("  models: docker/quickstart/config.yaml    stop: make stop")
    return 0


def free(engine: Engine, port: int) -> bool:
    """Whether ``port`` of the loopback is free, or held by the gateway that is about to be replaced."""
    held = engine.run("port", NAME, "4000/tcp", check=False).stdout
    if f":{port}\n" in held:
        return True
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


def wait(engine: Engine) -> bool:
    """Wait, at most READY_SECONDS, until the container's own health check passes; False when it ended or never did."""
    say("quickstart: waiting until the gateway is ready")
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if engine.run("exec", NAME, "/opt/slipway/entrypoint.sh", "healthcheck", check=False).returncode == 0:
            return True
        state = engine.run("inspect", "--format", "{{.State.Running}}", NAME, check=False)
        if state.stdout.strip() != "true":
            return False
        time.sleep(0.3)
    return False


def down(engine: Engine) -> int:
    """Stop the gateway, giving its requests time; the key stays."""
    if engine.run("inspect", NAME, check=False).returncode:
        say("quickstart: not running")
        return 0
    engine.run("stop", NAME)
    engine.run("rm", NAME)
    say("quickstart: stopped; the key is kept in .run/env")
    return 0


def main() -> int:
    """Run one verb."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=("up", "down"))
    parser.add_argument("--engine", default="docker")
    parser.add_argument("--port", type=int, default=4000)
    arguments = parser.parse_args()
    engine = Engine(arguments.engine)
    return up(engine, arguments.port) if arguments.verb == "up" else down(engine)


if __name__ == "__main__":
    sys.exit(main())
