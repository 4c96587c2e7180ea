"""Known-bad releases, files that Python runs unasked, and files of packages against their RECORD."""

from __future__ import annotations

import base64
import compileall
import csv
import hashlib
import os
import re
import sys
from pathlib import Path

import pytest

from slipway.checks import integrity
from slipway.integrity import known_bad, records, startup_files
from slipway.integrity.known_bad import KNOWN_BAD
from slipway.integrity.records import Difference
from slipway.report import ExitCode, Finding

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = "import os; os.environ['RAN'] = '1'\n"


def install(folder: Path, name: str, version: str, files: dict[str, str]) -> Path:
    """Lay a package into `folder` as an installer does; return its RECORD."""
    rows = []
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        whole = hashlib.sha256(text.encode()).digest()
        rows.append((path, "sha256=" + base64.urlsafe_b64encode(whole).decode().rstrip("="), len(text)))
    record = folder / f"{name}-{version}.dist-info" / "RECORD"
    record.parent.mkdir(parents=True)
    with record.open("w", newline="") as file:
        csv.writer(file).writerows([*rows, (f"{record.parent.name}/RECORD", "", "")])
    return record


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """A virtual environment like the image's, with the package that everything is about."""
    files = {
        "litellm/__init__.py": "",
        "litellm/proxy/__init__.py": "",
        "litellm/proxy/proxy_server.py": "app = 1\n",
        'litellm/odd, "name".py': "x = 1\n",
    }
    install(packages_of(tmp_path), "litellm", "1.106.2", files)
    return tmp_path


def packages_of(venv: Path) -> Path:
    return venv / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def ids(findings: list[Finding]) -> list[str]:
    return [finding.id for finding in findings]


def at_start(venv: Path, *added: Path, allowed: bool = False) -> list[Finding]:
    return integrity.at_start(allowed=allowed, venv=venv, added=added)


def whole(venv: Path, *added: Path) -> list[Finding]:
    return integrity.whole(venv=venv, added=added)


@pytest.mark.parametrize(
    ("name", "version", "bad"),
    [
        ("litellm", "1.82.7", True),
        ("LiteLLM", "1.82.8", True),
        ("litellm", "v1.82.8+local", True),
        ("litellm", "1.107.0", True),
        ("litellm", "1.107.0rc2", False),
        ("litellm", "1.82.6", False),
        ("litellm-proxy-extras", "1.82.8", False),
        ("Guardrails_AI", "0.10.1", True),
    ],
)
def test_a_release_is_known_by_its_name_and_version_however_they_are_spelt(name: str, version: str, bad: bool) -> None:
    assert (known_bad.look_up(name, version) is not None) is bad


def test_each_known_bad_release_has_a_reason_and_a_source() -> None:
    for bad in KNOWN_BAD:
        assert bad.name == re.sub(r"[-_.]+", "-", bad.name).lower()
        assert bad.versions
        assert re.match(r"was published by an attacker on \d+ \w+ 2026", bad.reason)
        assert bad.source


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_no_lock_has_a_known_bad_release(path: Path) -> None:
    assert list(known_bad.locked(path.read_text())) == []


def test_a_known_bad_release_in_a_lock_is_found() -> None:
    text = "# litellm==1.82.7\nsix==1.17.0 \\\n    --hash=sha256:00\nlitellm[proxy] == 1.82.8 ; python_version > '3'\n"
    assert [(name, version) for name, version, _ in known_bad.locked(text)] == [("litellm", "1.82.8")]


def test_packages_that_are_as_they_were_installed_have_no_findings(venv: Path) -> None:
    assert at_start(venv) == []
    assert whole(venv) == []


def test_a_host_that_is_no_image_has_no_findings(tmp_path: Path) -> None:
    assert at_start(tmp_path / "absent", tmp_path / "neither") == []
    assert whole(tmp_path / "absent", tmp_path / "neither") == []


