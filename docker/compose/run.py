"""``make run`` and ``make stop``: the gateway and its database on this machine, with secrets made once and kept.

Usage: run.py up|down --engine COMMAND --compose COMMAND [--with observability]. The secrets, and any provider keys,
live in .run/env (mode 0600, not in git); the data in a volume of the engine.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from environment_file import GENERATED, MASTER_KEY, Refused, complete, read

ROOT: Final = Path(__file__).resolve().parents[2]
HERE: Final = Path(__file__).resolve().parent
FILE: Final = HERE / "quickstart.yaml"
CONFIG: Final = HERE / "quickstart-config.yaml"
RULES: Final = ROOT / "docker" / "observability"
PROJECT: Final = "slipway-quickstart"
STATE: Final = ROOT / ".run" / "env"
PORT: Final = 4000
TAG: Final = "dev"
# What is started beside the gateway when it is asked for: a file here, its service, port, and the port's variable.
EXTRAS: Final = {"observability": ("prometheus", 9090, "PROMETHEUS_PORT")}
READY_SECONDS: Final = 300
PROGRESS_SECONDS: Final = 5
LOG_LINES: Final = 30


def say(text: str) -> None:
    """Print progress."""
    print(text, flush=True)


def complain(text: str) -> None:
    """Print what went wrong."""
    print(text, file=sys.stderr, flush=True)


def port_number(variable: str, text: str) -> int:
    """Read a port."""
    if not (text.isdecimal() and 0 < int(text) < 65536):
        raise Refused(f"{variable} cannot be used", "it is not a number from 1 to 65535", f"make run {variable}=NUMBER")
    return int(text)


def fingerprint(*files: Path) -> str:
    """What changes with the content of ``files``; those that are missing have none."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in files if file.exists())).hexdigest()


