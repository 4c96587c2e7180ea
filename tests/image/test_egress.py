"""`egress` in the real image: hosts that its LiteLLM asks, without a network, and without a secret in any format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import gateway
from tests.support.lab import Finished, Lab, Spec

COMPOSE = Path(__file__).resolve().parents[2] / "docker" / "compose"
SENTINEL = "sentinel-3f9a"
CONFIG = f"""\
model_list:
  - {{model_name: a, litellm_params: {{model: openai/gpt-4o, api_key: {SENTINEL}}}}}
  - {{model_name: b, litellm_params: {{model: gpt-4o-mini}}}}
  - {{model_name: c, litellm_params: {{model: anthropic/claude-sonnet-4-5, api_key: os.environ/SECRET}}}}
  - {{model_name: d, litellm_params: {{model: bedrock/anthropic.claude-3-haiku, aws_region_name: eu-west-1}}}}
  - {{model_name: e, litellm_params: {{model: vertex_ai/gemini-2.5-pro, vertex_location: europe-west4}}}}
  - {{model_name: f, litellm_params: {{model: azure/x, api_base: "https://u:{SENTINEL}@me.openai.azure.com/?k={SENTINEL}"}}}}
  - {{model_name: g, litellm_params: {{model: groq/x}}}}
  - {{model_name: h, litellm_params: {{model: hosted_vllm/x, api_base: "http://10.1.2.3:8000/v1"}}}}
  - {{model_name: i, litellm_params: {{model: mistral/x, api_base: os.environ/UNSET_BASE}}}}
litellm_settings:
  callbacks: [langfuse, prometheus]
guardrails:
  - {{guardrail_name: g, litellm_params: {{guardrail: lakera_v2, mode: pre_call, api_key: {SENTINEL}}}}}
mcp_servers:
  docs: {{url: "https://mcp.example.com/{SENTINEL}"}}
general_settings:
  database_url: postgresql://u:{SENTINEL}@db:5433/n
"""
PUBLIC = {
    *("api.openai.com", "api.anthropic.com", "bedrock-runtime.eu-west-1.amazonaws.com", "api.groq.com"),
    *("sts.eu-west-1.amazonaws.com", "europe-west4-aiplatform.googleapis.com", "oauth2.googleapis.com"),
    *("me.openai.azure.com", "cloud.langfuse.com", "api.lakera.ai", "mcp.example.com"),
}
# What these providers' own documentation says, and no table of ours.
WELL_KNOWN = {
    "openai": "api.openai.com",
    "anthropic": "api.anthropic.com",
    "mistral": "api.mistral.ai",
    "groq": "api.groq.com",
    "gemini": "generativelanguage.googleapis.com",
    "deepseek": "api.deepseek.com",
    "openrouter": "openrouter.ai",
    "cohere": "api.cohere.com",
    "together_ai": "api.together.ai",
    "fireworks_ai": "api.fireworks.ai",
    "xai": "api.x.ai",
    "perplexity": "api.perplexity.ai",
    "cerebras": "api.cerebras.ai",
    "deepinfra": "api.deepinfra.com",
    "nvidia_nim": "integrate.api.nvidia.com",
    "replicate": "api.replicate.com",
    "voyage": "api.voyageai.com",
    "jina_ai": "api.jina.ai",
    "elevenlabs": "api.elevenlabs.io",
    "deepgram": "api.deepgram.com",
}
# LiteLLM itself, with made-up credentials: which names does it look up?
ASKED = """
import json, socket, sys
from google.auth.credentials import Credentials
class Made(Credentials):
    def refresh(self, request): self.token = "x"
import litellm
from litellm.llms.vertex_ai.vertex_llm_base import VertexBase
VertexBase.load_auth = lambda *a, **k: (Made(), "project")
VertexBase.get_access_token = lambda *a, **k: ("x", "project")
VertexBase._ensure_access_token = lambda *a, **k: ("x", "project")
asked = set()
def look_up(host, *rest, **more):
    asked.add(host.decode() if isinstance(host, bytes) else host)
    raise socket.gaierror(-2, "no network")
socket.getaddrinfo = look_up
litellm.suppress_debug_info = True
keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
messages = [{"role": "user", "content": "x"}]
for parameters in json.loads(sys.argv[1]):
    more = keys if parameters["model"].startswith(("bedrock", "sagemaker")) else {"api_key": "x"}
    try:
        litellm.completion(messages=messages, num_retries=0, max_retries=0, timeout=2, **parameters, **more)
    except Exception:
        pass
