"""Precedence, types and complaints of settings."""

import pytest

from slipway import flags, settings
from slipway.report import ExitCode, Refusal


def resolve(
    argv: list[str], environment: dict[str, str] | None = None, config: dict[str, object] | None = None
) -> settings.Settings:
    return settings.resolve(flags.parse(argv).given, environment or {}, config or {})


def test_a_flag_beats_a_variable_beats_the_config_beats_the_default() -> None:
    config: dict[str, object] = {"litellm_settings": {"request_timeout": 100}}
    name = "REQUEST_TIMEOUT_SECONDS"
    assert resolve([])[name] == settings.Resolved(600, "default")
    assert resolve([], {}, config)[name] == settings.Resolved(100, "config litellm_settings.request_timeout")
    assert resolve([], {name: "200"}, config)[name] == settings.Resolved(200, f"variable {name}")
    assert resolve(["--request_timeout", "300"], {name: "200"}, config)[name] == settings.Resolved(
        300, "flag --request_timeout"
    )


def test_a_blank_variable_counts_as_unset() -> None:
    assert resolve([], {"PORT": " "})["PORT"].source == "default"


def test_an_alias_names_the_variable_it_came_from() -> None:
    assert resolve([], {"LITELLM_CONFIG": "/c.yaml"})["CONFIG_FILE_PATH"].source == "variable LITELLM_CONFIG"


def test_a_fraction_of_a_second_in_the_config_is_rounded_up() -> None:
    assert resolve([], {}, {"litellm_settings": {"request_timeout": 7.5}}).number("REQUEST_TIMEOUT_SECONDS") == 8


def test_a_reference_in_the_config_is_left_to_litellm() -> None:
    config: dict[str, object] = {"litellm_settings": {"request_timeout": "os.environ/TIMEOUT"}}
    assert resolve([], {}, config)["REQUEST_TIMEOUT_SECONDS"].source == "default"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NUM_WORKERS", "0"),
        ("NUM_WORKERS", "1e9"),
        ("NUM_WORKERS", "1000000000"),
        ("PORT", "http"),
        ("PORT", "65536"),
        ("DEBUG", "sentinel-value"),
        ("SLIPWAY_SERVER", "sentinel-value"),
        ("LITELLM_LOG", "sentinel-value"),
        ("PYTHON_GC_THRESHOLD", "77,10"),
        ("PYTHON_GC_THRESHOLD", "sentinel-value,10,10"),
        ("PYTHON_GC_THRESHOLD", "10000000000,10,10"),
        ("PYTHON_GC_THRESHOLD", "-1,10,10"),
    ],
)
def test_an_invalid_value_is_refused_by_name_and_never_shown(name: str, value: str) -> None:
    with pytest.raises(Refusal) as refusal:
        resolve([], {name: value})
    (finding,) = refusal.value.findings
    assert finding.code is ExitCode.CONFIG
    assert name in finding.what
    assert value not in finding.what.replace("from 1 to", "") or len(value) < 2
    assert "sentinel" not in finding.what + finding.fix


def test_a_blank_flag_and_a_list_in_the_config_are_refused() -> None:
    with pytest.raises(Refusal, match="blank"):
        resolve(["--config", ""])
    with pytest.raises(Refusal, match="single value"):
        resolve([], {}, {"litellm_settings": {"request_timeout": [[1]]}})


def test_every_invalid_value_is_reported_at_once() -> None:
    with pytest.raises(Refusal) as refusal:
        resolve([], {"PORT": "x", "NUM_WORKERS": "x"})
    assert len(refusal.value.findings) == 2


def test_names_are_unique_and_described() -> None:
    names = [name for setting in settings.SETTINGS for name in (setting.name, *setting.aliases)]
    assert len(names) == len(set(names))
    assert all(setting.meaning and setting.meaning[-1] != "." for setting in settings.SETTINGS)
