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

from sbom import ownership, vex
from sbom.__main__ import components, main, rules, statements
from sbom.tree import Tree, of_image
from tests.support import gateway, mapped, postgres
from tests.support.lab import Lab, wait_until

ENGINE = ["docker"]
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
# Source: the OpenVEX specification, 0.2.0, "Status Justifications".
JUSTIFICATIONS = {
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
}


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
    for name in ("sbom.cdx.json", "sbom.spdx.json", "vex.json", "licences.md"):
        assert (tmp_path / name).read_bytes() == (written / name).read_bytes()


def test_what_is_said_not_to_apply_is_said_of_a_component_and_of_why(written: Path) -> None:
    document = json.loads((written / "vex.json").read_text())
    assert document["@context"] == vex.CONTEXT
    content = json.loads((written / "sbom.cdx.json").read_text())
    purls = {part["purl"] for part in content["components"]}
    assert len(document["statements"]) == len(statements())
    for statement in document["statements"]:
        (product,) = statement["products"]
        assert {part["@id"] for part in product["subcomponents"]} <= purls
        assert statement["status"] == "not_affected"
        assert statement["justification"] in JUSTIFICATIONS
        assert len(statement["impact_statement"]) > 20


def test_the_report_has_the_licence_of_each_part_and_who_let_it_in(written: Path) -> None:
    content = json.loads((written / "sbom.cdx.json").read_text())
    text = (written / "licences.md").read_text()
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(content["components"])
    assert [row for row in rows if not row[3].strip() or "nothing" in row[4]] == []
    assert "LGPL-3.0: used unmodified, as a library of its own" in text


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


def test_what_the_gateway_maps_belongs_to_components(running: gateway.Gateway, tree: Tree) -> None:
    found = mapped.files(running.box)
    assert len(found) > 50
    assert any(path.endswith("/node") for path in found)
    assert mapped.nobodys(tree, found) == []


def test_what_the_gateway_imports_belongs_to_components(
    running: gateway.Gateway, tree: Tree, owners: ownership.Ownership
) -> None:
    assert running.box.exec(["touch", "/tmp/asked"]).code == 0
    wait_until("the list of modules", lambda: running.box.exec(["test", "-e", "/tmp/imported"]).code == 0, 30)
    imported = json.loads(running.box.exec(["cat", "/tmp/imported"]).stdout)
    assert len(imported) > 1000
    found = [path for path in imported if tree.real(path) not in owners.owners]
    assert found == [f"{HOOKS}/telling.py"]
