"""A real Prometheus that scrapes gateways, with the rules that are published."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker.errors
import httpx
import pytest
import yaml

from tests.support import gateway
from tests.support.lab import Lab, Spec, hardened, wait_until

RULES = Path(__file__).resolve().parents[2] / "docker" / "observability" / "rules.yaml"
IMAGE = "slipway-prometheus:latest"
FOLDER = "/etc/prometheus"
PORT = 9090
SCRAPED_SECONDS = 60


# Labels, and pairs of Unix time and value.
Series = tuple[dict[str, str], list[tuple[float, float]]]


def _series(data: Any) -> list[Series]:
    return [(row["metric"], [(moment, float(value)) for moment, value in row["values"]]) for row in data["result"]]


@dataclass(frozen=True)
class Prometheus:
    url: str
    targets: Path

    def scrape(self, *names: str) -> None:
        """Scrape these from now on, and wait until each has been."""
        _list(self.targets, names)
        instances = {f"{name}:4001" for name in names}

        def scraped() -> bool:
            return self.answers() and {one["instance"] for one, _ in self.query("up == 1")} == instances

        wait_until(f"scrapes of {', '.join(names)}", scraped, SCRAPED_SECONDS)

    def _get(self, path: str, **parameters: object) -> Any:
        answer = httpx.get(
            f"{self.url}/api/v1/{path}", params={name: str(value) for name, value in parameters.items()}, timeout=30
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=10).status_code == 200
        except httpx.TransportError:
            return False

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series now."""
        return [(row["metric"], float(row["value"][1])) for row in self._get("query", query=expression)["result"]]

    def range(self, expression: str, start: float, end: float, step: float) -> list[Series]:
        """Each series from `start` to `end` in Unix time, every `step` seconds."""
        return _series(self._get("query_range", query=expression, start=start, end=end, step=step))

    def samples(self, selector: str) -> list[Series]:
        """Each series as it was scraped; `selector` names a range, as `up[5m]` does."""
        return _series(self._get("query", query=selector))

    def rules(self) -> list[dict[str, Any]]:
        """Each rule as Prometheus has evaluated it."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def firing(self) -> set[str]:
        """The alerts that fire."""
        return {alert["labels"]["alertname"] for alert in self._get("alerts")["alerts"] if alert["state"] == "firing"}


def start(
    lab: Lab,
    network: str,
    directory: Path,
    names: Sequence[str],
    rules: Mapping[str, Any],
    seconds: int = 1,
) -> Prometheus:
    """Scrape whoever has one of these names on the network, every `seconds`, and wait until each has been."""
    try:
        lab.client.images.get(IMAGE)
    except docker.errors.ImageNotFound:
        pytest.fail(f"the image {IMAGE} does not exist: sh docker/build.sh prometheus", pytrace=False)
    settings = {
        "global": {"scrape_interval": f"{seconds}s", "evaluation_interval": f"{seconds}s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [
            {
                "job_name": "slipway",
                "file_sd_configs": [{"files": [f"{FOLDER}/targets/*.json"], "refresh_interval": "1s"}],
            }
        ],
    }
    texts = {"prometheus.yaml": settings, "rules.yaml": dict(rules)}
    files = {f"{FOLDER}/{name}": gateway.write(directory, name, yaml.safe_dump(text)) for name, text in texts.items()}
    targets = directory / "targets"
    targets.mkdir()
    files[f"{FOLDER}/targets"] = targets
    _list(targets, names)
    command = ("prometheus", f"--config.file={FOLDER}/prometheus.yaml", "--storage.tsdb.path=/tmp/prometheus")
    switches: dict[str, Any] = hardened()
    spec = Spec(image=IMAGE, command=command, files=files, network=network, ports=(PORT,), **switches)
    running = Prometheus(f"http://127.0.0.1:{lab.start(spec).port(PORT)}", targets)
    running.scrape(*names)
    return running


def _list(directory: Path, names: Sequence[str]) -> None:
    # Renamed into place: Prometheus may read at any moment.
    hidden = gateway.write(directory, ".new", json.dumps([{"targets": [f"{name}:4001" for name in names]}]))
    hidden.rename(directory / "targets.json")
