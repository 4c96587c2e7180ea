"""What a worker counts about its requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from slipway.workers import drain_flag
from slipway.workers.record import Field
from slipway.workers.serving import Serving
from tests.support.loop import run


@pytest.mark.parametrize(
    ("root", "roots", "path", "counted"),
    [
        ("", "", "/v1/models", 1),
        ("", "", "/health/liveliness", 0),
        ("/gateway", "", "/gateway/health/readiness", 0),
        ("/gateway/", "", "/gateway/metrics", 0),
        ("/gateway", "", "/health/readiness", 0),
        ("/gateway", "", "/gateway/v1/models", 1),
        ("", "/east, /west/", "/west/health/readiness", 0),
        ("", "/east, /west/", "/west/v1/models", 1),
    ],
)
def test_probes_and_scrapes_wear_no_worker_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str, roots: str, path: str, counted: int
) -> None:
    monkeypatch.setenv("SERVER_ROOT_PATH", root)
    monkeypatch.setenv("SERVER_ROOT_PATHS", roots)
    drain_flag.create(tmp_path)
    worker = Serving(tmp_path)

    async def nothing(*_: Any) -> Any:
        return None

    scope = {"type": "http", "http_version": "1.1", "path": path}
    run(worker.handle(nothing, scope, nothing, nothing))
    assert worker.fields[Field.SERVED] == counted
