"""Keys that the chart makes: once, for as long as the cluster has them, whatever happens to the release."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

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
