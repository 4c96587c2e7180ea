"""From one line to the next on one database, and back: what there was is kept, and what cannot be is refused first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.database import encrypted
from tests.database.support import SALT, Site, assert_refused
from tests.database.test_migrate import record
from tests.upgrade import history
from tests.upgrade.history import BUDGET, CONFIG, Account, end
from tests.upgrade.lines import PAIRS, Pair, columns, contents, everything, ledger, schema

pytestmark = pytest.mark.parametrize("lines", PAIRS, ids="-to-".join, indirect=True, scope="module")


@dataclass(frozen=True)
class Used:
    """A database that users of the older line's gateway have written to."""

    database: str
    account: Account


@pytest.fixture(scope="module")
def used(pair: Pair, directory: Path) -> Used:
    database = pair.older.database()
    return Used(database, history.write(pair.older, database, directory))


@pytest.fixture
def upgraded(pair: Pair, used: Used) -> str:
    """The same, migrated by the newer line."""
    database = pair.newer.copy(used.database)
    done = pair.newer.run(database, "migrate")
    assert done.code == 0, done.output
    return database


def test_the_newer_line_migrates_and_changes_nothing_of_what_was_there(pair: Pair, used: Used) -> None:
    database = pair.newer.copy(used.database)
    assert ledger(pair.older, database) == sorted(pair.known)
    statements = columns(pair.older, database)
    before = contents(pair.older, database, statements)
    done = pair.newer.run(database, "migrate")
    assert done.code == 0, done.output
    assert f"migrating the database: {len(pair.added)} pending" in done.stderr
    assert ledger(pair.newer, database) == sorted(pair.shipped)
    assert contents(pair.newer, database, statements) == before


def test_the_schema_is_that_of_a_new_database(pair: Pair) -> None:
    upgraded, fresh = pair.older.database(), pair.newer.database()
    for site, database in ((pair.older, upgraded), (pair.newer, upgraded), (pair.newer, fresh)):
        done = site.run(database, "migrate")
        assert done.code == 0, done.output
    assert schema(pair.newer, upgraded) == schema(pair.newer, fresh)


def test_an_old_key_works_what_was_encrypted_is_used_and_spend_goes_on(pair: Pair, used: Used, directory: Path) -> None:
    database = pair.newer.copy(used.database)
    running = encrypted.serve(pair.newer, database, directory, key=SALT, config=CONFIG)
    account = Account(used.account.key, used.account.token, used.account.team, set(used.account.answered))
    before = account.spent(pair.newer, database)[0]
    assert account.ask(running) == "mocked answer"
    assert account.ask(running, "stored") == encrypted.ANSWER
    assert "other" in account.refused(running)
    assert account.settled(pair.newer, database) > before
    told = running.get(f"/key/info?key={account.key}").json()["info"]
    assert (told["team_id"], told["max_budget"], told["models"]) == (account.team, BUDGET, ["mock", "stored"])
    assert account.ask(running) == "mocked answer"
    end(running)
    account.settled(pair.newer, database)
    assert_all_opens(pair.newer, database)


def assert_all_opens(site: Site, database: str) -> None:
    """Everything that is encrypted opens under the salt key."""
    done = site.run(database, "salt", "check", "--format", "json")
    assert done.code == 0, done.output
    assert json.loads(done.stdout), done.output


def test_a_rollback_past_newer_migrations_is_refused_and_changes_nothing(pair: Pair, used: Used, upgraded: str) -> None:
    assert pair.younger, "the newer line has no migrations of its own; this pair says nothing about rollbacks"
    before = everything(pair.newer, upgraded)
    for command in ("serve", "migrate", "check"):
        done = pair.older.run(upgraded, command)
        assert done.code == 69, done.output
        assert max(pair.younger) in done.output
    assert_refused(pair.older.run(upgraded, "serve"), 69, f"{len(pair.younger)} of its migrations", "rollback")
    assert everything(pair.newer, upgraded) == before


def test_a_rollback_past_older_migrations_is_allowed(pair: Pair, used: Used) -> None:
    """What the newer line has added among the older line's migrations is a leftover to the latter."""
    database = pair.newer.copy(used.database)
    among = {name: sql for name, sql in pair.added.items() if name not in pair.younger}
    for name, sql in among.items():
        pair.newer.postgres.sql(f"{sql};\n{record(name, sql)}", database)
    before = everything(pair.newer, database)
    done = pair.older.run(database, "migrate")
    assert done.code == 0, done.output
    assert everything(pair.newer, database) == before
    again = pair.newer.run(database, "migrate")
    assert again.code == 0, again.output
    assert ledger(pair.newer, database) == sorted(pair.shipped)


def test_a_rollback_that_was_asked_for_serves_what_the_newer_line_left(
    pair: Pair, used: Used, upgraded: str, directory: Path
) -> None:
    """SLIPWAY_MIGRATE=off is the way past the refusal; whether it works is LiteLLM's, and for these lines it does."""
    running = encrypted.serve(pair.older, upgraded, directory, key=SALT, config=CONFIG, env={"SLIPWAY_MIGRATE": "off"})
    assert "schema-differs" in running.box.logs()
    account = Account(used.account.key, used.account.token, used.account.team, set(used.account.answered))
    assert account.ask(running, "stored") == encrypted.ANSWER
    assert account.ask(running) == "mocked answer"
    account.settled(pair.older, upgraded)
    end(running)
