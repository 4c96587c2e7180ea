"""The self-test: LiteLLM's proxy in a process of its own, with some components applied, answers what clients ask for.

``python -m slipway.runtime.acceleration.trial [COMPONENT …]`` prints one line of JSON: what was asked, and the answer,
to be compared with those of a run without components, which also tells what cannot be applied at all. No port, no
provider and no network: requests reach the application directly, and LiteLLM's own ``mock_response`` answers them.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from slipway.runtime import warmup
from slipway.runtime.acceleration import patching
from slipway.runtime.acceleration.answers import LACKING, failure
from slipway.runtime.acceleration.components import BY_NAME, COMPONENTS

Answers = dict[str, Any]
# One of two equal deployments is missed by chance once in 2**39 trials.
_TURNS: Final = 40
_HELLO: Final = [{"role": "user", "content": "Say hello in a few words."}]
_TOOL: Final = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a town",
        "parameters": {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
    },
}
_CALL: Final = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "call", "type": "function", "function": {"name": "weather", "arguments": '{"town": "Bern"}'}}
    ],
}
_PICTURE: Final = {
    "role": "user",
    "content": [
        {"type": "text", "text": "What is this?"},
        # A size is known without a look at it.
        {"type": "image_url", "image_url": {"url": "https://picture.invalid/x.png", "detail": "low"}},
    ],
}
# Each once for a family of tokenizers.
_MODELS: Final = ("gpt-4o", "gpt-5", "gpt-3.5-turbo", "claude-sonnet-4-5")
_TEXT: Final = "Ein Satz, 数据 and <|endoftext|> as plain text. " * 20
_COUNTED: Final[Mapping[str, Mapping[str, Any]]] = {
    "text": {"text": _TEXT},
    "messages": {"messages": _HELLO},
    "tools": {"messages": _HELLO, "tools": [_TOOL], "tool_choice": "auto"},
    "tool calls": {"messages": [*_HELLO, _CALL]},
    "images": {"messages": [_PICTURE]},
}


def main(names: Sequence[str]) -> int:
    """Apply the components, run every check, print the answers. A component that cannot be applied is an answer."""
    gc.disable()
    if names:
        patching.import_first()
    try:
        with warmup.entered(warmup.load(), os.environ, []):
            for name in names:
                patching.apply(BY_NAME[name])
            from litellm.proxy import proxy_server
    except patching.Unfit as problem:
        answers: Answers = {"application": failure(problem)}
    else:
        answers = asyncio.run(_answers(proxy_server))
        patching.confirm([BY_NAME[name] for name in names])
    if not names:
        problems = {component.name: patching.lacking(component) for component in COMPONENTS}
        answers[LACKING] = {name: problem for name, problem in problems.items() if problem}
    print(json.dumps(answers), flush=True)
    return 0


async def _answers(proxy_server: Any) -> Answers:
    import httpx

    async def router() -> None:
        proxy_server.llm_router = _router()

    async def ask(path: str, model: str, **body: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=proxy_server.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway.invalid") as client:
            answer = await client.post(path, json={"model": model, **body})
        if answer.status_code != 200:
            raise AssertionError(f"status {answer.status_code}: {answer.text}")
        return answer

    async def completion() -> Any:
        body = (await ask("/v1/chat/completions", "chat", messages=_HELLO)).json()
        return {"choices": body["choices"], "usage": body["usage"]}

    async def stream() -> Any:
        options = {"stream": True, "stream_options": {"include_usage": True}}
        text = (await ask("/v1/chat/completions", "chat", messages=_HELLO, **options)).text
        lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
        events = [json.loads(line) for line in lines if line != "[DONE]"]
        pieces = [event["choices"][0]["delta"].get("content") or "" for event in events if event["choices"]]
        return {"text": "".join(pieces), "usage": events[-1].get("usage"), "last": lines[-1]}

    async def embedding() -> Any:
        return (await ask("/v1/embeddings", "vectors", input=["one text"])).json()["data"]

    async def routing() -> Any:
        turns = [await ask("/v1/chat/completions", "pair", messages=_HELLO) for _ in range(_TURNS)]
        return sorted({turn.json()["choices"][0]["message"]["content"] for turn in turns})

    async def counts() -> Any:
        return {
            f"{model}, {what}": _counted(model, arguments) for model in _MODELS for what, arguments in _COUNTED.items()
        }

    checks: Mapping[str, Callable[[], Awaitable[Any]]] = {
        "router": router,
        "completion": completion,
        "stream": stream,
        "embedding": embedding,
        "routing": routing,
        "token counts": counts,
    }
    return {name: await _outcome(check) for name, check in checks.items()}


async def _outcome(check: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await check()
    except Exception as problem:
        return failure(f"{type(problem).__name__}: {problem}")


def _counted(model: str, arguments: Mapping[str, Any]) -> list[int]:
    import litellm

    return [litellm.token_counter(model=model, **arguments), litellm.utils.token_counter(model=model, **arguments)]


def _router() -> Any:
    import litellm.router

    def deployment(name: str, model: str, answer: object, identity: str = "") -> dict[str, Any]:
        parameters = {"model": f"openai/{model}", "api_key": "none", "mock_response": answer}
        return {"model_name": name, "litellm_params": parameters, "model_info": {"id": identity or name}}

    return litellm.router.Router(
        model_list=[
            deployment("chat", "gpt-4o", "An answer of several words."),
            deployment("vectors", "text-embedding-3-small", [0.25, -0.5]),
            deployment("pair", "gpt-4o", "first", "first"),
            deployment("pair", "gpt-4o", "second", "second"),
        ]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
