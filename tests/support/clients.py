"""Many clients at once, each asking again as soon as it was answered, and what became of every request."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx
import openai

# Divisible by many numbers of chunks, so that a stream has as many as it is asked for.
_ANSWER_LENGTH = 240
_ECHO = "echo of "
FINISH_SECONDS = 180


@dataclass(frozen=True)
class Outcome:
    """One request. `id` is the completion's; `failure` is empty when the whole answer came."""

    started: float
    ended: float
    stream: bool
    id: str
    failure: str


def stream_of(seconds: float, chunks: int) -> str:
    """The model whose answers are streams of `chunks` pieces over `seconds`."""
    return f"provider/chat+chunks={chunks}+gap={round(seconds * 1000 / chunks)}"


def slow(milliseconds: int) -> str:
    """The model whose answers come after so long."""
    return f"provider/chat+delay={milliseconds}"


@dataclass
class Clients:
    """`count` clients of the official library without its retries; the first `streaming` of them ask for streams.

    A context manager: they ask from its begin to its end, which waits for the answers to what was asked.
    The provider's models say the text again; any other says `answer`.
    """

    url: str
    key: str
    count: int = 50
    streaming: int = 0
    model: str = "provider/chat"
    stream_model: str = "provider/chat"
    answer: str = "mocked answer"
    # A client's own pause between two requests leaves the machine to the gateway.
    pause_seconds: float = 0.2
    limit: int | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    in_flight: int = 0
    _asked: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)
    _cancelled: bool = False
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="clients")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A test that failed does not wait for long streams.
        self._cancelled = kind is not None
        self.finish()
        streams = sum(outcome.stream for outcome in self.outcomes)
        print(f"{self.count} clients: {len(self.outcomes)} requests, {streams} streamed, {len(self.failed)} failed")

    def finish(self) -> None:
        """Ask nothing more, and wait for the answers to what was asked."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def done(self) -> bool:
        """Whether all that `limit` allows was asked and answered."""
        return self._thread is not None and not self._thread.is_alive()

    @property
    def succeeded(self) -> list[Outcome]:
        return [outcome for outcome in list(self.outcomes) if not outcome.failure]

    @property
    def failed(self) -> list[Outcome]:
        return [outcome for outcome in list(self.outcomes) if outcome.failure]

    @property
    def ids(self) -> set[str]:
        """The ids of the answers."""
        return {outcome.id for outcome in self.succeeded}

    def served(self, since: float) -> int:
        """How many requests were made after `since`, by the monotonic clock, and have been answered."""
        return sum(outcome.started > since for outcome in self.succeeded)

    def assert_all_succeeded(self) -> None:
        """Fail with the reasons unless every request was answered in full, each with an id of its own."""
        reasons = Counter(outcome.failure for outcome in self.failed)
        assert not reasons, f"{len(self.failed)} of {len(self.outcomes)} requests failed: {reasons.most_common(10)}"
        assert self.outcomes, "nothing was asked"
        assert len(self.ids) == len(self.outcomes), "two answers have the same id"

    async def _run(self) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        async with openai.AsyncOpenAI(
            base_url=f"{self.url}/v1",
            api_key=self.key,
            max_retries=0,
            timeout=600,
            http_client=httpx.AsyncClient(limits=limits, timeout=600),
        ) as client:
            tasks = [asyncio.create_task(self._ask(client, number)) for number in range(self.count)]
            deadline: float | None = None
            while not all(task.done() for task in tasks):
                await asyncio.wait(tasks, timeout=0.2)
                if self._ended.is_set():
                    deadline = deadline or time.monotonic() + FINISH_SECONDS
                    if self._cancelled or time.monotonic() > deadline:
                        for task in tasks:
                            task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, client: openai.AsyncOpenAI, number: int) -> None:
        stream = number < self.streaming
        # They do not all begin at once, as clients never do.
        await asyncio.sleep(self.pause_seconds * number / self.count)
        while not self._ended.is_set() and (self.limit is None or self._asked < self.limit):
            self._asked += 1
            text = (secrets.token_hex(16) * 8)[: _ANSWER_LENGTH - len(_ECHO)]
            model = self.stream_model if stream else self.model
            expected = _ECHO + text if model.startswith("provider/") else self.answer
            started = time.monotonic()
            self.in_flight += 1
            id, failure = "", "cancelled: no answer in time"
            try:
                id, said, reason = await (_streamed if stream else _asked)(client, model, text)
                failure = _judge(said, reason, expected)
            except openai.APIStatusError as error:
                failure = f"{error.status_code} {error.response.text[:300]}"
            except (openai.APIError, httpx.HTTPError) as error:
                failure = repr(error) + (f" from {error.__cause__!r}" if error.__cause__ else "")
            finally:
                self.in_flight -= 1
                self.outcomes.append(Outcome(started, time.monotonic(), stream, id, failure))
            await asyncio.sleep(self.pause_seconds)


def _judge(said: str, reason: str | None, expected: str) -> str:
    if said != expected:
        return f"cut: {len(said)} of {len(expected)} characters, the end reason {reason}"
    return "" if reason == "stop" else f"the end reason {reason}"


def _messages(text: str) -> Any:
    return [{"role": "user", "content": text}]


async def _asked(client: openai.AsyncOpenAI, model: str, text: str) -> tuple[str, str, str | None]:
    answer = await client.chat.completions.create(model=model, messages=_messages(text))
    choice = answer.choices[0]
    return answer.id, choice.message.content or "", choice.finish_reason


async def _streamed(client: openai.AsyncOpenAI, model: str, text: str) -> tuple[str, str, str | None]:
    id, said, reason = "", "", None
    async with await client.chat.completions.create(model=model, messages=_messages(text), stream=True) as chunks:
        async for chunk in chunks:
            id = id or chunk.id
            for choice in chunk.choices:
                said += choice.delta.content or ""
                reason = choice.finish_reason or reason
    return id, said, reason
