"""What the engine writes: nothing of statements and values, unless asked."""

from __future__ import annotations

import asyncio

from tests.engine.suite.database import replaced
from tests.engine.suite.engines import refusal
from tests.engine.suite.workers import ANSWER, FAILURES, SECRET, worker


def test_no_statement_and_no_value_after_failures(url: str, schema: str) -> None:
    with worker(url, schema) as one:
        assert one.ask("fail") == str(len(FAILURES))
        one.ask("leave")
        written = one.output + one.errors()
    assert SECRET not in written
    assert "SELECT" not in written
    assert "INSERT" not in written


def test_nothing_at_all_when_all_is_well(url: str, schema: str) -> None:
    with worker(url, schema) as one:
        assert one.ask("count") == "0"
        one.ask("leave")
        assert all(line.startswith(ANSWER) for line in one.output.splitlines())
        assert one.errors() == ""


def test_statements_when_asked(url: str, schema: str) -> None:
    """`Prisma(log_queries=True)` sets LOG_QUERIES."""
    with worker(url, schema, LOG_QUERIES="y") as one:
        assert one.ask("count") == "0"
        one.ask("leave")
        assert "SELECT" in one.output + one.errors()


async def test_a_failed_start_says_why_without_the_password(url: str, schema: str) -> None:
    """Such an engine ends; the client goes on polling it until its own time is up."""
    reasons = {
        replaced(url, password="s3cr3t-pass"): "Authentication failed",
        replaced(url, user="nobody-here", password="s3cr3t-pass"): "Authentication failed",
        replaced(url, database="no_such_database"): "Database `no_such_database` does not exist",
        replaced(url, port=1, password="s3cr3t-pass"): "Can't reach database server",
        # On a network without a way out, a resolver takes many seconds to say no.
        replaced(url, host="no-such-host.invalid", password="s3cr3t-pass"): "Can't reach database server",
        "mysql://u:s3cr3t-pass@localhost/x": "protocol",
        "postgresql://u:s3cr3t-pass%zz@localhost/x": "percent",
        "s3cr3t-pass": "URL",
        "": "DATABASE_URL",
    }
    said = await asyncio.gather(*(refusal(broken, schema) for broken in reasons))
    for why, text in zip(reasons.values(), said, strict=True):
        assert why in text
        assert "s3cr3t-pass" not in text
