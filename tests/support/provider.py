"""A fake OpenAI-compatible provider, run by the image's own Python: `python provider.py [PORT [CERTIFICATE KEY]]`.

The model's name steers an answer, as it survives the way through the gateway: NAME+option=value+...
  delay=MS    wait so long before the first byte        chunks=N   stream in N pieces
  gap=MS      wait so long between two pieces           hold=WORD  wait until POST /release/WORD
  status=N    answer with this status
The headers X-Fake-Delay, X-Fake-Chunks, X-Fake-Gap, X-Fake-Hold and X-Fake-Status do the same.
GET /seen tells which words are held now, how many requests each model had, and with which keys completions came, in
their order.
"""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import sys
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

OPTIONS = ("delay", "chunks", "gap", "hold", "status")
held: Counter[str] = Counter()
seen: Counter[str] = Counter()
keys: list[str] = []
gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)


def options_of(request: Request, model: str) -> dict[str, str]:
    from_name = dict(part.split("=", 1) for part in model.split("+")[1:] if "=" in part)
    from_headers = {name: request.headers.get(f"x-fake-{name}") for name in OPTIONS}
    return from_name | {name: value for name, value in from_headers.items() if value}


async def pause(options: dict[str, str]) -> None:
    await asyncio.sleep(int(options.get("delay", 0)) / 1000)
    word = options.get("hold")
    if word:
        held[word] += 1
        try:
            await gates[word].wait()
        finally:
            held[word] -= 1


def new_id() -> str:
    # Of its own for each answer, as a provider's are: the gateway names the row of a request by it.
    return f"chatcmpl-{uuid.uuid4().hex}"


def usage_of(text: str) -> dict[str, int]:
    words = len(text.split())
    return {"prompt_tokens": 7, "completion_tokens": words, "total_tokens": 7 + words}


def pieces(text: str, count: int) -> list[str]:
    size = max(1, -(-len(text) // count))
    return [text[start : start + size] for start in range(0, len(text), size)]


async def chunks(body: dict[str, Any], text: str, options: dict[str, str]) -> AsyncIterator[str]:
    shared = {
        "id": new_id(),
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": body["model"],
    }
    gap = int(options.get("gap", 0)) / 1000
    for piece in pieces(text, int(options.get("chunks", 5))):
        delta = {"role": "assistant", "content": piece}
        choices = [{"index": 0, "delta": delta, "finish_reason": None}]
        yield f"data: {json.dumps({**shared, 'choices': choices})}\n\n"
        await asyncio.sleep(gap)
    last = [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    yield f"data: {json.dumps({**shared, 'choices': last})}\n\n"
    if (body.get("stream_options") or {}).get("include_usage"):
        yield f"data: {json.dumps({**shared, 'choices': [], 'usage': usage_of(text)})}\n\n"
    yield "data: [DONE]\n\n"


def failure(status: int) -> JSONResponse:
    return JSONResponse({"error": {"message": "told to fail", "type": "fake", "code": str(status)}}, status)


async def chat(request: Request) -> Response:
    body = await request.json()
    options = options_of(request, body["model"])
    seen[body["model"]] += 1
    keys.append(request.headers.get("authorization", "").removeprefix("Bearer "))
    await pause(options)
    if "status" in options:
        return failure(int(options["status"]))
    text = f"echo of {body['messages'][-1]['content']}"
    if body.get("stream"):
        return StreamingResponse(chunks(body, text, options), media_type="text/event-stream")
    message = {"role": "assistant", "content": text}
    return JSONResponse(
        {
            "id": new_id(),
            "object": "chat.completion",
            "created": int(time.time()),
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": usage_of(text),
        }
    )


async def embeddings(request: Request) -> Response:
    body = await request.json()
    options = options_of(request, body["model"])
    seen[body["model"]] += 1
    await pause(options)
    if "status" in options:
        return failure(int(options["status"]))
    inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
    vector = [0.25, -0.5, 1.0]
    # The official client asks for base64 unless told otherwise.
    packed: object = vector
    if body.get("encoding_format") == "base64":
        packed = base64.b64encode(struct.pack("<3f", *vector)).decode()
    data = [{"object": "embedding", "index": index, "embedding": packed} for index in range(len(inputs))]
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    return JSONResponse({"object": "list", "data": data, "model": body["model"], "usage": usage})


async def models(_: Request) -> Response:
    return JSONResponse({"object": "list", "data": [{"id": "chat", "object": "model", "owned_by": "fake"}]})


async def report(_: Request) -> Response:
    return JSONResponse({"held": +held, "requests": seen, "keys": keys})


async def release(request: Request) -> Response:
    gates[request.path_params["word"]].set()
    return Response(status_code=204)


async def accept(_: Request) -> Response:
    """Stands for any webhook."""
    return Response("ok")


app = Starlette(
    routes=[
        Route("/v1/chat/completions", chat, methods=["POST"]),
        Route("/v1/embeddings", embeddings, methods=["POST"]),
        Route("/v1/models", models),
        Route("/seen", report),
        Route("/release/{word}", release, methods=["POST"]),
        Route("/webhook", accept, methods=["POST"]),
    ]
)

if __name__ == "__main__":
    given = sys.argv[1:]
    port = int(given[0]) if given else 8080
    certificate, key = given[1:3] if given[1:] else (None, None)
    uvicorn.run(app, host="0.0.0.0", port=port, ssl_certfile=certificate, ssl_keyfile=key, log_level="warning")
