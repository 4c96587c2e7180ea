"""Three replicas of a line start together on a database of the one before, and one is killed amid its migration."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from slipway.database.salt.places import PLACES
from tests.database.support import Site, wait_ready
from tests.support.lab import Box, wait_until
from tests.upgrade.lines import Pair, ledger, schema

REPLICAS = 3
# From the start of a container to its first change to the schema.
STARTED_SECONDS = 60
MIGRATING = "migrating the database: "
_ALTERED = re.compile(r'ALTER TABLE\s+"(\w+)"')
_HOLDING = "SET application_name = 'holder'; {statement}; SELECT pg_sleep(600)"
_LET_GO = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder'"
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND wait_event_type = 'Lock'"
_UNFINISHED = "SELECT count(*) FROM _prisma_migrations WHERE finished_at IS NULL AND rolled_back_at IS NULL"
_INVALID = "SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid"


def a_table(pair: Pair, database: str) -> str:
    """One that is there already, that no start reads, and that is changed once other migrations are done."""
    there = set(pair.older.postgres.sql("SELECT tablename FROM pg_tables", database).split())
    there -= {place.table for place in PLACES}
    found = [str(table) for sql in list(pair.added.values())[1:] for table in _ALTERED.findall(sql)]
    table = next(table for table in found if table in there)
    return f'BEGIN; LOCK TABLE "{table}" IN ACCESS EXCLUSIVE MODE'


def a_snapshot(pair: Pair, database: str) -> str:
    """What an index that is made CONCURRENTLY waits for."""
    assert any("CREATE INDEX CONCURRENTLY" in sql for sql in pair.added.values())
    return "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"


@contextmanager
def held(site: Site, database: str, statement: str) -> Iterator[None]:
    """A long transaction of somebody else's."""
    environment = {"PGHOST": "127.0.0.1", "PGUSER": "postgres", "PGPASSWORD": site.postgres.password}
    command = ["psql", "-X", "-q", "-d", database]
    command += ["-c", _HOLDING.format(statement=statement)]
    site.postgres.box.container.exec_run(command, environment=environment, detach=True)
    named = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holder' AND wait_event = 'PgSleep'"
    wait_until("the transaction of somebody else", lambda: site.postgres.sql(named) == "1")
    yield
    site.postgres.sql(_LET_GO)


@pytest.mark.parametrize("kept", [a_table, a_snapshot])
def test_the_others_complete_what_a_killed_replica_began(
    pair: Pair, tmp_path: Path, kept: Callable[[Pair, str], str]
) -> None:
    database, fresh = pair.older.database(), pair.newer.database()
    done = pair.older.run(database, "migrate")
    assert done.code == 0, done.output
    with held(pair.newer, database, kept(pair, database)):
        replicas = [pair.newer.gateway(database, tmp_path) for _ in range(REPLICAS)]
        waiting = _WAITING.format(database=database)
        wait_until("the migration", lambda: pair.newer.postgres.sql(waiting) == "1", STARTED_SECONDS)
        wait_until("the other replicas", lambda: all(told(each) for each in replicas), STARTED_SECONDS)
        (victim,) = [replica for replica in replicas if MIGRATING in replica.logs()]
        assert len(pair.known) < pair.newer.finished(database) < len(pair.shipped)
        victim.signal("KILL")
        victim.wait()
    others = [replica for replica in replicas if replica is not victim]
    for replica in others:
        wait_ready(replica)
    assert sum(MIGRATING in replica.logs() for replica in others) == 1
    assert ledger(pair.newer, database) == sorted(pair.shipped)
    assert pair.newer.postgres.sql(_UNFINISHED, database) == "0"
    assert pair.newer.postgres.sql(_INVALID, database) == ""
    # LiteLLM adds its views at a start.
    wait_ready(pair.newer.gateway(fresh, tmp_path))
    assert schema(pair.newer, database) == schema(pair.newer, fresh)


def told(replica: Box) -> bool:
    """Whether it has said that it migrates, or that it waits for another that does."""
    return MIGRATING in replica.logs() or "another replica migrates the database" in replica.logs()