class Quickstart:
    """The Compose project, through the commands of the engine and of Compose."""

    def __init__(
        self, engine: str, compose: str, project: str, state: Path, port: int, extras: Sequence[str] = ()
    ) -> None:
        self._engine = shlex.split(engine)
        files = [FILE, *(HERE / f"{extra}.yaml" for extra in extras)]
        self._compose = [*shlex.split(compose), "--project-name", project]
        self._compose += [word for file in files for word in ("--file", str(file))]
        self.chosen = extras
        self.project = project
        self.state = state
        self.port = port
        self.volume = f"{project}_postgres"

    @property
    def extras(self) -> list[tuple[str, int, int, str]]:
        """Service, its own port, that on the loopback and the variable that chooses it. Raises Refused."""
        return [
            (service, usual, port_number(variable, os.environ.get(variable) or str(usual)), variable)
            for service, usual, variable in (EXTRAS[extra] for extra in self.chosen)
        ]

    def engine(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the engine; its output is captured."""
        return subprocess.run([*self._engine, *arguments], check=False, text=True, capture_output=True, cwd=ROOT)

    def compose(self, *arguments: str, show: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a command of Compose; its output is captured, or goes to stderr when ``show`` is set."""
        known = self.state.exists()
        # Compose lets the shell's variables win over the file's; only the file knows the volume's password.
        environment = {name: value for name, value in os.environ.items() if name not in GENERATED}
        environment |= {
            "ENV_FILE": str(self.state) if known else os.devnull,
            "CONFIG_HASH": fingerprint(CONFIG),
            "RULES_HASH": fingerprint(RULES / "prometheus.yaml", RULES / "rules.yaml"),
            "PORT": str(self.port),
        }
        if not known:
            environment["POSTGRES_PASSWORD"] = "unused"  # stopping needs none, but Compose reads the whole file
        command = [*self._compose, "--env-file", environment["ENV_FILE"], *arguments]
        return subprocess.run(
            command, check=False, text=True, env=environment, cwd=ROOT,
            stdout=sys.stderr if show else subprocess.PIPE, stderr=None if show else subprocess.PIPE,
        )  # fmt: skip

    def logs(self, service: str, lines: int = LOG_LINES) -> str:
        """The last lines that a service printed."""
        done = self.compose("logs", "--no-color", "--no-log-prefix", "--tail", str(lines), service)
        return (done.stdout + done.stderr).strip()

    def choices(self, *, port: bool = False) -> str:
        """What `make` has to be told again, to mean this project, and its port."""
        given = {"PROJECT": (self.project, PROJECT), "STATE": (str(self.state), str(STATE))}
        if port:
            given |= {"TAG": (os.environ.get("TAG") or TAG, TAG), "PORT": (str(self.port), str(PORT))}
            given |= {"WITH": (" ".join(self.chosen), "")}
            given |= {variable: (str(chosen), str(usual)) for _, usual, chosen, variable in self.extras}
        return "".join(f" {name}={value}" for name, (value, usual) in given.items() if value != usual)

    def container_id(self, service: str) -> str:
        """The container of a service, or nothing when there is none."""
        return self.compose("ps", "--all", "--quiet", service).stdout.strip()


def up(quickstart: Quickstart) -> int:
    """Start what is not running, or not as configured; wait until it is ready; print how to use it."""
    if not CONFIG.is_file():
        raise Refused(
            f"{CONFIG} is missing", "it names the gateway's models", f"git checkout {CONFIG.relative_to(ROOT)}"
        )
    published = [("gateway", PORT, quickstart.port, "PORT"), *quickstart.extras]
    if len({port for _, _, port, _ in published}) < len(published):
        variables = " and ".join(variable for *_, variable in published)
        raise Refused(f"{variables} cannot be used", "they name one port twice", "make run with ports of their own")
    for service, inside, port, variable in published:
        if not free(quickstart, service, inside, port):
            complain(f"quickstart: port {port} is taken by another program; choose one: make run {variable}=NUMBER")
            return 1
    exists = quickstart.engine("volume", "inspect", quickstart.volume).returncode == 0
    added = complete(quickstart.state, quickstart.volume if exists else None)
    if added:
        say(f"quickstart: made {', '.join(added)}; kept in {quickstart.state}")
    # A mistake in the configuration is found before the gateway that runs is replaced.
    checked = quickstart.compose(
        "run", "--rm", "--no-deps", "--no-TTY", "gateway", "explain", "--config", "/app/config.yaml"
    )
    said = [line for line in checked.stderr.splitlines() if line.startswith("slipway:")]
    if said or checked.returncode:
        complain("\n".join(said) or checked.stderr.strip())
    # `explain` explains a start that would be refused, too.
    if checked.returncode or any(line.startswith("slipway: error:") for line in said):
        complain("quickstart: the gateway refuses its configuration, as above; what runs and the data are as before")
        return checked.returncode or 1
    if quickstart.compose("up", "--detach", "--quiet-pull", "gateway", show=True).returncode:
        return failed(quickstart, "postgres")
    if not wait(quickstart):
        return failed(quickstart, "gateway")
    beside = [service for service, *_ in quickstart.extras]
    done = quickstart.compose("up", "--detach", "--quiet-pull", *beside, show=True).returncode if beside else 0
    print_use(quickstart)
    if done:
        complain(f"quickstart: the gateway runs; {', '.join(beside)} did not start, for the reason above")
        return done
    for service, _, port, _ in quickstart.extras:
        say(f"  {service}: http://127.0.0.1:{port}")
    return 0


def failed(quickstart: Quickstart, service: str) -> int:
    """Show the service's last words, and end what would start over and over."""
    if said := quickstart.logs(service):
        complain(f"\nThe last lines of {service}:\n\n{said}\n")
    quickstart.compose("stop", "gateway")
    complain(
        f"quickstart: {service} did not become ready; what it or Compose said is above. "
        f"The data and {quickstart.state} are kept."
    )
    return 1


def free(quickstart: Quickstart, service: str, inside: int, port: int) -> bool:
    """Whether the port on the loopback is free, or held by the container that is about to be replaced."""
    container = quickstart.container_id(service)
    if container and quickstart.engine("port", container, f"{inside}/tcp").stdout.strip().endswith(f":{port}"):
        return True
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


def wait(quickstart: Quickstart) -> bool:
    """Wait, at most READY_SECONDS, until the gateway's own health check passes; False when it ended or never did."""
    container = quickstart.container_id("gateway")
    started = time.monotonic()
    shown = 0.0
    say("quickstart: waiting until the gateway and its database are ready")
    while (waited := time.monotonic() - started) < READY_SECONDS:
        if quickstart.engine("exec", container, "/opt/slipway/entrypoint.sh", "healthcheck").returncode == 0:
            return True
        state = quickstart.engine("inspect", "--format", "{{.State.Status}} {{.RestartCount}}", container)
        if state.stdout.strip() != "running 0":
            return False
        if waited - shown >= PROGRESS_SECONDS:
            shown = waited
            say(f"quickstart: {waited:.0f} s: {quickstart.logs('gateway', 1)[:100]}")
        time.sleep(1)  # each check is a process of its own
    return False


def print_use(quickstart: Quickstart) -> None:
    """Say where the gateway is and how to talk to it."""
    values = read(quickstart.state)
    key = values[MASTER_KEY]
    user = values.get("UI_USERNAME") or "admin"
    password = f"UI_PASSWORD of {quickstart.state}" if values.get("UI_PASSWORD") else "the key"
    url = f"http://127.0.0.1:{quickstart.port}"
    body = json.dumps({"model": "hello", "messages": [{"role": "user", "content": "Hi"}]})
    say(f"""
The gateway is ready.

  UI    {url}/ui/   user {user}, password: {password}
  API   {url}/v1    (reference: {url}/)
  key   {key}

  curl {url}/v1/chat/completions -H 'Authorization: Bearer {key}' \\
    -H 'Content-Type: application/json' -d '{body}'

  from openai import OpenAI  # pip install openai
  client = OpenAI(base_url="{url}/v1", api_key="{key}")
  print(client.chat.completions.create(model="hello", messages=[{{"role": "user", "content": "Hi"}}]))

  models: docker/compose/quickstart-config.yaml, then make run{quickstart.choices(port=True)}
  stop: make stop{quickstart.choices()}""")


def down(quickstart: Quickstart) -> int:
    """Stop gateway and database, giving requests time; the secrets and the data stay."""
    running = quickstart.compose("ps", "--all", "--quiet").stdout.strip()
    # Also when nothing runs: a start that was refused has made networks.
    done = quickstart.compose("--profile", "*", "down", "--remove-orphans", show=True)
    if done.returncode == 0:
        secrets = f"the secrets are in {quickstart.state}" if quickstart.state.exists() else "the secrets' file is gone"
        kept = f"the data is in the volume {quickstart.volume}, {secrets}"
        say(f"quickstart: {f'stopped; {kept}' if running else 'not running'}")
    return done.returncode


def main() -> int:
    """Run one verb."""
    parser = argparse.ArgumentParser(description="Start or stop the quickstart.")
    parser.add_argument("verb", choices=("up", "down"))
    parser.add_argument("--engine", default="docker", help="the container engine's command")
    parser.add_argument("--compose", default="docker compose", help="the command of Compose")
    parser.add_argument("--project", default=PROJECT, help="what containers and volumes are named after")
    parser.add_argument("--state", type=Path, default=STATE, help="the file of the secrets")
    parser.add_argument("--port", default=str(PORT), help="port on the loopback")
    parser.add_argument("--with", dest="extras", action="append", choices=EXTRAS, default=[], help="start it too")
    options = parser.parse_args()
    port = port_number("PORT", options.port)
    quickstart = functools.partial(
        Quickstart, options.engine, options.compose, options.project, options.state.resolve(), port
    )
    whole = quickstart(list(EXTRAS))
    if options.verb == "down":
        return down(whole)
    # What an earlier run started stays: alone, Prometheus would take the gateway for down.
    extras = [extra for extra in EXTRAS if extra in options.extras or whole.container_id(EXTRAS[extra][0])]
    return up(quickstart(extras))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Refused as problem:
        sys.exit(f"quickstart: {problem}")
