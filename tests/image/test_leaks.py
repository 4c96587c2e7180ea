"""No secret is found where it does not belong, whatever goes wrong: in no output, argument, file, metric or inspection.

The table of ways to fail is in leaks.py. Here are where is looked, and a gateway's life: requests, reloads, crashes, a
database that goes away, a drain, with LiteLLM as talkative as it gets.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from tests.image import leaks
from tests.image.leaks import BARE, BROKEN, CONFIG, LEGACY, MARK, PATHS, READER, READY, ROLE, SECRETS, database, secret
from tests.support import gateway, postgres
from tests.support.fake import Provider
from tests.support.gateway import Gateway
from tests.support.lab import WRITABLE, Box, Lab, Spec, wait_until
from tests.support.postgres import Postgres
from tests.support.secret_folder import MOUNT, swap
from tests.support.soak import form
from tests.support.watch import wait_serving

Given = Literal["variables", "files"]
NAMED = "/srv/named"
# Files may be written there, and a crash leaves its core file where the process stood.
PLACES = (*WRITABLE, "/dev/shm", "/app")
# What is in force has to outlive a worker, and holds what came from files: its owner's alone, and gone at the end.
KEPT = re.compile(r"/run/slipway/workers/configuration\.(json|next\.json|proven\.json) 600")
# Who is started with a secret of a file, and with which: nobody else needs it.
STARTED_WITH = {"prisma": {"DATABASE_URL", "DIRECT_URL"}, "query-engine": {"DATABASE_URL"}}
# LiteLLM's own one-shot modes take the launcher's place, which has read the files. And what prisma-client-py starts for
# a moment, before the engine is Node (query-engine-node): it hands the worker's environment on.
INHERIT = ("litellm", "cat", "openssl", "query-engine")
# Those that get no secret of a variable either.
CONFINED = ("prisma", "query-engine", "exporter", "prometheus_metrics_server")
RELOAD_SECONDS = 120
# A callback's module that is there, and raises where only LiteLLM runs it.
BROKEN_MODULE = "broken"
_RAISES = "raise RuntimeError('as the test wants it')\n"

# What of a container's inside is looked at. It prints where the mark is found, never what stands beside it.
_LOOK = r"""
import json, os, re, sys, time
mark = open("/srv/mark", "rb").read()
name_of = re.compile(mark + rb"\.([^./@\s]+)\.")
argv, environ, files = set(), set(), set()

def processes():
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) in (1, os.getpid()):
            continue
        try:
            before, line, text, comm = (
                open(f"/proc/{name}/{what}", "rb").read() for what in ("comm", "cmdline", "environ", "comm")
            )
        except OSError:
            continue
        if comm != before:
            # It became another program meanwhile: the environment may be that of the one before.
            continue
        comm = comm.decode().strip()
        if mark in line:
            argv.add(comm)
        words = line.decode(errors="replace").split("\0")
        module = words[words.index("-m") + 1].rpartition(".")[2] if "-m" in words[:-1] else ""
        who = module if module in ("exporter", "prometheus_metrics_server") else comm
        for found in set(name_of.findall(text)):
            environ.add((who, found.decode()))

def look(places):
    for place in places:
        for folder, _, names in os.walk(place):
            for name in names:
                path = os.path.join(folder, name)
                try:
                    if not os.path.isfile(path) or os.path.islink(path):
                        continue
                    if re.match(r"core(\.|$)", name):
                        files.add(f"{path} is a core file")
                    if mark in open(path, "rb").read():
                        files.add(f"{path} {os.stat(path).st_mode & 0o777:o}")
                except OSError as problem:
                    files.add(f"{path} {problem.strerror}")

def found():
    return json.dumps({"argv": sorted(argv), "environ": sorted(environ), "files": sorted(files)})
"""
# In place of the entrypoint: runs it, watches every process that comes and goes, and looks at what is left.
_WATCHED = f"""{_LOOK}
import subprocess, threading
ended = threading.Event()
def watch():
    while not ended.is_set():
        processes()
        time.sleep(0.005)
