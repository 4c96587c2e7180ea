"""Each answered request has its row and its share of the sums, however a worker ends; what a kill loses is counted."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.database.clients import ASKED, Clients, once
from tests.database.support import PRICED, Site
from tests.support import gateway, metrics, postgres, watch
from tests.support.gateway import MANAGEMENT_PORT, MASTER_KEY, PORT, Gateway
from tests.support.lab import Lab, wait_until

HOOKS = Path(__file__).with_name("hooks")
PROBE = "accounting_probe"
READY_SECONDS = 300
ENOUGH = 60
# SPEND_LOG_QUEUE_POLL_INTERVAL's default, and what a loaded machine takes to write.
WINDOW_SECONDS = 2 + 3
# Long enough that nothing is flushed unless a worker ends.
NEVER = {"SPEND_LOG_QUEUE_POLL_INTERVAL": "600", "PROXY_BATCH_WRITE_AT": "600"}
SERVERS = (("uvicorn", 1), ("gunicorn", 2))
SUMS = """
SELECT (SELECT spend FROM "LiteLLM_VerificationToken" WHERE token = '{0}'),
       (SELECT sum(spend) FROM "LiteLLM_DailyUserSpend" WHERE api_key = '{0}'),
       (SELECT sum(spend) FROM "LiteLLM_DailyTagSpend" WHERE api_key = '{0}' AND tag = 'counted'),
       (SELECT sum(spend) FROM "LiteLLM_SpendLogs" WHERE api_key = '{0}')
"""


# A share of sums whose arguments this release's LiteLLM does not have.
_FOREIGN = """
import json, pathlib
left = pathlib.Path("/var/lib/slipway/spend/foreign")
left.mkdir()
(left / "lock").touch()
(left / "1.jsonl").write_text(json.dumps(["sums", "0", {"payload": {}, "from_the_future": 1}]))
"""


@dataclass(frozen=True)
class Started:
    """A gateway, its database, and a key of its own."""

    site: Site
    database: str
    running: Gateway
    key: str
    token: str

    def rows(self) -> set[str]:
        """The ids of the key's requests that have their row."""
        text = f"""SELECT request_id FROM "LiteLLM_SpendLogs" WHERE api_key = '{self.token}'"""
        return set(self.site.postgres.sql(text, self.database).split())

    def sums(self) -> list[float]:
        """Spend of the key: by key, by user and day, by tag and day, and what its rows add up to."""
        text = self.site.postgres.sql(SUMS.format(self.token), self.database)
        return [float(value or 0) for value in text.split("|")]

    def workers(self) -> frozenset[int]:
        """The workers that serve."""
        return watch.now(self.running.box).serving

    def kill(self, workers: frozenset[int]) -> None:
        """Kill workers and wait until others are in their place."""
        self.running.box.kill(*workers)
        watch.wait_serving(self.running.box, len(workers), without=workers)

    def pending(self) -> int:
        """How many rows a kill would lose now."""
        return int(metrics.read(self.running, "slipway_spend_rows_pending"))

    def lost(self) -> int:
        """How many rows have been lost so far."""
        return int(metrics.read(self.running, "slipway_spend_rows_lost_total"))

    def end(self) -> None:
        self.running.box.signal("SIGTERM")
        assert self.running.box.wait(120) == 0, self.running.box.logs()


@pytest.fixture(scope="module")
def site(module_lab: Lab) -> Site:
    network = module_lab.network()
    return Site(module_lab, network, postgres.start(module_lab, network))


def start(
    site: Site,
    database: str,
    directory: Path,
    server: str,
    workers: int,
    env: Mapping[str, str] | None = None,
    hooks: str = "",
) -> Started:
    files = {gateway.CONFIG_PATH: gateway.write(directory, "config.yaml", PRICED), "/etc/slipway/hooks": HOOKS}
    variables = {"SLIPWAY_SERVER": server, "LITELLM_WORKER_STARTUP_HOOKS": hooks, **(env or {})}
    arguments = ("--config", gateway.CONFIG_PATH, "--num_workers", str(workers))
    spec = site.spec(database, *arguments, env=variables, files=files, ports=(PORT, MANAGEMENT_PORT))
    running = Gateway(site.lab.start(spec))
    gateway.wait_ready(running, seconds=READY_SECONDS)
    made = httpx.post(
        f"{running.url}/key/generate",
        headers={"Authorization": f"Bearer {MASTER_KEY}"},
        json={"models": ["mock"], "metadata": {"tags": ["counted"]}, "user_id": "counted"},
        timeout=60,
    )
    made.raise_for_status()
    return Started(site, database, running, made.json()["key"], made.json()["token"])


@pytest.mark.parametrize(("server", "workers"), SERVERS)
def test_sigterm_under_load_leaves_every_row_and_every_sum(
    site: Site, migrated: str, tmp_path: Path, server: str, workers: int
) -> None:
    begun = start(site, migrated, tmp_path, server, workers)
    with Clients(begun.running.url, begun.key) as clients:
        wait_until("answers", lambda: len(clients.answered) >= ENOUGH)
        begun.end()
    assert not clients.refused
    assert begun.rows() == set(clients.answered)
    assert_sums(begun)


def assert_sums(begun: Started) -> None:
    *sums, rows = begun.sums()
    assert rows > 0
    assert all(math.isclose(each, rows) for each in sums), (sums, rows)


