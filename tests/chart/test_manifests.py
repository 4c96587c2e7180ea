"""What the chart renders is what Kubernetes takes, hardened in every pod, for each of the cases in ci/."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import yaml
from kubernetes_validate.utils import all_versions, major_minor

from slipway import budget
from slipway.settings import resolve
from tests.support.chart import CASES, CHART, FULL_NAME, KEYS, case, files, objects, pods

# Kinds that Kubernetes does not bring itself.
FOREIGN = {"PodMonitor", "ServiceMonitor", "PrometheusRule", "HTTPRoute", "ScaledObject", "CiliumNetworkPolicy"}
FOREIGN |= {"ExternalSecret"}
each_case = pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.removesuffix("-values.yaml"))


def supported() -> list[str]:
    """The releases that the chart supports and the schemas know."""
    oldest = str(yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"]).removeprefix(">=")[:4]
    versions = sorted({major_minor(version) for version in all_versions()})
    return [version for version in versions if version >= oldest]


def test_there_are_cases_enough_and_each_says_what_it_is() -> None:
    assert len(CASES) >= 25
    assert [path.name for path in CASES if not path.read_text().startswith("# ")] == []


@each_case
def test_helm_finds_nothing_to_say(path: Path) -> None:
    report = helm_python.lint(CHART, yaml.safe_load(path.read_text()), strict=True)
    told = [message for message in report["messages"] if "icon is recommended" not in str(message)]
    assert told == []


@each_case
def test_every_object_is_valid_in_every_release(path: Path) -> None:
    rendered = objects(yaml.safe_load(path.read_text()))
    own = [item for item in rendered if item["kind"] not in FOREIGN]
    assert {item["kind"] for item in own} >= {"Deployment", "Service", "Pod"}
    for version in supported():
        for item in own:
            kubernetes_validate.validate(item, version, strict=True)


@each_case
def test_every_object_is_named_and_labelled_as_the_releases(path: Path) -> None:
    values = yaml.safe_load(path.read_text())
    full = values.get("fullnameOverride", FULL_NAME)
    for item in objects(values):
        if item["kind"] == "ExternalSecret":
            continue
        assert item["metadata"]["name"].startswith(full), item["metadata"]
        assert item["metadata"]["labels"]["app.kubernetes.io/instance"] == "gw"


def test_names_fit_however_long_the_releases_is() -> None:
    for case_name in ("pod-monitor", "service-monitor", "database-url"):
        values = {**case(case_name), "fullnameOverride": "g" * 80}
        names = [item["metadata"]["name"] for item in objects(values)]
        assert [name for name in names if len(name) > 63] == []


@pytest.mark.parametrize("name", ["123", "1e3", "true", "007"])
def test_names_that_yaml_takes_for_something_else_are_names(name: str) -> None:
    secrets = {"masterKey": {"existingSecret": "123", "key": "on"}, "saltKey": {"existingSecret": "1e3", "key": "1"}}
    values = {
        "secrets": {**secrets, "existing": ["456"]},
        "database": {"url": {"existingSecret": "789", "key": "yes"}},
        "image": {"tag": f"1.{'0' * 80}", "pullSecrets": ["1e3"]},
        "priorityClassName": "1",
        "env": {"NO": "1"},
    }
    rendered = objects(values, name)
    for item in rendered:
        kubernetes_validate.validate(item, supported()[0], strict=True)
        # What the API server asks of names and labels beyond their types.
        assert re.fullmatch("[a-z]([-a-z0-9]{0,61}[a-z0-9])?", item["metadata"]["name"])
        labels = item["metadata"]["labels"].values()
        assert [
            label for label in labels if not re.fullmatch("[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", label)
        ] == []


def test_long_names_that_begin_alike_stay_apart() -> None:
    first, second = ({item["metadata"]["name"] for item in objects(KEYS, f"{'a' * 52}{end}")} for end in "12")
    assert not first & second


def test_without_a_way_out_nothing_is_left_open() -> None:
    """As `egress --format helm` writes it, for a configuration that needs no host by its name."""
    rule = {"to": [{"ipBlock": {"cidr": "10.0.0.5/32"}}], "ports": [{"port": 8080}]}
    (policy,) = [
        item
        for item in objects({**KEYS, "networkPolicy": {"internet": False, "egress": [rule]}})
        if item["kind"] == "NetworkPolicy"
    ]
    dns, *others = policy["spec"]["egress"]
    assert {port["port"] for port in dns["ports"]} == {53, 5353}
    assert others == [rule]


@each_case
def test_every_pod_is_hardened(path: Path) -> None:
    values = yaml.safe_load(path.read_text())
    found = pods(objects(values))
    assert "Deployment" in found
    for kind, pod in found.items():
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True, kind
        assert context["runAsGroup"] == 0
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert context.get("runAsUser") == (None if "runAsUser" in values else 65532)
        assert pod["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "memory" in container["resources"]["limits"]
        writable = {volume["name"] for volume in pod["volumes"] if "emptyDir" in volume}
        assert all("sizeLimit" in volume["emptyDir"] for volume in pod["volumes"] if "emptyDir" in volume)
        open_mounts = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
        assert open_mounts == {"/tmp", "/run/slipway", "/var/lib/slipway"}
        assert writable == {"tmp", "runtime", "state"}


@each_case
def test_no_secret_is_in_a_variable(path: Path) -> None:
    for pod in pods(objects(yaml.safe_load(path.read_text()))).values():
        (container,) = pod["containers"]
        assert [entry["name"] for entry in container["env"] if "valueFrom" in entry] == []
        names = [entry["name"] for entry in container["env"]]
        assert len(names) == len(set(names))


@pytest.mark.parametrize(("timeout", "settle"), [(600, 15), (1, 0), (86400, 3600)])
def test_the_grace_period_is_what_the_gateway_asks_for(timeout: int, settle: int) -> None:
    values = {**KEYS, "requestTimeoutSeconds": timeout, "settleSeconds": settle}
    pod = pods(objects(values))["Deployment"]
    variables = {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"]}
    asked = budget.derive(resolve({}, variables, {}))
    assert pod["terminationGracePeriodSeconds"] == asked.stop
    assert variables["SLIPWAY_STOP_GRACE_SECONDS"] == str(asked.stop)


def test_a_gateway_that_hangs_is_not_waited_for() -> None:
    pod = pods(objects(case("long-requests")))["Deployment"]
    assert pod["containers"][0]["livenessProbe"]["terminationGracePeriodSeconds"] == 60
    assert pod["terminationGracePeriodSeconds"] > 60


def test_a_change_of_what_is_mounted_replaces_pods() -> None:
    def sums(values: dict[str, Any]) -> dict[str, str]:
        (found,) = [item for item in objects({**KEYS, **values}) if item["kind"] == "Deployment"]
        annotations: dict[str, str] = found["spec"]["template"]["metadata"]["annotations"]
        return {name: value for name, value in annotations.items() if name.startswith("checksum/")}

    before = sums({})
    assert sums({}) == before
    assert sums({"config": {"model_list": []}})["checksum/config"] != before["checksum/config"]
    hook = {"hooks": {"files": {"a.py": "x"}}}
    assert sums(hook)["checksum/hooks"] != before["checksum/hooks"]
    assert (
        sums({"secrets": {**KEYS["secrets"], "existing": ["more"]}})["checksum/secrets"] != before["checksum/secrets"]
    )
    # A reload takes over the others.
    assert list(sums({"onChange": "reload"})) == ["checksum/hooks"]
    assert sums({"onChange": "reload", **hook}) != sums({"onChange": "reload"})


def test_pods_beyond_are_counted_for_the_connections_of_the_database() -> None:
    for values, counted in (
        ({"replicas": 4}, 5),
        ({"replicas": 5, "maxSurge": "25%"}, 7),
        ({"replicas": 5, "maxSurge": 3}, 8),
        ({"autoscaling": {"enabled": True, "maxReplicas": 20}, "maxSurge": "100%"}, 40),
    ):
        rendered = objects({**KEYS, **values})
        (deployment,) = [item for item in rendered if item["kind"] == "Deployment"]
        assert deployment["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == values.get("maxSurge", 1)
        variables = {entry["name"]: entry["value"] for entry in pods(rendered)["Deployment"]["containers"][0]["env"]}
        assert variables["SLIPWAY_REPLICAS"] == str(counted)


def test_a_longer_start_is_a_longer_wait_for_the_migration() -> None:
    for seconds, waited in ((900, "600"), (3600, "3300"), (60, "1")):
        (container,) = pods(objects({**case("database-url"), "startupSeconds": seconds}))["Deployment"]["containers"]
        assert {"name": "SLIPWAY_MIGRATE_TIMEOUT_SECONDS", "value": waited} in container["env"]


def test_the_check_is_of_the_gateways_size_and_knows_what_it_knows() -> None:
    rendered = pods(objects(case("packed")))
    (check,), (gateway,) = rendered["Pod"]["containers"], rendered["Deployment"]["containers"]
    assert check["resources"] == gateway["resources"]
    assert check["env"] == gateway["env"]


def test_pods_wait_for_whoever_migrates() -> None:
    modes = {"job": "require", "helm-hook": "require", "argocd-presync": "require", "pod": "auto", "off": "off"}
    for mode, expected in modes.items():
        values = {**KEYS, "database": {"url": {"existingSecret": "database"}}, "migration": {"mode": mode}}
        rendered = objects(values)
        variables = {entry["name"]: entry["value"] for entry in pods(rendered)["Deployment"]["containers"][0]["env"]}
        assert variables["SLIPWAY_MIGRATE"] == expected
        assert ("Job" in pods(rendered)) is (expected == "require")


def test_another_image_is_another_job_and_the_same_one_is_not() -> None:
    def name(**values: Any) -> str:
        rendered = objects({**case("database-url"), **values})
        (job,) = [item["metadata"]["name"] for item in rendered if item["kind"] == "Job"]
        return str(job)

    assert name() == name()
    assert name() != name(image={"tag": "2"})
    assert name() == name(replicas=7)


def test_a_hook_uses_nothing_of_the_release() -> None:
    account = {"serviceAccount": {"create": True, "name": "mine"}}
    for values in (case("migration-hook"), case("argo-cd"), {**case("migration-hook"), **account}):
        rendered = objects(values)
        pod = pods(rendered)["Job"]
        own = {
            item["metadata"]["name"] for item in rendered if item["kind"] in ("ConfigMap", "Secret", "ServiceAccount")
        }
        assert pod.get("serviceAccountName") not in own
        assert [volume for volume in pod["volumes"] if "configMap" in volume] == []


def test_redis_is_named_by_its_parts_and_what_the_user_says_goes_first() -> None:
    values = {**KEYS, "redis": {"host": "redis", "password": {"existingSecret": "redis"}}}
    (config,) = [item for item in objects(values) if item["kind"] == "ConfigMap"]
    general = yaml.safe_load(config["data"]["config.yaml"])["general_settings"]
    parts = {"host": "os.environ/REDIS_HOST", "port": "os.environ/REDIS_PORT", "password": "os.environ/REDIS_PASSWORD"}
    assert general["coordination_redis"] == parts
    values["config"] = {
        "general_settings": {"coordination_redis": {"port": 7000}},
        "litellm_settings": {"callbacks": []},
    }
    (config,) = [item for item in objects(values) if item["kind"] == "ConfigMap"]
    merged = yaml.safe_load(config["data"]["config.yaml"])
    assert merged["general_settings"]["coordination_redis"] == {**parts, "port": 7000}
    assert merged["litellm_settings"]["callbacks"] == []


def test_what_prometheus_and_grafana_read_is_what_docker_observability_has() -> None:
    rendered = objects(case("pod-monitor"))
    source = CHART.parents[1] / "docker/observability"
    (rules,) = [item for item in rendered if item["kind"] == "PrometheusRule"]
    assert rules["spec"] == yaml.safe_load((source / "rules.yaml").read_text())
    dashboards = {key: text for item in rendered if item["kind"] == "ConfigMap" for key, text in item["data"].items()}
    for name in ("gateway", "fleet"):
        assert dashboards[f"slipway-{name}.json"] == (source / f"{name}.json").read_text()


def test_notes_say_how_to_reach_log_in_and_verify() -> None:
    def notes(values: dict[str, Any]) -> str:
        (text,) = [text for name, text in files(values).items() if name.endswith("NOTES.txt")]
        return text

    plain = notes(dict(KEYS))
    assert "port-forward service/gw-slipway 4000:4000" in plain
    assert "get secret keys --output jsonpath='{.data.LITELLM_MASTER_KEY}'" in plain
    assert "helm test gw --namespace ai" in plain
    assert "Without redis.host" in plain
    assert "Without a database" in plain
    assert "https://gateway.example.com" in notes(case("ingress"))
    assert "Without redis.host" not in notes(case("redis"))
