"""Secrets from files: they reach the gateway and nobody else, are refused when wrong, and change by a reload."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import APIStatusError, OpenAI

from slipway.path_variables import FILES
from tests.support import gateway
from tests.support.fake import Provider
from tests.support.gateway import CONFIG_PATH, Gateway
from tests.support.lab import Box, Lab, Spec, wait_until
from tests.support.secret_folder import MOUNT, swap
from tests.support.watch import wait_serving

# Beside those that others know, or nothing would show whose they are.
MASTER, PROVIDER, DRAIN = "LITELLM_MASTER_KEY", "PROVIDER_KEY", "DRAIN_ENDPOINT_TOKEN"
SERVERS = [("uvicorn", 1), ("gunicorn", 2), ("uvicorn", 2)]
ODD_USER = "54321:0"
RELOAD_SECONDS = 120
# Questions at the same time, each on a connection of its own, so that every worker has some.
QUESTIONS = 12
_FINAL = re.compile(r"^slipway: reload: (done|refused|given up)", re.MULTILINE)
# What each process was started with, and whether a core file may be left of it.
_ENVIRONMENTS = """
import json, os
found = {}
for name in filter(str.isdigit, os.listdir("/proc")):
    try:
        text = open(f"/proc/{name}/environ").read()
        line = open(f"/proc/{name}/cmdline").read().replace(chr(0), " ")
        limits = next(one for one in open(f"/proc/{name}/limits") if "core" in one)
    except OSError:
        continue
    if int(name) not in (1, os.getpid()):
        found[f"{name} {line}"] = [text, limits.split()[4:6]]
