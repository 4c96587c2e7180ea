"""Startup hooks run in every worker, and the other documented ways to start the proxy work inside the image."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest

from tests.support import gateway
from tests.support.gateway import Gateway
from tests.support.lab import Lab, wait_until
from tests.support.processes import server_of, tree, workers_of

HOOKS = Path(__file__).with_name("hooks")
MOUNTED = "/etc/slipway/hooks"
FLAGS = json.dumps(["my_app", "--my_flag=forty-two", "--batch_size=32"])
WRAPPER = "my_litellm_wrapper"


def notes(running: Gateway) -> dict[int, list[str]]:
    """What the hooks wrote, by process, in order."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for line in running.box.exec(["cat", "/tmp/notes"]).output.splitlines():
        pid, _, text = line.partition(" ")
        found[int(pid)].append(text)
    return dict(found)


def workers(running: Gateway, server: str, count: int) -> set[int]:
    found = tree(running.box)
    return {worker.pid for worker in workers_of(found, server_of(found, server), count)}


@pytest.mark.parametrize("server", ["uvicorn", "gunicorn", "hypercorn", "granian"])
def test_sync_and_async_hooks_run_in_order_in_every_worker(lab: Lab, directory: Path, server: str) -> None:
    env = {
        "SLIPWAY_SERVER": server,
        "GFLAGS_ARGV": FLAGS,
        "LITELLM_WORKER_STARTUP_HOOKS": f"{WRAPPER}:init_gflags_for_worker, {WRAPPER}:open_connections",
    }
    args = ("--config", gateway.CONFIG_PATH, "--num_workers", "2")
    running = gateway.start(lab, directory, args=args, env=env, files={MOUNTED: HOOKS})
    wait_until("the notes of both workers", lambda: len(notes(running)) >= 2, 90)
    assert set(notes(running)) == workers(running, server, 2)
    assert all(texts == ["flags forty-two", "connections forty-two"] for texts in notes(running).values())
    assert running.ask() == "mocked answer"


def test_a_package_under_the_site_directory_is_importable(lab: Lab, directory: Path) -> None:
    package = directory / "site" / "company_hooks"
    package.mkdir(parents=True)
    gateway.write(package, "__init__.py", "")
    gateway.write(package, "start.py", "def init():\n    open('/tmp/notes', 'a').write('1 site\\n')\n")
    for path in (package, package.parent):
        path.chmod(0o755)
    env = {"LITELLM_WORKER_STARTUP_HOOKS": "company_hooks.start:init"}
    running = gateway.start(lab, directory, env=env, files={"/etc/slipway/site": package.parent})
    assert notes(running) == {1: ["site"]}


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("server", ["uvicorn", "gunicorn", "hypercorn", "granian"])
def test_a_hook_that_raises_ends_the_container(lab: Lab, directory: Path, server: str, workers: str) -> None:
    env = {"SLIPWAY_SERVER": server, "NUM_WORKERS": workers, "LITELLM_WORKER_STARTUP_HOOKS": f"{WRAPPER}:refuse"}
    done = lab.once(gateway.specify(directory, env=env, files={MOUNTED: HOOKS}), 120)
    assert done.code not in (0, 72), done.output
    assert "the hook of the test refuses to start" in done.output


def test_a_function_that_cannot_be_found_by_reading_is_a_warning(lab: Lab, directory: Path) -> None:
    env = {"LITELLM_WORKER_STARTUP_HOOKS": f"{WRAPPER}:made_at_import", "GFLAGS_ARGV": FLAGS}
    running = gateway.start(lab, directory, env=env, files={MOUNTED: HOOKS})
    assert list(notes(running).values()) == [["flags forty-two"]]
    warnings = [line for line in running.box.logs().splitlines() if "slipway: warning" in line]
    assert any("made_at_import" in line for line in warnings), running.box.logs()


def test_a_hook_is_located_without_being_run(lab: Lab, directory: Path) -> None:
    """The launcher's look at a module must not be a second execution of it."""
    module = "import os\nopen('/tmp/notes', 'a').write(f'{os.getpid()} imported\\n')\ndef init(): pass\n"
    folder = directory / "located"
    folder.mkdir()
    gateway.write(folder, "located.py", module)
    folder.chmod(0o755)
    env = {"LITELLM_WORKER_STARTUP_HOOKS": "located:init"}
    running = gateway.start(lab, directory, env=env, files={MOUNTED: folder})
    assert list(notes(running).values()) == [["imported"]]


def test_the_proxy_starts_from_a_program(lab: Lab, directory: Path) -> None:
    files = {f"/app/{name}": HOOKS / name for name in ("start_proxy.py", "my_litellm_wrapper.py")}
    args = ("python", "start_proxy.py", "--my_flag=programmatic")
    running = gateway.start(lab, directory, args=args, files=files, supervised=False)
    wait_until("the notes of both workers", lambda: len(notes(running)) == 2, 90)
    assert all(texts == ["flags programmatic"] for texts in notes(running).values())
    assert running.ask() == "mocked answer"


def test_the_wrapper_module_of_the_acceleration_guide_answers(lab: Lab, directory: Path) -> None:
    args = ("gunicorn", "app:app", "--preload", "-w", "2", "-k", "uvicorn.workers.UvicornWorker", "-b", "0.0.0.0:4000")
    env = {"LITELLM_CONFIG": gateway.CONFIG_PATH}
    running = gateway.start(
        lab, directory, args=args, env=env, files={"/app/app.py": HOOKS / "app.py"}, supervised=False
    )
    assert running.ask() == "mocked answer"


def test_litellms_own_command_starts_the_gateway(lab: Lab, directory: Path) -> None:
    args = ("litellm", "--config", gateway.CONFIG_PATH)
    running = gateway.start(lab, directory, args=args, supervised=False)
    assert running.ask() == "mocked answer"
