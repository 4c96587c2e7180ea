"""Lock files, package lists, apt sources, and what happens when a package is not what was locked."""

from __future__ import annotations

import hashlib
import http.server
import importlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BASE = Path(__file__).resolve().parents[2] / "docker" / "base"
HASH = "a" * 64
LINE = f"tini 0.19.0-3+b8 amd64 {HASH} pool/main/t/tini/tini_0.19.0-3+b8_amd64.deb"


def module(name: str) -> Any:
    """A module of docker/base, which is a folder of scripts and not a package."""
    if str(BASE) not in sys.path:
        sys.path.insert(0, str(BASE))
    return importlib.import_module(name)


packages = module("packages")
mirrors = module("mirrors")
rootfs = module("rootfs")


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A mirror on the loopback: its address and the folder it serves."""
    folder = tmp_path / "mirror"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, format: str, *arguments: Any) -> None:
            """Keep the test's output to the test."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_lock_survives_writing_and_reading() -> None:
    lock = packages.parse_lock(f"# epoch: 1700000000\n{LINE}\n", "x.lock")
    assert lock.epoch == 1700000000
    assert packages.parse_lock(lock.text(), "x.lock") == lock
    assert lock.packages[0].name == "tini"


@pytest.mark.parametrize("target", sorted(packages.TARGETS))
@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_the_committed_locks_are_in_their_written_form_and_hold_what_is_wanted(target: str, architecture: str) -> None:
    lock = packages.load_lock(target)
    assert lock.text() == (BASE / f"{target}.lock").read_text(encoding="utf-8")
    names = {package.name for package in lock.for_architecture(architecture)}
    assert set(packages.wanted(target)[0]) <= names
    assert "apt" not in names


@pytest.mark.parametrize("target", ["tools", "full"])
def test_what_stands_on_the_runtime_has_its_packages_and_more(target: str) -> None:
    assert set(packages.load_lock("runtime").packages) < set(packages.load_lock(target).packages)


@pytest.mark.parametrize(("target", "release"), [("runtime", "13."), ("postgres-17", "13."), ("postgres-15", "12.")])
def test_the_packages_are_those_of_the_targets_release(target: str, release: str) -> None:
    base = next(package for package in packages.load_lock(target).packages if package.name == "base-files")
    assert base.version.startswith(release)


def test_a_release_comes_with_its_updates_and_its_security_fixes() -> None:
    suites = packages.TARGETS["postgres-15"].suites
    assert suites == ("bookworm", "bookworm-updates", "bookworm-security")


def test_the_removals_of_a_target_are_those_of_all_its_lists() -> None:
    install, remove = packages.wanted("full")
    assert {"python3", "nodejs"} <= set(install)
    assert {"apt", "node-corepack"} <= set(remove)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("tini 1 amd64", "does not hold"),
        (LINE.replace(HASH, HASH[:-1]), "hash"),
        (LINE.replace("pool/main", "http://mirror/pool"), "path"),
        (LINE.replace("pool/main", "pool/../.."), "path"),
        (f"{LINE}\n{LINE}", "twice"),
        (LINE.replace("tini 0", "../x 0"), "name"),
        ("# epoch: soon", "epoch"),
    ],
)
def test_a_broken_lock_names_the_line_and_the_fix(line: str, why: str) -> None:
    with pytest.raises(packages.BaseError) as caught:
        packages.parse_lock(f"# epoch: 1\n{line}\n", "x.lock")
    text = str(caught.value)
    assert "x.lock line" in text
    assert why in text
    assert "make lock" in text


def test_a_lock_without_epoch_is_refused() -> None:
    with pytest.raises(packages.BaseError, match="epoch"):
        packages.parse_lock(LINE, "x.lock")


def test_an_architecture_that_is_not_locked_is_refused() -> None:
    with pytest.raises(packages.BaseError, match="riscv64"):
        packages.parse_lock(f"# epoch: 1\n{LINE}\n", "x.lock").for_architecture("riscv64")


def test_wanted_lists_separate_what_comes_from_what_goes() -> None:
    assert packages.parse_wanted("# head\npython3  # why\n\n-apt # why\n") == (["python3"], ["apt"])


def test_the_security_archive_is_known_by_its_pool() -> None:
    assert not packages.Package(*LINE.split()).from_security
    assert packages.Package("a", "1", "all", HASH, "pool/updates/main/a/a_1_all.deb").from_security


ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://third.example/apt bookworm main
deb http://mirror.example/debian/ bookworm main contrib
deb-src http://mirror.example/debian/ bookworm main
deb http://mirror.example/debian-security bookworm-security main
"""
DEB822 = """\
Types: deb
URIs: http://third.example/node
Suites: nodistro
Components: main

Types: deb
# a remark in the middle
URIs: http://mirror.example/debian
Suites: bookworm
 bookworm-updates
Components: main
Enabled: yes

Types: deb
URIs: http://off.example/debian-security
Suites: bookworm-security
Components: main
Enabled: no

