"""The days that reports of spend are asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_NOW = datetime.now(UTC)
START = (_NOW - timedelta(days=7)).strftime("%Y-%m-%d")
# Tomorrow too: the test may cross midnight.
END = (_NOW + timedelta(days=1)).strftime("%Y-%m-%d")
DAYS = {"start_date": START, "end_date": END}
SECONDS = {"start_date": f"{START} 00:00:00", "end_date": f"{END} 00:00:00"}
INSTANTS = {"filter[startTime][gte]": f"{START}T00:00:00Z", "filter[startTime][lte]": f"{END}T00:00:00Z"}
