"""Names: how they are found in LiteLLM's source, compared, and shown."""

import json
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from known.reads import Reads, assigned
from known.schemas import Schemas
from known.source import parse
from known.variables import Variables
from slipway import known

SOURCE = '''
"""READ_IN_A_DOCSTRING alone is none."""
import os
NAME_ENV: Final = "BY_A_CONSTANT"
PREFIX = "LITELLM_POOL_"
os.getenv("BY_GETENV", os.environ["BY_INDEX"])
for name in ("IN_A_TABLE", "IN_A_TABLE_TOO"):
    os.environ.get(name)
get_secret_str(secret_name="BY_KEYWORD")
os.environ.get(f"LITELLM_RUST_{feature}")
@click.option("--port", envvar="PORT")
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX)
    size: int = 1
class Plain(BaseSettings):
    database_port: str = ""
'''


def test_names_of_variables_are_found_however_they_are_read() -> None:
    variables = Variables()
    variables.see(parse("litellm/a.py", SOURCE.replace("class Settings", "def f(): ...\nclass Settings", 1)))
    names, beginnings = variables.finish()
    assert names == [
        *("BY_A_CONSTANT", "BY_GETENV", "BY_INDEX", "BY_KEYWORD", "DATABASE_PORT", "IN_A_TABLE", "IN_A_TABLE_TOO"),
        *("LITELLM_POOL_SIZE", "PORT"),
    ]
    assert beginnings == ["LITELLM_RUST_"]


READING = """
class ProxyConfig:
    def load(self, config):
        general_settings = config.get("general_settings", {})
        for key, value in config["litellm_settings"].items():
            if key == "handled_by_name": pass
        "in_it" in general_settings
        (general_settings or {}).get("by_get")
        TimeoutSettings.model_validate(general_settings)
        look_up(general_settings, "passed_about")
        litellm.read_attribute
        getattr(litellm, "read_by_name", None)
class TimeoutSettings(BaseModel):
    statement_timeout: float | None = None
def other(config):
    config.get("not_the_file")
async def endpoint():
    config = await proxy_config.get_config()
    return config["asked_for"]
"""


def test_keys_are_found_where_they_are_read() -> None:
    reads = Reads()
    reads.see(parse("litellm/proxy/proxy_server.py", READING))
    reads.see(parse("litellm/proxy/common_utils/callback_utils.py", "callback == 'presidio' or callback in ('otel',)"))
    reads.finish()
    assert reads.keys[""] == {"general_settings", "litellm_settings", "asked_for"}
    assert reads.keys["general_settings"] == {"in_it", "by_get", "statement_timeout"}
    assert reads.keys["litellm_settings"] == {"handled_by_name"}
    assert "passed_about" in reads.mentioned
    assert reads.attributes == {"read_attribute", "read_by_name"}
    assert reads.callbacks == {"presidio", "otel"}


def test_names_that_a_module_assigns() -> None:
    source = "a = 1\nb: int = 2\n_c = 3\nif a:\n    d = 4\ntry:\n    e = 5\nexcept E:\n    f = 6\ndef g(): h = 7\n"
    assert assigned(parse("x", source).tree) == {"a", "b", "d", "e", "f"}


class Inner(BaseModel):
    word: str | None = None


class Outer(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    switch: bool | None = None
    number: float | int = 0
    anything: str | Path | object = ""
    inner: Inner | None = None
    several: list[Inner] = []
    named: dict[str, Inner] = {}


def test_types_come_from_models() -> None:
    schemas = Schemas()
    schemas.add_type("o", Outer, 1)
    schemas.add_key("o", "read_by_name")
    assert {name: set(letters) for name, letters in schemas.sections["o"].items()} == {
        "switch": {"b"},
        "number": {"i", "n"},
        "anything": set(),
        "read_by_name": set(),
        "inner": {"o"},
        "several": {"a"},
        "named": {"o"},
    }
    assert [schemas.sections[f"o.{place}"] for place in ("inner", "several[]", "named.*")] == [{"word": "s"}] * 3


def test_what_two_models_say_of_a_key_counts_both_ways() -> None:
    schemas = Schemas()
    schemas.add_key("s", "a", str)
    schemas.add_key("s", "a", list[str])
    assert set(schemas.sections["s"]["a"]) == {"a", "s"}


@pytest.mark.parametrize(
    ("name", "near"),
    [("drop_parms", "drop_params"), ("dropParams", "drop_params"), ("DROP-PARAMS", "drop_params"), ("weather", None)],
)
def test_the_nearest_name(name: str, near: str | None) -> None:
    assert known.nearest(name, ["drop_params", "num_retries"]) == near


SHOWN = (
    *("drop_params", "s3_bucket_name", "OPENAI_API_KEY_2", "output_cost_per_second_1080p", "gpt4o", "_x"),
    *("InternalServerErrorRetries", "AZURE_GPT4O_KEY", "no-log", "s3OutputDataConfig", "openAIGPT5Config"),
)
HIDDEN = (
    *("", "sk-1234", "a b", "1a", "é", "a.b", "a/b", "a\nb", "x" * 81, "AKIAIOSFODNN7EXAMPLE", "Zq81mXy04Lw77"),
    *("5f4dcc3b5aa765d61d8327deb882cf99", "ghp_a1b2c3d4e5f6g7h8"),
)


@pytest.mark.parametrize("name", [*SHOWN, *HIDDEN])
def test_a_name_is_shown_when_it_is_written_like_one(name: str) -> None:
    assert known.presentable(name) is (name in SHOWN)


@pytest.mark.parametrize("content", ["", "[]", "{}", "{", '{"variables": 5}', "null"])
def test_without_the_images_file_nothing_is_known(tmp_path: Path, content: str) -> None:
    (tmp_path / "known.json").write_text(content)
    assert known.load(str(tmp_path / "known.json")) is None
    assert known.load(str(tmp_path / "absent.json")) is None


def test_the_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    empty: dict[str, object] = {name: [] for name in ("variables", "beginnings", "packages", "closed", "callbacks")}
    content = {**empty, "sections": {"a": {"b": "s"}, "m.*": {}}, "mentioned": {"a": ["c"]}, "choices": {"a.b": ["x"]}}
    (tmp_path / "known.json").write_text(json.dumps(content))
    names = known.load(str(tmp_path / "known.json"))
    assert names is not None
    assert names.sections["a"] == {"b": "s"}
    assert names.named == {"m"}
    assert names.choices["a.b"] == ("x",)
