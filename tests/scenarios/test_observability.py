"""Each published alert fires while its cause is there and resolves afterwards, and each panel shows something.

A real Prometheus judges, with the published rules. Only their times are shorter: seconds in place of minutes.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from signal import Signals
from typing import Any

import httpx
import openai
import pytest
import yaml

from tests.scenarios import site as sites
from tests.scenarios.site import CONFIG, DATABASE, Site, clients
from tests.support import gateway, panels, prometheus, scraper
from tests.support.gateway import Gateway
from tests.support.lab import Finished, Lab, Spec, wait_until
from tests.support.prometheus import Prometheus
from tests.support.watch import now, wait_serving

# What an alert looks back to, and how long its condition has to hold.
LOOK_BACK_SECONDS = 30
FOR_SECONDS = 2
# Four starts of a container have to fit in.
STARTS_SECONDS = 90
# To fire: what the cause itself takes, as a worker that tries to start without its database.
FIRES_SECONDS = 90
RESOLVES_SECONDS = 150
WORKERS = 2
HEALTHCHECK_SECONDS = 10
FOLDER = "/app/settings"
BLOCKER = f"""
import time
from litellm.integrations.custom_logger import CustomLogger

class Blocker(CustomLogger):
    async def async_pre_call_hook(self, user_api_key_dict, cache, data, call_type):
        if data["messages"][0]["content"] == "block":
            time.sleep({4 * HEALTHCHECK_SECONDS})

handler = Blocker()
"""
WATCHED = CONFIG.replace("general_settings:\n", "general_settings:\n  database_connection_pool_limit: 1\n") + (
    "litellm_settings:\n  callbacks: [prometheus, blocker.handler]\n"
)
TOLERANT = CONFIG.replace("general_settings:\n", "general_settings:\n  allow_requests_on_db_unavailable: true\n")
# One that only LiteLLM refuses: a worker has to try it.
UNFIT = WATCHED.replace("blocker.handler]", "blocker.handler, blocker.missing]")


def rules() -> dict[str, Any]:
    """The published rules with times of seconds."""
    text = prometheus.RULES.read_text().replace("[1h]", f"[{STARTS_SECONDS}s]")
    text = re.sub(r"\[\d+m\]", f"[{LOOK_BACK_SECONDS}s]", text)
    text = re.sub(r"for: \d+m", f"for: {FOR_SECONDS}s", text).replace("> 300", f"> {LOOK_BACK_SECONDS / 2}")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def published() -> set[str]:
    return {rule["alert"] for group in rules()["groups"] for rule in group["rules"] if "alert" in rule}


@dataclass(frozen=True)
class Watched:
    """A gateway under Prometheus; `late` and `plain` are names of two more, which tests start."""

    site: Site
    running: Gateway
    settings: Path
    prometheus: Prometheus
    # In Unix time.
    began: float

    def wait_fire(self, *alerts: str) -> None:
        for alert in alerts:
            wait_until(f"{alert} fires", lambda: alert in self.prometheus.firing(), FIRES_SECONDS)  # noqa: B023

    def wait_quiet(self) -> None:
        try:
            wait_until("each alert resolves", lambda: not self.prometheus.firing(), RESOLVES_SECONDS)
        except AssertionError:
            assert self.prometheus.firing() == set()
            raise


@pytest.fixture(scope="module")
def watched(module_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    directory = tmp_path_factory.mktemp("watched")
    site = sites.build(module_lab, directory)
    settings = directory / "settings"
    settings.mkdir(mode=0o755)
    gateway.write(settings, "config.yaml", WATCHED)
    gateway.write(settings, "blocker.py", BLOCKER)
    running = site.started(
        "watched",
        config=None,
        args=("--config", f"{FOLDER}/config.yaml"),
        env={"NUM_WORKERS": str(WORKERS), "TIMEOUT_WORKER_HEALTHCHECK": str(HEALTHCHECK_SECONDS)},
        files={FOLDER: settings},
    )
    judge = prometheus.start(module_lab, site.network, directory, ["watched"], rules())
    return Watched(site, running, settings, judge, time.time())


@contextmanager
def held(watched: Watched, count: int) -> Iterator[None]:
    """So many requests inside the gateway from begin to end; what becomes of them is not looked at."""
    word = secrets.token_hex(8)

    def ask(_: int) -> None:
        with suppress(openai.OpenAIError):
            watched.running.ask(f"provider/chat+hold={word}")

    def in_flight() -> float:
        return scraper.total(watched.running.management("/metrics").text, "slipway_requests_in_flight")

    before = in_flight()
    with ThreadPoolExecutor(count) as pool:
        asked = [pool.submit(ask, number) for number in range(count)]
        try:
            wait_until("requests in flight", lambda: in_flight() >= before + count, 60)
            yield
        finally:
            watched.site.provider.release(word)
            for one in asked:
                one.result()


@contextmanager
def database_away(watched: Watched) -> Iterator[None]:
    """Answers whose rows wait in memory, and a gateway that starts meanwhile."""
    site = watched.site
    with held(watched, 10):
        site.postgres.stop()
    late = site.gateway("late", config=TOLERANT, env={"SLIPWAY_DATABASE_WAIT_SECONDS": "1"})
    watched.prometheus.scrape("watched", "late")
    yield
    site.postgres.start()
    gateway.wait_ready(watched.running)
    wait_until("the database's schema", lambda: "back and prepared" in late.box.logs(), 120)
    assert scraper.total(late.management("/metrics").text, "slipway_schema_info", state="ready") == 1
    watched.prometheus.scrape("watched")
    late.box.container.stop()


@contextmanager
def killed(watched: Watched) -> Iterator[None]:
    """Each worker is killed under load."""
    box = watched.running.box
    with held(watched, 4), clients(watched.running.url, count=8, pause_seconds=0) as load:
        wait_until("answers", lambda: len(load.succeeded) > 20)
        workers = now(box).serving
        box.kill(*workers)
    yield
    wait_serving(box, WORKERS, without=workers)


@contextmanager
def blocked(watched: Watched) -> Iterator[None]:
    """One worker's event loop stands still."""

    def ask() -> None:
        with suppress(openai.OpenAIError):
            watched.running.ask(text="block")

    with ThreadPoolExecutor(1) as pool:
        pool.submit(ask)
        yield


