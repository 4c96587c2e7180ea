"""What the supervisor tells of the gateway on /metrics, beside what its workers have written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from slipway.metrics.families import Family, counter, gauge, labelled
from slipway.runtime.assignment import Assignment
from slipway.runtime.schema import noted
from slipway.runtime.status import Status
from slipway.workers import slots, tally
from slipway.workers.record import BEAT_SECONDS, Database, Seen
from slipway.workers.rotation import Reason


def families(assignment: Assignment, status: Status, *, refused: int) -> list[Family]:
    """Return the figures of this moment; ``refused`` are the reloads that were not even begun. Raises OSError."""
    directory = Path(assignment.workers_directory)
    serving = status.serving()
    counted = tally.read(directory)
    schema = noted(directory, assignment.schema)
    phases = {**assignment.phases, "workers": status.start_seconds}
    acceleration = tuple(({"component": name, "state": state}, 1) for name, state in assignment.acceleration.items())
    return [
        Family("slipway_build_info", "gauge", "What runs, always 1.", ((assignment.build, 1),)),
        Family("slipway_acceleration_info", "gauge", "Components of fast-litellm, always 1.", acceleration),
        labelled("slipway_schema_info", "gauge", "State of the database's schema, always 1.", "state", {schema: 1}),
        labelled("slipway_startup_seconds", "gauge", "What each part of the start took, so far.", "phase", phases),
        gauge("slipway_start_time_seconds", "When it was started, in Unix time.", status.began),
        gauge("slipway_ready", "1 while the gateway is ready.", status.ready() == "ready"),
        gauge("slipway_draining", "1 while the gateway drains.", status.draining),
        *_fleet(len(serving), counted, refused),
        *_requests(serving, *status.losses()),
        *_each(serving, time.monotonic()),
    ]


def _fleet(serving: int, counted: tally.Counts, refused: int) -> list[Family]:
    # Each series is there before its first event, or `increase()` would not see that one.
    none = {str(reason): 0 for reason in Reason}
    ends = {reason: 0 for reason in none if reason not in (Reason.START, Reason.RETRY)}
    reloads = {"done": 0, "given_up": 0, **counted.reloads, "refused": refused}
    return [
        gauge("slipway_workers", "Workers that serve or finish what they have.", serving),
        gauge("slipway_workers_outdated", "Workers that have an earlier configuration.", counted.outdated),
        gauge("slipway_config_generation", "Number of the configuration in force, 1 at first.", counted.configuration),
        labelled(
            "slipway_worker_starts_total", "counter", "Workers that were started.", "reason", none | counted.starts
        ),
        counter("slipway_worker_start_failures_total", "Workers that ended before they served.", counted.failed_starts),
        labelled("slipway_worker_exits_total", "counter", "Workers that ended.", "reason", ends | counted.exits),
        labelled("slipway_reloads_total", "counter", "Reloads of the configuration.", "result", reloads),
    ]


def _requests(serving: Iterable[Seen], cut: int, lost: int) -> list[Family]:
    pending = sum(seen.rows_pending for seen in serving)
    return [
        counter("slipway_requests_cut_total", "Requests that ended with their worker, unanswered.", cut),
        gauge("slipway_spend_rows_pending", "Rows of spend that a kill now would lose.", pending),
        counter("slipway_spend_rows_lost_total", "Rows of spend that were lost, at most.", lost),
    ]


def _each(serving: Iterable[Seen], now: float) -> list[Family]:
    named = {slots.slot_name(seen.slot): seen for seen in serving}

    def one(name: str, help: str, value: Callable[[Seen], float | None]) -> Family:
        values = {worker: found for worker, seen in named.items() if (found := value(seen)) is not None}
        return labelled(name, "gauge", help, "worker", values)

    return [
        one("slipway_requests_in_flight", "Requests being served.", lambda seen: seen.in_flight),
        one("slipway_worker_age_seconds", "How long a worker has served.", lambda seen: now - seen.since),
        # One that is late just now has not written it down yet.
        one(
            "slipway_worker_event_loop_lag_seconds",
            "The longest that a worker's event loop was late in the last 15 s.",
            lambda seen: max(seen.lag, now - seen.beat - BEAT_SECONDS),
        ),
        one(
            "slipway_spend_rows_waiting_seconds",
            "How long rows of spend have waited while none was written.",
            lambda seen: now - seen.rows_waiting if seen.rows_waiting else 0,
        ),
        one(
            "slipway_database_connected",
            "1 while a worker reaches its database.",
            lambda seen: None if seen.database is Database.NONE else seen.database is Database.CONNECTED,
        ),
        one("slipway_engine_connections_open", "Connections of a query engine.", lambda seen: seen.pool_open),
        one("slipway_engine_connections_busy", "Those that run a statement.", lambda seen: seen.pool_busy),
        one("slipway_engine_queries_waiting", "Queries that wait for a connection.", lambda seen: seen.pool_waiting),
    ]
