"""Reading LiteLLM's config file."""

from pathlib import Path

import pytest

from slipway import config_file
from slipway.report import ExitCode, Refusal

SECRET = "sentinel-secret"


def refused(path: Path) -> str:
    with pytest.raises(Refusal) as refusal:
        config_file.read(str(path), "flag --config")
    (finding,) = refusal.value.findings
    assert finding.code is ExitCode.CONFIG
    assert "flag --config" in finding.what
    assert SECRET not in finding.what + finding.fix
    return finding.id


def refusal_of(path: Path) -> str:
    with pytest.raises(Refusal) as refusal:
        config_file.read(str(path), "flag --config")
    assert SECRET not in str(refusal.value)
    return str(refusal.value)


def write(folder: Path, text: str, name: str = "config.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_included_files_are_found_beside_the_file_that_names_them() -> None:
    config = {"include": ["models.yaml", "/else/more.yaml", 5]}
    assert config_file.included(config, "/app/config.yaml") == ["/app/models.yaml", "/else/more.yaml"]
    assert config_file.included({"include": "no list"}, "/app/config.yaml") == []


def test_what_included_files_include_is_found_too_and_once(tmp_path: Path) -> None:
    first, beside, at_the_top = (tmp_path / name for name in ("below/first.yaml", "below/beside.yaml", "top.yaml"))
    first.parent.mkdir()
    first.write_text("include: [beside.yaml, top.yaml, first.yaml]\nlitellm_settings: {}\n")
    beside.write_text("include: [unclosed\n")
    at_the_top.write_text("include: [below/beside.yaml]\n")
    found = config_file.included({"include": ["below/first.yaml"]}, str(tmp_path / "config.yaml"))
    assert found == [str(first), str(beside), str(at_the_top)]


def test_what_is_wrong_with_a_file_is_told_apart(tmp_path: Path) -> None:
    assert refused(tmp_path / "absent.yaml") == "config-missing"
    assert refused(tmp_path) == "config-directory"
    assert refused(write(tmp_path, "{}", "config.json")) == "config-extension"
    assert refused(write(tmp_path, f"api_key: '{SECRET}\nb: [1")) == "config-yaml"
    assert refused(write(tmp_path, f"a: {SECRET}: b")) == "config-yaml"
    assert refused(write(tmp_path, f"key: !!{SECRET} x")) == "config-yaml"
    assert refused(write(tmp_path, f"key: {SECRET}\nday: 2024-13-45")) == "config-yaml"
    assert refused(write(tmp_path, f"- {SECRET}")) == "config-shape"
    assert refused(write(tmp_path, f"model_list: {SECRET}")) == "config-shape"
    assert refused(write(tmp_path, "general_settings: [1]")) == "config-shape"
    assert "model_list[0]" in refusal_of(write(tmp_path, f"model_list:\n- model_name: {SECRET}\n"))
    assert "model_list[0]" in refusal_of(write(tmp_path, "model_list:\n- model_name: a\n  litellm_params:\n"))
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9")
    assert refused(tmp_path / "latin.yaml") == "config-unreadable"


def test_a_yaml_error_names_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="line 2, column"):
        config_file.read(str(write(tmp_path, "a: 1\nb: c: d")), "flag --config")


@pytest.mark.parametrize("text", ["", "# model_list:\n", "{}"])
def test_a_file_that_holds_nothing_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Refusal) as refused:
        config_file.read(str(write(tmp_path, text)), "x")
    assert refused.value.findings[0].id == "config-empty"


def test_references_come_with_their_place(tmp_path: Path) -> None:
    text = (
        "model_list:\n- litellm_params: {api_key: os.environ/KEY}\ngeneral_settings: {master_key: os.environ/MASTER}\n"
    )
    config = config_file.read(str(write(tmp_path, text, "c.yml")), "x")
    assert list(config_file.references(config)) == [
        ("model_list[0].litellm_params.api_key", "KEY"),
        ("general_settings.master_key", "MASTER"),
    ]


def test_the_same_is_seen_whatever_yaml_can_say(tmp_path: Path) -> None:
    text = "router_settings: &itself {a: [*itself], b: .nan, c: 2026-01-01}\n"
    one, other = (config_file.read(str(write(tmp_path, text)), "x") for _ in range(2))
    assert config_file.same(one, other)
    assert not config_file.same(one, config_file.read(str(write(tmp_path, text.replace("nan", "inf"))), "x"))