@contextmanager
def unfit(watched: Watched) -> Iterator[None]:
    """A reload to what no worker can start with."""
    gateway.write(watched.settings, "config.yaml", UNFIT)
    watched.running.box.signal("HUP")
    yield
    gateway.write(watched.settings, "config.yaml", WATCHED)


@contextmanager
def table_locked(watched: Watched) -> Iterator[None]:
    """Questions for keys that wait for a lock, and those behind them for the one connection."""
    lock = 'BEGIN; LOCK TABLE "LiteLLM_VerificationToken"; SELECT pg_sleep(20);'

    def ask(_: int) -> None:
        headers = {"Authorization": f"Bearer sk-{secrets.token_hex(8)}"}
        assert httpx.get(f"{watched.running.url}/v1/models", headers=headers, timeout=60).status_code >= 400

    with ThreadPoolExecutor(20) as pool:
        pool.submit(watched.site.postgres.sql, lock, DATABASE)
        locked = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation IS NOT NULL"
        wait_until("the lock", lambda: watched.site.postgres.sql(locked, DATABASE) != "0")
        asked = pool.map(ask, range(16))
        yield
        list(asked)


@contextmanager
def failing(watched: Watched) -> Iterator[None]:
    """The provider fails."""
    with clients(watched.running.url, count=2, model="provider/chat+status=500"):
        yield


@contextmanager
def restarted(watched: Watched) -> Iterator[None]:
    """A gateway that is killed and started again, each time as soon as Prometheus has seen it."""
    folder = watched.settings.parent / "plain"
    folder.mkdir()
    plain = Gateway(watched.site.lab.start(gateway.specify(folder, network=watched.site.network, alias="plain")))

    def began() -> float:
        return sum(value for _, value in watched.prometheus.query('slipway_start_time_seconds{instance="plain:4001"}'))

    watched.prometheus.scrape("watched", "plain")
    for _ in range(3):
        before = began()
        plain.box.container.restart(timeout=0)
        wait_until("the next start", lambda: began() > before)  # noqa: B023
    yield
    watched.prometheus.scrape("watched")
    plain.box.container.stop()