watching = threading.Thread(target=watch)
watching.start()
done = subprocess.run(["/opt/slipway/entrypoint.sh", *sys.argv[2:]])
ended.set()
watching.join()
look(sys.argv[1].split(":"))
print("\\nLOOKED" + found(), flush=True)
sys.exit(done.returncode)
"""
# Beside a gateway, until the file is there.
_BESIDE = f"""{_LOOK}
while not os.path.exists("/tmp/looked"):
    processes()
    time.sleep(0.02)
print("LOOKED" + found(), flush=True)
"""
_FILES = f"""{_LOOK}
look(sys.argv[1].split(":"))
print("LOOKED" + found())
"""


@pytest.fixture(scope="module")
def server(module_lab: Lab, network: str) -> Postgres:
    """A PostgreSQL whose role has the password that must not be found."""
    server = postgres.start(module_lab, network)
    password = secret("DATABASE_URL")
    server.sql(f"CREATE ROLE {ROLE} LOGIN SUPERUSER PASSWORD '{password}'")
    server.sql(f"CREATE ROLE {READER} LOGIN PASSWORD '{password}'")
    for name in (READY, BARE, BROKEN, LEGACY):
        server.sql(f"CREATE DATABASE {name} OWNER {ROLE}")
    env = {"DATABASE_URL": database(READY)}
    assert module_lab.once(Spec(command=("migrate",), env=env, network=network)).code == 0
    for name in (BROKEN, LEGACY):
        server.exec("pg_dump", "--dbname", READY, "--file", f"/tmp/{name}.sql")
        server.exec("psql", "-q", "-d", name, "-f", f"/tmp/{name}.sql")
        # What is there already cannot be made again.
        undone = "DELETE FROM _prisma_migrations WHERE migration_name = '20260418000000_add_adaptive_router_tables'"
        server.sql(undone, name)
    server.sql(f"GRANT USAGE ON SCHEMA public TO {READER}", BROKEN)
    server.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER}", BROKEN)
    return server


def specify(
    directory: Path,
    network: str,
    given: Given,
    env: Mapping[str, str],
    files: Mapping[str, str | bytes] | None = None,
    **how: Any,
) -> Spec:
    """A container with every secret, in variables or in files; `files` are in files in any case, `env` is what it is.

    But for the URL of the database, which is a secret like the others.
    """
    everything = {**SECRETS, **{name: value for name, value in env.items() if name == "DATABASE_URL"}}
    in_files = {**(everything if given == "files" else {}), **(files or {})}
    in_variables = {**({} if given == "files" else everything), **env}
    if given == "files":
        in_variables.pop("DATABASE_URL", None)
    # Some by a variable of theirs, the others by their place.
    named = {"LITELLM_MASTER_KEY", "DATABASE_URL", *(files or {})} & in_files.keys()
    mounts = {
        NAMED: swap(directory / "named", {name: in_files[name] for name in named}),
        MOUNT: swap(directory / "placed", {name: text for name, text in in_files.items() if name not in named}),
        "/srv/mark": gateway.write(directory, "mark", MARK),
    }
    spec = gateway.specify(directory, network=network, files=mounts, **how)
    names = {f"{name}_FILE": f"{NAMED}/{name}" for name in named}
    return replace(spec, env={"SLIPWAY_METRICS_AUTH": "off", **in_variables, **names})


def looked(text: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = json.loads(text.rpartition("LOOKED")[2].splitlines()[0])
    return found


def told(box: Box) -> dict[str, str]:
    """Name the secrets that a container's log shows, each with the words before it."""
    found = re.findall(rf"^(.*?){MARK}\.([^.\n]*)", box.logs(), re.MULTILINE)
    return {name: before[:100] + " … " + before[-100:] for before, name in found}


def assert_nothing_found(box: Box, spec: Spec, found: Mapping[str, list[Any]], *, running: bool = False) -> None:
    """The mark is nowhere in the container's log, its inspection, its arguments, environments and files.

    But where an operator has put it, into a variable, which is what files are for.
    """
    assert told(box) == {}
    attrs: dict[str, Any] = dict(box.attrs)
    inspected = {key: attrs[key] for key in ("Path", "Args", "State")}
    inspected |= {key: attrs["Config"][key] for key in ("Cmd", "Entrypoint", "Labels")}
    inspected["Env"] = sorted(set(attrs["Config"]["Env"]) - {f"{name}={value}" for name, value in spec.env.items()})
    assert MARK not in json.dumps(inspected)
    assert found["argv"] == []
    own = [file for file in found["files"] if file.split()[0] not in spec.files]
    assert [file for file in own if not (running and KEPT.fullmatch(file))] == []
    in_variables = {name for value in spec.env.values() for name in re.findall(rf"{MARK}\.([^.]*)\.", value)}
    needless: dict[str, set[str]] = {}
    for who, name in found["environ"]:
        kind = next((kind for kind in CONFINED if who.startswith(kind)), who)
        if who not in INHERIT and name not in (STARTED_WITH.get(kind, set()) if kind in CONFINED else in_variables):
            needless.setdefault(who, set()).add(name)
    assert needless == {}, "who is started with which secret"