print(json.dumps(found))
"""


def one(number: int, *names: str) -> dict[str, str]:
    """Version `number` of the secrets."""
    return {name: f"sk-{name.lower()}-{number}-{secrets.token_hex(12)}" for name in names or (MASTER, PROVIDER, DRAIN)}


def start(lab: Lab, directory: Path, folder: Path, **how: Any) -> Gateway:
    """Start a gateway whose secrets are in files alone."""
    return Gateway(lab.start(specify(directory, folder, **how)))


def specify(directory: Path, folder: Path, env: Mapping[str, str] | None = None, **how: Any) -> Spec:
    files = {MOUNT: folder, **how.pop("files", {})}
    # Blank counts as unset: the gateways of the other tests have theirs in variables.
    without = {MASTER: "", PROVIDER: "", **(env or {})}
    return gateway.specify(directory, env=without, files=files, **{"user": ODD_USER, **how})


def ask(running: Gateway, key: str, text: str = "hello") -> str:
    client = OpenAI(base_url=f"{running.url}/v1", api_key=key, max_retries=0, timeout=120)
    answer = client.chat.completions.create(
        model="provider/chat", messages=[{"role": "user", "content": text}], extra_headers={"Connection": "close"}
    )
    return answer.choices[0].message.content or ""


def refuses(running: Gateway, key: str) -> bool:
    try:
        ask(running, key)
    except APIStatusError as error:
        # A key that is not the master's would be looked up in a database.
        return "No connected db" in error.response.text
    return False


def assert_in_force(running: Gateway, provider: Provider, values: Mapping[str, str], former: Mapping[str, str]) -> None:
    """Every worker takes this master key and no former one, and asks the provider with this key."""
    before = len(provider.keys())
    with ThreadPoolExecutor(QUESTIONS) as pool:
        answers = list(pool.map(lambda _: ask(running, values[MASTER]), range(QUESTIONS)))
        refused = list(pool.map(lambda _: refuses(running, former[MASTER]), range(QUESTIONS)))
    assert answers == ["echo of hello"] * QUESTIONS
    assert refused == [True] * QUESTIONS
    assert set(provider.keys()[before:]) == {values[PROVIDER]}


def ends(running: Gateway) -> list[str]:
    return _FINAL.findall(running.box.logs(stdout=False))


def wait_end(running: Gateway, number: int) -> str:
    wait_until(f"the end of reload {number}", lambda: len(ends(running)) >= number, RELOAD_SECONDS)
    return ends(running)[number - 1]


def drain(running: Gateway, token: str) -> int:
    url = f"http://127.0.0.1:{running.box.port(gateway.MANAGEMENT_PORT)}/drain"
    return httpx.post(url, headers={"X-Drain-Token": token}, timeout=10).status_code


def environments(box: Box) -> dict[str, tuple[str, list[str]]]:
    """What each process but tini was started with, and its limits of core files."""
    found: dict[str, tuple[str, list[str]]] = json.loads(box.python(_ENVIRONMENTS))
    return found


@pytest.mark.parametrize(("server", "workers"), SERVERS)
def test_secrets_change_by_a_reload_and_by_nothing_else(
    lab: Lab, tmp_path: Path, network: str, provider: Provider, server: str, workers: int
) -> None:
    first, second = one(1), one(2)
    folder = swap(tmp_path / "secrets", first)
    env = {"SLIPWAY_SERVER": server, "NUM_WORKERS": str(workers)}
    running = start(lab, tmp_path, folder, network=network, env=env)
    gateway.wait_ready(running)
    assert_in_force(running, provider, first, second)
    serving = wait_serving(running.box, workers)
    # Whatever is on disk, a worker that takes another's place is as the others are.
    swap(folder, {**second, MASTER: ""})
    running.box.kill(min(serving))
    serving = wait_serving(running.box, workers, without=frozenset({min(serving)}))
    assert_in_force(running, provider, first, second)
    # An empty file changes nothing, and is named.
    assert running.box.exec(["slipway", "reload"]).code == 0
    assert wait_end(running, 1) == "refused"
    assert f"The file {MOUNT}/{MASTER} is empty. [secret-file-content]" in running.box.logs(stdout=False)
    assert_in_force(running, provider, first, second)
    swap(folder, second)
    assert running.box.exec(["slipway", "reload"]).code == 0
    assert wait_end(running, 2) == "done"
    assert f"reload: changed secrets: {DRAIN}, {MASTER}, {PROVIDER}" in running.box.logs(stdout=False)
    serving = wait_serving(running.box, workers, without=serving)
    assert_in_force(running, provider, second, first)
    running.box.kill(min(serving))
    wait_serving(running.box, workers, without=frozenset({min(serving)}))
    assert_in_force(running, provider, second, first)
    output = running.box.logs()
    assert [value for values in (first, second) for value in values.values() if value in output] == []
    assert drain(running, first[DRAIN]) == 403
    # Inside, what is in force counts, and not what the file has become.
    swap(folder, one(3))
    assert running.box.exec(["slipway", "drain"]).code in (0, 137)
    assert running.box.wait() == 0


def test_a_changed_secret_is_noticed(lab: Lab, tmp_path: Path, network: str, provider: Provider) -> None:
    first, second = one(1), one(2)
    folder = swap(tmp_path / "secrets", first)
    beside = gateway.write(tmp_path, "key", first[PROVIDER])
    env = {"SLIPWAY_WATCH": "on", f"{PROVIDER}_FILE": "/srv/key"}
    swap(folder, {name: first[name] for name in (MASTER, DRAIN)})
    running = start(lab, tmp_path, folder, network=network, env=env, files={"/srv/key": beside})
    gateway.wait_ready(running)
    assert_in_force(running, provider, first, second)
    # In place: a mounted file is its inode.
    beside.write_text(second[PROVIDER])
    assert wait_end(running, 1) == "done"
    assert_in_force(running, provider, {**first, PROVIDER: second[PROVIDER]}, second)
    swap(folder, {name: second[name] for name in (MASTER, DRAIN)})
    assert wait_end(running, 2) == "done"
    assert_in_force(running, provider, second, first)
    assert ends(running) == ["done", "done"], "one change is one reload"
    assert drain(running, first[DRAIN]) == 403
    assert drain(running, second[DRAIN]) == 202
    assert running.box.wait() == 0


@pytest.fixture(scope="module")
def begun(
    module_lab: Lab, tmp_path_factory: pytest.TempPathFactory, network: str, provider: Provider
) -> tuple[Gateway, dict[str, str]]:
    """A gateway with two workers, with its master key in a file of its own and the others in the directory."""
    place = tmp_path_factory.mktemp("begun")
    values = one(1)
    folder = swap(place / "secrets", {name: values[name] for name in (PROVIDER, DRAIN)} | {"own_api_key": "x"})
    master = gateway.write(place, "master", f"{values[MASTER]}\n")
    env = {f"{MASTER}_FILE": "/srv/master", "NUM_WORKERS": "2", "PROMETHEUS_METRICS_PORT": "4002"}
    running = start(module_lab, place, folder, network=network, env=env, files={"/srv/master": master})
    gateway.wait_ready(running)
    return running, values


def test_a_value_from_a_file_stands_in_no_programs_environment(begun: tuple[Gateway, dict[str, str]]) -> None:
    running, values = begun
    assert running.management("/metrics").status_code == 200
    assert ask(running, values[MASTER]) == "echo of hello"
    found = environments(running.box)
    lines = " ".join(found)
    assert all(part in lines for part in ("supervisor", "servers.run", "exporter", "prometheus_metrics_server")), lines
    shown = {line: value for line, (text, _) in found.items() for value in values.values() if value in text + line}
    assert shown == {}
    assert {line: limits for line, (_, limits) in found.items() if limits != ["1", "1"]} == {}


def test_metrics_processes_get_no_secret_from_variables_either(lab: Lab, tmp_path: Path) -> None:
    env = {"PROMETHEUS_METRICS_PORT": "4002", "MY_OWN": "kept-from-them"}
    running = gateway.start(lab, tmp_path, env=env)
    assert running.management("/metrics").status_code == 200
    found = {line: text for line, (text, _) in environments(running.box).items() if "metrics" in line}
    readers = {line: text for line, text in found.items() if "supervisor" not in line and "servers.run" not in line}
    assert len(readers) == 2, list(found)
    for text in readers.values():
        assert [value for value in (gateway.MASTER_KEY, gateway.PROVIDER_KEY, "kept-from-them") if value in text] == []


def test_explain_and_check_in_a_running_container_name_the_files(begun: tuple[Gateway, dict[str, str]]) -> None:
    running, values = begun
    args = ["--config", CONFIG_PATH]
    explained = running.box.exec(["slipway", "explain", "--format", "json", *args])
    assert explained.code == 0, explained.output
    content = json.loads(explained.stdout)
    assert content["secrets"] == {
        DRAIN: f"file {MOUNT}/{DRAIN}",
        MASTER: f"file named by {MASTER}_FILE, without the newline at its end",
        PROVIDER: f"file {MOUNT}/{PROVIDER}",
    }
    assert content["settings"][DRAIN] == {"value": "(set, redacted)", "source": f"file {MOUNT}/{DRAIN}"}
    text = running.box.exec(["slipway", "explain", *args]).output
    assert re.search(rf"^  {DRAIN} +\(set, redacted\)  \(file {MOUNT}/{DRAIN}\)$", text, re.MULTILINE), text
    checked = running.box.exec(["slipway", "check", *args])
    assert checked.code == 0, checked.output
    found = {finding["id"]: finding for finding in json.loads(checked.stdout)["findings"]}
    assert f"{MASTER}_FILE" in found["secret-file-newline"]["what"]
    assert f"{MOUNT}/own_api_key" in found["secret-file-unread"]["what"]
    assert {"secret-twice", "secrets-on-disk"}.isdisjoint(found)
    assert [value for value in values.values() if value in explained.output + text + checked.output] == []


@pytest.mark.parametrize("env", [{"SLIPWAY_SUPERVISOR": "off"}, {"SLIPWAY_PRELOAD": "off", "NUM_WORKERS": "2"}])
@pytest.mark.parametrize("server", ["uvicorn", "gunicorn", "hypercorn", "granian"])
def test_every_server_gets_them(
    lab: Lab, tmp_path: Path, network: str, provider: Provider, server: str, env: Mapping[str, str]
) -> None:
    values = one(1)
    folder = swap(tmp_path / "secrets", values)
    supervised = "SLIPWAY_SUPERVISOR" not in env
    running = start(lab, tmp_path, folder, network=network, env={"SLIPWAY_SERVER": server, **env})

    def answers() -> bool:
        assert running.box.running, running.box.logs()
        try:
            return httpx.get(f"{running.url}/health/liveliness", timeout=10).status_code == 200
        except httpx.TransportError:
            return False

    if supervised:
        gateway.wait_ready(running)
    else:
        wait_until("the server", answers, gateway.READY_SECONDS)
    assert_in_force(running, provider, values, one(2))


@dataclass(frozen=True)
class Case:
    """Files of secrets that cannot be used: the finding's id, and what its lines must name."""

    id: str
    named: tuple[str, ...]
    content: str | bytes = "sentinel"
    env: Mapping[str, str] = field(default_factory=dict)
    mode: int = 0o444


