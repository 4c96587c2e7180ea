"""The SBOM of the image under test: complete, valid, the same each time, and true of what runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from sbom import ownership
from sbom.__main__ import components, main, rules
from sbom.tree import Tree, of_image
from tests.support import gateway, postgres
from tests.support.lab import Lab, wait_until

ENGINE = ["docker"]
# What maps and imports lie outside of the image.
OUTSIDE = ("/dev/", "/memfd:", "/proc/", "/run/slipway/", "/tmp/", "/var/lib/slipway/")
MAPS = """
import json, os
paths = set()
for name in os.listdir("/proc"):
    if name.isdigit():
        try:
            lines = open(f"/proc/{name}/maps").read().splitlines()
        except OSError:
            continue
        paths |= {line.split(None, 5)[5] for line in lines if len(line.split(None, 5)) == 6}
print(json.dumps(sorted(path for path in paths if path.startswith("/"))))
"""
# A hook of the user's: what a worker has imported, once it is asked.
HOOK = """
import json, os, sys, threading, time
def tell():
    while not os.path.exists("/tmp/asked"):
        time.sleep(0.1)
    found = sorted({str(it.__file__) for it in list(sys.modules.values()) if getattr(it, "__file__", None)})
    with open("/tmp/unfinished", "w") as file:
        json.dump(found, file)
    os.rename("/tmp/unfinished", "/tmp/imported")
def begin():
    threading.Thread(target=tell, daemon=True).start()
"""
HOOKS = "/etc/slipway/hooks"


@pytest.fixture(scope="module")
def tree(image: str) -> Tree:
    return of_image(image, ENGINE)


@pytest.fixture(scope="module")
def owners(tree: Tree) -> ownership.Ownership:
    return ownership.assign(tree, components(tree, "dev"), rules()["made"])


@pytest.fixture(scope="module")
def written(image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sbom")
    assert main([image, str(folder)]) == 0
    return folder


def test_every_file_belongs_to_a_component(owners: ownership.Ownership) -> None:
    assert owners.nobodys == []
    assert owners.unused == []


def test_every_owner_is_a_component(tree: Tree, owners: ownership.Ownership) -> None:
    assert set(owners.owners.values()) <= {component.id for component in components(tree, "dev")}


def test_every_component_states_a_licence(tree: Tree) -> None:
    assert [component.id for component in components(tree, "dev") if not component.licences] == []


def test_both_documents_are_valid_and_name_the_same(written: Path) -> None:
    text = (written / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = parse_file(str(written / "sbom.spdx.json"))
    assert validate_full_spdx_document(document) == []
    purls = {ref.locator for package in document.packages for ref in package.external_references}
    content: dict[str, Any] = json.loads(text)
    assert {part["purl"] for part in content["components"]} == purls
    assert len(purls) > 200


def test_the_same_image_has_the_same_documents(image: str, written: Path, tmp_path: Path) -> None:
    assert main([image, str(tmp_path)]) == 0
    for name in ("sbom.cdx.json", "sbom.spdx.json"):
        assert (tmp_path / name).read_bytes() == (written / name).read_bytes()


@pytest.fixture(scope="module")
def running(client: docker.DockerClient, image: str, directory: Path) -> Iterator[gateway.Gateway]:
    """A gateway with a database, which has answered."""
    with Lab(client, image) as lab:
        network = lab.network()
        server = postgres.start(lab, network)
        server.sql("CREATE DATABASE gateway")
        hooks = directory / "hooks"
        hooks.mkdir(mode=0o755)
        gateway.write(hooks, "telling.py", HOOK)
        env = {
            "DATABASE_URL": server.url("gateway"), "LITELLM_SALT_KEY": gateway.MASTER_KEY[::-1],
            "LITELLM_WORKER_STARTUP_HOOKS": "telling:begin",
        }  # fmt: skip
        found = gateway.start(lab, directory, env=env, files={HOOKS: hooks}, network=network)
        assert found.ask() == "mocked answer"
        yield found


def test_what_the_gateway_maps_belongs_to_components(
    running: gateway.Gateway, tree: Tree, owners: ownership.Ownership
) -> None:
    mapped = [path for path in json.loads(running.box.python(MAPS)) if not path.startswith(OUTSIDE)]
    assert len(mapped) > 50
    assert any(path.endswith("/node") for path in mapped)
    assert [path for path in mapped if tree.real(path) not in owners.owners] == []


def test_what_the_gateway_imports_belongs_to_components(
    running: gateway.Gateway, tree: Tree, owners: ownership.Ownership
) -> None:
    assert running.box.exec(["touch", "/tmp/asked"]).code == 0
    wait_until("the list of modules", lambda: running.box.exec(["test", "-e", "/tmp/imported"]).code == 0, 30)
    imported = json.loads(running.box.exec(["cat", "/tmp/imported"]).stdout)
    assert len(imported) > 1000
    found = [path for path in imported if tree.real(path) not in owners.owners]
    assert found == [f"{HOOKS}/telling.py"]