# Each path both ways in the long form, by turns in the short one.
_BOTH: tuple[Given, Given] = ("variables", "files")
RUNS = [(name, given) for turn, name in enumerate(PATHS) for given in form(_BOTH[turn % 2 :][:1], _BOTH)]


@pytest.mark.parametrize(("name", "given"), RUNS, ids=map("-".join, RUNS))
def test_a_container_that_ends_shows_no_secret(
    lab: Lab, tmp_path: Path, network: str, server: Postgres, name: str, given: Given
) -> None:
    path = PATHS[name]
    if BARE in path.env.get("DATABASE_URL", ""):
        server.sql(f"DROP DATABASE {BARE} WITH (FORCE)")
        server.sql(f"CREATE DATABASE {BARE} OWNER {ROLE}")
    entrypoint = ("python", "-c", _WATCHED, ":".join(PLACES))
    how = {"args": path.args, "config": path.config, "entrypoint": entrypoint, "ports": ()}
    spec = specify(tmp_path, network, given, path.env, path.files, **how)
    box = lab.start(spec)
    done = box.finished(180)
    assert path.says in done.output, done.output
    if path.code is not None:
        assert done.code == path.code, done.output
    assert_nothing_found(box, spec, looked(done.stdout))


@contextmanager
def watched(box: Box) -> Iterator[list[str]]:
    """Look at every process of a container all the time; what was found is in the list when the block has ended."""
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(box.exec(["python", "-c", _BESIDE]).output))
    thread.start()
    try:
        yield found
    finally:
        if box.running:
            box.exec(["python", "-c", "open('/tmp/looked', 'w')"])
        thread.join(30)


class Client:
    """Asks a gateway with its master key."""

    def __init__(self, running: Gateway) -> None:
        self._url = running.url
        self.headers = {"Authorization": f"Bearer {secret('LITELLM_MASTER_KEY')}"}

    def chat(self, model: str, key: str | None = None, **body: Any) -> int:
        headers = {"Authorization": f"Bearer {key}"} if key else self.headers
        content = {"model": model, "messages": [{"role": "user", "content": "hello"}], **body}
        return httpx.post(f"{self._url}/v1/chat/completions", headers=headers, json=content, timeout=60).status_code

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self._url}{path}", headers=self.headers, timeout=60, follow_redirects=True)

    def post(self, path: str, content: object) -> int:
        return httpx.post(f"{self._url}{path}", headers=self.headers, json=content, timeout=60).status_code


def reloaded(running: Gateway, number: int) -> str:
    """How reload `number`, counted from 1, ended."""

    def ends() -> list[str]:
        return re.findall(r"^slipway: reload: (done|refused|given up)", running.box.logs(stdout=False), re.MULTILINE)

    assert running.box.exec(["slipway", "reload"]).code == 0
    wait_until(f"the end of reload {number}", lambda: len(ends()) >= number, RELOAD_SECONDS)
    return ends()[number - 1]


