"""SIGHUP, or a changed file, brings a new configuration into force under load; a broken one changes nothing."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.scenarios.site import CONFIG, Site, clients
from tests.support import gateway, metrics
from tests.support.clients import Clients, stream_of
from tests.support.fake import Provider
from tests.support.gateway import Gateway
from tests.support.lab import Lab, wait_until
from tests.support.soak import form
from tests.support.watch import now, wait_serving

RELOADS = form(3, 20)
SERVERS = [("gunicorn", form(2, 4)), ("uvicorn", 1)]
RELOAD_SECONDS = 120
# Questions at the same time, each on a connection of its own, so that every worker has some.
QUESTIONS = 12
SILENCE_SECONDS = 6
FOLDER = "/app/settings"
_FINAL = re.compile(r"^slipway: reload: (done|refused|given up)", re.MULTILINE)


def model(number: int) -> str:
    """The one model that only version `number` has."""
    return f"""\
  - model_name: version-{number}
    litellm_params: {{model: openai/mock, api_key: os.environ/PROVIDER_KEY, mock_response: answer {number}}}
"""


def version(number: int) -> str:
    """A configuration with one model of its own."""
    return CONFIG.replace("general_settings:", f"{model(number)}general_settings:")


def broken(number: int) -> list[str]:
    """What is no YAML, and what only LiteLLM refuses."""
    return ["model_list: [", version(number) + "litellm_settings:\n  callbacks: [no_such_module.handler]\n"]


def ends(running: Gateway) -> list[str]:
    """How each reload ended, so far."""
    return _FINAL.findall(running.box.logs(stdout=False))


def wait_end(running: Gateway, number: int) -> str:
    """How reload `number`, of those counted from 1, ended."""
    wait_until(f"the end of reload {number}", lambda: len(ends(running)) >= number, RELOAD_SECONDS)
    return ends(running)[number - 1]


def assert_in_force(running: Gateway, number: int) -> None:
    """Every worker has version `number` and no earlier one."""
    with ThreadPoolExecutor(QUESTIONS) as pool:
        lists = list(pool.map(lambda _: running.get("/v1/models").raise_for_status().json()["data"], range(QUESTIONS)))
        answers = list(pool.map(lambda _: running.ask(f"version-{number}"), range(QUESTIONS)))
    assert [{row["id"] for row in rows if row["id"].startswith("version-")} for rows in lists] == [
        {f"version-{number}"}
    ] * QUESTIONS
    assert answers == [f"answer {number}"] * QUESTIONS


def load(running: Gateway) -> Clients:
    return clients(running.url, count=8, streaming=4, stream_model=stream_of(5, 10), pause_seconds=0.5)


def write(path: Path, text: str) -> None:
    # In place: a mounted file is its inode.
    path.write_text(text)


@pytest.mark.parametrize(("server", "workers"), SERVERS)
def test_reloads_under_load_fail_nothing_and_a_broken_file_changes_nothing(
    site: Site, server: str, workers: int
) -> None:
    env = {"SLIPWAY_SERVER": server, "NUM_WORKERS": str(workers)}
    running = site.started("reloaded", env=env, config=version(0))
    path = site.directory / "reloaded" / "config.yaml"
    serving = wait_serving(running.box, workers)
    assert_in_force(running, 0)
    with load(running) as asked:
        for number in range(1, RELOADS + 1):
            write(path, version(number))
            asked_for = running.box.exec(["slipway", "reload"])
            assert asked_for.code == 0, asked_for.output
            assert wait_end(running, number) == "done"
            serving = wait_serving(running.box, workers, without=serving)
            assert_in_force(running, number)
        for number, text in enumerate(broken(RELOADS + 1), RELOADS + 1):
            write(path, text)
            running.box.signal("SIGHUP")
            assert wait_end(running, number) in ("refused", "given up")
            assert_in_force(running, RELOADS)
            assert running.management("/readyz").status_code == 200
    asked.assert_all_succeeded()
    # Whatever is on disk, a worker that takes another's place is as the others are.
    for text in broken(RELOADS + 1):
        write(path, text)
        serving = now(running.box).serving
        running.box.kill(min(serving))
        wait_serving(running.box, workers, without=frozenset({min(serving)}))
        assert_in_force(running, RELOADS)
    assert metrics.read(running, "slipway_reloads_total", result="done") == RELOADS
    assert metrics.read(running, "slipway_reloads_total") == RELOADS + len(broken(0))


def test_changed_files_change_nothing_before_a_reload(site: Site) -> None:
    """With a database LiteLLM reads them again every 30 s, and would drop the models that are gone from them."""
    folder = site.directory / "edited-settings"
    folder.mkdir()
    folder.chmod(0o755)
    gateway.write(folder, "config.yaml", f"{CONFIG}include: [more.yaml]\n")
    gateway.write(folder, "more.yaml", f"model_list:\n{model(0)}")
    env = {"NUM_WORKERS": "2", "STORE_MODEL_IN_DB": "True"}
    args = ("--config", f"{FOLDER}/config.yaml")
    running = site.started("edited", args=args, env=env, config=None, files={FOLDER: folder})
    assert_in_force(running, 0)
    write(folder / "config.yaml", version(1))
    (folder / "more.yaml").unlink()
    added = {"model_name": "added", "litellm_params": {"model": "openai/mock", "mock_response": "added answer"}}
    headers = {"Authorization": f"Bearer {gateway.MASTER_KEY}"}
    httpx.post(f"{running.url}/model/new", headers=headers, json=added, timeout=60).raise_for_status()

    def names() -> list[set[str]]:
        with ThreadPoolExecutor(QUESTIONS) as pool:
            return list(pool.map(lambda _: running.models(), range(QUESTIONS)))

    # The worker that was not asked learns of it when it reads its models again.
    wait_until("the added model in every worker", lambda: all("added" in known for known in names()), RELOAD_SECONDS)
    assert_in_force(running, 0)
    killed = min(now(running.box).serving)
    running.box.kill(killed)
    wait_serving(running.box, 2, without=frozenset({killed}))
    assert_in_force(running, 0)


def swap(folder: Path, number: int) -> None:
    """Write version `number` as kubelet updates a mounted ConfigMap: one rename of a link."""
    real = folder / f"..version_{number}"
    real.mkdir()
    real.chmod(0o755)
    gateway.write(real, "config.yaml", version(number))
    (folder / "..data_tmp").symlink_to(real.name)
    os.replace(folder / "..data_tmp", folder / "..data")


@pytest.mark.parametrize(("server", "workers"), SERVERS)
def test_a_changed_config_map_is_noticed(site: Site, server: str, workers: int) -> None:
    folder = site.directory / "settings"
    folder.mkdir()
    folder.chmod(0o755)
    swap(folder, 0)
    (folder / "config.yaml").symlink_to("..data/config.yaml")
    env = {"SLIPWAY_SERVER": server, "NUM_WORKERS": str(workers), "SLIPWAY_WATCH": "on"}
    args = ("--config", f"{FOLDER}/config.yaml")
    running = site.started("watched", args=args, env=env, config=None, files={FOLDER: folder})
    assert_in_force(running, 0)
    with load(running) as asked:
        swap(folder, 1)
        assert wait_end(running, 1) == "done"
        assert_in_force(running, 1)
    asked.assert_all_succeeded()
    assert ends(running) == ["done"], "one change is one reload"


def test_a_worker_that_is_replaced_finishes_its_stream_whatever_gunicorn_thinks_of_its_silence(
    lab: Lab, tmp_path: Path, provider: Provider, network: str
) -> None:
    env = {"SLIPWAY_SERVER": "gunicorn", "GUNICORN_CMD_ARGS": f"--timeout {SILENCE_SECONDS}"}
    running = gateway.start(lab, tmp_path, network=network, env=env)
    before = wait_serving(running.box, 1)
    parts: list[str] = []
    with running.openai() as client:
        seconds = 3 * SILENCE_SECONDS
        messages: Any = [{"role": "user", "content": "x" * (seconds - len("echo of "))}]
        for chunk in client.chat.completions.create(model=stream_of(seconds, seconds), messages=messages, stream=True):
            parts += [choice.delta.content for choice in chunk.choices if choice.delta.content]
            if len(parts) == 1:
                running.box.signal("SIGHUP")
    assert "".join(parts) == f"echo of {messages[0]['content']}"
    assert wait_end(running, 1) == "done"
    wait_until("the end of the one that streamed", lambda: now(running.box).serving.isdisjoint(before))
