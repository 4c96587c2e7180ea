"""Settings that users set once and every server honours in its own way."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.support import gateway
from tests.support.lab import Lab, wait_until

SERVERS = ("uvicorn", "gunicorn", "hypercorn", "granian")
WITH_METRICS = gateway.CONFIG + "litellm_settings:\n  callbacks: [prometheus]\n"


def records(log: str) -> list[dict[str, object]]:
    """The lines of a log that are JSON objects; LiteLLM's banner is not."""
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


@pytest.mark.parametrize("server", SERVERS)
def test_json_logs_of_the_launcher_the_server_and_each_request(lab: Lab, directory: Path, server: str) -> None:
    running = gateway.start(lab, directory, env={"SLIPWAY_SERVER": server, "JSON_LOGS": "true"})
    running.ask()
    running.box.signal("SIGTERM")
    running.box.wait()
    loggers = {str(record.get("logger", "")).split(".")[0].lstrip("_") for record in records(running.box.logs())}
    assert {"slipway", server} <= loggers
    messages = [str(record["message"]) for record in records(running.box.logs()) if "message" in record]
    assert any("/chat/completions" in message for message in messages)


def test_json_logs_of_what_the_serving_process_says_itself(lab: Lab, directory: Path) -> None:
    # A thread in the process that workers are forked from is something to warn of.
    early = gateway.write(
        directory,
        "sitecustomize.py",
        "import sys, threading\n"
        "if 'slipway.servers.run' in sys.orig_argv:\n"
        "    threading.Thread(target=threading.Event().wait, name='early', daemon=True).start()\n",
    )
    env = {"NUM_WORKERS": "2", "JSON_LOGS": "true", "PYTHONPATH": "/early"}
    running = gateway.start(lab, directory, env=env, files={"/early/sitecustomize.py": early})
    said = [record for record in records(running.box.logs()) if record.get("logger") == "slipway"]
    # Findings have no message, such as the warning of this very file.
    assert any("the thread early runs" in str(record.get("message")) for record in said), running.box.logs()


@pytest.mark.parametrize("server", SERVERS)
def test_the_access_log_can_be_silenced(lab: Lab, directory: Path, server: str) -> None:
    running = gateway.start(lab, directory, env={"SLIPWAY_SERVER": server, "SLIPWAY_ACCESS_LOG": "off"})
    running.ask()
    assert "/chat/completions" not in running.box.logs()


def test_recycling_the_only_worker_loses_no_request_and_no_container(lab: Lab, directory: Path) -> None:
    running = gateway.start(lab, directory, env={"MAX_REQUESTS_BEFORE_RESTART": "3"})
    assert [running.ask() for _ in range(8)] == ["mocked answer"] * 8
    assert running.box.running


def test_litellms_metrics_process_answers_on_its_own_port(lab: Lab, directory: Path) -> None:
    running = gateway.start(
        lab,
        directory,
        config=WITH_METRICS,
        env={"NUM_WORKERS": "2", "PROMETHEUS_METRICS_PORT": "4002"},
        ports=(gateway.PORT, gateway.MANAGEMENT_PORT, 4002),
    )
    running.ask()
    url = f"http://127.0.0.1:{running.box.port(4002)}/metrics/"

    def counted() -> bool:
        try:
            return "litellm_proxy_total_requests_metric_total{" in httpx.get(url, timeout=10).text
        except httpx.TransportError:
            return False

    wait_until("the request's count", counted)


PREPARE = """
import asyncio, json, os
from slipway.runtime import upstream_setup
asyncio.run(upstream_setup.prepare())
print("RESULT " + json.dumps({name: os.environ.get(name) for name in upstream_setup._URLS}))
"""
DATABASE = """
general_settings:
  database_connection_pool_limit: 7
  database_connection_timeout: 11
  database_statement_timeout: 5
"""


def prepared(lab: Lab, directory: Path, env: dict[str, str]) -> dict[str, str | None]:
    worker_config = json.dumps({"config": gateway.CONFIG_PATH})
    spec = gateway.specify(
        directory,
        args=("python", "-c", PREPARE),
        config=gateway.CONFIG + DATABASE,
        env={"WORKER_CONFIG": worker_config, **env},
        ports=(),
    )
    finished = lab.start(spec).finished()
    assert finished.code == 0, finished.output
    (line,) = [line for line in finished.stdout.splitlines() if line.startswith("RESULT ")]
    content: dict[str, str | None] = json.loads(line.removeprefix("RESULT "))
    return content


def test_database_urls_get_what_litellms_command_adds(lab: Lab, directory: Path) -> None:
    env = {
        "DATABASE_HOST": "db:5432",
        "DATABASE_USERNAME": "me",
        "DATABASE_PASSWORD": "p@ss",
        "DATABASE_NAME": "litellm",
        "DIRECT_URL": "postgresql://me@direct/litellm?sslmode=require",
        "DATABASE_URL_READ_REPLICA": "postgresql://me@replica/litellm?connection_limit=3",
    }
    urls = prepared(lab, directory, env)
    writer = urls["DATABASE_URL"] or ""
    assert writer.startswith("postgresql://me:p%40ss@db:5432/litellm?")
    assert "connection_limit=7" in writer
    assert "pool_timeout=11" in writer
    assert "statement_timeout%3D5000" in writer
    assert "statement_timeout" not in (urls["DIRECT_URL"] or "")
    assert "connection_limit=7" in (urls["DIRECT_URL"] or "")
    # What the operator pinned on the replica stays.
    assert "connection_limit=3" in (urls["DATABASE_URL_READ_REPLICA"] or "")


def test_nothing_is_prepared_without_a_database(lab: Lab, directory: Path) -> None:
    assert set(prepared(lab, directory, {}).values()) == {None}


@pytest.mark.parametrize("server", SERVERS)
def test_no_file_of_the_working_directory_shadows_a_package(lab: Lab, directory: Path, server: str) -> None:
    names = ("slipway.py", "uvicorn.py", "redis.py", "gunicorn.conf.py", "litellm.py", "httptools.py")
    hostile = {f"/app/{name}": gateway.write(directory, name, "raise SystemExit('shadowed')\n") for name in names}
    env = {"SLIPWAY_SERVER": server, "NUM_WORKERS": "2"}
    assert gateway.start(lab, directory, env=env, files=hostile).ask() == "mocked answer"
