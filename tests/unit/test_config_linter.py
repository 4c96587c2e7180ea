"""The config file as it is written: what is told, where it stands, and that nothing from it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as any_of

from slipway import config_file, config_tree
from slipway.checks import config_keys, config_values, environment, references
from slipway.report import Finding
from tests.support.known import KNOWN

SECRET = "sk-Zq81mXy04Lw77Vb2"
MODEL = "{model_name: m, litellm_params: {model: openai/x}}"


def lint(path: Path, variables: dict[str, str] | None = None) -> list[Finding]:
    documents, findings = config_tree.read(str(path), KNOWN.named)
    return [
        *findings,
        *config_keys.check(documents, KNOWN),
        *config_values.check(documents, KNOWN),
        *environment.check_section(documents, KNOWN),
        *references.check(documents, variables or {}),
    ]


def lint_text(folder: Path, text: str, variables: dict[str, str] | None = None) -> list[Finding]:
    (folder / "config.yaml").write_text(text)
    found = lint(folder / "config.yaml", variables)
    assert all(SECRET not in finding.what + finding.fix + finding.why for finding in found)
    return found


# `@` stands before what a finding must point at, and is taken out.
TOLD = [
    # Unknown keys: the nearest match, the place, and what is handed on.
    ("general_settings: {@store_modle_in_db: true}", "config-key-unknown", "Did you mean store_model_in_db"),
    ("@general_setings: {}", "config-key-unknown", "Did you mean general_settings"),
    ("@a:\n  b: 1\n", "config-key-unknown", "begin with x-"),
    ("litellm_settings:\n  @drop-params: true\n", "config-key-unknown", "Did you mean drop_params"),
    (f"litellm_settings:\n  @{SECRET}: true\n", "config-key-unknown", "litellm_settings.? is no key"),
    (
        "model_list:\n- {model_name: m, litellm_params: {model: x, @apiBase: y}}",
        "config-key-unknown",
        "model_list[0].litellm_params.apiBase is no key that LiteLLM knows. Did you mean api_base",
    ),
    ("mcp_servers: {a: {@tranport: sse}}", "config-key-unknown", "mcp_servers.a.tranport"),
    ("general_settings: {litellm_jwtauth: {@no_such: x}}", "config-key-unknown", "does not start"),
    # The right section.
    ("general_settings: {@drop_params: true}", "config-key-misplaced", "Move it to litellm_settings"),
    ("@master_key: x", "config-key-misplaced", "Move it to general_settings"),
    ("router_settings: {@health_check_interval: 5}", "config-key-misplaced", "does not start"),
    (
        "model_list: [{model_name: m, @api_base: x, litellm_params: {model: x}}]",
        "config-key-misplaced",
        "Move it to litellm_params",
    ),
    # Left behind.
    ("general_settings: {@use_google_kms: true}", "config-key-deprecated", "key_management_system"),
    ("general_settings: {@database_type: dynamo_db}", "config-key-gone", "PostgreSQL"),
    # Twice.
    ("litellm_settings: {}\n@litellm_settings: {}\n", "config-key-twice", "config.yaml:1:1"),
    # Types.
    ("general_settings: {@store_model_in_db: 'false'}", "config-type", "Write true or false, without quotes"),
    ("general_settings: {@alerting: slack}", "config-type", "is text, and LiteLLM expects a list"),
    ("general_settings: {@master_key: 12345}", "config-type", "Put it in quotes"),
    ("litellm_settings: {@callbacks: prometheus}", "config-type", "does not start"),
    ("litellm_settings: {@num_retries: three}", "config-type", "a whole number"),
    (
        "model_list: [{model_name: m, litellm_params: {model: x, @api_version: 2024-02-01}}]",
        "config-type",
        "is a date, and LiteLLM expects text. Put it in quotes",
    ),
    ("model_list: [{model_name: m, litellm_params: {model: x, @rpm: many}}]", "config-type", "leaves such a model out"),
    ("@guardrails: {a: b}", "config-type", "is a mapping, and LiteLLM expects a list"),
    # Words out of a list.
    ("router_settings: {@routing_strategy: simple_shuffle}", "config-choice", "Did you mean simple-shuffle"),
    (f"litellm_settings: {{cache_params: {{@type: {SECRET}}}}}", "config-choice", "Write one of redis, local, s3"),
    ("litellm_settings: {success_callback: [@langfuze]}", "config-callback", "Did you mean langfuse"),
    ("litellm_settings: {callbacks: [otel, @promethues]}", "config-callback", "does not start"),
    # Models.
    ("model_list: [@{litellm_params: {model: x}}]", "config-model", "model_list[0] has no model_name"),
    (
        "model_list: [@{model_name: m, litellm_params: {api_key: x}}]",
        "config-model",
        "model_list[0] has no litellm_params.model",
    ),
    # References.
    ("general_settings: {@master_key: os.environ/GONE}", "reference-unset", "master_key refers to GONE"),
    (f"general_settings: {{@master_key: os.environ/{SECRET}}}", "reference-unset", "not shown"),
    *(
        (f"general_settings: {{@master_key: '{text}'}}", "reference-misspelt", "Write os.environ/KEY,")
        for text in ("os.environ.KEY", "os.environ/ KEY", " os.environ/KEY", "os.environ/KEY ", "os.environ:KEY")
    ),
    *(
        (f"general_settings: {{@master_key: '{text}'}}", "reference-misspelt", "Write os.environ/KEY,")
        for text in ("${KEY}", "$KEY", "{{ KEY }}", "{{ .env.KEY }}", "env/KEY", "env:KEY", "os.env/KEY", "environ/KEY")
    ),
    *(
        (f"general_settings: {{@master_key: {text}}}", "reference-misspelt", "Write os.environ/KEY,")
        for text in ("'os.getenv(\"KEY\")'", "'os.environ[\"KEY\"]'", "OS.ENVIRON/KEY")
    ),
    ("general_settings: {alerting: [@os.environ/SET]}", "reference-in-list", "alerting[0]"),
    # Variables that the config sets.
    ("environment_variables: {@REDIS_PASWORD: x}", "variable-unknown", "Did you mean REDIS_PASSWORD"),
    ("environment_variables: {@REDIS_PASSWORD: }", "variable-empty", "None"),
    ("environment_variables: {@LITELLM_LOG: DEBUG}", "variable-too-late", "launcher"),
]


@pytest.mark.parametrize(("marked", "id", "words"), TOLD)
def test_what_is_told_and_where(tmp_path: Path, marked: str, id: str, words: str) -> None:
    before, _, after = marked.partition("@")
    line, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
    (finding,) = lint_text(tmp_path, before + after, {"SET": "1"})
    told = f"{finding.what} {finding.fix} {finding.why}"
    assert finding.id == id, told
    assert finding.what.startswith(f"{tmp_path}/config.yaml:{line}:{column}: "), told
    assert words in told
    assert (finding.severity == "error") == ("not start" in finding.why), told


@pytest.mark.parametrize(
    "text",
    [
        f"model_list: [{MODEL}]",
        # Where LiteLLM hands keys on, one that is like no known one is the provider's.
        "model_list: [{model_name: m, litellm_params: {model: x, safety_settings: [], guided_choice: 1}}]",
        "model_list: [{model_name: m, litellm_params: {model: x}, model_info: {owner: me, id: 1}}]",
        # What a key generator or a person's own tools keep in the file.
        "x-keys: &keys {api_key: a}\nmodel_list: [{model_name: m, litellm_params: {<<: *keys, model: x}}]",
        "shared: &shared {model: x}\nmodel_list: [{model_name: m, litellm_params: *shared}]",
        "general_settings: {seen_somewhere: 1}\nlitellm_settings: {some_attribute: 2}",
        # What LiteLLM makes a value of itself.
        "model_list: [{model_name: m, litellm_params: {model: x, rpm: '10', timeout: os.environ/T, tpm: 5.0}}]",
        "model_list: [{model_name: m, litellm_params: {model: x, use_litellm_proxy: 'true', api_key: null}}]",
        "litellm_settings: {max_budget: '100', num_retries: os.environ/T, request_timeout: 600}",
        "litellm_settings: {callbacks: [prometheus, my.module, mine], success_callback: [langfuse]}\n"
        "callback_settings: {mine: {callback_type: generic_api}}",
        "mcp_servers: {a: {url: '${URL}'}}",
        "environment_variables: {REDIS_HOST: a, ANYTHING: b}",
        # Two names of a name in different mappings, and a merge that a key overrides.
        "a: &a {num_retries: 1}\nrouter_settings: {<<: *a, num_retries: 2}\nlitellm_settings: {num_retries: 3}",
    ],
)
def test_what_is_sound_is_left_alone(tmp_path: Path, text: str) -> None:
    assert lint_text(tmp_path, text, {"T": "1"}) == []


def test_a_merged_key_is_told_where_it_is_written(tmp_path: Path) -> None:
    text = "x-a: &a {drop_parms: true}\nlitellm_settings:\n  <<: [*a]\n"
    (finding,) = lint_text(tmp_path, text)
    assert finding.what.startswith(f"{tmp_path}/config.yaml:1:10: litellm_settings.drop_parms ")


def test_includes_are_followed_and_named(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("include: [below/models.yaml]\nlitellm_settings: {drop_params: true}\n")
    (tmp_path / "below").mkdir()
    (tmp_path / "below/models.yaml").write_text(
        f"include: [deeper.yaml, models.yaml]\nlitellm_settings: {{num_retry: 1}}\nmodel_list: [{MODEL}]\n"
    )
    (tmp_path / "below/deeper.yaml").write_text(f"model_list: [{MODEL}]\nrouter_settings: {{timeuot: 5}}\n")
    found = {finding.id: finding for finding in lint(tmp_path / "config.yaml")}
    assert set(found) == {"config-key-unknown", "config-include-replaces"}
    told = sorted(finding.what for finding in lint(tmp_path / "config.yaml") if finding.id == "config-key-unknown")
    assert told[0].startswith(f"{tmp_path}/below/deeper.yaml:2:19: router_settings.timeuot ")
    assert told[1].startswith(f"{tmp_path}/below/models.yaml:2:20: litellm_settings.num_retry ")
    assert "models.yaml:2:1: litellm_settings " in found["config-include-replaces"].what
    assert f"{tmp_path}/config.yaml:2:1" in found["config-include-replaces"].what


@pytest.mark.parametrize(
    ("include", "named"),
    [
        ("[gone.yaml]", "gone.yaml"),
        ("[broken.yaml]", "broken.yaml"),
        ("[list.yaml]", "list.yaml"),
        ("gone.yaml", "a list"),
        ("[1]", "a list"),
    ],
)
def test_an_include_that_litellm_fails_on_is_an_error(tmp_path: Path, include: str, named: str) -> None:
    (tmp_path / "broken.yaml").write_text(f"a: [{SECRET}")
    (tmp_path / "list.yaml").write_text(f"- {SECRET}")
    (finding,) = (found for found in lint_text(tmp_path, f"include: {include}") if found.id == "config-include")
    assert finding.severity == "error"
    assert named in finding.what


def test_what_is_included_is_joined_as_litellm_joins_it(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "model_list: [2]\ngeneral_settings: {b: 2}\ninclude: [b.yaml]\n".replace("[2]", f"[{MODEL}]")
    )
    (tmp_path / "b.yaml").write_text(f"model_list: [{MODEL}]\n")
    config: dict[str, object] = {"include": ["a.yaml"], "model_list": [1], "general_settings": {"a": 1}}
    joined = config_file.merged(config, str(tmp_path / "config.yaml"))
    model = yaml.safe_load(MODEL)
    assert joined == {"model_list": [1, model, model], "general_settings": {"b": 2}}


def test_an_alias_that_holds_itself_or_grows_without_end_is_read_once(tmp_path: Path) -> None:
    bomb = "a: &a [x]\n" + "".join(f"b{n}: &b{n} [{', '.join([f'*b{n - 1}' if n else '*a'] * 9)}]\n" for n in range(20))
    lint_text(tmp_path, bomb)
    lint_text(tmp_path, "general_settings: &a {alerting: [*a], litellm_jwtauth: *a}\n")
    assert len(lint_text(tmp_path, "general_settings: &a\n  <<: [*a, *a]\n  master_key: os.environ/GONE\n")) == 1


keys = any_of.one_of(
    any_of.sampled_from(sorted({key for section in KNOWN.sections.values() for key in section})),
    any_of.text(max_size=12),
    any_of.integers() | any_of.booleans() | any_of.floats(),
)
scalars = any_of.one_of(
    any_of.none() | any_of.booleans() | any_of.integers() | any_of.floats() | any_of.dates() | any_of.text(max_size=30),
    any_of.sampled_from(
        ["os.environ/A", "os.environ.A", "${A}", "langfuse", "off", "2024-01-01", "1e400", "os.environ/"]
    ),
)
contents = any_of.recursive(
    scalars, lambda inner: any_of.lists(inner, max_size=4) | any_of.dictionaries(keys, inner, max_size=5), max_leaves=25
)
configs = any_of.one_of(
    any_of.dictionaries(keys, contents, max_size=6).map(lambda content: yaml.dump(content, allow_unicode=True)),
    any_of.text(max_size=300),
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=configs, included=configs)
def test_no_text_makes_a_traceback(tmp_path_factory: pytest.TempPathFactory, text: str, included: str) -> None:
    folder = tmp_path_factory.mktemp("any", numbered=True)
    (folder / "config.yaml").write_bytes(text.encode(errors="surrogatepass"))
    (folder / "other.yaml").write_bytes(f"include: [config.yaml]\n{included}".encode(errors="surrogatepass"))
    for name in ("config.yaml", "other.yaml"):
        for finding in lint(folder / name):
            assert finding.what
            assert finding.fix
