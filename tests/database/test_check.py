"""`check` with a database: everything that a start would find there, at once, and nothing changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from slipway.checks.advice import RULES
from tests.database.support import SALT, Site
from tests.support import gateway
from tests.support.ciphers import xsalsa
from tests.support.lab import Finished

OTHER = "sk-another-salt-key-than-the-first"


def check(site: Site, database: str, *flags: str, env: Mapping[str, str | None] | None = None, **how: Any) -> Finished:
    return site.run(database, "check", *flags, env=env, **how)


def found(done: Finished) -> dict[str, str]:
    """Each finding's severity by its id, but for advice on a production of one's own."""
    answer = json.loads(done.stdout)
    assert answer["ok"] is (done.code == 0)
    assert [word for word in (SALT, OTHER, gateway.MASTER_KEY) if word in done.output] == []
    advice = {rule.id for rule in RULES}
    return {finding["id"]: finding["severity"] for finding in answer["findings"] if finding["id"] not in advice}


def test_a_new_database_has_everything_to_come_and_stays_as_it_is(site: Site) -> None:
    database = site.database()
    before = site.schema(database)
    done = check(site, database)
    assert (done.code, found(done)) == (0, {"migrations-pending": "info"})
    assert site.schema(database) == before


def test_a_migrated_database_has_nothing_to_tell(site: Site, migrated: str) -> None:
    done = check(site, migrated)
    assert (done.code, found(done)) == (0, {})


def test_a_database_that_does_not_answer_hides_nothing_else(site: Site) -> None:
    url = "postgresql://u:p@postgres:1/gateway"
    done = check(site, "", env={"DATABASE_URL": url, "SLIPWAY_STOP_GRACE_SECONDS": "30"})
    assert found(done) == {"stop-grace": "error", "database-unreachable": "error"}
    # The first in the order of a start.
    assert done.code == 65


def test_offline_asks_no_database(site: Site) -> None:
    done = check(site, "", "--offline", env={"DATABASE_URL": "postgresql://u:p@postgres:1/gateway"})
    assert (done.code, found(done)) == (0, {})


def test_an_absence_that_is_tolerated_is_a_warning(site: Site, tmp_path: Path) -> None:
    text = f"{gateway.MOCK}general_settings: {{allow_requests_on_db_unavailable: true}}\n"
    file = gateway.write(tmp_path, "config.yaml", text)
    done = check(
        site, "", "--config", gateway.CONFIG_PATH,
        env={"DATABASE_URL": "postgresql://u:p@postgres:1/gateway"}, files={gateway.CONFIG_PATH: file},
    )  # fmt: skip
    assert (done.code, found(done)) == (0, {"database-unreachable": "warning"})


def test_a_failed_migration_a_wrong_key_and_too_many_workers_are_told_at_once(site: Site, migrated: str) -> None:
    database = site.copy(migrated)
    values = json.dumps({"api_key": xsalsa("sk-provider", SALT)})
    site.postgres.sql(
        'INSERT INTO "LiteLLM_CredentialsTable" (credential_id, credential_name, credential_values, credential_info, '
        f"created_by, updated_by, updated_at) VALUES ('c', 'c', '{values}', '{{}}', 'x', 'x', now())",
        database,
    )
    site.postgres.sql(
        "UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = "
        "(SELECT max(migration_name) FROM _prisma_migrations)",
        database,
    )
    done = check(site, database, env={"LITELLM_SALT_KEY": OTHER, "NUM_WORKERS": "64"})
    assert found(done) == {
        "migration-unresolved": "error",
        "salt-key-mismatch": "error",
        "connection-budget": "error",
    }
    assert done.code == 69


@pytest.mark.parametrize("tty", [True, False], ids=["terminal", "pipe"])
def test_a_person_reads_text_and_a_program_json(site: Site, migrated: str, tty: bool) -> None:
    done = check(site, migrated, env={"SERVER_ROOT_PATH": "llm"}, tty=tty)
    assert done.code == 65
    if tty:
        assert "\x1b[31merror\x1b[0m: SERVER_ROOT_PATH" in done.stdout
        assert done.stdout.strip().endswith("slipway: 1 error")
    else:
        assert found(done) == {"root-path-invalid": "error"}
