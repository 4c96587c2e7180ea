"""A worker whose event loop is blocked: the probes answer, the other one serves, and it is replaced."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest

from tests.scenarios.site import clients
from tests.support import gateway, metrics
from tests.support.gateway import Gateway
from tests.support.lab import Lab, wait_until
from tests.support.watch import now, wait_serving

WORKERS = 2
HEALTHCHECK_SECONDS = 5
BLOCK_SECONDS = 60
PROBE_SECONDS = 1.0
# To be noticed, to be ended, and until another one serves.
REPLACED_SECONDS = HEALTHCHECK_SECONDS + 40
BLOCKED = "/tmp/blocked"
BLOCKER = f'''
import os, time
from litellm.integrations.custom_logger import CustomLogger

class Blocker(CustomLogger):
    async def async_pre_call_hook(self, user_api_key_dict, cache, data, call_type):
        if data["messages"][0]["content"] == "block":
            with open("{BLOCKED}.new", "w") as file:
                file.write(str(os.getpid()))
            os.rename("{BLOCKED}.new", "{BLOCKED}")
            time.sleep({BLOCK_SECONDS})

handler = Blocker()
'''
CONFIG = f"{gateway.CONFIG}litellm_settings:\n  callbacks: [blocker.handler]\n"


def blocked(running: Gateway) -> str:
    """The pid of the worker that blocks, or nothing."""
    done = running.box.exec(["cat", BLOCKED])
    return done.output if done.code == 0 else ""


def assert_probes_answer(running: Gateway) -> None:
    for path in ("/livez", "/readyz"):
        began = time.monotonic()
        assert running.management(path).status_code == 200
        assert time.monotonic() - began < PROBE_SECONDS


def refuse(running: Gateway) -> str:
    """What becomes of the request that blocks."""
    try:
        return running.ask(text="block")
    except openai.OpenAIError as error:
        return type(error).__name__


@pytest.mark.parametrize("server", ["gunicorn", "uvicorn"])
def test_a_blocked_worker_is_replaced_while_the_other_serves(lab: Lab, tmp_path: Path, server: str) -> None:
    env = {
        "SLIPWAY_SERVER": server, "NUM_WORKERS": str(WORKERS),
        "TIMEOUT_WORKER_HEALTHCHECK": str(HEALTHCHECK_SECONDS),
    }  # fmt: skip
    files = {"/app/blocker.py": gateway.write(tmp_path, "blocker.py", BLOCKER)}
    running = gateway.start(lab, tmp_path, env=env, config=CONFIG, files=files)
    before = wait_serving(running.box, WORKERS)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(refuse, running)
        wait_until("a blocked worker", lambda: bool(blocked(running)))
        began = time.monotonic()
        victim = int(blocked(running))
        assert victim in before
        with clients(running.url, count=4, model="mock", stream_model="mock", streaming=2) as load:
            wait_until("answers of the other worker", lambda: len(load.succeeded) >= load.count, HEALTHCHECK_SECONDS)
            while victim in now(running.box).serving or len(now(running.box).serving) < WORKERS:
                assert_probes_answer(running)
                assert time.monotonic() - began < REPLACED_SECONDS, "the blocked worker was not replaced"
            assert_probes_answer(running)
        load.assert_all_succeeded()
        assert answer.result(BLOCK_SECONDS + 10) != "mocked answer", "the worker was not blocked"
    assert before - {victim} <= now(running.box).serving, "a worker that was not blocked was replaced"
    assert metrics.read(running, "slipway_worker_exits_total", reason="blocked") == 1
