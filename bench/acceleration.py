"""What each component of fast-litellm is worth, for docs/decisions/0010-acceleration.md; no row of the benchmark.

`python -m bench.acceleration [IMAGE]` prints a table. Microseconds of processor time a call, LiteLLM's own code and the
native one in the same process, the median of ROUNDS. A component that LiteLLM has no place for is called by nothing;
the router's native class accepts none of LiteLLM's arguments, so that it is called directly here.
"""

from __future__ import annotations

import sys
from typing import Final

import docker

from bench.containers import running

SCRIPT: Final = r"""
import random, statistics, string, time
ROUNDS, SECONDS = 7, 0.3

def timed(call):
    call()
    found = []
    for _ in range(ROUNDS):
        calls, began = 0, time.process_time()
        while time.process_time() - began < SECONDS:
            call()
            calls += 1
        found.append((time.process_time() - began) / calls * 1e6)
    return statistics.median(found)

began = time.process_time()
import fast_litellm
from fast_litellm import _rust
imported = time.process_time() - began
import litellm, litellm.utils
from litellm.router import Router

def row(what, plain, native, same):
    a, b = timed(plain), timed(native)
    print(f"| {what} | {a:.1f} | {b:.1f} | {b / a:.1f} | {same} |", flush=True)

print("| Call | LiteLLM | fast-litellm | ratio | same result |")
print("|---|---|---|---|---|")
counter = _rust.SimpleTokenCounter(4096)
words = random.Random(1)
vocabulary = ["".join(words.choices(string.ascii_lowercase, k=words.randint(2, 9))) for _ in range(2000)]
for size in (10, 100, 1000, 10000, 100000):
    text = ""
    while len(text) < size:
        text += words.choice(vocabulary) + words.choice((" ", " ", " ", ", ", ". ", "\n\n"))
    text = text[:size]
    for model in ("gpt-4o", "gpt-5"):
        plain = lambda: litellm.utils.token_counter(model=model, text=text)
        native = lambda: counter.count_tokens(text, model)
        row(f"token_counter: text of {size} characters, {model}", plain, native, f"{native()} of {plain()}")
messages = [{"role": "user", "content": "Say hello in a few words."}]
plain = lambda: litellm.utils.token_counter(model="gpt-4o", messages=messages)
native = lambda: counter.count_tokens(messages[0]["content"], "gpt-4o")
row("token_counter: one short message, gpt-4o", plain, native, f"{native()} of {plain()}")
for count in (2, 50):
    parameters = {"model": "openai/gpt-4o", "api_key": "none"}
    deployments = [
        {"model_name": "pair", "litellm_params": parameters, "model_info": {"id": str(i)}} for i in range(count)
    ]
    router = Router(model_list=deployments)
    advanced = _rust.AdvancedRouter()
    plain = lambda: router.get_available_deployment(model="pair", messages=messages)
    native = lambda: advanced.get_available_deployment(deployments, "pair")
    row(f"router: choice among {count} deployments", plain, native, "never called by LiteLLM")
print(f"import of fast_litellm: {imported * 1000:.0f} ms")
"""


def main(image: str) -> int:
    with running(docker.from_env(timeout=600), image, ("python", "-P", "-c", SCRIPT)) as box:
        done = box.finished(600)
    print(done.stdout if done.code == 0 else done.output)
    return done.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "slipway:dev"))
