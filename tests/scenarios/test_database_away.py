"""The database goes away under load and comes back."""

from __future__ import annotations

import time

import httpx

from tests.scenarios.site import CONFIG, Site, clients
from tests.support.clients import stream_of
from tests.support.gateway import MASTER_KEY, Gateway
from tests.support.lab import wait_until
from tests.support.processes import tree
from tests.support.soak import form

AWAY_SECONDS = form(15, 60)
WORKERS = 2
# A key is looked up again after so long, so that requests need the database.
KEY_SECONDS = 1
NOTICED_SECONDS = 60
# The promise is five seconds; the rest is what a poll on this machine takes.
BACK_SECONDS = 5 + 2
ANSWER_SECONDS = 30
# LiteLLM's watchdog connects anew as often as it can: the database comes back in the middle of it.
EAGER = {"PRISMA_HEALTH_WATCHDOG_INTERVAL_SECONDS": "5"}
STRICT = f"{CONFIG}  user_api_key_cache_ttl: {KEY_SECONDS}\n"
TOLERANT = f"{STRICT}  allow_requests_on_db_unavailable: true\n"


def key_of(running: Gateway) -> str:
    made = httpx.post(
        f"{running.url}/key/generate", headers={"Authorization": f"Bearer {MASTER_KEY}"}, json={}, timeout=60
    )
    return str(made.raise_for_status().json()["key"])


def ask(running: Gateway, key: str) -> httpx.Response:
    """One completion over a connection of its own; fails the test when it hangs."""
    question = {"model": "mock", "messages": [{"role": "user", "content": "hello"}]}
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{running.url}/v1/chat/completions", headers=headers, json=question, timeout=ANSWER_SECONDS)


def test_where_it_is_allowed_nothing_fails_and_every_row_comes(site: Site) -> None:
    running = site.started("tolerant", env={"NUM_WORKERS": str(WORKERS)}, config=TOLERANT)
    with clients(running.url, count=12, streaming=4, stream_model=stream_of(5, 10)) as asked:
        asked.key = key_of(running)
        wait_until("all clients", lambda: len(asked.succeeded) >= asked.count)
        site.postgres.stop()
        gone = time.monotonic()
        wait_until("the end of the outage", lambda: time.monotonic() - gone >= AWAY_SECONDS, AWAY_SECONDS + 1)
        assert asked.served(gone) >= asked.count, "the gateway hung without its database"
        assert running.management("/readyz").status_code == 200
        site.postgres.start()
        back = time.monotonic()
        wait_until("answers after it", lambda: asked.served(back) >= asked.count)
    asked.assert_all_succeeded()
    site.assert_rows_of(asked)


def test_otherwise_requests_are_refused_until_it_is_back(site: Site) -> None:
    running = site.started("strict", env={"NUM_WORKERS": str(WORKERS), **EAGER}, config=STRICT)
    key = key_of(running)
    assert ask(running, key).status_code == 200
    site.postgres.stop()
    gone = time.monotonic()
    wait_until("readiness off", lambda: running.management("/readyz").status_code == 503, NOTICED_SECONDS)
    assert running.management("/livez").status_code == 200
    wait_until("a refusal", lambda: ask(running, key).status_code == 503, NOTICED_SECONDS)
    while time.monotonic() - gone < AWAY_SECONDS:
        refusal = ask(running, key)
        assert refusal.status_code == 503, refusal.text
        assert refusal.json()["error"]["message"], refusal.text
    site.postgres.start()
    wait_until("an answer", lambda: ask(running, key).status_code == 200, BACK_SECONDS)
    wait_until("readiness", lambda: running.management("/readyz").status_code == 200, BACK_SECONDS)
    # Of those that were started meanwhile, too.
    wait_until("one engine a worker", lambda: len(tree(running.box).engines()) == WORKERS)