print(json.dumps(sorted(asked)))
"""
CLOUDS: list[dict[str, str]] = [
    {"model": "bedrock/anthropic.claude-3-haiku-20240307-v1:0", "aws_region_name": "eu-west-1"},
    {"model": "bedrock/anthropic.claude-3-haiku-20240307-v1:0"},
    {"model": "sagemaker_chat/x", "aws_region_name": "eu-west-1"},
    {"model": "vertex_ai/gemini-2.5-pro", "vertex_location": "europe-west4", "vertex_project": "p"},
    {"model": "vertex_ai/gemini-2.5-pro", "vertex_location": "global", "vertex_project": "p"},
    {"model": "vertex_ai/gemini-2.5-pro", "vertex_project": "p"},
    {"model": "azure/x", "api_base": "https://me.openai.azure.com", "api_version": "2024-06-01"},
]


def run(lab: Lab, directory: Path, *flags: str, config: str = CONFIG, env: dict[str, str] | None = None) -> Finished:
    args = ("egress", *flags, "--config", gateway.CONFIG_PATH)
    variables = {"SECRET": SENTINEL, **(env or {})}
    done = lab.once(gateway.specify(directory, args=args, config=config, env=variables, network="none", ports=()))
    assert done.code == 0, done.output
    assert SENTINEL not in done.output
    assert gateway.MASTER_KEY not in done.output
    return done


def found(lab: Lab, directory: Path, config: str = CONFIG) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(run(lab, directory, "--format", "json", config=config).stdout)
    return content


def test_every_source_is_listed_with_its_reason(lab: Lab, directory: Path) -> None:
    content = found(lab, directory)
    hosts = {(host["host"], host["port"]): host for host in content["hosts"]}
    assert {name for name, port in hosts if port == 443} == PUBLIC
    assert set(hosts) - {(name, 443) for name in PUBLIC} == {("10.1.2.3", 8000), ("db", 5433)}
    assert hosts["api.openai.com", 443]["why"] == "model_list[0]: openai; model_list[1]: openai"
    assert hosts["db", 5433]["kind"] == "database"
    told = {unknown["what"]: unknown["why"] for unknown in content["undetermined"]}
    assert "UNSET_BASE" in told["model_list[8]"]
    assert set(told) == {"model_list[8]", "model_list[3]: bedrock"}


def test_text_names_each_host(lab: Lab, directory: Path) -> None:
    lines = run(lab, directory).stdout.splitlines()
    assert {f"{name}:443" for name in PUBLIC} <= {line.split()[0] for line in lines}


def test_helm_and_compose_parse(lab: Lab, directory: Path) -> None:
    values = yaml.safe_load(run(lab, directory, "--format", "helm").stdout)
    assert set(values["networkPolicy"]["hosts"]) == PUBLIC
    services = yaml.safe_load(run(lab, directory, "--format=compose").stdout)["services"]
    assert set(services["egress-a"]["environment"]["EGRESS_HOSTS"].split()) == PUBLIC
    assert {entry.partition(":")[0] for entry in services["gateway-a"]["extra_hosts"]} == PUBLIC


def test_the_published_way_out_is_that_of_the_published_config(lab: Lab) -> None:
    """docker/compose/egress.yaml, as its own first lines say how it is made."""
    files = {gateway.CONFIG_PATH: COMPOSE / "production" / "config.yaml"}
    words = ("egress", "--format", "compose", "--config", gateway.CONFIG_PATH)
    done = lab.once(Spec(command=words, files=files, network="none"))
    assert done.code == 0, done.output
    written = (COMPOSE / "egress.yaml").read_text()
    assert yaml.safe_load(written) == yaml.safe_load(done.stdout), f"docker/compose/egress.yaml is not:\n{done.stdout}"


def test_systemd_says_which_names_it_could_not_look_up(lab: Lab, directory: Path) -> None:
    done = run(lab, directory, "--format", "systemd")
    assert "[egress-unresolved]" in done.stderr
    lines = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    assert lines[:3] == ["[Service]", "IPAddressDeny=any", "IPAddressAllow=localhost"]
    assert "IPAddressAllow=10.1.2.3" in lines


def test_hosts_of_well_known_providers(lab: Lab, directory: Path) -> None:
    models = [{"model_name": name, "litellm_params": {"model": f"{name}/x"}} for name in WELL_KNOWN]
    content = found(lab, directory, json.dumps({"model_list": models}))
    whys = {host["host"]: host["why"] for host in content["hosts"]}
    for name, host in WELL_KNOWN.items():
        assert f": {name}" in whys.get(host, ""), (name, host)
    assert content["undetermined"] == []


@pytest.mark.parametrize("variable", ["OPENAI_BASE_URL", "OPENAI_API_BASE"])
def test_a_variable_moves_a_provider(lab: Lab, directory: Path, variable: str) -> None:
    config = "model_list: [{model_name: x, litellm_params: {model: openai/x}}]"
    done = run(lab, directory, config=config, env={variable: f"https://me:{SENTINEL}@elsewhere.io:8443/v1"})
    assert done.stdout.split()[0] == "elsewhere.io:8443"


def test_clouds_are_where_litellm_looks_for_them(lab: Lab, directory: Path) -> None:
    command = ("/opt/slipway/venv/bin/python3", "-P", "-c", ASKED, json.dumps(CLOUDS))
    done = lab.once(gateway.specify(directory, args=command, network="none", ports=()))
    assert done.code == 0, done.output
    asked = set(json.loads(done.stdout.splitlines()[-1]))
    models = [{"model_name": "x", "litellm_params": parameters} for parameters in CLOUDS]
    listed = {host["host"] for host in found(lab, directory, json.dumps({"model_list": models}))["hosts"]}
    assert len(asked) >= 7, asked
    assert asked <= listed
    assert listed - asked <= {"oauth2.googleapis.com", "sts.eu-west-1.amazonaws.com", "sts.us-west-2.amazonaws.com"}
