"""Models whose provider has no key."""

from __future__ import annotations

import pytest

from slipway.checks import providers


def models(*parameters: dict[str, object]) -> dict[str, object]:
    return {"model_list": [{"model_name": "x", "litellm_params": each} for each in parameters]}


OPENAI: dict[str, object] = {"model": "openai/gpt-5"}


@pytest.mark.parametrize(
    ("config", "environment", "named"),
    [
        (models(OPENAI), {}, ["model_list[0]", "openai", "OPENAI_API_KEY"]),
        (models({"model": "x", "custom_llm_provider": "groq"}), {}, ["model_list[0]", "GROQ_API_KEY"]),
        (models({**OPENAI, "api_key": "sk"}, OPENAI), {}, ["model_list[1]"]),
        (models(OPENAI), {"OPENAI_API_KEY": "sk"}, []),
        (models({"model": "together_ai/x"}), {"TOGETHER_API_KEY": "sk"}, []),
        (models({**OPENAI, "api_base": "http://localhost"}), {}, []),
        (models({**OPENAI, "litellm_credential_name": "ours"}), {}, []),
        (models({**OPENAI, "mock_response": "hello"}), {}, []),
        (models({"model": "bedrock/x"}), {}, []),
        (models({"model": "unknown/x"}), {}, []),
        ({**models(OPENAI), "litellm_settings": {"openai_key": "sk"}}, {}, []),
        ({**models(OPENAI), "environment_variables": {"OPENAI_API_KEY": "sk"}}, {}, []),
        ({**models(OPENAI), "general_settings": {"key_management_system": "aws_kms"}}, {}, []),
        ({"model_list": [None, {"litellm_params": None}, {"litellm_params": {"model": ["a"]}}]}, {}, []),
        ({"model_list": [{"litellm_params": {"custom_llm_provider": ["openai"]}}]}, {}, []),
    ],
)
def test_a_provider_without_a_key(config: dict[str, object], environment: dict[str, str], named: list[str]) -> None:
    findings = providers.check(config, environment)
    assert len(findings) == bool(named)
    assert all(word in findings[0].what for word in named)


def test_a_provider_is_named_once() -> None:
    assert len(providers.check(models(OPENAI, OPENAI, {"model": "anthropic/x"}), {})) == 2
