"""Writes the tables of docs/capacity.md from bench/results/scale.json: what was measured, the model, what follows.

A line by least squares for what grows with replicas, a median for what a request costs; the error of each is how far
the farthest measurement is from it. Usage: python docs/capacity.py
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "capacity.md"
RESULTS: Final = ROOT / "bench" / "results" / "scale.json"
# How much of a core a replica is meant to use: what the chart's autoscaling aims at.
BUSY: Final = 0.6
POOL: Final = 10
KEYS: Final = 1000
SIZES: Final = (1, 10, 100, 1000)
MINUTE: Final = 60
# What grows with replicas: its name in the results, what it is, its unit.
GROWING: Final = {
    "postgres_connections": ("connections at PostgreSQL, in use", ""),
    "redis_connections": ("connections at Redis", ""),
    "memory": ("memory of all replicas", "MB"),
    "idle_transactions": ("transactions a second, at rest", "/s"),
    "idle_postgres_cpu": ("PostgreSQL's CPU at rest", "cores"),
    "idle_gateways_cpu": ("the gateways' CPU at rest", "cores"),
}
COSTS: Final = {
    "gateways_cpu": ("the gateway's CPU", "ms", 1000),
    "postgres_cpu": ("PostgreSQL's CPU", "ms", 1000),
    "redis_cpu": ("Redis' CPU", "ms", 1000),
    "commands": ("commands at Redis", "", 1),
    "transactions": ("transactions at PostgreSQL", "", 1),
}


@dataclass(frozen=True)
class Line:
    """``base`` + ``slope`` x replicas; ``error`` is the largest deviation, as a part of what was measured."""

    base: float
    slope: float
    error: float

    def at(self, replicas: float) -> float:
        """What so many replicas come to."""
        return self.base + self.slope * replicas


@dataclass(frozen=True)
class Limit:
    """Something that ends: how much of it so many replicas need, and how much there is."""

    name: str
    need: Callable[[float], float]
    there: float
    then: str

    @property
    def replicas(self) -> int:
        """The most that it is enough for."""
        low, high = 0, 10**7
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.need(middle) <= self.there else (low, middle - 1)
        return low


def fit(rows: Sequence[Mapping[str, Any]], name: str) -> Line:
    """The line through all rows by least squares."""
    found = statistics.linear_regression([row["replicas"] for row in rows], [row[name] for row in rows])
    line = Line(found.intercept, found.slope, 0)
    return Line(line.base, line.slope, max(abs(line.at(row["replicas"]) - row[name]) / row[name] for row in rows))


@dataclass(frozen=True)
class Cost:
    """What a request costs, and what each replica writes once a minute whatever was asked; ``error`` as of a line."""

    request: float
    replica: float
    error: float

    def a_second(self, rate: float, replicas: float) -> float:
        """What so many replicas come to, each with ``rate`` requests a second."""
        return (self.request * rate + self.replica / MINUTE) * replicas


def cost(rows: Sequence[Mapping[str, Any]], name: str) -> Cost:
    """Both parts by least squares from what a minute of requests cost in all."""
    pairs = [(row["requests"], row["replicas"], row[name] * row["requests"]) for row in rows]
    aa, bb, ab = (sum(x * y for x, y in zip(first, second, strict=True)) for first, second in _squares(pairs))
    at, bt = (sum(pair[part] * pair[2] for pair in pairs) for part in (0, 1))
    determinant = aa * bb - ab * ab
    request, replica = (at * bb - bt * ab) / determinant, (aa * bt - ab * at) / determinant
    worst = max(abs(request * asked + replica * replicas - total) / total for asked, replicas, total in pairs)
    return Cost(request, replica, worst)


def _squares(pairs: Sequence[tuple[float, float, float]]) -> list[tuple[list[float], list[float]]]:
    requests, replicas = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return [(requests, requests), (replicas, replicas), (requests, replicas)]


def limits(content: Mapping[str, Any]) -> list[Limit]:
    """What ends, with replicas that are as busy as BUSY says."""
    rows, metrics = content["rows"], content["metrics"]
    rate = BUSY / cost(rows, "gateways_cpu").request
    postgres, redis = cost(rows, "postgres_cpu"), cost(rows, "redis_cpu")
    at_rest, clients = fit(rows, "idle_postgres_cpu"), fit(rows, "redis_connections")
    base = metrics["series"] - metrics["keys"] * metrics["series_per_key"]
    series = base + KEYS * metrics["series_per_key"]
    return [
        Limit(
            "connections that PostgreSQL is asked for (pool of 10 a worker, one replica more as it rolls)",
            lambda n: POOL * (n + 1), 97,
            "`max_connections`, then PgBouncer in transaction mode with `DIRECT_URL`",
        ),
        Limit(
            "one core of Redis", lambda n: redis.a_second(rate, n), 1,
            "a Redis for each group of replicas; limits hold in a group then",
        ),
        Limit(
            f"10 million series in one Prometheus ({KEYS} keys in use)", lambda n: series * n, 1e7,
            "`prometheus_metrics_config` with fewer labels, then a Prometheus for each group",
        ),
        Limit(
            "16 cores of PostgreSQL", lambda n: at_rest.at(n) + postgres.a_second(rate, n), 16,
            "`redis.spendBuffer`, `proxy_batch_write_at`, `disable_spend_logs`",
        ),
        Limit("clients of Redis (`maxclients`)", clients.at, 10_000, "`maxclients`"),
    ]  # fmt: skip


def tables(content: Mapping[str, Any]) -> dict[str, str]:
    """The text of each marker of the page."""
    rows: list[Mapping[str, Any]] = content["rows"]
    metrics = content["metrics"]
    rate = BUSY / cost(rows, "gateways_cpu").request
    grown = [(text, unit, [row[name] for row in rows], fit(rows, name)) for name, (text, unit) in GROWING.items()]
    heads = [f"{row['replicas']}" for row in rows]
    measured = _table(
        ["With replicas", *heads, "model", "error"],
        [
            [text, *(_amount(value) for value in values), _line(line, unit), f"{line.error:.0%}"]
            for text, unit, values, line in grown
        ],
    )
    costs = _table(
        ["Of a request", *heads, "model: a request", "and a minute of a replica", "error"],
        [
            [
                text, *(_amount(row[name] * factor) for row in rows),
                *(f"{_amount(part * factor)} {unit}".strip() for part in (found.request, found.replica)),
                f"{found.error:.0%}",
            ]
            for name, (text, unit, factor) in COSTS.items()
            for found in [cost(rows, name)]
        ],
    )  # fmt: skip
    found = sorted(limits(content), key=lambda limit: limit.replicas)
    ends = _table(
        ["What ends", *(f"{size:,}" for size in SIZES), "enough for", "then"],
        [
            [
                limit.name,
                *(_amount(limit.need(size)) for size in SIZES),
                f"{limit.replicas:,} replicas",
                limit.then,
            ]
            for limit in found
        ],
    )
    lines = {name: fit(rows, name) for name in GROWING}
    sizes = _table(
        ["Replicas", "requests a second", "memory", "transactions a second at rest", "has ended, in this order"],
        [
            [
                f"{size:,}", f"{rate * size:,.0f}", f"{lines['memory'].at(size) / 1000:,.1f} GB",
                f"{lines['idle_transactions'].at(size):,.0f}",
                "; ".join(limit.name for limit in found if limit.replicas < size) or "none",
            ]
            for size in SIZES
        ],
    )  # fmt: skip
    cardinality = (
        f"A key that is used adds {metrics['series_per_key']:.0f} series, and {metrics['bytes_per_key'] / 1000:.0f} kB "
        f"to a scrape, in every replica that it comes to."
    )
    return {"measured": f"{measured}\n\n{costs}", "limits": ends, "sizes": sizes, "cardinality": cardinality}


def rewritten(page: str) -> str:
    """The page with its tables as the results have them."""
    for name, text in tables(json.loads(RESULTS.read_text())).items():
        page = re.sub(rf"<!-- {name} -->.*?<!-- /{name} -->", lambda _: _between(name, text), page, flags=re.DOTALL)  # noqa: B023
    return page


def _between(name: str, text: str) -> str:
    return f"<!-- {name} -->\n{text}\n<!-- /{name} -->"


def _line(line: Line, unit: str) -> str:
    sign = "+" if line.base >= 0 else "-"
    return f"{line.slope:.3g} n {sign} {abs(line.base):.2g} {unit}".strip()


def _amount(need: float) -> str:
    return f"{need:,.3g}" if need < 100 else f"{need:,.0f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text()))
