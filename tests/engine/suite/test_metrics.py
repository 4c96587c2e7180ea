"""get_metrics in both formats: the names and meanings that Prisma documents."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

from tests.engine.suite.client import Metrics, Prisma
from tests.engine.suite.engines import connected

COUNTERS = {
    "prisma_client_queries_total",
    "prisma_datasource_queries_total",
    "prisma_pool_connections_opened_total",
    "prisma_pool_connections_closed_total",
}
GAUGES = {
    "prisma_client_queries_active",
    "prisma_client_queries_wait",
    "prisma_pool_connections_busy",
    "prisma_pool_connections_idle",
    "prisma_pool_connections_open",
}
HISTOGRAMS = {
    "prisma_client_queries_wait_histogram_ms",
    "prisma_client_queries_duration_histogram_ms",
    "prisma_datasource_queries_duration_histogram_ms",
}


def value(metrics: Metrics, key: str) -> float:
    (metric,) = [metric for metric in (*metrics.counters, *metrics.gauges) if metric.key == key]
    return float(metric.value)


async def test_names_in_json(db: Prisma) -> None:
    await db.user.create(data={"name": "Ada"})
    metrics = await db.get_metrics()
    assert {metric.key for metric in metrics.counters} == COUNTERS
    assert {metric.key for metric in metrics.gauges} == GAUGES
    assert {metric.key for metric in metrics.histograms} == HISTOGRAMS
    for metric in (*metrics.counters, *metrics.gauges, *metrics.histograms):
        assert metric.description
        assert metric.labels == {}
    assert metrics.model_dump_json()


async def test_counters_count(db: Prisma) -> None:
    before = await db.get_metrics()
    for _ in range(5):
        await db.user.count()
    after = await db.get_metrics()
    for key in ("prisma_client_queries_total", "prisma_datasource_queries_total"):
        assert value(after, key) - value(before, key) == 5
    assert value(after, "prisma_pool_connections_opened_total") >= value(after, "prisma_pool_connections_open") > 0


async def test_gauges_follow_the_pool(url: str) -> None:
    async with connected(url, connection_limit=3) as client:
        async with client.tx(timeout=timedelta(seconds=9)) as one, client.tx(timeout=timedelta(seconds=9)):
            await one.user.count()
            busy = await client.get_metrics()
        idle = await client.get_metrics()
    assert value(busy, "prisma_pool_connections_busy") == 2
    assert value(idle, "prisma_pool_connections_busy") == 0
    assert value(idle, "prisma_pool_connections_idle") == value(idle, "prisma_pool_connections_open") >= 2
    assert value(idle, "prisma_client_queries_active") == 0


async def test_waiting_queries_show(url: str) -> None:
    async with connected(url, connection_limit=1) as client:
        async with client.tx(timeout=timedelta(seconds=9)):
            waiting = asyncio.ensure_future(client.user.count())
            await asyncio.sleep(0.2)
            metrics = await client.get_metrics()
        await waiting
    assert value(metrics, "prisma_client_queries_wait") == 1


async def test_histograms_add_up(db: Prisma) -> None:
    await db.query_raw("SELECT pg_sleep(0.03)")
    metrics = await db.get_metrics()
    for histogram in (metric.value for metric in metrics.histograms):
        counts = [bucket.total_count for bucket in histogram.buckets]
        assert [bucket.max_value for bucket in histogram.buckets] == sorted(b.max_value for b in histogram.buckets)
        assert all(count >= 0 for count in counts)
        assert histogram.count >= max(counts)
    (duration,) = [m.value for m in metrics.histograms if m.key == "prisma_datasource_queries_duration_histogram_ms"]
    assert duration.count > 0
    assert duration.sum >= 30


async def test_prometheus_text(db: Prisma) -> None:
    await db.user.count()
    text = await db.get_metrics(format="prometheus")
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    assert types == dict.fromkeys(COUNTERS, "counter") | dict.fromkeys(GAUGES, "gauge") | dict.fromkeys(
        HISTOGRAMS, "histogram"
    )
    assert set(re.findall(r"^# HELP (\S+) \S", text, re.MULTILINE)) == set(types)
    for line in text.splitlines():
        assert not line or line.startswith("#") or re.fullmatch(r"[a-z_]+(\{[^}]*\})? [-+.\deE]+", line), line
    for name in HISTOGRAMS:
        buckets = re.findall(rf'^{name}_bucket{{le="([^"]+)"}} (\d+)$', text, re.MULTILINE)
        assert buckets[-1][0] == "+Inf"
        counts = [int(count) for _, count in buckets]
        assert counts == sorted(counts)
        assert re.search(rf"^{name}_count {counts[-1]}$", text, re.MULTILINE)
        assert re.search(rf"^{name}_sum [\d.e+-]+$", text, re.MULTILINE)


async def test_global_labels_are_on_every_metric(db: Prisma) -> None:
    labels = {"worker": "7", "place": 'a "quoted" \\ one'}
    metrics = await db.get_metrics(global_labels=labels)
    for metric in (*metrics.counters, *metrics.gauges, *metrics.histograms):
        assert metric.labels == labels
    text = await db.get_metrics(format="prometheus", global_labels=labels)
    for line in text.splitlines():
        if line and not line.startswith("#"):
            assert 'worker="7"' in line
            assert 'place="a \\"quoted\\" \\\\ one"' in line
    assert "worker" not in await db.get_metrics(format="prometheus")
