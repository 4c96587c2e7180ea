"""The gateway starts and answers with no network at all."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support import gateway
from tests.support.lab import Lab, wait_until

ASK = f"""
import json, os, urllib.request
request = urllib.request.Request(
    "http://127.0.0.1:{gateway.PORT}/v1/chat/completions",
    json.dumps({{"model": "mock", "messages": [{{"role": "user", "content": "hello"}}]}}).encode(),
    {{"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["LITELLM_MASTER_KEY"]}},
)
print(urllib.request.urlopen(request, timeout=60).read().decode())
"""


def test_ready_and_answering_without_a_network(lab: Lab, directory: Path) -> None:
    box = lab.start(gateway.specify(directory, network="none"))

    def healthy() -> bool:
        asked = box.exec(["slipway", "healthcheck"])
        assert asked.code in (0, 1), asked.output
        return asked.code == 0

    assert not healthy(), "healthy before it started"
    wait_until("readiness", healthy, 120)
    answer = json.loads(box.python(ASK))
    assert answer["choices"][0]["message"]["content"] == "mocked answer"
    assert "githubusercontent" not in box.logs(), "something was to be fetched at start"