def test_a_worker_that_ends_waits_for_requests_that_are_answered_and_not_accounted(
    site: Site, migrated: str, tmp_path: Path
) -> None:
    begun = start(site, migrated, tmp_path, "uvicorn", 1, hooks=f"{PROBE}:hold")
    answered = {once(begun.running.url, begun.key, stream=stream) for stream in (False, True, False)}
    assert begun.pending() == 3
    begun.running.box.signal("SIGTERM")
    wait_until("the port closed", lambda: not accepts(begun))
    assert begun.rows() == set()
    begun.running.box.python("open('/tmp/gate', 'w')")
    assert begun.running.box.wait(60) == 0
    assert begun.rows() == answered
    assert_sums(begun)


def accepts(begun: Started) -> bool:
    try:
        return begun.running.get("/health/liveliness").status_code == 200
    except httpx.TransportError:
        return False


def test_a_client_that_goes_away_in_the_middle_is_accounted_too(site: Site, migrated: str, tmp_path: Path) -> None:
    begun = start(site, migrated, tmp_path, "uvicorn", 1, NEVER)
    headers = {"Authorization": f"Bearer {begun.key}"}
    asked = {**ASKED, "stream": True, "mock_response": "word " * 4000}
    url = f"{begun.running.url}/v1/chat/completions"
    with httpx.stream("POST", url, json=asked, headers=headers, timeout=60) as answer:
        next(answer.iter_lines())
    wait_until("its row in the queue", lambda: begun.pending() == 1)
    begun.end()
    assert len(begun.rows()) == 1
    assert_sums(begun)


def test_a_row_does_not_wait_for_traffic(site: Site, migrated: str, tmp_path: Path) -> None:
    """LiteLLM alone looks for rows less and less often while there are none, down to once in 30 s."""
    begun = start(site, migrated, tmp_path, "uvicorn", 1)
    for _ in range(3):
        answer = once(begun.running.url, begun.key, stream=False)
        wait_until("the row", lambda answer=answer: answer in begun.rows(), 3)  # type: ignore[misc]


def test_a_kill_loses_what_was_pending_and_nothing_older_than_the_window(
    site: Site, migrated: str, tmp_path: Path
) -> None:
    begun = start(site, migrated, tmp_path, "gunicorn", 2)
    before = begun.workers()
    with Clients(begun.running.url, begun.key) as clients:
        wait_until("answers and rows", lambda: len(clients.answered) >= ENOUGH and len(begun.rows()) > 0)
        killed = time.monotonic()
        begun.kill(before)
    # Those answered by the workers that came afterwards are written by them.
    lost = begun.lost()
    begun.end()
    missing = clients.answered.keys() - begun.rows()
    assert missing
    assert min(clients.answered[each] for each in missing) > killed - WINDOW_SECONDS
    # What is counted may have been written just then, or answered and not have reached its client.
    recent = sum(moment > killed - WINDOW_SECONDS for moment in clients.answered.values())
    assert len(missing) <= lost <= recent + clients.number


def test_without_traffic_a_kill_loses_exactly_what_was_pending(site: Site, migrated: str, tmp_path: Path) -> None:
    begun = start(site, migrated, tmp_path, "gunicorn", 2, NEVER)
    before = begun.workers()
    with Clients(begun.running.url, begun.key) as clients:
        wait_until("answers", lambda: len(clients.answered) >= ENOUGH)
    assert begun.pending() == len(clients.answered)
    begun.kill(before)
    assert (begun.pending(), begun.lost()) == (0, len(clients.answered))
    begun.end()
    assert begun.rows() == set()


def test_spend_in_the_spool_is_taken_over_once_by_the_workers_that_follow(
    site: Site, migrated: str, tmp_path: Path
) -> None:
    begun = start(site, migrated, tmp_path, "gunicorn", 2, {**NEVER, "SLIPWAY_SPEND_SPOOL": "on"})
    before = begun.workers()
    with Clients(begun.running.url, begun.key) as clients:
        wait_until("answers", lambda: len(clients.answered) >= ENOUGH)
    wait_until("nothing that a kill would lose", lambda: begun.pending() == 0)
    assert begun.rows() == set()
    begun.kill(before)
    # The spool again: what was taken over is the new worker's own, and no worker has written it yet.
    second = begun.workers()
    wait_until("two spools", lambda: len(spools(begun)) == 2)
    begun.kill(second)
    wait_until("two spools again", lambda: len(spools(begun)) == 2)
    begun.end()
    assert begun.rows() == set(clients.answered)
    assert_sums(begun)


def test_what_another_release_left_in_the_spool_is_kept_and_ends_no_start(
    site: Site, migrated: str, tmp_path: Path
) -> None:
    begun = start(site, migrated, tmp_path, "uvicorn", 1, {"SLIPWAY_SPEND_SPOOL": "on"})
    begun.running.box.python(_FOREIGN)
    begun.kill(begun.workers())
    wait_until("the directory set aside", lambda: "refused-foreign" in spools(begun))
    assert "kept in /var/lib/slipway/spend/refused-foreign" in begun.running.box.logs(stdout=False)
    with Clients(begun.running.url, begun.key) as clients:
        wait_until("answers", lambda: len(clients.answered) >= ENOUGH)
    begun.end()
    assert begun.rows() == set(clients.answered)
    assert_sums(begun)


def spools(begun: Started) -> list[str]:
    return begun.running.box.exec(["ls", "/var/lib/slipway/spend"]).output.split()
