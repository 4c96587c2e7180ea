"""A salt key that does not open what the database holds stops the start before anything is served."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.database.support import SALT, Site, assert_refused, wait_ready
from tests.support import gateway
from tests.support.ciphers import gcm, xsalsa

OTHER = f"sk-{secrets.token_hex(24)}"
WITHOUT: dict[str, str | None] = {"LITELLM_SALT_KEY": None}
ACKNOWLEDGED: dict[str, str | None] = {**WITHOUT, "SLIPWAY_ALLOW_MASTER_KEY_AS_SALT": "on"}
_PLACES = """
import json
from litellm.proxy.db import master_key_migration as upstream
from slipway.database.salt.places import PLACES
theirs = sorted((column.table, column.column) for column in upstream._SECRET_COLUMNS)
print(json.dumps([theirs, sorted((place.table, place.column) for place in PLACES)]))
"""


def written_with(site: Site, template: str, key: str, encrypt: Callable[[str, str], str] = xsalsa) -> str:
    """A database with one credential and one model, encrypted with `key`."""
    name = site.copy(template)
    values = json.dumps({"api_key": encrypt("sk-provider", key)})
    model = json.dumps({"model": encrypt("openai/gpt-4o", key), "api_key": encrypt("sk-provider", key)})
    info = json.dumps({"id": "m", "db_model": True})
    site.postgres.sql(
        'INSERT INTO "LiteLLM_CredentialsTable" (credential_id, credential_name, credential_values, '
        f"credential_info, created_by, updated_by, updated_at) VALUES ('c', 'c', '{values}', '{{}}', 'x', 'x', now());"
        'INSERT INTO "LiteLLM_ProxyModelTable" (model_id, model_name, litellm_params, model_info, created_by, '
        f"updated_by, updated_at) VALUES ('m', 'm', '{model}', '{info}', 'x', 'x', now())",
        name,
    )
    return name


def test_a_new_database_requires_a_salt_key_and_stays_empty(site: Site) -> None:
    name = site.database()
    assert_refused(site.run(name, "serve", env=WITHOUT), 66, "LITELLM_SALT_KEY", "openssl rand")
    assert site.postgres.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", name) == "0"


def test_a_blank_salt_key_is_refused(site: Site, migrated: str) -> None:
    assert_refused(site.run(migrated, "serve", env={"LITELLM_SALT_KEY": " "}), 66, "LITELLM_SALT_KEY", "blank")


@pytest.mark.parametrize("encrypt", [xsalsa, gcm])
def test_a_wrong_salt_key_is_refused_and_what_would_be_lost_is_named(
    site: Site, migrated: str, encrypt: Callable[[str, str], str]
) -> None:
    name = written_with(site, migrated, OTHER, encrypt)
    done = site.run(name, "serve")
    assert_refused(done, 71, "1 of the credentials", "2 of the models", secret=[OTHER])


def test_the_right_salt_key_serves(site: Site, migrated: str, tmp_path: Path) -> None:
    wait_ready(site.gateway(written_with(site, migrated, SALT), tmp_path))


def test_data_under_the_master_key_needs_an_acknowledgement(site: Site, migrated: str, tmp_path: Path) -> None:
    name = written_with(site, migrated, gateway.MASTER_KEY)
    assert_refused(site.run(name, "serve", env=WITHOUT), 66, "master key's present value", "ALLOW_MASTER_KEY_AS_SALT")
    # The salt key set afterwards to something new would lose everything.
    assert_refused(site.run(name, "serve"), 71, "which the master key opens", "master key's present value")
    wait_ready(site.gateway(name, tmp_path, env=ACKNOWLEDGED))


def test_the_acknowledgement_does_not_cover_a_master_key_that_opens_nothing(site: Site, migrated: str) -> None:
    name = written_with(site, migrated, OTHER)
    assert_refused(site.run(name, "serve", env=ACKNOWLEDGED), 71, "LITELLM_MASTER_KEY", "2 of the models")


def test_a_job_that_only_migrates_needs_no_key(site: Site, migrated: str) -> None:
    name = written_with(site, migrated, OTHER)
    done = site.run(name, "migrate", env={**WITHOUT, "LITELLM_MASTER_KEY": None})
    assert done.code == 0, done.output


def test_the_places_are_those_of_the_installed_release(site: Site) -> None:
    done = site.lab.once(site.spec("x", "python", "-c", _PLACES, env={"DATABASE_URL": None}))
    assert done.code == 0, done.output
    theirs, ours = json.loads(done.stdout.splitlines()[-1])
    assert theirs == ours
