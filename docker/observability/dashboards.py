"""Write the Grafana dashboards from dashboards.yaml: ``python docker/observability/dashboards.py`` (make docs)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

HERE: Final = Path(__file__).resolve().parent
_COLUMNS: Final = 24
_WIDTH: Final = 12
_HEIGHT: Final = 8
# Grafana's model of a dashboard, as of Grafana 11.
_SCHEMA: Final = 39
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_TAGS: Final = ("slipway", "litellm")
_QUANTILES: Final = (0.5, 0.9, 0.99)


def queries(panel: Mapping[str, Any], selects: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each legend and its query in PromQL."""
    having = ", ".join(f'{label}="${label}"' for label in selects)
    for legend, query in panel.get("queries", {}).items():
        yield legend, query.replace("@", having)
    if metric := panel.get("quantiles"):
        buckets = f"sum by (le) (rate({metric}_bucket{{{having}}}[$__rate_interval]))"
        for part in _QUANTILES:
            yield f"p{100 * part:g}", f"histogram_quantile({part}, {buckets})"


def _panel(panel: Mapping[str, Any], selects: Sequence[str], place: int) -> dict[str, Any]:
    row, column = divmod(place * _WIDTH, _COLUMNS)
    return {
        "id": place + 1,
        "type": "timeseries",
        "title": panel["title"],
        "description": panel.get("help", ""),
        "datasource": _SOURCE,
        "gridPos": {"x": column, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel["unit"], "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + number), "expr": query, "legendFormat": legend, "datasource": _SOURCE}
            for number, (legend, query) in enumerate(queries(panel, selects))
        ],
    }


def _choices(selects: Sequence[str]) -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "type": "datasource", "query": "prometheus"}
    having = ""
    for label in selects:
        query = f"label_values(slipway_ready{having}, {label})"
        yield {"name": label, "type": "query", "datasource": _SOURCE, "query": query, "refresh": 2, "sort": 1}
        having = f'{{{label}="${label}"}}'


def read() -> dict[str, Any]:
    """Return the dashboards by name, as they are written down."""
    found: dict[str, Any] = yaml.safe_load((HERE / "dashboards.yaml").read_text())
    return found


def model(name: str, dashboard: Mapping[str, Any]) -> dict[str, Any]:
    """Return Grafana's JSON model of a dashboard."""
    selects = dashboard["selects"]
    return {
        "uid": f"slipway-{name}",
        "title": dashboard["title"],
        "tags": _TAGS,
        "schemaVersion": _SCHEMA,
        "editable": True,
        # To the other one, with what is chosen here.
        "links": [{"type": "dashboards", "title": "Slipway", "tags": _TAGS[:1], "includeVars": True, "keepTime": True}],
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": list(_choices(selects))},
        "panels": [_panel(panel, selects, place) for place, panel in enumerate(dashboard["panels"])],
    }


def text(name: str, dashboard: Mapping[str, Any]) -> str:
    """Return the text of the dashboard's file."""
    return json.dumps(model(name, dashboard), indent=2) + "\n"


if __name__ == "__main__":
    for each, described in read().items():
        (HERE / f"{each}.json").write_text(text(each, described))
