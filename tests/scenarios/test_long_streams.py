"""A stream that began a second before the gateway was told to stop ends complete, under every server."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from tests.scenarios.site import Site
from tests.support import gateway
from tests.support.clients import stream_of
from tests.support.gateway import Gateway
from tests.support.lab import wait_until
from tests.support.soak import form

SERVERS = ("uvicorn", "gunicorn", "hypercorn", "granian")
SECONDS = form(40, 120)
# One a second; each letter of the text is one more.
TEXT = "x" * (SECONDS - len("echo of "))


def told_to_stop(running: Gateway) -> tuple[str, str, bool]:
    """Stream, send SIGTERM after the first second; returns id and text, and whether readiness was off long before."""
    parts: list[str] = []
    id, off = "", False
    with running.openai() as client:
        model = stream_of(SECONDS, SECONDS)
        messages: Any = [{"role": "user", "content": TEXT}]
        for chunk in client.chat.completions.create(model=model, messages=messages, stream=True):
            id = id or chunk.id
            parts += [choice.delta.content for choice in chunk.choices if choice.delta.content]
            if len(parts) == 2:
                running.box.signal("SIGTERM")
            elif len(parts) == SECONDS // 2:
                off = running.management("/readyz").status_code == 503
    return id, "".join(parts), off


def test_a_long_stream_outlives_sigterm_under_each_server(site: Site) -> None:
    # One migrates, the others wait for it.
    running = {server: site.gateway(server, env={"SLIPWAY_SERVER": server}) for server in SERVERS}
    for one in running.values():
        gateway.wait_ready(one)
    answers: dict[str, Future[tuple[str, str, bool]]] = {}
    with ThreadPoolExecutor(len(SERVERS)) as pool:
        answers = {server: pool.submit(told_to_stop, one) for server, one in running.items()}
    ids = set[str]()
    for server, answer in answers.items():
        id, text, off = answer.result()
        assert text == f"echo of {TEXT}", f"{server} cut the stream after {len(text)} of {SECONDS} s"
        assert off, f"{server} was still ready"
        ids.add(id)
        assert running[server].box.wait(60) == 0, running[server].box.logs()
    wait_until("the row of every stream", lambda: site.rows() == ids, 10)
