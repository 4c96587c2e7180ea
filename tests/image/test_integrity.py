"""What was changed after the build is told, and what Python would run unasked has not been run by then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.support import gateway
from tests.support.lab import Finished, Lab
from tests.support.processes import server_of, tree, workers_of

PACKAGES = "/opt/slipway/venv/lib/python3.13/site-packages"
# Tells of itself wherever Python runs it.
TELLTALE = "import sys; sys.stderr.write('the foreign file has run\\n')\n"
RAN = "the foreign file has run"
STARTED = "slipway 0"


def mounted(directory: Path, target: str, text: str = "") -> dict[str, Path]:
    """A file of the host in the place of one of the image."""
    return {target: gateway.write(directory, Path(target).name, text)}


def refuse(lab: Lab, directory: Path, id: str, *named: str, files: dict[str, Path], **how: Any) -> Finished:
    """Start a gateway that must end before anything is started, with the finding `id` first."""
    done = lab.once(gateway.specify(directory, files=files, **how))
    assert done.code == 65, done.output
    (first, *_) = done.stderr.split("slipway: error: ")[1:]
    assert f"[{id}]" in first.partition("\n")[0], done.stderr
    assert f"docs/runbooks/{id}.md" in first
    assert [word for word in named if word not in first] == []
    assert STARTED not in done.output
    return done


@pytest.mark.parametrize("flavour", ["image", "slim_image"])
def test_every_file_of_a_fresh_image_is_as_it_was_installed(
    lab: Lab, directory: Path, flavour: str, request: pytest.FixtureRequest
) -> None:
    image = str(request.getfixturevalue(flavour))
    done = lab.once(gateway.specify(directory, args=("check", "--config", gateway.CONFIG_PATH), image=image))
    assert json.loads(done.stdout) == {"ok": True, "findings": []}, done.output
    print(f"checked in {done.seconds:.1f} s")


@pytest.mark.parametrize("command", [(), ("migrate",)], ids=["serve", "migrate"])
def test_a_foreign_pth_file_is_refused_before_python_has_run_it(
    lab: Lab, directory: Path, command: tuple[str, ...]
) -> None:
    path = f"{PACKAGES}/litellm_init.pth"
    files = mounted(directory, path, TELLTALE)
    args = (*command, "--config", gateway.CONFIG_PATH)
    done = refuse(lab, directory, "startup-file-foreign", path, files=files, args=args)
    assert RAN not in done.output
    # The file is what it seems to be: any other Python in the container runs it.
    other = lab.once(gateway.specify(directory, files=files, args=("python", "-c", "")))
    assert RAN in other.output


def test_a_sitecustomize_among_the_hooks_is_refused(lab: Lab, directory: Path) -> None:
    path = "/etc/slipway/hooks/sitecustomize.py"
    done = refuse(lab, directory, "startup-file-foreign", path, files=mounted(directory, path, TELLTALE))
    assert RAN not in done.output


@pytest.mark.parametrize("name", ["proxy_server.py", "__pycache__/proxy_server.cpython-313.pyc"])
def test_a_changed_proxy_is_refused(lab: Lab, directory: Path, name: str) -> None:
    files = mounted(directory, f"{PACKAGES}/litellm/proxy/{name}", "app = None\n")
    refuse(lab, directory, "package-modified", f"litellm/proxy/{name} (modified)", files=files)


@pytest.mark.parametrize("folder", [PACKAGES, "/etc/slipway/site"])
def test_a_release_that_must_never_run_is_refused_whatever_is_allowed(lab: Lab, directory: Path, folder: str) -> None:
    empty = directory / "empty"
    empty.mkdir(exist_ok=True)
    files = {f"{folder}/litellm-1.82.8.dist-info": empty}
    env = {"SLIPWAY_ALLOW_MODIFIED": "on"}
    refuse(lab, directory, "package-known-bad", "litellm 1.82.8", "PYSEC-2026-2", files=files, env=env)


@pytest.mark.parametrize(
    ("path", "id"),
    [
        ("litellm/proxy/hidden.so", "package-file-foreign"),
        ("yaml.py", "package-file-foreign"),
        ("litellm/types/utils.py", "package-modified"),
        ("click/__pycache__/core.cpython-313.pyc", "package-modified"),
    ],
)
def test_check_compares_every_file(lab: Lab, directory: Path, path: str, id: str) -> None:
    files = mounted(directory, f"{PACKAGES}/{path}")
    args = ("check", "--config", gateway.CONFIG_PATH)
    done = lab.once(gateway.specify(directory, files=files, args=args))
    assert done.code == 65, done.output
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["id"], finding["severity"]) == (id, "error")
    assert path in finding["what"]


def test_what_is_meant_is_a_warning(lab: Lab, directory: Path) -> None:
    files = mounted(directory, f"{PACKAGES}/own.pth", TELLTALE)
    running = gateway.start(lab, directory, files=files, env={"SLIPWAY_ALLOW_MODIFIED": "on"})
    assert running.ask() == "mocked answer"
    assert "slipway: warning: " in running.box.logs()
    assert "[startup-file-foreign]" in running.box.logs()


def test_instrumentation_by_pythonpath_is_told_and_runs(lab: Lab, directory: Path) -> None:
    files = mounted(directory, "/srv/instrumentation/sitecustomize.py", TELLTALE)
    running = gateway.start(lab, directory, files=files, env={"PYTHONPATH": "/srv/instrumentation"})
    assert running.ask() == "mocked answer"
    assert "[startup-file-named]" in running.box.logs()
    assert RAN in running.box.logs()


def test_workers_may_have_as_many_descriptors_as_the_container(lab: Lab, directory: Path) -> None:
    args = ("--config", gateway.CONFIG_PATH, "--num_workers", "2")
    running = gateway.start(lab, directory, args=args, descriptors=(256, 5000))
    found = tree(running.box)
    for worker in workers_of(found, server_of(found, "gunicorn"), 2):
        limits = running.box.exec(["cat", f"/proc/{worker.pid}/limits"]).output
        (line,) = [line for line in limits.splitlines() if line.startswith("Max open files")]
        assert line.split()[3:5] == ["5000", "5000"]
        print(len(running.box.exec(["ls", f"/proc/{worker.pid}/fd"], user="12345").output.split()), "open")
    assert "descriptors-few" not in running.box.logs()


def test_too_few_descriptors_are_told_before_they_are_used_up(lab: Lab, directory: Path) -> None:
    args = ("check", "--config", gateway.CONFIG_PATH)
    done = lab.once(gateway.specify(directory, args=args, descriptors=(256, 1024)))
    assert done.code == 0, done.output
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["id"], finding["severity"]) == ("descriptors-few", "warning")
    assert "--ulimit nofile=" in finding["fix"]


def test_the_build_wrote_down_what_it_changed(client: docker.DockerClient, image: str) -> None:
    """Each file that is not its wheel's, and why."""
    text = client.containers.run(image, ["cat", "/opt/slipway/venv/differences.csv"], remove=True).decode()
    assert "litellm/router.py,changed,the patch model-info-copy" in text
    assert text.startswith("file,is,because\n")
