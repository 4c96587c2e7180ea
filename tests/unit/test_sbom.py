"""Whose each file is, by lists of packages and by rules; what the documents say of licences."""

from __future__ import annotations

import json
from typing import Any

import pytest
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from sbom import as_cyclonedx, as_spdx, debian, licences, ownership, vex, wheels
from sbom.component import Component
from sbom.subject import Subject
from sbom.tree import Tree

SUBJECT = Subject("slipway", "1.2.3", f"sha256:{'0' * 64}", 1_700_000_000)
SITE = "/opt/slipway/venv/lib/python3.13/site-packages"
STATUS = """\
Package: one
Status: install ok installed
Version: 1-2
Architecture: amd64
Source: both (1)
Maintainer: Somebody <a@example.com>

Package: two
Status: install ok installed
Version: 1-2
Architecture: all
Source: both

Package: gone
Status: deinstall ok config-files
Version: 1
Architecture: all

Package: told
Status: install ok installed
Version: 3
Architecture: all
"""
COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: somebody
License: GPL-2+

Files: x
Copyright: somebody
License: Expat
"""


def tree(**texts: str) -> Tree:
    found = {
        "/usr/lib/os-release": 'ID=debian\nVERSION_ID="13"\n',
        "/var/lib/dpkg/status": STATUS,
        "/var/lib/dpkg/info/one:amd64.list": "/.\n/bin/one\n",
        "/var/lib/dpkg/info/two.list": "/usr/bin/two\n",
        "/var/lib/dpkg/info/told.list": "/usr/bin/told\n",
        "/usr/share/doc/one/copyright": COPYRIGHT,
        "/usr/share/doc/told/copyright": "Whatever you like.\n",
        **texts,
    }
    files = dict.fromkeys([*found, "/usr/bin/one", "/usr/bin/two", "/etc/made"], "0")
    return Tree(files, {"/bin": "usr/bin"}, found)


def test_debians_packages_have_files_and_licences_of_their_source() -> None:
    found = {it.name: it for it in debian.find(tree(), {"told": "0BSD"})}
    assert set(found) == {"one", "two", "told"}
    assert found["one"].licences == found["two"].licences == ("Expat", "GPL-2+")
    assert found["told"].licences == ("0BSD",)
    # By merged /usr, it lies elsewhere than its list says.
    assert "/usr/bin/one" in found["one"].files
    assert "/var/lib/dpkg/info/one:amd64.list" in found["one"].files
    assert found["one"].qualifiers == {"arch": "amd64", "distro": "debian-13"}


@pytest.mark.parametrize(
    ("metadata", "licences"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: old", ("MIT OR Apache-2.0",)),
        ("Classifier: License :: OSI Approved :: MIT License\nLicense: The text\n", ("MIT License",)),
        ("License: BSD\n", ("BSD",)),
        ("", ()),
    ],
)
def test_wheels_state_their_licence_in_one_of_three_ways(metadata: str, licences: tuple[str, ...]) -> None:
    folder = f"{SITE}/a_b-1.dist-info"
    texts = {
        f"{folder}/METADATA": f"Name: A_b\nVersion: 1\n{metadata}",
        f"{folder}/RECORD": "a/b.py,sha256=x,1\n../../../bin/a,,\n",
    }
    (found,) = wheels.find(Tree({}, {}, texts))
    assert (found.name, found.version, found.licences) == ("a-b", "1", licences)
    assert found.files == {f"{SITE}/a/b.py", "/opt/slipway/venv/bin/a"}


def test_a_file_belongs_to_its_package_to_a_rule_or_to_nobody() -> None:
    listed = Component("pypi", "a", "1", ("MIT",), files=frozenset({"/x/a.py"}))
    files = dict.fromkeys(["/x/a.py", "/x/__pycache__/a.cpython-313.pyc", "/etc/made", "/etc/strange"], "0")
    made: list[dict[str, Any]] = [{"files": ["/etc/made", "/never/*"], "owner": "generic/slipway", "reason": "so"}]
    found = ownership.assign(Tree(files), [listed], made)
    assert found.owners == {
        "/x/a.py": "pypi/a", "/x/__pycache__/a.cpython-313.pyc": "pypi/a", "/etc/made": "generic/slipway",
    }  # fmt: skip
    assert found.nobodys == ["/etc/strange"]
    assert found.unused == ["/never/*"]


def test_licences_of_any_look_are_valid_in_both_documents() -> None:
    odd = ("MIT", "GPL-2+ with an exception", "Apache-2.0 OR MIT", "Expat/X11 ~ «so»")
    components = [
        Component("pypi", "none", "1", ()),
        Component("pypi", "one", "1", ("MIT OR Apache-2.0",)),
        Component("deb", "many", "1:2~3+b1", odd, namespace="debian", qualifiers={"arch": "amd64"}, supplier="A <a@b>"),
        Component("npm", "wasm", "1", ("Apache-2.0",), namespace="@prisma"),
    ]
    written = json.loads(as_cyclonedx.write(SUBJECT, components))
    assert {part["purl"] for part in written["components"]} == {
        "pkg:deb/debian/many@1:2~3%2Bb1?arch=amd64", "pkg:npm/%40prisma/wasm@1", "pkg:pypi/none@1", "pkg:pypi/one@1",
    }  # fmt: skip
    assert validate_full_spdx_document(as_spdx.document(SUBJECT, components)) == []
    assert as_spdx.write(SUBJECT, components) == as_spdx.write(SUBJECT, components)


STATEMENT = {
    "vulnerability": "CVE-1", "component": "pypi/one", "justification": "vulnerable_code_not_present",
    "reason": "Its program is not there.", "absent": ["/usr/bin/one*"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "path", "made"), [("one", "/x", 1), ("two", "/x", 0), ("one", "/usr/bin/one-2", 0)])
def test_a_statement_is_made_of_an_image_that_it_holds_of(name: str, path: str, made: int) -> None:
    parts = [Component("pypi", name, "1", ("MIT",))]
    told = json.loads(vex.write(SUBJECT, Tree({path: ""}), parts, [STATEMENT]))["statements"]
    products = [{"@id": "pkg:oci/slipway", "subcomponents": [{"@id": "pkg:pypi/one@1"}]}]
    assert [statement["products"] for statement in told] == [products] * made


@pytest.mark.parametrize(
    ("kind", "name", "licence", "verdict"),
    [
        ("pypi", "one", "MIT", "allowed"),
        ("npm", "one", "mit OR GPL-3.0", ""),
        ("pypi", "one", "MIT AND (BSD OR MIT)", "allowed"),
        ("pypi", "excepted", "LGPL-3.0", "a library of its own"),
        ("pypi", "one", "", ""),
        ("pypi", "one", "The BSD (short)", "allowed"),
        ("deb", "one", "GPL-2+", "Debian main"),
    ],
)
def test_who_lets_a_part_in(kind: str, name: str, licence: str, verdict: str) -> None:
    gate = licences.Gate(frozenset({"mit", "bsd", "the bsd (short)"}), {"excepted": "a library of its own"})
    part = Component(kind, name, "1", (licence,))
    assert gate.verdict(part) == verdict
    assert ("**nothing**" in licences.write(SUBJECT, [part], gate)) == (not verdict)