@pytest.mark.parametrize("given", ["variables", "files"])
def test_a_gateways_life_shows_no_secret(
    lab: Lab, tmp_path: Path, network: str, server: Postgres, provider: Provider, given: Given
) -> None:
    name = f"life_{given}"
    server.sql(f"CREATE DATABASE {name} OWNER {ROLE}")
    env = {
        "DATABASE_URL": database(name),
        "STORE_MODEL_IN_DB": "True",
        "NUM_WORKERS": "2",
        "LITELLM_LOG": "DEBUG",
        "DETAILED_DEBUG": "true",
        "LOG_QUERIES": "y",
        "PROMETHEUS_METRICS_PORT": "4002",
        "SLIPWAY_DATABASE_WAIT_SECONDS": "20",
        "SLIPWAY_SETTLE_SECONDS": "1",
    }
    config = f"{leaks.TEXT}litellm_settings: {{callbacks: [prometheus]}}\n"
    spec = specify(tmp_path, network, given, env, args=CONFIG, config=config)
    broken = gateway.write(tmp_path, f"{BROKEN_MODULE}.py", _RAISES)
    spec = replace(spec, files={**spec.files, f"/app/{BROKEN_MODULE}.py": broken})
    running = Gateway(lab.start(spec))
    outputs: list[str] = []
    with watched(running.box) as seen:
        gateway.wait_ready(running)
        outputs += requests(Client(running), running)
        assert told(running.box) == {}
        outputs += [
            running.box.exec(["slipway", *command]).output
            for command in (
                *(["explain", *CONFIG], ["explain", "--format", "json", *CONFIG], ["check", *CONFIG], ["healthcheck"]),
                *(["migrate", "--dry-run"], ["version"]),
            )
        ]
        if given == "files":
            # Minutes, and the same in both.
            life(running, server, tmp_path / "config.yaml", config)
        files = looked(running.box.exec(["python", "-c", _FILES, ":".join(PLACES)]).output)
        if given == "files":
            assert [file for file in files["files"] if KEPT.fullmatch(file)], "what is in force is not where it was"
        outputs.append(running.box.exec(["python", "-c", "open('/tmp/looked', 'w')"]).output)
    found = {**looked(seen[0]), "files": files["files"]}
    assert [text for text in outputs if MARK in text] == []
    assert_nothing_found(running.box, spec, found, running=True)
    assert running.box.exec(["slipway", "drain"]).code in (0, 137)
    assert running.box.wait() == 0
    assert_nothing_found(running.box, spec, {**found, "files": []})


def requests(client: Client, running: Gateway) -> list[str]:
    """Good and bad requests, and what a scraper and an operator read."""
    assert client.chat("mock") == 200
    assert client.chat("provider/chat") == 200
    assert client.chat("provider/chat", stream=True) == 200
    assert client.chat("provider/chat+status=401") == 401
    assert client.chat("provider/chat+status=500") == 500
    assert client.chat("none") == 400
    assert client.chat("mock", key="sk-wrong") == 401
    added = {"model": "openai/mock", "api_key": secret("added-model"), "mock_response": "x"}
    assert client.post("/model/new", {"model_name": "added", "litellm_params": added}) == 200
    assert client.post("/key/generate", {"models": ["mock"]}) == 200
    logging = {"callback_name": "langfuse", "callback_vars": {"langfuse_secret_key": secret("team")}}
    assert client.post("/team/new", {"metadata": {"logging": [logging]}}) == 200
    assert client.get("/health").status_code == 200
    return [
        client.get("/metrics/").text,
        running.management("/metrics").text,
        running.management("/readyz").text,
        running.box.python("import urllib.request as u; print(u.urlopen('http://127.0.0.1:4002/metrics').read())"),
    ]


def life(running: Gateway, server: Postgres, config: Path, text: str) -> None:
    """Reloads, good and bad ones, crashes of every kind, and a database that goes away."""
    serving = wait_serving(running.box, 2)
    assert reloaded(running, 1) == "done"
    serving = wait_serving(running.box, 2, without=serving)
    config.write_text(f"a: [{secret('config-yaml')}")
    assert reloaded(running, 2) == "refused"
    config.write_text(text.replace("callbacks: [", f"callbacks: [{BROKEN_MODULE}.handler, "))
    assert reloaded(running, 3) == "given up"
    config.write_text(text)
    for signal in ("SIGABRT", "SIGSEGV", "SIGKILL"):
        serving = wait_serving(running.box, 2)
        killed = min(serving)
        running.box.python(f"import os, signal; os.kill({killed}, signal.{signal})")
        wait_serving(running.box, 2, without=frozenset({killed}))
    server.stop()
    client = Client(running)
    wait_until("a gateway without its database", lambda: running.management("/readyz").status_code == 503)
    assert client.chat("mock", key="sk-wrong") >= 400
    server.start()
    gateway.wait_ready(running)
