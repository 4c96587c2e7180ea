"""The panels of the published dashboards, asked of a Prometheus, and drawn where no Grafana can be installed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from bench.picture import Sheet
from tests.support.prometheus import Prometheus

OBSERVABILITY = Path(__file__).resolve().parents[2] / "docker" / "observability"
# What Grafana puts in place of its variables.
VARIABLES = {"$__rate_interval": "30s", "$job": "slipway", "$instance": "watched:4001"}
COLUMNS, WIDTH, HEIGHT, EDGE = 3, 300, 170, 16
POINTS = 120
COLOURS = ("#0b7285", "#e8590c", "#5c940d", "#862e9c", "#1864ab", "#c92a2a")
FACTORS = {"bytes": (1e-6, "MB"), "s": (1, "s"), "reqps": (1, "/s"), "currencyUSD": (1, "USD")}


@dataclass(frozen=True)
class Panel:
    """`queries` are expressions by their legends."""

    dashboard: str
    title: str
    unit: str
    queries: dict[str, str]


def read() -> Iterator[Panel]:
    for path in sorted(OBSERVABILITY.glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            yield _panel(path.stem, panel)


def _panel(dashboard: str, panel: dict[str, Any]) -> Panel:
    queries = {target["legendFormat"]: target["expr"] for target in panel["targets"]}
    for variable, value in VARIABLES.items():
        queries = {legend: query.replace(variable, value) for legend, query in queries.items()}
    return Panel(dashboard, panel["title"], panel["fieldConfig"]["defaults"]["unit"], queries)


def draw(dashboard: str, asked: Prometheus, start: float, end: float) -> Image.Image:
    """The panels of one dashboard, with what Prometheus has from `start` to `end` in Unix time."""
    found = [panel for panel in read() if panel.dashboard == dashboard]
    rows = -(-len(found) // COLUMNS)
    sheet = Sheet(COLUMNS * (WIDTH + EDGE) + EDGE, rows * (HEIGHT + 3 * EDGE) + EDGE)
    for place, panel in enumerate(found):
        row, column = divmod(place, COLUMNS)
        _draw(sheet, panel, asked, (start, end), EDGE + column * (WIDTH + EDGE), EDGE + row * (HEIGHT + 3 * EDGE))
    return sheet.image


def _draw(sheet: Sheet, panel: Panel, asked: Prometheus, span: tuple[float, float], x: float, y: float) -> None:
    start, end = span
    step = (end - start) / POINTS
    lines = {
        _legend(legend, labels): points
        for legend, query in panel.queries.items()
        for labels, points in asked.range(query, start, end, step)
    }
    factor, unit = FACTORS.get(panel.unit, (1, ""))
    top = max((value * factor for points in lines.values() for _, value in points if value >= 0), default=0) or 1
    sheet.text(x, y + 8, f"{panel.title} (up to {top:.3g} {unit}".rstrip() + ")")
    sheet.bar(x, y + HEIGHT, WIDTH, "#ced4da", 1)
    begin = y + 2 * EDGE
    at = x
    for colour, (legend, points) in zip(COLOURS, lines.items(), strict=False):
        for run in _runs(points, step):
            places = [
                (x + WIDTH * (moment - start) / (end - start), y + HEIGHT - (y + HEIGHT - begin) * value * factor / top)
                for moment, value in run
            ]
            sheet.line(places, colour)
        sheet.text(at, y + HEIGHT + 12, legend, 10, colour)
        at += 6.2 * len(legend) + 10


def _runs(points: list[tuple[float, float]], step: float) -> Iterator[list[tuple[float, float]]]:
    """The parts of a line: there is none where there is no value."""
    run: list[tuple[float, float]] = []
    for moment, value in points:
        if run and moment - run[-1][0] > 1.5 * step:
            yield run
            run = []
        if value >= 0:
            run.append((moment, value))
    yield run


def _legend(template: str, labels: dict[str, str]) -> str:
    return re.sub(r"{{(\w+)}}", lambda found: labels.get(found[1], ""), template)
