"""Calls routes of a gateway as its administrator and remembers which succeeded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.gateway import MASTER_KEY

LICENCE = "Enterprise"
# Where the calls seem to come from: one route keeps the addresses that may call.
ADDRESS = "192.0.2.7"

Route = tuple[str, str]


@dataclass
class Caller:
    """Routes are remembered by method and path, the latter with its parameters' names: {team_id}.

    `called` are those that succeeded; `unlicensed` those that LiteLLM serves to its paying users only.
    """

    url: str
    called: set[Route] = field(default_factory=set)
    unlicensed: set[Route] = field(default_factory=set)

    def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, object] | None = None,
        key: str = MASTER_KEY,
        parts: Mapping[str, str] | None = None,
    ) -> Any:
        """The JSON of the answer; anything but success fails the test. `parts` fill the path's parameters."""
        answer = self.ask(method, path, body, query=query, key=key, parts=parts)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
        self.called.add((method, path))
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text

    def refused(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, object] | None = None,
        parts: Mapping[str, str] | None = None,
    ) -> None:
        """The call is valid, and the answer is that it takes a licence."""
        answer = self.ask(method, path, body, query=query, parts=parts)
        assert answer.is_error, f"{method} {path} needs no licence any more: {answer.text[:2000]}"
        assert LICENCE in answer.text, f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
        self.unlicensed.add((method, path))

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, object] | None = None,
        key: str = MASTER_KEY,
        parts: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The answer, whatever it is."""
        return httpx.request(
            method,
            self.url + filled(path, parts or {}),
            json=body,
            params=dict(query or {}),  # type: ignore[arg-type]
            headers={"Authorization": f"Bearer {key}", "X-Forwarded-For": ADDRESS},
            timeout=60,
        )


def filled(path: str, parts: Mapping[str, str]) -> str:
    """`path` with its parameters, such as {team_id} or {key:path}, replaced."""
    for name, value in parts.items():
        path = path.replace(f"{{{name}:path}}", value).replace(f"{{{name}}}", value)
    return path
