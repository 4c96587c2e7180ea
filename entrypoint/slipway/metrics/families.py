"""What is shown, before anybody knows in which format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge"]
Sample = tuple[Mapping[str, str], float]


@dataclass(frozen=True, slots=True)
class Family:
    """A metric by its name, with a value for each set of labels. A counter's name ends in ``_total``."""

    name: str
    kind: Kind
    help: str
    samples: tuple[Sample, ...]


def gauge(name: str, help: str, value: float) -> Family:
    """Return a gauge without labels."""
    return Family(name, "gauge", help, (({}, value),))


def counter(name: str, help: str, value: float) -> Family:
    """Return a counter without labels."""
    return Family(name, "counter", help, (({}, value),))


def labelled(name: str, kind: Kind, help: str, label: str, values: Mapping[str, float]) -> Family:
    """Return a metric with one label, and its value by that label's."""
    return Family(name, kind, help, tuple(({label: text}, value) for text, value in values.items()))
