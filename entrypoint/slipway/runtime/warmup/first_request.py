"""Build stage: one start and one of each common request, answered by LiteLLM's mock, to see what they load."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

_KEY: Final = "sk-build"
_CONFIG: Final = """\
model_list:
  - model_name: mock
    litellm_params: {model: openai/mock, api_key: none, mock_response: mocked answer}
litellm_settings:
  callbacks: [prometheus]
"""
_CHAT: Final = {"model": "mock", "messages": [{"role": "user", "content": "hello"}]}
_REQUESTS: Final[tuple[tuple[str, str, dict[str, Any] | None], ...]] = (
    ("GET", "/health/readiness", None),
    ("GET", "/v1/models", None),
    ("POST", "/chat/completions", _CHAT),
    ("POST", "/v1/chat/completions", {**_CHAT, "stream": True}),
)
_OK: Final = 200
# LiteLLM logs a request after its answer.
_LOGGED_SECONDS: Final = 1.0
Message = MutableMapping[str, Any]


def serve(app: Any) -> None:
    """Start the application and ask it. Raises RuntimeError when a request is not answered with 200."""
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory) / "config.yaml"
        config.write_text(_CONFIG)
        os.environ |= {"LITELLM_MASTER_KEY": _KEY, "CONFIG_FILE_PATH": str(config)}
        asyncio.run(_serve(app))


async def _serve(app: Any) -> None:
    async with _started(app):
        for method, path, body in _REQUESTS:
            status = await _ask(app, method, path, body)
            if status != _OK:
                raise RuntimeError(f"{method} {path} was answered with {status}")
        await asyncio.sleep(_LOGGED_SECONDS)


@asynccontextmanager
async def _started(app: Any) -> AsyncIterator[None]:
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    outbox: asyncio.Queue[Message] = asyncio.Queue()
    lifespan = asyncio.create_task(
        app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, inbox.get, outbox.put)
    )
    await inbox.put({"type": "lifespan.startup"})
    answer = await outbox.get()
    if answer["type"] != "lifespan.startup.complete":
        raise RuntimeError(f"the proxy did not start: {answer.get('message')}")
    yield
    await inbox.put({"type": "lifespan.shutdown"})
    await lifespan


async def _ask(app: Any, method: str, path: str, body: dict[str, Any] | None) -> int:
    content = b"" if body is None else json.dumps(body).encode()
    headers = {
        "authorization": f"Bearer {_KEY}",
        "content-type": "application/json",
        "content-length": str(len(content)),
        "host": "build",
    }
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "method": method,
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "state": {},
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 4000),
    }  # fmt: skip
    parts = [{"type": "http.request", "body": content, "more_body": False}]
    statuses: list[int] = []

    async def receive() -> Message:
        if parts:
            return parts.pop()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    return statuses[0]
