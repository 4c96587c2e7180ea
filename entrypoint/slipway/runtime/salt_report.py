"""What ``salt check`` prints; never a key, never a decrypted value."""

from __future__ import annotations

import json
from collections.abc import Sequence

from slipway import report
from slipway.database.salt.inspect import Named
from slipway.database.salt.places import Place
from slipway.database.salt.survey import Survey, Tally
from slipway.report import Finding


def as_text(survey: Survey, known: Sequence[Named]) -> str:
    """Return a line for each column with encrypted values."""
    lines = [_line(place, tally, known) for place, tally in survey.tallies.items() if tally.values]
    return "\n".join(lines) or "nothing in this database is encrypted"


def _line(place: Place, tally: Tally, known: Sequence[Named]) -> str:
    parts = [f"{key.name} opens {number}" for key, number in zip(known, tally.opened, strict=True) if number]
    if tally.lost:
        more = ", ..." if tally.more_lost else ""
        parts.append(f"none opens {tally.lost} (rows {', '.join(tally.rows_lost)}{more})")
    if tally.doubtful:
        parts.append(f"{tally.doubtful} may be plain text")
    return f"{place.table}.{place.column}: {tally.values} values in {tally.rows} rows; {'; '.join(parts)}"


def as_json(survey: Survey, known: Sequence[Named], findings: Sequence[Finding]) -> str:
    """Return the same and the findings as one JSON object."""
    places = [
        {
            "table": place.table,
            "column": place.column,
            "holds": place.holds,
            "rows": tally.rows,
            "values": tally.values,
            "opened": {key.name: number for key, number in zip(known, tally.opened, strict=True)},
            "unopened": tally.lost,
            "rows_unopened": tally.rows_lost,
            "doubtful": tally.doubtful,
        }
        for place, tally in survey.tallies.items()
        if tally.values
    ]
    told = [
        {name: getattr(finding, name) for name in ("id", "severity", "what", "why", "fix", "runbook")}
        for finding in findings
    ]
    used = [{"name": key.name, "used": key.used} for key in known]
    return json.dumps({"ok": not report.exit_code(findings), "keys": used, "places": places, "findings": told})
