"""What a gateway tells about itself on the management port, read from the Prometheus text format."""

from __future__ import annotations

import re

from tests.support.gateway import Gateway

_LINE = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def read(gateway: Gateway, name: str, **labels: str) -> float:
    """The sum of the samples of `name` that have these labels; fails when the metric is not there at all."""
    answer = gateway.management("/metrics")
    assert answer.status_code == 200, answer.text
    assert re.search(rf"^(# TYPE )?{name}\b", answer.text, re.MULTILINE), f"no {name} in:\n{answer.text}"
    return sum(
        float(match["value"])
        for match in _LINE.finditer(answer.text)
        if match["name"] == name and labels.items() <= dict(_LABEL.findall(match["labels"] or "")).items()
    )
