"""Rules over several values: each is broken here once, and says which value, why, and the fix."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.chart import CHART, KEYS, objects, pods, refusal

URL = {"url": {"existingSecret": "database"}}
HOST = {"host": "postgres", "password": {"existingSecret": "database"}}
MASTER = {"masterKey": {"existingSecret": "keys"}}
# What is broken, the values over those that every case has, and the beginning of what is said.
BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "keys made without a cluster": ({"secrets": {}}, "secrets.generate: keys cannot be kept here"),
    "no master key": ({"secrets": {"generate": False}}, "secrets.masterKey: there is no master key"),
    "no salt key": ({"secrets": {"generate": False, **MASTER}, "database": URL}, "secrets.saltKey: a database without"),
    "one key for both": (
        {
            "secrets": {
                "masterKey": {"existingSecret": "keys", "key": "K"},
                "saltKey": {"existingSecret": "keys", "key": "K"},
            }
        },
        "secrets.saltKey: it is the master key",
    ),
    "two databases": ({"database": {**URL, **HOST}}, "database: url and host are both given"),
    "no password": ({"database": {"host": "postgres"}}, "database.password: the database of database.host has no"),
    "password beside tokens": ({"database": {**HOST, "iam": True}}, "database.iam: a password is given beside it"),
    "a pooler without a URL": (
        {"database": {**HOST, "directUrl": {"existingSecret": "database"}}},
        "database.directUrl: it belongs to a URL",
    ),
    "Redis without a host": ({"redis": {"cache": True}}, "redis.host: redis has settings and no host"),
    "two configs": (
        {"config": {"model_list": []}, "existingConfigMap": {"name": "config"}},
        "config: existingConfigMap is given beside it",
    ),
    "Redis in a config that is not the chart's": (
        {"redis": {"host": "redis"}, "existingConfigMap": {"name": "config"}},
        "redis: the chart cannot write it",
    ),
    "a time-out in the config": (
        {"config": {"litellm_settings": {"request_timeout": 60}}},
        "config.litellm_settings.request_timeout: the grace period would not follow it",
    ),
    "a database in the config": (
        {"config": {"general_settings": {"database_url": "os.environ/URL"}}},
        "config.general_settings.database_url: the migration would not know it",
    ),
    "a secret in the config": (
        {"config": {"model_list": [{"model_name": "gpt", "litellm_params": {"api_key": "sk-0123456789abcdef0123"}}]}},
        "config.model_list.0.litellm_params.api_key: by its name or its look it is a secret",
    ),
    "a section that is no mapping": (
        {"config": {"litellm_settings": ["a"]}},
        "config.litellm_settings: it is no mapping",
    ),
    "models that are no list": ({"config": {"model_list": "abc"}}, "config.model_list: it is no list"),
    "a key of no Secret": (
        {"secrets": {"masterKey": {"existingSecret": "keys"}, "saltKey": {"key": "SALT"}}},
        "secrets: a key has another name",
    ),
    "a flag of the chart's": (
        {"args": ["--detailed_debug", "--port=5000"]},
        "args: --port is not for here. Set service",
    ),
    "a tag that moves": ({"image": {"tag": "latest"}}, "image.tag: latest moves"),
    "a volume of the chart's": (
        {"extraVolumes": [{"name": "tmp", "emptyDir": {}}]},
        "extraVolumes: tmp is a volume of the chart's",
    ),
    "a label of the chart's": (
        {"podLabels": {"app.kubernetes.io/component": "web"}},
        "podLabels: app.kubernetes.io/component is a label of the chart's",
    ),
    "two hooks": (
        {"hooks": {"files": {"a.py": ""}, "existingConfigMap": "hooks"}},
        "hooks.files: hooks.existingConfigMap is given beside it",
    ),
    "a variable of the chart's": ({"env": {"NUM_WORKERS": "4"}}, "env.NUM_WORKERS: the chart sets it. Set workers"),
    "a secret in a variable": ({"env": {"OPENAI_API_KEY": "x"}}, "env.OPENAI_API_KEY: by its name or its look it is"),
    "a hook without its account": (
        {"database": {"host": "postgres", "iam": True}, "migration": {"mode": "helm-hook"}},
        "migration.mode: a hook runs before",
    ),
    "fewer at most than at least": (
        {"autoscaling": {"enabled": True, "minReplicas": 3, "maxReplicas": 2}},
        "autoscaling.maxReplicas: it is less than minReplicas",
    ),
    "nothing to scale by": (
        {"autoscaling": {"enabled": True, "cpu": 0, "memory": 0}},
        "autoscaling: there is nothing to scale by",
    ),
    "percent of no request": (
        {"autoscaling": {"enabled": True}, "resources": {"requests": {"cpu": None}}},
        "autoscaling.cpu: percent of a request that there is not",
    ),
    "KEDA without a trigger": (
        {"autoscaling": {"enabled": True, "keda": {"enabled": True}}},
        "autoscaling.keda.triggers: there is nothing to scale by",
    ),
    "KEDA alone": (
        {"autoscaling": {"keda": {"enabled": True, "triggers": [{"type": "cpu", "metadata": {}}]}}},
        "autoscaling.keda.enabled: autoscaling.enabled is off",
    ),
    "an ingress for everybody": ({"ingress": {"enabled": True}}, "ingress.hosts: an ingress for every host"),
    "a route of nobody": ({"httpRoute": {"enabled": True}}, "httpRoute.parentRefs: the route belongs to no gateway"),
    "a monitor without a token": (
        {"metrics": {"monitor": "pod"}, "networkPolicy": {"enabled": False}},
        "metrics.token: Prometheus would be refused",
    ),
    "a monitor without a way": (
        {"metrics": {"monitor": "pod", "auth": "off"}},
        "networkPolicy.monitoring: Prometheus cannot reach port 4001",
    ),
    "the cluster's DNS beside names": (
        {"networkPolicy": {"hosts": ["api.openai.com"], "dns": [{"podSelector": {}}]}},
        "networkPolicy.dns: with hosts it has no effect",
    ),
    "names and addresses": (
        {"networkPolicy": {"hosts": ["api.openai.com"], "providers": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}},
        "networkPolicy.hosts: providers is given beside it",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_told_with_its_fix(name: str) -> None:
    values, said = BROKEN[name]
    told = refusal({**KEYS, **values})
    assert "slipway: 1 of the values are wrong:" in told
    assert f"  - {said}" in told
    assert told.rstrip().endswith(".")
    assert "0123456789abcdef" not in told


# In test_keys.py: there has to be a cluster.
ELSEWHERE = 1


def test_every_rule_is_broken_once() -> None:
    rules = re.findall(r'append \$wrong (?:\(printf )?"([^"]*)"', (CHART / "templates/validations.yaml").read_text())
    patterns = [re.escape(rule).replace("%s", ".*") for rule in rules]
    said = [said for _, said in BROKEN.values()]
    unbroken = [
        rule for rule, pattern in zip(rules, patterns, strict=True) if not any(_begins(pattern, text) for text in said)
    ]
    assert unbroken == []
    assert len(rules) == len(BROKEN) + ELSEWHERE


def _begins(pattern: str, text: str) -> bool:
    # The case has the beginning of what the rule says, with its own names in it.
    return any(
        re.fullmatch(pattern[:length], text) for length in range(len(pattern), 0, -1) if _whole(pattern[:length])
    )


def _whole(pattern: str) -> bool:
    return not pattern.endswith("\\") and not pattern.endswith(".")


def test_all_that_is_wrong_is_told_at_once() -> None:
    told = refusal({**KEYS, "ingress": {"enabled": True}, "httpRoute": {"enabled": True}, "env": {"PORT": "1"}})
    assert "slipway: 3 of the values are wrong:" in told


def test_a_config_of_ones_own_may_name_redis_by_variables() -> None:
    values = {**KEYS, "existingConfigMap": {"name": "config"}, "env": {"REDIS_HOST": "redis"}}
    (container,) = pods(objects(values))["Deployment"]["containers"]
    assert {"name": "REDIS_HOST", "value": "redis"} in container["env"]
    assert "env.REDIS_HOST: the chart sets it. Set redis.host." in refusal({**KEYS, "env": {"REDIS_HOST": "redis"}})


def test_a_short_flag_is_a_flag_of_the_charts() -> None:
    assert "args: -c is not for here. Set config or existingConfigMap." in refusal({**KEYS, "args": ["-c", "/x"]})
