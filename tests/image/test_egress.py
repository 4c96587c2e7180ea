"""`egress` in the real image: LiteLLM's own hosts, no network, no secret, and the file that is published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.support import gateway
from tests.support.lab import Finished, Lab, Spec, hardened

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker" / "compose"
HOSTS = {
    "openai": "api.openai.com",
    "anthropic": "api.anthropic.com",
    "azure_ai": None,
    "bedrock": "bedrock-runtime.us-west-2.amazonaws.com",
    "cohere": "api.cohere.com",
    "deepseek": "api.deepseek.com",
    "fireworks_ai": "api.fireworks.ai",
    "gemini": "generativelanguage.googleapis.com",
    "groq": "api.groq.com",
    "mistral": "api.mistral.ai",
    "ollama": None,
    "openrouter": "openrouter.ai",
    "perplexity": "api.perplexity.ai",
    "replicate": "api.replicate.com",
    "together_ai": "api.together.ai",
    "vertex_ai": "us-central1-aiplatform.googleapis.com",
    "xai": "api.x.ai",
}
BARE = {"gpt-4o": "api.openai.com", "claude-sonnet-4-5": "api.anthropic.com"}


def egress(lab: Lab, config: Path, *words: str) -> Finished:
    spec = Spec(
        command=("egress", *words, "--config", gateway.CONFIG_PATH),
        files={gateway.CONFIG_PATH: config},
        env={"DATABASE_URL": "postgresql://u:sentinel-password@db.example/n", "OPENAI_API_KEY": "sentinel-key"},
        network="none",
        **hardened(),  # type: ignore[arg-type]
    )
    return lab.once(spec)


def test_the_hosts_of_providers_are_those_of_the_installed_litellm(lab: Lab, tmp_path: Path) -> None:
    models = [*(f"{provider}/some" for provider in HOSTS), *BARE]
    content = {"model_list": [{"model_name": name, "litellm_params": {"model": name}} for name in models]}
    done = egress(lab, gateway.write(tmp_path, "config.yaml", yaml.safe_dump(content)), "--format", "json")
    assert done.code == 0, done.output
    assert "sentinel" not in done.output
    found = json.loads(done.stdout)
    assert {(one["host"], one["port"], one["kind"]) for one in found["hosts"]} == {
        ("db.example", 5432, "database"),
        ("oauth2.googleapis.com", 443, "provider"),
        *((host, 443, "provider") for host in (*HOSTS.values(), *BARE.values()) if host),
    }
    places = [
        f"model_list[{models.index(f'{provider}/some')}] ({provider})" for provider, host in HOSTS.items() if not host
    ]
    assert [one["what"] for one in found["undetermined"]] == sorted(places)


def test_the_published_way_out_is_that_of_the_published_config(lab: Lab) -> None:
    done = egress(lab, COMPOSE / "production" / "config.yaml", "--format", "compose")
    assert done.code == 0, done.output
    written = (COMPOSE / "egress.yaml").read_text()
    assert yaml.safe_load(written) == yaml.safe_load(done.stdout), f"docker/compose/egress.yaml is not:\n{done.stdout}"


@pytest.mark.parametrize("words", [("--format", "yaml"), ("--format",)])
def test_a_format_that_does_not_exist_is_refused_with_those_that_do(lab: Lab, words: tuple[str, ...]) -> None:
    done = lab.once(Spec(command=("egress", *words), network="none"))
    assert done.code == 64
    assert "text, json, helm, compose, systemd" in done.output
