"""The routes that touch the database are found in the running gateway, and those of administration all answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.database.routes import budgets, credentials, keys, models, organizations, spend, teams, users
from tests.database.routes.caller import Caller, Route
from tests.database.routes.dates import DAYS
from tests.database.support import PRICED, Site
from tests.support import gateway, postgres
from tests.support.gateway import MANAGEMENT_PORT, PORT, Gateway
from tests.support.lab import Lab

HOOKS = Path(__file__).parent / "routes" / "hooks"
WALKS: dict[str, Callable[[Caller], None]] = {
    module.__name__.rpartition(".")[2]: module.walk
    for module in (budgets, credentials, keys, models, organizations, spend, teams, users)
}
# All of LiteLLM is imported before readiness, which takes a busy machine long.
READY_SECONDS = 300
FAMILIES = ("key", "team", "user", "organization", "budget", "model", "credential", "spend")
# Not called, and why not.
EXCEPTIONS: dict[Route, str] = {
    ("GET", "/spend/capture_rate"): "compares with the bill that it fetches from the provider",
    ("GET", "/model/metrics/exceptions"): "LiteLLM gives its query four values for three placeholders",
}
# Of the other routes, those that pass a request on to a provider, or keep it open.
OUTWARD = re.compile(
    r"/(v1(beta)?/)?(assistants|videos|containers|fine_tuning|batches|files|vector_stores|skills|evals|agents)\b|/mcp"
)
CONFIG = f"""{PRICED}\
general_settings:
  store_model_in_db: true
  proxy_batch_write_at: 1
  use_x_forwarded_for: true
  password_policy_check_breached_passwords: false
  # One of the routes moves what is stored to this cipher.
  encryption_algorithm: aes-256-gcm
"""
ENGINE_ERROR = re.compile(
    r"prisma[.](engine[.])?errors|prisma/engine|query.?engine.*error|\bP[12]0\d\d\b|GraphQL", re.I
)


@dataclass(frozen=True)
class Walked:
    """What a gateway answered: its routes, what was called, what went wrong, and what is still deferred."""

    table: list[dict[str, Any]]
    caller: Caller
    failures: dict[str, str]
    others: dict[str, int]
    deferred: dict[str, bool]
    log: str

    @property
    def derived(self) -> set[Route]:
        return {(row["method"], row["path"]) for row in self.table if row["touches"]}

    @property
    def administration(self) -> set[Route]:
        return {(row["method"], row["path"]) for row in self.table if row["touches"] and _administers(row)}


def _administers(row: dict[str, Any]) -> bool:
    tags = " ".join(row["tags"]).lower()
    first = row["path"].split("/")[1]
    return (
        first in (*FAMILIES, "credentials")
        or any(f"{family} management" in tags for family in (*FAMILIES, "internal user"))
        or "spend tracking" in tags
    )


@pytest.fixture(scope="module")
def walked(module_lab: Lab, directory: Path) -> Walked:
    network = module_lab.network()
    site = Site(module_lab, network, postgres.start(module_lab, network))
    path = gateway.write(directory, "config.yaml", CONFIG)
    env = {
        **credentials.ENVIRONMENT,
        "LITELLM_WORKER_STARTUP_HOOKS": "route_table:init",
        # All routes are in the table from the start.
        "LITELLM_DISABLE_LAZY_ROUTES": "true",
    }
    files = {gateway.CONFIG_PATH: path, "/etc/slipway/hooks": HOOKS}
    arguments = ("--config", gateway.CONFIG_PATH)
    database = site.database()
    spec = site.spec(database, *arguments, env=env, files=files, ports=(PORT, MANAGEMENT_PORT))
    running = Gateway(module_lab.start(spec))
    gateway.wait_ready(running, seconds=READY_SECONDS)
    site.postgres.sql(spend.ORGANIZATION_SQL, database)
    table = httpx.get(f"{running.url}/test/routes", timeout=60).raise_for_status().json()
    caller = Caller(running.url)
    failures = {name: _failure(walk, caller) for name, walk in WALKS.items()}
    others = {path: _sweep(caller, path) for path in _bare(table, caller)}
    deferred = httpx.get(f"{running.url}/test/deferred", timeout=60).raise_for_status().json()
    return Walked(table, caller, failures, others, deferred, running.box.logs())


def _failure(walk: Callable[[Caller], None], caller: Caller) -> str:
    try:
        walk(caller)
    except AssertionError as problem:
        return str(problem) or repr(problem)
    return ""


def _bare(table: list[dict[str, Any]], caller: Caller) -> list[str]:
    """Paths that can be read without a parameter, apart from those called already."""
    done = {*caller.called, *caller.unlicensed, *EXCEPTIONS}
    rows = [row for row in table if row["method"] == "GET" and row["touches"] and row["bare"]]
    return [row["path"] for row in rows if ("GET", row["path"]) not in done and not OUTWARD.match(row["path"])]


def _sweep(caller: Caller, path: str) -> int:
    return caller.ask("GET", path, query=DAYS).status_code


@pytest.mark.parametrize("family", WALKS)
def test_the_routes_of_a_family_answer(walked: Walked, family: str) -> None:
    assert not walked.failures[family]


def test_every_route_of_administration_is_called(walked: Walked) -> None:
    called = walked.caller.called | walked.caller.unlicensed
    assert set(EXCEPTIONS) <= walked.administration
    assert walked.administration - called == set(EXCEPTIONS)
    share = len(walked.administration & called) / len(walked.administration)
    assert len(walked.administration) >= 170
    assert share >= 0.98


def test_what_takes_a_licence_is_known(walked: Walked) -> None:
    licensed = {path for _, path in walked.caller.unlicensed}
    assert {path for path in licensed if "organization" not in path} == {
        "/key/regenerate",
        "/key/{key:path}/regenerate",
        "/key/spend/report",
        "/user/spend/report",
        "/team/spend/report",
        "/global/spend/report",
    }


def test_the_other_routes_that_read_without_parameters_answer(walked: Walked) -> None:
    assert len(walked.others) >= 80
    answered = [path for path, status in walked.others.items() if status == 200]
    assert len(answered) / len(walked.others) >= 0.8, walked.others


def test_none_of_it_loads_the_types_of_the_client(walked: Walked) -> None:
    assert walked.deferred == {"prisma.types": True, "prisma.models": False, "prisma.actions": False}


def test_the_log_holds_no_error_of_the_engine(walked: Walked) -> None:
    assert [line for line in walked.log.splitlines() if ENGINE_ERROR.search(line)] == []
