"""What replicas cost those that they share: `make scale` writes `results/scale.json` for docs/capacity.md.

1, 2, 4 and 8 replicas of the production config with one PostgreSQL and one Redis; first at rest, then with requests at
a steady rate, by virtual keys with limits. Counters of the services themselves: connections, transactions, commands;
CPU seconds as the engine counts them for each container; proportional memory (PSS) as the kernel does. MB are 10^6
bytes.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import docker
import httpx
import yaml

from tests.support import gateway, postgres, redis
from tests.support.gateway import MASTER_KEY, Gateway
from tests.support.lab import Lab
from tests.support.postgres import Postgres
from tests.support.redis import Redis

ROOT: Final = Path(__file__).resolve().parents[1]
RESULTS: Final = ROOT / "bench" / "results" / "scale.json"
REPLICAS: Final = (1, 2, 4, 8)
DATABASE: Final = "gateway"
WARM_SECONDS: Final = 30
WINDOW_SECONDS: Final = 60
# A fraction of what this machine's two cores can do, so that 8 replicas answer as quickly as one.
CLIENTS: Final = 16
PAUSE_SECONDS: Final = 1.0
KEYS: Final = 4
# Of keys with which the metrics are counted, beside those of the load.
MANY_KEYS: Final = 20
_PSS: Final = """
import os
total = 0
for name in os.listdir("/proc"):
    if name.isdigit() and int(name) != os.getpid():
        try:
            total += sum(int(line.split()[1]) for line in open(f"/proc/{name}/smaps_rollup") if line.startswith("Pss:"))
        except OSError:
            pass