@pytest.mark.parametrize("kind", ["dist-info", "egg-info"])
def test_an_installed_release_that_must_never_run_is_refused_wherever_it_is(
    venv: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    added, named = tmp_path / "site", tmp_path / "named"
    for folder in (packages_of(venv), added, named):
        (folder / f"LiteLLM-1.82.8.{kind}").mkdir(parents=True)
    monkeypatch.setenv("PYTHONPATH", f"{named}:")
    # Nothing makes it bearable.
    findings = at_start(venv, added, allowed=True)
    assert ids(findings) == ["package-known-bad"] * 3
    assert {(finding.severity, finding.code) for finding in findings} == {("error", ExitCode.CONFIG)}
    assert "litellm 1.82.8" in findings[0].what
    assert "PYSEC-2026-2" in findings[0].why


@pytest.mark.parametrize(
    ("name", "foreign"),
    [
        ("litellm_init.pth", True),
        (".hidden.pth", True),
        ("sitecustomize.py", True),
        ("usercustomize.py", True),
        ("sitecustomize.cpython-313-x86_64-linux-gnu.so", True),
        ("slipway.pth", True),
        ("sitecustomize.txt", False),
        ("my_sitecustomize.py", False),
        ("path.pth.txt", False),
    ],
)
@pytest.mark.parametrize("place", ["site-packages", "added"])
def test_a_file_that_python_runs_by_itself_and_the_image_does_not_have_is_refused(
    venv: Path, tmp_path: Path, name: str, foreign: bool, place: str
) -> None:
    folder = packages_of(venv) if place == "site-packages" else tmp_path / "hooks"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(FOREIGN)
    findings = at_start(venv, tmp_path / "hooks")
    assert ids(findings) == (["startup-file-foreign"] if foreign else [])
    assert all(str(folder / name) in finding.what for finding in findings)
    assert [finding.severity for finding in at_start(venv, tmp_path / "hooks", allowed=True)] == ["warning"] * foreign


def test_the_other_places_where_debians_python_reads_pth_files_are_looked_at(venv: Path) -> None:
    place = venv / "lib" / "python3" / "dist-packages"
    place.mkdir(parents=True)
    (place / "x.pth").write_text(FOREIGN)
    assert ids(at_start(venv)) == ["startup-file-foreign"]


def test_the_images_own_pth_file_is_allowed_with_its_content_only(venv: Path) -> None:
    """Its content is what install.sh writes."""
    written = re.search(
        r"printf '%s\\n' (.*) >\"\$packages/slipway.pth\"", (ROOT / "docker/python/install.sh").read_text()
    )
    assert written
    own = packages_of(venv) / "slipway.pth"
    own.write_text("\n".join(written[1].split()) + "\n")
    assert at_start(venv) == []
    own.write_text(own.read_text() + FOREIGN)
    assert ids(at_start(venv)) == ["startup-file-foreign"]


def test_what_pythonpath_names_is_told_and_not_refused(
    venv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Instrumentation comes so; a .pth file there is not read."""
    (tmp_path / "named").mkdir()
    (tmp_path / "named" / "sitecustomize.py").write_text(FOREIGN)
    (tmp_path / "named" / "x.pth").write_text(FOREIGN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "named"))
    (finding,) = at_start(venv)
    assert (finding.id, finding.severity) == ("startup-file-named", "warning")


def test_the_way_into_the_proxy_is_compared_at_each_start(venv: Path) -> None:
    (packages_of(venv) / "litellm/proxy/proxy_server.py").write_text("app = 2\n")
    (finding,) = at_start(venv)
    assert (finding.id, finding.severity) == ("package-modified", "error")
    assert "litellm/proxy/proxy_server.py (modified)" in finding.what
    assert [finding.severity for finding in at_start(venv, allowed=True)] == ["warning"]


def test_bytecode_is_what_runs_and_is_compared_too(venv: Path) -> None:
    packages = packages_of(venv)
    compileall.compile_dir(packages, quiet=2)
    records.renew(packages, lambda _: "compiled")
    assert at_start(venv) == []
    bytecode = packages / "litellm/proxy/__pycache__" / f"proxy_server.{sys.implementation.cache_tag}.pyc"
    bytecode.write_bytes(bytecode.read_bytes() + b"\0")
    (finding,) = at_start(venv)
    assert f"{bytecode.name} (modified)" in finding.what


def test_every_file_is_compared_by_check(venv: Path) -> None:
    packages = packages_of(venv)
    (packages / 'litellm/odd, "name".py').write_text("x = 2\n")
    (packages / "litellm/__init__.py").unlink()
    (packages / "litellm/extra.so").write_text("")
    (packages / "litellm/proxy/notes.txt").write_text("")
    (packages / "yaml.py").write_text("")
    assert ids(at_start(venv)) == ["package-modified"]
    modified, foreign = whole(venv)
    assert (modified.id, foreign.id) == ("package-modified", "package-file-foreign")
    assert 'litellm/__init__.py (missing), litellm/odd, "name".py (modified)' in modified.what
    assert "holds litellm/extra.so, yaml.py, which no package has brought" in foreign.what


def test_many_differences_are_counted_and_the_first_ones_named(venv: Path) -> None:
    for number in range(7):
        (packages_of(venv) / f"planted{number}.py").write_text("")
    (finding,) = whole(venv)
    assert "planted4.py and 2 more" in finding.what
    assert "planted5.py" not in finding.what


def test_packages_that_a_user_added_may_have_other_files_beside_them(venv: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    install(site, "extra", "1.0", {"extra/__init__.py": "", "bin/extra": "", "extra/data.py": ""})
    (site / "own_module.py").write_text("")
    (site / "bin/extra").unlink()
    assert whole(venv, site) == []
    (site / "extra/data.py").write_text("changed = 1\n")
    (finding,) = whole(venv, site)
    assert "extra/data.py (modified)" in finding.what


def test_what_cannot_be_looked_at_is_a_warning(venv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrity, "_SECONDS", 0.0)
    (late,) = whole(venv)
    assert (late.id, late.severity) == ("integrity-unfinished", "warning")
    assert "0 of 5 files" in late.what
    next(packages_of(venv).glob("*/RECORD")).write_bytes(b"\xff\n")
    assert ids(whole(venv)) == ["integrity-unfinished"]


def test_a_file_without_a_hash_has_to_be_there(tmp_path: Path) -> None:
    record = install(tmp_path, "one", "1", {"one.py": ""})
    record.write_text("one.py,,\ntwo.pyc,,\nthree.py,md5=00,0\n")
    assert records.verify(tmp_path, 60).differences == (
        Difference("two.pyc", "missing"),
        Difference("three.py", "missing"),
    )


def test_a_file_of_two_packages_is_either_ones(tmp_path: Path) -> None:
    install(tmp_path, "one", "1", {"shared/__init__.py": "first = 1\n"})
    install(tmp_path, "two", "1", {"shared/__init__.py": "second = 1\n"})
    assert records.verify(tmp_path, 60).differences == ()


def test_records_are_made_true_where_each_change_has_a_reason(tmp_path: Path) -> None:
    record = install(tmp_path, "one", "1", {"one/a.py": "", "one/b.py": "", "top.py": "", "one/c.pyi": ""})
    install(tmp_path, "two", "1", {"two.py": ""})
    (tmp_path / "one/a.py").write_text("patched = 1\n")
    (tmp_path / "one/c.pyi").unlink()
    (tmp_path / "one/made.py").write_text("")
    compileall.compile_dir(tmp_path, quiet=2)
    with pytest.raises(ValueError, match=r"nobody said why 1 files differ: one/a\.py \(modified\)"):
        records.renew(tmp_path, lambda item: None if item.kind == "modified" else "meant")
    changed = records.renew(tmp_path, lambda item: f"{item.kind}: meant")
    assert changed[Difference("one/a.py", "modified")] == "modified: meant"
    assert records.verify(tmp_path, 60).differences == ()
    tag = sys.implementation.cache_tag
    assert [path for path, _ in records.read(record)] == sorted(
        [
            *(f"one/{name}.py" for name in ("a", "b", "made")),
            *(f"one/__pycache__/{name}.{tag}.pyc" for name in ("a", "b", "made")),
            "top.py",
            f"__pycache__/top.{tag}.pyc",
            "one-1.dist-info/RECORD",
        ]
    )
    assert len(records.read(tmp_path / "two-1.dist-info/RECORD")) == 3


def test_a_file_beside_no_package_belongs_to_none(tmp_path: Path) -> None:
    install(tmp_path, "one", "1", {"one/a.py": ""})
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/x.py").write_text("")
    with pytest.raises(ValueError, match=r"no package has a file beside elsewhere/x\.py"):
        records.renew(tmp_path, lambda _: "meant")


def test_the_installed_packages_of_this_host_are_as_their_records_say() -> None:
    """RECORDs of real installers are understood."""
    folder = Path(pytest.__file__).parents[1]
    found = records.verify(folder, 120, unexpected=False)
    assert found.seen > 1000
    assert [item for item in found.differences if os.path.splitext(item.path)[1] == ".py"] == []


def test_startup_files_have_reasons() -> None:
    assert all(len(entry.reason) > 20 and len(entry.digest) == 64 for entry in startup_files.ALLOWED)