Types: deb deb-src
URIs: http://safe.example/debian-security
Suites: bookworm-security
Components: main
"""


def machine(folder: Path, one_line: str = "", deb822: str = "") -> Path:
    """An /etc of a Debian machine with these sources."""
    (folder / "apt" / "sources.list.d").mkdir(parents=True)
    (folder / "os-release").write_text('ID=debian\nVERSION_CODENAME="bookworm"\n')
    (folder / "apt" / "sources.list").write_text(one_line)
    (folder / "apt" / "sources.list.d" / "debian.sources").write_text(deb822)
    return folder


@pytest.mark.parametrize(
    ("one_line", "deb822", "security"),
    [(ONE_LINE, "", "http://mirror.example/debian-security"), ("", DEB822, "http://safe.example/debian-security")],
)
def test_the_machines_own_sources_name_the_mirrors(tmp_path: Path, one_line: str, deb822: str, security: str) -> None:
    found = mirrors.discover({}, machine(tmp_path, one_line, deb822))
    assert (found.main, found.security) == ("http://mirror.example/debian", security)


def test_a_cloud_images_list_of_mirrors_is_followed(tmp_path: Path) -> None:
    listed = tmp_path / "mirrors.list"
    listed.write_text("# first\nhttp://near.example/debian\thint\nhttp://far.example/debian\n")
    found = mirrors.discover({}, machine(tmp_path / "etc", f"deb mirror+file:{listed} bookworm main\n"))
    assert found == mirrors.Mirrors("http://near.example/debian", "http://near.example/debian-security")


def test_the_environment_wins_and_a_snapshot_has_its_security_beside_it(tmp_path: Path) -> None:
    stamp = "20260101T000000Z"
    found = mirrors.discover(
        {"DEBIAN_MIRROR": f"http://s.example/archive/debian/{stamp}/"}, machine(tmp_path, ONE_LINE)
    )
    assert found.main == f"http://s.example/archive/debian/{stamp}"
    assert found.security == f"http://s.example/archive/debian-security/{stamp}"
    both = {"DEBIAN_MIRROR": "http://a.example/x", "DEBIAN_SECURITY_MIRROR": "http://b.example/y/"}
    assert mirrors.discover(both, tmp_path) == mirrors.Mirrors("http://a.example/x", "http://b.example/y")


def test_without_a_mirror_the_error_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(packages.BaseError, match="set DEBIAN_MIRROR"):
        mirrors.discover({}, tmp_path)


def locked(content: bytes, path: str = "pool/main/t/tini/tini.deb") -> Any:
    """A locked package with this content."""
    return packages.Package("tini", "1-2", "amd64", hashlib.sha256(content).hexdigest(), path)


def serve(folder: Path, path: str, content: bytes) -> None:
    """Put a file on the mirror."""
    (folder / path).parent.mkdir(parents=True)
    (folder / path).write_bytes(content)


def test_a_package_is_fetched_once(tmp_path: Path, mirror: tuple[str, Path]) -> None:
    address, folder = mirror
    package = locked(b"right")
    serve(folder, package.path, b"right")
    own = mirrors.Mirrors(address, "http://127.0.0.1:9/never")
    file = rootfs.fetch(package, own, tmp_path)
    assert file.read_bytes() == b"right"
    (folder / package.path).unlink()
    assert rootfs.fetch(package, own, tmp_path) == file


def test_a_spoilt_cache_entry_is_fetched_again(tmp_path: Path, mirror: tuple[str, Path]) -> None:
    address, folder = mirror
    package = locked(b"right", "pool/updates/main/t/tini.deb")
    serve(folder, package.path, b"right")
    (tmp_path / f"{package.sha256}.deb").write_bytes(b"spoilt")
    file = rootfs.fetch(package, mirrors.Mirrors("http://127.0.0.1:9/never", address), tmp_path)
    assert file.read_bytes() == b"right"


def test_other_content_than_locked_is_refused(
    tmp_path: Path, mirror: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rootfs, "TRIES", 1)
    address, folder = mirror
    package = locked(b"right")
    serve(folder, package.path, b"wrong")
    with pytest.raises(packages.BaseError) as caught:
        rootfs.fetch(package, mirrors.Mirrors(address, address), tmp_path / ".")
    assert "tini 1-2" in str(caught.value)
    assert "another hash" in str(caught.value)
    assert not list(tmp_path.glob("*.deb"))


def test_a_package_that_is_gone_is_named_with_the_fix(tmp_path: Path, mirror: tuple[str, Path]) -> None:
    address, _ = mirror
    with pytest.raises(packages.BaseError) as caught:
        rootfs.fetch(locked(b"right"), mirrors.Mirrors(address, address), tmp_path)
    assert "tini 1-2 (amd64)" in str(caught.value)
    assert "404" in str(caught.value)
    assert "make lock" in str(caught.value)


def test_the_installed_set_must_be_the_locked_set() -> None:
    package = locked(b"x")
    rootfs.expect_exactly([package], "tini 1-2 amd64\n")
    with pytest.raises(packages.BaseError, match="extra: \\['bash 5 amd64'\\]"):
        rootfs.expect_exactly([package], "tini 1-2 amd64\nbash 5 amd64\n")
    with pytest.raises(packages.BaseError, match="missing: \\['tini 1-2 amd64'\\]"):
        rootfs.expect_exactly([package], "")


def test_the_tag_depends_on_target_and_architecture_only_while_nothing_changes() -> None:
    assert rootfs.tag_of("runtime", "amd64") == rootfs.tag_of("runtime", "amd64")
    tags = {rootfs.tag_of(target, machine) for target in packages.TARGETS for machine in ("amd64", "arm64")}
    assert len({tag.partition(":")[2] for tag in tags}) == 2 * len(packages.TARGETS)


def test_no_committed_list_names_a_host() -> None:
    for file in [*BASE.glob("*.lock"), *BASE.glob("*.txt")]:
        assert "://" not in file.read_text(encoding="utf-8"), file.name