NAMED = {"OPENAI_API_KEY_FILE": f"{MOUNT}/other"}
CASES = {
    "both": Case("secret-twice", ("variable KEY", f"file {MOUNT}/KEY"), env={"KEY": "sentinel-2"}),
    "missing": Case("secret-file-missing", ("OPENAI_API_KEY_FILE",), env=NAMED),
    "the-secret-itself": Case("secret-file-missing", ("MY_KEY_FILE", "MY_KEY"), env={"MY_KEY_FILE": "sentinel"}),
    "unreadable": Case("secret-file-unreadable", (f"{MOUNT}/KEY", "54321", "0400"), mode=0o400),
    "empty": Case("secret-file-content", (f"{MOUNT}/KEY", "empty"), content=""),
    "blank-at-the-end": Case("secret-file-content", (f"{MOUNT}/KEY", "white space"), content="sentinel \n"),
    "nul": Case("secret-file-content", (f"{MOUNT}/KEY", "NUL"), content=b"sentinel\0"),
    "binary": Case("secret-file-content", (f"{MOUNT}/KEY", "UTF-8"), content=b"sentinel\xff"),
    "large": Case("secret-file-unreadable", (f"{MOUNT}/KEY", "larger"), content="sentinel" * 20_000),
    "device": Case("secret-file-unreadable", ("MY_KEY_FILE", "device"), env={"MY_KEY_FILE": "/dev/zero"}),
    "directory": Case("secret-file-unreadable", ("MY_KEY_FILE", "directory"), env={"MY_KEY_FILE": "/etc"}),
    "standard-input": Case("secret-file-unreadable", ("MY_KEY_FILE",), env={"MY_KEY_FILE": "/dev/stdin"}),
    "for-a-path": Case("secret-for-path", ("KUBECONFIG",), env={"KUBECONFIG_FILE": "/etc/hostname"}),
    "no-directory": Case("secrets-directory", ("SLIPWAY_SECRETS_DIR",), env={"SLIPWAY_SECRETS_DIR": "/absent"}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_file_that_cannot_be_used_ends_the_start(lab: Lab, tmp_path: Path, case: Case) -> None:
    folder = swap(tmp_path / "secrets", {"KEY": case.content}, mode=case.mode)
    env = {MASTER: gateway.MASTER_KEY, PROVIDER: "x", **case.env}
    done = lab.once(specify(tmp_path, folder, env=env), 60)
    assert done.code == 66, done.output
    assert "Traceback" not in done.output
    assert "sentinel" not in done.output
    told = [part for part in done.stderr.split("slipway: error: ")[1:] if f"[{case.id}]" in part.partition("\n")[0]]
    assert told, done.stderr
    assert [word for word in case.named if word not in "".join(told)] == [], done.stderr


def test_a_pipe_is_refused_at_once(lab: Lab, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "pipe").chmod(0o666)
    env = {"MY_KEY_FILE": "/srv/pipe"}
    done = lab.once(gateway.specify(tmp_path, env=env, files={"/srv/pipe": tmp_path / "pipe"}), 60)
    assert done.code == 66, done.output
    assert "MY_KEY_FILE is a pipe" in done.stderr


_LITERAL = r"""['"]([A-Z][A-Z0-9_]*_FILE)['"]"""
_SEARCH = f"""
import json, pathlib, re, sysconfig
packages = pathlib.Path(sysconfig.get_path("purelib"))
found = {{}}
for path in packages.rglob("*.py"):
    for name in re.findall({_LITERAL!r}, path.read_text(errors="replace")):
        found.setdefault(name, str(path.relative_to(packages)))
print(json.dumps(found))
"""
# Of the packages that only this image's own settings lead to; the rest is in the complete image.
_BUILT = {"UVICORN_ENV_FILE", "GRANIAN_PID_FILE", "CTLOG_FILE", "COMERR_DEBUG_FILE"}
_NO_VARIABLES = {
    "E_FILE": "pygments", "FILETYPE_FILE": "pygments", "GT_WHOLE_FILE": "pygments", "PROGRAM_FILE": "pygments",
    "TARGET_TYPE_FILE": "google", "NO_APP_FILE": "huggingface_hub", "CREDENTIALS_BOTO2_CONFIG_FILE": "botocore",
    "UNDEFINED_FILE": "psycopg", "DUPLICATE_FILE": "psycopg", "LP_FILE": "psycopg",
}  # fmt: skip


def test_what_the_installed_packages_take_for_a_path_is_left_alone(lab: Lab) -> None:
    done = lab.once(Spec(command=("python", "-c", _SEARCH)), 300)
    assert done.code == 0, done.output
    found: dict[str, str] = json.loads(done.stdout)
    unknown = {name: path for name, path in found.items() if name not in FILES and name not in _NO_VARIABLES}
    assert unknown == {}, "does it mean a path? Then it belongs into path_variables.py"
    assert {name for name, package in _NO_VARIABLES.items() if not found.get(name, "").startswith(package)} == set()
    ours = {name for name in FILES if name.startswith(("SLIPWAY_", "DD_")) or name == "LITELLM_LOG_FILE"}
    assert FILES.keys() - found.keys() == ours | _BUILT, "nothing reads it any more"