@contextmanager
def stopped(watched: Watched) -> Iterator[None]:
    """No worker makes progress, until others have taken their places."""
    box = watched.running.box
    workers = now(box).serving
    box.kill(*workers, signal=Signals.SIGSTOP)
    yield
    wait_serving(box, WORKERS, without=workers)


@contextmanager
def damaged(watched: Watched) -> Iterator[None]:
    """A file that is none of prometheus_client's lies among the metrics."""
    file = "/run/slipway/prometheus/counter_strange.db"
    watched.running.box.python(f"open({file!r}, 'wb').write(b'strange')")
    yield
    watched.running.box.python(f"import os; os.unlink({file!r})")


@contextmanager
def forgotten(watched: Watched) -> Iterator[None]:
    """Discovery finds no gateway any more."""
    watched.prometheus.scrape()
    yield
    watched.prometheus.scrape("watched")


@contextmanager
def frozen(watched: Watched) -> Iterator[None]:
    """The gateway's processes stand still, and with them port 4001."""
    container = watched.running.box.container
    container.pause()
    yield
    container.unpause()
    gateway.wait_ready(watched.running)


CAUSES: dict[Callable[[Watched], AbstractContextManager[None]], tuple[str, ...]] = {
    database_away: (
        "SlipwayNotReady",
        "SlipwayDatabaseAway",
        "SlipwaySpendNotWritten",
        "SlipwaySchemaNotReady",
    ),
    killed: ("SlipwayWorkersKilled", "SlipwayRequestsCut", "SlipwaySpendLost"),
    blocked: ("SlipwayEventLoopLag", "SlipwayWorkersBlocked"),
    unfit: ("SlipwayReloadFailed", "SlipwayWorkersCannotStart"),
    table_locked: ("SlipwayDatabaseConnections",),
    failing: ("SlipwayFailures", "SlipwayDeploymentFailures"),
    restarted: ("SlipwayRestarts",),
    stopped: ("SlipwayNoneReady",),
    frozen: ("SlipwayDown",),
    damaged: ("SlipwayMetricsUnreadable",),
    forgotten: ("SlipwayDown",),
}


def promtool(lab: Lab, *command: str) -> Finished:
    files = {f"{prometheus.FOLDER}/{path.name}": path for path in prometheus.RULES.parent.glob("*.yaml")}
    files["/expected.yaml"] = Path(__file__).with_name("rules.yaml")
    return lab.once(Spec(image=prometheus.IMAGE, command=("promtool", *command), files=files))


def test_what_is_published_is_what_prometheus_takes(lab: Lab) -> None:
    done = promtool(lab, "check", "config", f"{prometheus.FOLDER}/prometheus.yaml")
    assert done.code == 0, done.output


def test_the_rules_say_what_is_expected_of_series_that_take_hours(lab: Lab) -> None:
    done = promtool(lab, "test", "rules", "/expected.yaml")
    assert done.code == 0, done.output


def test_each_alert_has_a_cause() -> None:
    assert set(chain.from_iterable(CAUSES.values())) == published()


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: str(cause.__name__))
def test_alerts_fire_and_resolve(watched: Watched, cause: Callable[[Watched], AbstractContextManager[None]]) -> None:
    watched.wait_quiet()
    with cause(watched):
        watched.wait_fire(*CAUSES[cause])
    watched.wait_quiet()


def test_each_panel_shows_something(watched: Watched) -> None:
    def empty() -> list[str]:
        return [
            f"{panel.title}: {legend}"
            for panel in panels.read()
            for legend, expression in panel.queries.items()
            if not any(value >= 0 for _, value in watched.prometheus.query(expression))
        ]

    url = watched.running.url
    with clients(url, count=4, streaming=2), clients(url, count=1, model="provider/chat+status=400", pause_seconds=1):
        try:
            wait_until("something in each panel", lambda: not empty(), FIRES_SECONDS)
        except AssertionError:
            assert empty() == []
            raise
    place = Path(os.environ.get("SLIPWAY_PICTURE") or watched.settings.parent / "gateway.png")
    panels.draw("gateway", watched.prometheus, watched.began, time.time()).save(place, optimize=True)
