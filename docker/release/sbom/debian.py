"""Debian's packages, of what dpkg has written down. Source: deb-version(7), dpkg(1), copyright-format 1.0."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from debian.copyright import Copyright, NotMachineReadableError
from debian.deb822 import Deb822, Packages

from sbom.component import Component
from sbom.tree import Tree

_STATUS = "/var/lib/dpkg/status"
_INFO = "/var/lib/dpkg/info"
# A copyright file without fields names its licences by where Debian has their texts.
_COMMON = re.compile(r"/usr/share/common-licenses/([A-Za-z0-9.+-]+[A-Za-z0-9+])")


def find(tree: Tree, stated: Mapping[str, str]) -> Iterator[Component]:
    """Yield each installed package with the files of its list.

    ``stated`` has the licence of a source package whose copyright file is prose.
    """
    release = dict(line.split("=", 1) for line in tree.texts["/usr/lib/os-release"].splitlines() if "=" in line)
    distribution = f"debian-{release['VERSION_ID'].strip(chr(34))}"
    packages = [
        package
        for package in Packages.iter_paragraphs(tree.texts[_STATUS], use_apt_pkg=False)
        if package["Status"].endswith(" installed")
    ]
    # Packages of one source share a folder of documentation, through links that are not kept.
    of_source: dict[str, set[str]] = {}
    for package in packages:
        of_source.setdefault(_source(package), set()).update(_licences(tree, package["Package"]))
    for package in packages:
        name, architecture = package["Package"], package["Architecture"]
        names = (f"{name}:{architecture}", name)
        (listed,) = [f"{_INFO}/{it}.list" for it in names if f"{_INFO}/{it}.list" in tree.texts]
        own = {path for path in tree.texts if path.startswith(tuple(f"{_INFO}/{it}." for it in names))}
        prose = {stated[_source(package)]} if _source(package) in stated else set()
        yield Component(
            "deb", name, package["Version"],
            tuple(sorted(prose or _licences(tree, name) or of_source[_source(package)])), namespace="debian",
            qualifiers={"arch": architecture, "distro": distribution},
            files=frozenset({*map(tree.real, tree.texts[listed].splitlines()), *own}),
            supplier=package.get("Maintainer", ""),
        )  # fmt: skip


def _source(package: Deb822) -> str:
    # A version in brackets follows where it is not the package's own.
    return str(package.get("Source", package["Package"])).partition(" ")[0]


def _licences(tree: Tree, name: str) -> set[str]:
    text = tree.texts.get(f"/usr/share/doc/{name}/copyright", "")
    try:
        found = Copyright(text.splitlines(), strict=False)
    except (NotMachineReadableError, ValueError):
        return set(_COMMON.findall(text))
    licences = [*(part.license for part in found.all_files_paragraphs()), found.header.license]
    return {word for word in (getattr(it, "synopsis", "") for it in licences) if word}
