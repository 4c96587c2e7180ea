"""Rules and dashboards, as far as they can be judged without a Prometheus."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import dashboards

ROOT = Path(__file__).resolve().parents[2]
OBSERVABILITY = ROOT / "docker" / "observability"
RULES = yaml.safe_load((OBSERVABILITY / "rules.yaml").read_text())
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"] if "alert" in rule]
OURS = re.compile(r"slipway_[a-z_]+")


@pytest.mark.parametrize("name", dashboards.read())
def test_the_dashboards_are_what_is_written_down(name: str) -> None:
    """Otherwise: make docs."""
    assert (OBSERVABILITY / f"{name}.json").read_text() == dashboards.text(name, dashboards.read()[name])


def test_each_alert_has_a_page_and_each_page_an_alert() -> None:
    pages = {page.stem for page in (ROOT / "docs" / "runbooks").glob("Slipway*.md")}
    assert pages == {alert["alert"] for alert in ALERTS}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert['alert']}-{alert['labels']['severity']}")
def test_each_alert_says_what_whom_and_where_to_read_on(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("warning", "critical")
    assert set(alert["annotations"]) == {"summary", "description", "runbook"}
    assert alert["annotations"]["runbook"] == f"docs/runbooks/{alert['alert']}.md"


def test_alerts_are_about_metrics_that_there_are() -> None:
    source = "".join(path.read_text() for path in (ROOT / "entrypoint" / "slipway").rglob("*.py"))
    text = (OBSERVABILITY / "rules.yaml").read_text() + (OBSERVABILITY / "dashboards.yaml").read_text()
    assert {name for name in OURS.findall(text) if f'"{name}"' not in source} == set()
