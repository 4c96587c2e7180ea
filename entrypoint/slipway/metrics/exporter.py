"""The process that renders metrics: the files of all workers, and what the supervisor tells of itself.

It is a process of its own, since rendering thousands of series takes memory and holds Python's lock, and the supervisor
has probes to answer. It reads files and asks no worker.

On its standard input, a socket, a request is a line of JSON, as ``Scrapes`` writes it. The answer is a line of JSON,
``{"type", "encoding", "left_out"}``, with the descriptor of a file in memory that holds the text, or ``{"problem"}``.
It ends with its supervisor.
"""

from __future__ import annotations

import glob
import gzip
import json
import os
import socket
import sys
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.samples import Sample

from slipway.metrics.memory import Memory

_LONGEST_PROBLEM: Final = 1000
# What LiteLLM writes into each label of what is over prometheus_metrics_max_series_per_metric.
_OVERFLOW: Final = "other"
# Text with so many repetitions is a tenth of its size with the least effort.
_GZIP_LEVEL: Final = 1
_OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0"


class _Families:
    """What the supervisor has written down: name, kind, help, and values by labels."""

    def __init__(self, families: Iterable[Any]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        for name, kind, help, samples in self._families:
            labels = sorted(samples[0][0]) if samples else []
            make = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
            family = make(name, help, labels=labels)
            for values, value in samples:
                family.add_metric([values[label] for label in labels], value)
            yield family


class _Files:
    """What all workers have written, and how much of it there is."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        # Why they cannot be read.
        self.problem: str | None = None

    def collect(self) -> Iterator[Metric]:
        found: list[Metric] = []
        try:
            collector = MultiProcessCollector(None, self._directory)  # type: ignore[no-untyped-call]
            found += collector.collect()  # type: ignore[no-untyped-call]
        except Exception as problem:
            # All of them are left out: without one, counters would fall.
            self.problem = f"{_culprit(self._directory)}: {type(problem).__name__}: {problem}"[:_LONGEST_PROBLEM]
        readable = self.problem is None
        yield GaugeMetricFamily("slipway_metrics_readable", "1 if what workers have written can be read.", readable)
        series = sum(len(metric.samples) for metric in found)
        capped = sum(any(map(_is_overflow, metric.samples)) for metric in found)
        yield GaugeMetricFamily("slipway_metrics_series", "Series that workers have written.", series)
        yield GaugeMetricFamily(
            "slipway_metrics_capped", "Counters and histograms at LiteLLM's limit of series.", capped
        )
        yield from found


def _culprit(directory: str) -> str:
    """Return the file that cannot be read, or the directory."""
    for path in sorted(glob.glob(os.path.join(directory, "*.db"))):
        try:
            MultiProcessCollector.merge([path])  # type: ignore[no-untyped-call]
        except Exception:
            return path
    return directory


def _is_overflow(sample: Sample) -> bool:
    own = [value for label, value in sample.labels.items() if label != "le"]
    return bool(own) and own.count(_OVERFLOW) == len(own)


def render(request: dict[str, Any], memory: Memory) -> tuple[dict[str, Any], bytes]:
    """Return the answer's head and its text."""
    registry = CollectorRegistry()
    registry.register(_Families([*request["families"], *map(astuple, memory.families(request["workers"]))]))
    files = _Files(request["files"]) if request["files"] else None
    if files:
        registry.register(files)
    encode, type = choose_encoder(_OPENMETRICS if request["openmetrics"] else "")
    body = encode(registry)
    encoding = "gzip" if request["gzip"] else None
    head = {"type": type, "encoding": encoding, "left_out": files and files.problem}
    return head, gzip.compress(body, _GZIP_LEVEL) if encoding else body


def _answer(connection: socket.socket, head: dict[str, Any], body: bytes) -> None:
    if "problem" in head:
        connection.sendall(json.dumps(head).encode())
        return
    with open(os.memfd_create("metrics"), "wb") as file:
        file.write(body)
        file.flush()
        socket.send_fds(connection, [json.dumps(head).encode()], [file.fileno()])


def main() -> int:
    """Answer one request after the other."""
    memory = Memory()
    with socket.socket(fileno=sys.stdin.fileno()) as connection, connection.makefile("rb") as requests:
        for line in requests:
            request = json.loads(line)
            try:
                head, body = render(request, memory)
            except Exception as problem:
                head, body = {"problem": f"{type(problem).__name__}: {problem}"[:_LONGEST_PROBLEM]}, b""
            try:
                _answer(connection, head, body)
            except OSError:
                # The supervisor has ended, or does not wait any more.
                return 0
            memory.look(request["workers"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
