"""The fast paths of the proxy's import change how long it takes and nothing else, and say so when they do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.runtime.changes import IN_PROCESS
from tests.support import gateway
from tests.support.lab import Lab, Spec
from tests.support.processes import server_of, tree, workers_of

OFF = {change.switch: "off" for change in IN_PROCESS}
# granian's parent waits for each worker in a thread, started after it.
WATCHERS = {"granian": 2}
SHARED_BYTES = 100 * 2**20
IMPORT = """
import os
from slipway.runtime import warmup
refused = []
with warmup.entered(warmup.load(), os.environ, refused):
    from litellm.proxy.proxy_server import app
"""
OPENAPI = f"""{IMPORT}
import hashlib, json
from fastapi.openapi.utils import get_openapi
text = json.dumps(get_openapi(title="", version="", routes=app.routes), sort_keys=True)
print(len(app.routes), len(text), hashlib.sha256(text.encode()).hexdigest(), refused)
"""
NAMES = f"""{IMPORT}
import sys, typing
assert "BaseModel" not in vars(sys.modules["prisma.models"]), "the models are loaded already"
from prisma.models import LiteLLM_UserTable
from prisma.types import LiteLLM_UserTableWhereInput
everything = {{}}
exec("from prisma.models import *", everything)
assert everything["LiteLLM_UserTable"] is LiteLLM_UserTable
assert "user_id" in typing.get_type_hints(LiteLLM_UserTableWhereInput)
assert "user_id" in LiteLLM_UserTable.model_fields and LiteLLM_UserTable.model_json_schema()
from prisma import Prisma
assert Prisma().litellm_usertable is not None
import openai, openai.lib._parsing, openai.types, mcp.types
from openai.types.chat import ChatCompletion, ChatCompletionChunk
assert openai.types.chat.ChatCompletion is ChatCompletion and "CreateEmbeddingResponse" in dir(openai.types)
assert openai.types.CreateEmbeddingResponse.model_validate(
    {{"data": [], "model": "m", "object": "list", "usage": {{"prompt_tokens": 1, "total_tokens": 1}}}}
)
assert openai.lib._parsing._completions.__name__ == "openai.lib._parsing._completions"
try:
    openai.types.NoSuchName
except AttributeError as problem:
    print(problem)
print("all names", refused)
"""
CHANGED = """
import dataclasses, os, re, sys, typing
import fastapi.routing
from pydantic import TypeAdapter

def other(*arguments, **options):
    raise AssertionError

fastapi.routing.APIRouter.include_router, kept = other, fastapi.routing.APIRouter.include_router
from slipway.runtime import warmup
refused = []
with warmup.entered(warmup.load(), os.environ, refused):
    fastapi.routing.APIRouter.include_router = kept
    from litellm.proxy.proxy_server import app
print(len(app.routes) > 100, refused)
"""

STALE = """
import marshal
from pathlib import Path
from slipway.runtime.warmup.store import load
other = Path("/tmp/store")
other.write_bytes(marshal.dumps((("another Python",), ({"a": ("b", "c", False)}, {}, {}, {}), ([], [], []))))
print(len(load(other).places), len(load().places) > 3000)
"""


def python(lab: Lab, code: str, env: dict[str, str] | None = None, image: str | None = None) -> str:
    done = lab.once(Spec(entrypoint=("python", "-P", "-c", code), env=env or {}, network="none", image=image))
    assert done.code == 0, done.output
    return done.stdout


def test_the_interface_is_the_same_with_and_without_them(lab: Lab) -> None:
    fast, slow = python(lab, OPENAPI), python(lab, OPENAPI, OFF)
    assert fast == slow
    assert fast.endswith("[]\n")
    assert int(fast.split()[0]) > 500


def test_every_name_stays_importable(lab: Lab) -> None:
    assert python(lab, NAMES) == "module 'openai.types' has no attribute 'NoSuchName'\nall names []\n"


def test_a_path_that_does_not_fit_is_left_out_and_named(lab: Lab) -> None:
    told = python(lab, CHANGED)
    assert told.startswith("True ['deferred-routes: ")
    assert "has changed" in told
    assert told.count(": ") == 1


def test_a_record_of_another_python_is_not_used(lab: Lab) -> None:
    code = (
        "from pathlib import Path; from slipway.runtime.warmup import store as s; print(len(s.load(Path('/x')).places))"
    )
    assert python(lab, code) == "0\n"
    assert python(lab, STALE) == "0 True\n"


def test_what_a_user_puts_before_the_packages_stays_before_them(lab: Lab) -> None:
    before = "/tmp/before"
    code = f"""
import os, pathlib, sys
pathlib.Path("{before}/tiktoken").mkdir(parents=True)
pathlib.Path("{before}/tiktoken/__init__.py").write_text("mine = True")
os.environ["PYTHONPATH"] = "{before}"
sys.path.insert(0, "{before}")
from slipway.runtime import warmup
with warmup.entered(warmup.load(), os.environ, []):
    import tiktoken, openai
print(tiktoken.mine, openai.__file__.startswith(sys.prefix))
"""
    assert python(lab, code) == "True True\n"


def test_slim_has_its_own_record(lab: Lab, slim_image: str) -> None:
    code = f"{IMPORT}\nprint(len(warmup.load().places) > 2000, refused)"
    assert python(lab, code, image=slim_image) == "True []\n"


def test_a_gateway_without_them_answers_too(lab: Lab, directory: Path, network: str) -> None:
    found = gateway.start(lab, directory, env=OFF, network=network)
    assert found.ask() == "mocked answer"


@pytest.mark.parametrize("server", ["uvicorn", "gunicorn", "hypercorn", "granian"])
def test_workers_share_one_import(lab: Lab, directory: Path, network: str, server: str) -> None:
    found = gateway.start(
        lab,
        directory,
        args=("--config", gateway.CONFIG_PATH, "--num_workers", "2"),
        env={"SLIPWAY_SERVER": server},
        network=network,
    )
    assert found.ask() == "mocked answer"
    log = found.box.logs()
    assert "left out" not in log
    assert "forked from" not in log, "something stands in the way of a fork"
    seen = tree(found.box)
    master = server_of(seen, server)
    assert threads(found, master.pid) == 1 + WATCHERS.get(server, 0)
    for worker in workers_of(seen, master, 2):
        assert shared(found, worker.pid) > SHARED_BYTES, str(seen)


def test_each_worker_imports_for_itself_when_asked_to(lab: Lab, directory: Path, network: str) -> None:
    found = gateway.start(
        lab,
        directory,
        args=("--config", gateway.CONFIG_PATH, "--num_workers", "2"),
        env={"SLIPWAY_PRELOAD": "off"},
        network=network,
    )
    assert found.ask() == "mocked answer"
    seen = tree(found.box)
    for worker in workers_of(seen, server_of(seen, "gunicorn"), 2):
        assert shared(found, worker.pid) < SHARED_BYTES, str(seen)


def shared(found: gateway.Gateway, pid: int) -> int:
    """Bytes of memory that the process shares with others and that no file backs."""
    code = f"print(open('/proc/{pid}/smaps_rollup').read().partition('Shared_Dirty:')[2].split()[0])"
    return int(found.box.python(code)) * 1024


def threads(found: gateway.Gateway, pid: int) -> int:
    return int(found.box.python(f"import os; print(len(os.listdir('/proc/{pid}/task')))"))
