"""Keys that the chart makes: once, for as long as the cluster has them, whatever happens to the release."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import helm_python
import pytest

from tests.support.chart import CHART, FULL_NAME, NAME, NAMESPACE
from tests.support.cluster import Cluster, cluster

DATABASE = {"database": {"url": {"existingSecret": "database"}}}
MASTER, SALT = f"{FULL_NAME}-master-key", f"{FULL_NAME}-salt-key"


@pytest.fixture
def kubernetes() -> Iterator[Cluster]:
    with cluster(NAMESPACE) as running:
        yield running


def kept(kubernetes: Cluster) -> dict[str, Any]:
    return {name: kubernetes.secret(NAMESPACE, name) for name in (MASTER, SALT)}


def test_an_upgrade_keeps_them_byte_for_byte(kubernetes: Cluster) -> None:
    with kubernetes.helm(NAMESPACE) as helm:
        helm.install(CHART, NAME, DATABASE, namespace=NAMESPACE)
        made = kept(kubernetes)
        keys = [base64.b64decode(value).decode() for data in made.values() for value in data.values()]
        assert len(set(keys)) == 2
        assert all(key.startswith("sk-") and len(key) >= 32 for key in keys)
        for change in ({}, {"replicas": 3}, {"workers": 2}):
            helm.upgrade(CHART, NAME, {**DATABASE, **change}, namespace=NAMESPACE)
            assert kept(kubernetes) == made


def test_they_outlive_the_release_and_are_taken_over_by_the_next(kubernetes: Cluster) -> None:
    with kubernetes.helm(NAMESPACE) as helm:
        helm.install(CHART, NAME, DATABASE, namespace=NAMESPACE)
        made = kept(kubernetes)
        helm.uninstall(NAME)
        assert kept(kubernetes) == made
        assert f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{FULL_NAME}" not in kubernetes.objects
        helm.install(CHART, NAME, DATABASE, namespace=NAMESPACE)
        assert kept(kubernetes) == made


def test_a_salt_key_is_made_with_the_database_and_not_before(kubernetes: Cluster) -> None:
    with kubernetes.helm(NAMESPACE) as helm:
        helm.install(CHART, NAME, {}, namespace=NAMESPACE)
        made = kept(kubernetes)
        assert made[SALT] is None
        helm.upgrade(CHART, NAME, DATABASE, namespace=NAMESPACE)
        assert kept(kubernetes)[MASTER] == made[MASTER]
        assert kept(kubernetes)[SALT] is not None


# With other names the chart would make another salt key, which opens nothing of what the database holds.
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fullnameOverride": "other"}, f"secrets.saltKey: {SALT} has this release's salt key"),
        ({"nameOverride": "other"}, f"secrets.saltKey: {SALT} has this release's salt key"),
        ({"secrets": {"saltKey": {"key": "SALT"}}}, "secrets: a key has another name"),
        ({"secrets": {"masterKey": {"key": "MASTER"}}}, "secrets: a key has another name"),
    ],
)
def test_an_upgrade_under_other_names_is_refused(kubernetes: Cluster, change: dict[str, Any], said: str) -> None:
    with kubernetes.helm(NAMESPACE) as helm:
        helm.install(CHART, NAME, DATABASE, namespace=NAMESPACE)
        made = kept(kubernetes)
        with pytest.raises(helm_python.HelmError, match=re.escape(said)):
            helm.upgrade(CHART, NAME, {**DATABASE, **change}, namespace=NAMESPACE)
        assert kept(kubernetes) == made
        # As its message says.
        named = {"secrets": {"saltKey": {"existingSecret": SALT}, "masterKey": {"existingSecret": MASTER}}}
        helm.upgrade(CHART, NAME, {**DATABASE, **named, "fullnameOverride": "other"}, namespace=NAMESPACE)
        assert kubernetes.secret(NAMESPACE, "other-salt-key") is None


def test_whatever_else_stands_in_a_secret_is_kept(kubernetes: Cluster) -> None:
    with kubernetes.helm(NAMESPACE) as helm:
        helm.install(CHART, NAME, DATABASE, namespace=NAMESPACE)
        path = f"/api/v1/namespaces/{NAMESPACE}/secrets/{SALT}"
        kubernetes.objects[path]["data"]["FORMER"] = "c2stb2xk"
        made = kept(kubernetes)
        helm.upgrade(CHART, NAME, {**DATABASE, "replicas": 3}, namespace=NAMESPACE)
        assert kept(kubernetes) == made


def test_a_mended_secret_of_the_database_is_another_job(kubernetes: Cluster) -> None:
    def jobs() -> set[str]:
        return {path.rpartition("/")[2] for path in kubernetes.objects if "/jobs/" in path}

    path = f"/api/v1/namespaces/{NAMESPACE}/secrets/database"
    metadata = {"name": "database", "namespace": NAMESPACE}
    with kubernetes.helm(NAMESPACE) as helm:
        kubernetes.objects[path] = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "data": {"a": "d3Jvbmc="},
        }
        helm.install(CHART, NAME, DATABASE, namespace=NAMESPACE)
        before = jobs()
        helm.upgrade(CHART, NAME, {**DATABASE, "replicas": 3}, namespace=NAMESPACE)
        assert jobs() == before
        kubernetes.objects[path]["data"]["a"] = "cmlnaHQ="
        helm.upgrade(CHART, NAME, DATABASE, namespace=NAMESPACE)
        assert len(jobs()) == 1
        assert jobs() != before


def test_another_url_of_the_database_is_another_job(kubernetes: Cluster) -> None:
    """Both Secrets have the same key, as CloudNativePG makes them."""
    url = {
        name: {"existingSecret": secret, "key": "uri"} for name, secret in (("url", "pooler"), ("directUrl", "direct"))
    }
    where = f"/api/v1/namespaces/{NAMESPACE}/secrets"

    def secret(name: str, text: str) -> None:
        data = {"uri": base64.b64encode(text.encode()).decode()}
        kubernetes.objects[f"{where}/{name}"] = {
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NAMESPACE}, "data": data,
        }  # fmt: skip

    def jobs() -> set[str]:
        return {path for path in kubernetes.objects if "/jobs/" in path}

    secret("pooler", "postgresql://pooler/one")
    secret("direct", "postgresql://direct/wrong")
    with kubernetes.helm(NAMESPACE) as helm:
        helm.install(CHART, NAME, {"database": url}, namespace=NAMESPACE)
        before = jobs()
        assert len(before) == 1
        helm.upgrade(CHART, NAME, {"database": url}, namespace=NAMESPACE)
        assert jobs() == before
        secret("direct", "postgresql://direct/right")
        helm.upgrade(CHART, NAME, {"database": url}, namespace=NAMESPACE)
        assert jobs() - before