print(total)
"""


@dataclass(frozen=True)
class Counted:
    """What the counters of all services said at one moment. CPU in seconds; `gateways` together."""

    moment: float
    transactions: int
    commands: int
    postgres_cpu: float
    redis_cpu: float
    gateways_cpu: float


@dataclass(frozen=True)
class Row:
    """One number of replicas. Rates are per second, costs per request, memory in MB of all replicas together."""

    replicas: int
    postgres_connections: int
    redis_connections: int
    memory: float
    idle_transactions: float
    idle_commands: float
    idle_postgres_cpu: float
    idle_redis_cpu: float
    idle_gateways_cpu: float
    requests: int
    seconds: float
    p50_ms: float
    transactions: float
    commands: float
    postgres_cpu: float
    redis_cpu: float
    gateways_cpu: float


def config() -> str:
    """The published config with a model that asks nobody."""
    content = yaml.safe_load((ROOT / "docker" / "compose" / "production" / "config.yaml").read_text())
    content["model_list"] = yaml.safe_load(gateway.MOCK)["model_list"]
    content["router_settings"].pop("fallbacks")
    content["general_settings"].pop("alerting")
    return yaml.safe_dump(content)


class Site:
    """So many replicas, and what they share."""

    def __init__(self, lab: Lab, directory: Path, replicas: int) -> None:
        self.lab = lab
        network = lab.network()
        self.postgres: Postgres = postgres.start(lab, network, settings={"max_connections": "500"})
        self.postgres.sql(f"CREATE DATABASE {DATABASE}")
        self.redis: Redis = redis.start(lab, network)
        variables = {
            "DATABASE_URL": self.postgres.url(DATABASE),
            "LITELLM_SALT_KEY": f"sk-{'0' * 32}",
            "REDIS_HOST": redis.ALIAS,
            "REDIS_PORT": str(redis.PORT),
            "REDIS_PASSWORD": self.redis.password,
            "SLIPWAY_REPLICAS": str(replicas),
        }
        self.gateways: list[Gateway] = []
        for number in range(replicas):
            folder = directory / str(number)
            folder.mkdir()
            how: dict[str, Any] = {"config": config(), "env": variables, "network": network, "alias": f"gw{number}"}
            self.gateways.append(gateway.start(lab, folder, **how))

    def count(self) -> Counted:
        stats = [self._cpu(box.box) for box in self.gateways]
        transactions = self.postgres.sql(
            f"SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '{DATABASE}'"
        )
        commands = dict(line.split(":", 1) for line in self.redis.ask("info", "stats").splitlines() if ":" in line)
        return Counted(
            time.monotonic(),
            int(transactions),
            int(commands["total_commands_processed"]),
            self._cpu(self.postgres.box),
            self._cpu(self.redis.box),
            sum(stats),
        )

    @staticmethod
    def _cpu(box: Any) -> float:
        found = box.container.client.api.stats(box.container.id, stream=False, one_shot=True)
        return float(found["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9

    def connections(self) -> tuple[int, int]:
        """Those of the gateways at PostgreSQL and at Redis, without the one that asks."""
        there = self.postgres.sql(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{DATABASE}'")
        clients = dict(line.split(":", 1) for line in self.redis.ask("info", "clients").splitlines() if ":" in line)
        return int(there), int(clients["connected_clients"]) - 1

    def memory(self) -> float:
        return sum(int(running.box.python(_PSS)) for running in self.gateways) * 1024 / 1e6

    def keys(self, count: int) -> list[str]:
        """New virtual keys, each with limits that no request reaches."""
        headers = {"Authorization": f"Bearer {MASTER_KEY}"}
        limits = {"rpm_limit": 100_000, "tpm_limit": 10_000_000, "max_budget": 1000}
        answers = [
            httpx.post(f"{self.gateways[0].url}/key/generate", json=limits, headers=headers, timeout=60).json()
            for _ in range(count)
        ]
        return [str(answer["key"]) for answer in answers]

    def ask(self, seconds: float, keys: Sequence[str]) -> list[float]:
        """Ask all replicas in turn; returns how long each answer took, in milliseconds."""
        taken: list[float] = []
        ended = time.monotonic() + seconds
        urls = [running.url for running in self.gateways]

        def client(number: int) -> None:
            with httpx.Client(timeout=60) as http:
                turn = number
                while time.monotonic() < ended:
                    taken.append(_ask(http, urls[turn % len(urls)], keys[turn % len(keys)]))
                    turn += 1
                    time.sleep(PAUSE_SECONDS)

        threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return taken


def _ask(http: httpx.Client, url: str, key: str) -> float:
    began = time.monotonic()
    answer = http.post(
        f"{url}/v1/chat/completions",
        json={"model": "mock", "messages": [{"role": "user", "content": "hello"}]},
        headers={"Authorization": f"Bearer {key}"},
    )
    if answer.status_code != 200:
        raise RuntimeError(f"status {answer.status_code}: {answer.text[:300]}")
    return 1000 * (time.monotonic() - began)


def measure(lab: Lab, directory: Path, replicas: int) -> tuple[Row, dict[str, float]]:
    """One row, and with one replica also what a key adds to the metrics."""
    site = Site(lab, directory, replicas)
    keys = site.keys(KEYS)
    site.ask(WARM_SECONDS, keys)
    # What the load left behind is written within a minute (proxy_batch_write_at).
    time.sleep(70)
    before = site.count()
    time.sleep(WINDOW_SECONDS)
    rest = site.count()
    taken = site.ask(WINDOW_SECONDS, keys)
    # Its last sums are written within a minute, too, and belong to it.
    time.sleep(70)
    after = site.count()
    idle = {name: _rate(before, rest, name) for name in ("transactions", "commands", *_CPUS)}
    spent = {name: (_rise(rest, after, name) - idle[name] * (after.moment - rest.moment)) / len(taken) for name in idle}
    at_postgres, at_redis = site.connections()
    row = Row(
        replicas=replicas,
        postgres_connections=at_postgres,
        redis_connections=at_redis,
        memory=round(site.memory(), 1),
        requests=len(taken),
        seconds=WINDOW_SECONDS,
        p50_ms=round(statistics.median(taken), 1),
        **{f"idle_{name}": round(value, 6) for name, value in idle.items()},
        **{name: round(value, 6) for name, value in spent.items()},
    )
    return row, _cardinality(site) if replicas == 1 else {}


_CPUS: Final = ("postgres_cpu", "redis_cpu", "gateways_cpu")


def _rise(before: Counted, after: Counted, name: str) -> float:
    return float(getattr(after, name) - getattr(before, name))


def _rate(before: Counted, after: Counted, name: str) -> float:
    return _rise(before, after, name) / (after.moment - before.moment)


def _cardinality(site: Site) -> dict[str, float]:
    few, size = _series(site)
    with httpx.Client(timeout=60) as http:
        for key in site.keys(MANY_KEYS):
            _ask(http, site.gateways[0].url, key)
    more, larger = _series(site)
    return {
        "series": few,
        "series_per_key": round((more - few) / MANY_KEYS, 1),
        "bytes": size,
        "bytes_per_key": round((larger - size) / MANY_KEYS, 1),
        "keys": KEYS,
    }


def _series(site: Site) -> tuple[int, int]:
    text = site.gateways[0].management("/metrics").text
    return sum(not line.startswith("#") for line in text.splitlines()), len(text)


def main() -> int:
    """Measure all of it and write the file."""
    client = docker.from_env(timeout=600)
    rows: list[Row] = []
    metrics: dict[str, float] = {}
    for replicas in REPLICAS:
        with tempfile.TemporaryDirectory() as directory, Lab(client, "slipway:dev") as lab:
            row, found = measure(lab, Path(directory), replicas)
        metrics |= found
        rows.append(row)
        print(json.dumps(asdict(row)), file=sys.stderr, flush=True)
    RESULTS.write_text(json.dumps({"rows": [asdict(row) for row in rows], "metrics": metrics}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
