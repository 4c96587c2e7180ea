"""`salt check` and `salt rotate` against rows that a real gateway has written, and many beside them."""

from __future__ import annotations

import json
import random
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.database import encrypted
from tests.database.encrypted import KEYS, SECRET, add_keys, begin, clear, dump, key_files, rotate, serve, stop
from tests.database.support import SALT, Site, assert_refused
from tests.database.test_salt_key import written_with
from tests.support import gateway, pgbouncer, postgres
from tests.support.ciphers import xsalsa
from tests.support.gateway import MASTER_KEY
from tests.support.lab import Box, Finished, Lab, wait_until
from tests.support.soak import form

NEW = f"sk-{secrets.token_hex(24)}"
WRONG = f"sk-{secrets.token_hex(24)}"
# A rotation of these takes seconds.
MANY = form(5_000, 30_000)
KILLS = form(5, 20)
# Where the gateways of ``written`` have written something encrypted.
WRITTEN = {
    "LiteLLM_ProxyModelTable.litellm_params",
    "LiteLLM_CredentialsTable.credential_values",
    "LiteLLM_Config.param_value",
    "LiteLLM_GuardrailsTable.litellm_params",
    "LiteLLM_SSOConfig.sso_settings",
    "LiteLLM_CacheConfig.cache_settings",
    "LiteLLM_SearchToolsTable.litellm_params",
    "LiteLLM_MCPServerTable.credentials",
    "LiteLLM_MCPServerTable.static_headers",
    "LiteLLM_MCPServerTable.env_vars",
    "LiteLLM_MCPServerTable.env",
    "LiteLLM_MCPUserCredentials.credential_b64",
    "LiteLLM_MCPUserEnvVars.values_b64",
    "LiteLLM_TeamTable.metadata",
    "LiteLLM_VerificationToken.metadata",
    "LiteLLM_DeletedTeamTable.metadata",
    "LiteLLM_DeletedVerificationToken.metadata",
}
# LiteLLM never reads what its log of changes holds.
_UNREAD = ("LiteLLM_AuditLog",)
_LONGER_THAN_A_ROTATION = 120


@pytest.fixture(scope="module")
def site(module_lab: Lab) -> Site:
    """One whose gateways the host can talk to."""
    network = module_lab.network()
    return Site(module_lab, network, postgres.start(module_lab, network))


@pytest.fixture(scope="module")
def written(site: Site, migrated: str, directory: Path) -> str:
    """A database that gateways have written to with SALT, by both ciphers, one after the other."""
    database = site.copy(migrated)
    for write, config in (
        (encrypted.write_by_default_cipher, encrypted.CONFIG),
        (encrypted.write_by_newer_cipher, encrypted.NEWER_CIPHER),
    ):
        running = serve(site, database, directory, key=SALT, config=config)
        write(running)
        stop(running)
    return database


@pytest.fixture(scope="module")
def crowded(site: Site, written: str) -> str:
    """The same and so many keys that a rotation takes a while."""
    database = site.copy(written)
    add_keys(site, database, MANY, SALT)
    return database


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return key_files(tmp_path, old=SALT, new=NEW)


def assert_silent(done: Finished) -> None:
    """Neither a key nor what it opens is shown."""
    assert [word for word in (SALT, NEW, WRONG, MASTER_KEY, SECRET, encrypted.ANSWER) if word in done.output] == []


def checked(done: Finished, code: int) -> dict[str, Any]:
    assert done.code == code, done.output
    assert_silent(done)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def by_key(answer: dict[str, Any]) -> dict[str, int]:
    """How many values each key opens."""
    totals: dict[str, int] = {}
    for place in answer["places"]:
        for name, number in place["opened"].items():
            totals[name] = totals.get(name, 0) + number
    return totals


def assert_rotated(before: str, after: str, number: int | None = None) -> None:
    """Everything is what it was, by the same ciphers, under the new key."""
    clear_before, counts_before = clear(before, old=SALT)
    clear_after, counts_after = clear(after, old=SALT, new=NEW)
    assert clear_after == clear_before
    assert counts_after == {"new": counts_before["old"]}
    assert number is None or counts_before["old"] == number


def test_check_finds_every_value_that_a_gateway_wrote(site: Site, written: str) -> None:
    """Also those of tables that are not in the list, if there were any."""
    answer = checked(site.run(written, "salt", "check", "--format", "json"), 0)
    lines = [line for line in dump(site, written).splitlines() if not any(table in line for table in _UNREAD)]
    _, counts = clear("\n".join(lines), old=SALT)
    assert by_key(answer) == {"LITELLM_SALT_KEY": counts["old"], "the master key": 0}
    assert answer["ok"]
    found = {f"{place['table']}.{place['column']}" for place in answer["places"]}
    missing = WRITTEN - found
    assert not missing


def test_check_tells_the_keys_apart(site: Site, written: str, tmp_path: Path) -> None:
    database = site.copy(written)
    site.postgres.sql(_insert_model("under-master", MASTER_KEY) + _insert_model("under-file", NEW), database)
    answer = checked(site.run(database, "salt", "check", "--format", "json"), 71)
    (finding,) = [finding for finding in answer["findings"] if finding["severity"] == "error"]
    assert finding["id"] == "salt-values-unopened"
    assert "LITELLM_SALT_KEY does not open 2 of the models" in finding["what"]
    assert "the master key opens 1" in finding["what"]
    (models,) = [place for place in answer["places"] if place["table"] == "LiteLLM_ProxyModelTable"]
    assert models["unopened"] == 1
    assert models["rows_unopened"] == ["under-file"]
    named = site.run(database, "salt", "check", "--key-file", "/keys/new", files=key_files(tmp_path, new=NEW))
    assert named.code == 71
    assert_silent(named)
    assert "/keys/new opens 1" in named.stdout
    assert "none opens" not in named.stdout


def _insert_model(name: str, key: str) -> str:
    params = json.dumps({"api_key": xsalsa("sk-provider", key), "extra_headers": {"x": "Aa0" * 24}})
    return (
        'INSERT INTO "LiteLLM_ProxyModelTable" (model_id, model_name, litellm_params, created_by, updated_by) '
        f"VALUES ('{name}', '{name}', '{params}', 'x', 'x');"
    )


def test_check_without_a_salt_key_tries_the_master_key(site: Site, migrated: str) -> None:
    database = written_with(site, migrated, MASTER_KEY)
    answer = checked(site.run(database, "salt", "check", "--format", "json", env={"LITELLM_SALT_KEY": None}), 0)
    assert by_key(answer) == {"the master key": 3}
    empty = site.run(migrated, "salt", "check")
    assert (empty.code, empty.stdout) == (0, "nothing in this database is encrypted\n")


def test_a_gateway_with_the_new_key_reads_everything_and_one_with_the_old_is_refused(
    site: Site, written: str, files: dict[str, Path], tmp_path: Path
) -> None:
    database = site.copy(written)
    before = dump(site, database)
    looked = rotate(site, database, files, "--dry-run")
    assert looked.code == 0, looked.output
    assert dump(site, database) == before
    done = rotate(site, database, files)
    assert done.code == 0, done.output
    assert "next: set LITELLM_SALT_KEY" in done.output
    for finished in (looked, done):
        assert_silent(finished)
    assert_rotated(before, dump(site, database))
    again = rotate(site, database, files)
    assert again.code == 0
    assert "nothing is encrypted with the old key" in again.output
    assert_refused(site.run(database, "serve"), 71, "LITELLM_SALT_KEY", secret=[NEW])
    running = serve(site, database, tmp_path, key=NEW)
    for model in ("stored", "newer"):
        assert running.ask(model) == encrypted.ANSWER
    stop(running)


def test_the_master_key_is_left_for_a_salt_key(site: Site, migrated: str, tmp_path: Path) -> None:
    database = written_with(site, migrated, MASTER_KEY)
    before = dump(site, database)
    done = rotate(site, database, key_files(tmp_path, old=MASTER_KEY, new=NEW), env={"LITELLM_SALT_KEY": None})
    assert done.code == 0, done.output
    assert clear(dump(site, database), new=NEW) == (clear(before, new=MASTER_KEY)[0], {"new": 3})
    stop(serve(site, database, tmp_path, key=NEW))


@pytest.mark.parametrize(
    ("keys", "code", "named"),
    [
        ({"old": WRONG, "new": NEW}, 71, ("salt-rotation-unopened", "of the models", "of the credentials")),
        ({"old": SALT, "new": ""}, 66, ("salt-new-key", "blank")),
        ({"old": b"", "new": NEW}, 66, ("salt-key-file", "--from-file", "empty")),
        ({"old": SALT, "new": " "}, 66, ("salt-new-key", "blank")),
        ({"old": SALT, "new": SALT}, 66, ("salt-new-key", "the old one")),
        ({"old": SALT, "new": "sk-short"}, 66, ("salt-new-key", "shorter")),
        ({"old": SALT, "new": "sk-1234"}, 66, ("salt-new-key", "well-known")),
        ({"old": SALT}, 66, ("salt-key-file", "--to-file", "No such file")),
        ({"new": NEW}, 66, ("salt-key-file", "--from-file", "No such file")),
        ({"old": SALT, "new": b"k" * 5000}, 66, ("salt-key-file", "longer than")),
        ({"old": b"\xff" * 40, "new": NEW}, 66, ("salt-key-file", "no text")),
    ],
)
def test_wrong_keys_change_nothing(
    site: Site, written: str, tmp_path: Path, keys: dict[str, str | bytes], code: int, named: tuple[str, ...]
) -> None:
    before = dump(site, written)
    done = rotate(site, written, key_files(tmp_path, **keys))
    assert_refused(done, code, *named, secret=[NEW, WRONG])
    assert dump(site, written) == before


def test_a_key_file_that_others_own_is_refused(site: Site, written: str, files: dict[str, Path]) -> None:
    files["/keys/old"].chmod(0)
    assert_refused(rotate(site, written, files), 66, "--from-file", "Permission denied")


def test_a_key_in_place_of_a_file_is_not_repeated(site: Site, written: str, files: dict[str, Path]) -> None:
    done = site.run(written, "salt", "rotate", "--from-file", SALT, "--to-file", "/keys/new", files=files)
    assert_refused(done, 66, "--from-file", "No such file")


def test_a_value_under_a_third_key_stops_it(site: Site, written: str, files: dict[str, Path]) -> None:
    database = site.copy(written)
    site.postgres.sql(_insert_model("foreign", WRONG), database)
    before = dump(site, database)
    assert_refused(rotate(site, database, files), 71, "1 of the models", secret=[NEW])
    assert dump(site, database) == before


def test_it_is_refused_while_a_gateway_runs_unless_forced(
    site: Site, written: str, files: dict[str, Path], tmp_path: Path
) -> None:
    database = site.copy(written)
    before = dump(site, database)
    running = serve(site, database, tmp_path, key=SALT)
    try:
        assert_refused(rotate(site, database, files), 68, "salt-database-in-use", "role postgres", secret=[NEW])
        looked = rotate(site, database, files, "--dry-run")
        assert looked.code == 0, looked.output
        assert "to be stopped before" in looked.output
        assert clear(dump(site, database), old=SALT, new=NEW)[1] == {"old": clear(before, old=SALT)[1]["old"]}
        done = rotate(site, database, files, "--force")
        assert done.code == 0, done.output
        assert "going on while others are connected" in done.output
    finally:
        stop(running)
    assert clear(dump(site, database), old=SALT, new=NEW)[1] == {"new": clear(before, old=SALT)[1]["old"]}


def test_a_gateway_without_requests_is_always_seen(site: Site, written: str, tmp_path: Path) -> None:
    """Its engine gives up connections that nobody uses; there is one at any time all the same."""
    database = site.copy(written)
    running = serve(site, database, tmp_path, key=SALT)
    asked = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'"
    seen = set()
    until = time.monotonic() + form(10, 400)
    while time.monotonic() < until:
        seen.add(int(site.postgres.sql(asked)))
        wait_until("the next look", _after(0.2))
    stop(running)
    assert min(seen) > 0


def _after(seconds: float) -> Callable[[], bool]:
    until = time.monotonic() + seconds
    return lambda: time.monotonic() > until


def test_sessions_of_roles_that_hide_theirs_count(site: Site, written: str, files: dict[str, Path]) -> None:
    database = site.copy(written)
    role = f"role_{secrets.token_hex(4)}"
    site.postgres.sql(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'")
    env: dict[str, str | None] = {"DATABASE_URL": site.postgres.url(database, user=role, password=role)}
    site.postgres.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}", database)
    assert_refused(
        rotate(site, database, files, env=env), 68, "salt-rotation-interrupted", "GRANT SELECT, INSERT, UPDATE"
    )
    site.postgres.sql(f"GRANT INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {role}", database)
    before = dump(site, database)
    # What the role may not even see is not passed over.
    site.postgres.sql(f'REVOKE ALL ON "LiteLLM_CredentialsTable" FROM {role}', database)
    assert_refused(rotate(site, database, files, env=env), 68, "LiteLLM_CredentialsTable", "GRANT SELECT, INSERT")
    assert_refused(site.run(database, "salt", "check", env=env), 68, "LiteLLM_CredentialsTable", "GRANT")
    assert dump(site, database) == before
    site.postgres.sql(f'GRANT SELECT, UPDATE ON "LiteLLM_CredentialsTable" TO {role}', database)
    with Session(site, database):
        assert_refused(rotate(site, database, files, env=env), 68, "1 other session", "role postgres", "hidden")
    done = rotate(site, database, files, env=env)
    assert done.code == 0, done.output


class Session:
    """Somebody else's session, which does what `sql` says and then nothing."""

    def __init__(self, site: Site, database: str, sql: str = "") -> None:
        self._site = site
        self._name = f"other-{secrets.token_hex(4)}"
        # psql without a terminal ends with its input.
        text = f"SET application_name = '{self._name}'; BEGIN; {sql}; SELECT pg_sleep({_LONGER_THAN_A_ROTATION});"
        self._command = ["psql", "-X", "-q", "-h", "127.0.0.1", "-U", "postgres", "-d", database, "-c", text]

    def __enter__(self) -> Session:
        environment = {"PGPASSWORD": self._site.postgres.password}
        self._site.postgres.box.container.exec_run(self._command, detach=True, environment=environment)
        asked = (
            f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{self._name}' AND wait_event = 'PgSleep'"
        )
        wait_until("the other session", lambda: self._site.postgres.sql(asked) == "1")
        return self

    def __exit__(self, *_: object) -> None:
        self._site.postgres.sql(
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = '{self._name}'"
        )


def test_somebody_who_writes_is_not_waited_for_for_ever(site: Site, written: str, files: dict[str, Path]) -> None:
    database = site.copy(written)
    before = dump(site, database)
    with Session(site, database, f'UPDATE "{KEYS}" SET spend = spend'):
        done = rotate(site, database, files, "--force")
    assert_refused(done, 68, "salt-rotation-locked", "10 s")
    assert dump(site, database) == before


def wait_locked(site: Site, database: str) -> None:
    asked = "SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND locktype = 'relation' AND granted"
    wait_until("the rotation's locks", lambda: int(site.postgres.sql(asked, database)) > 0)


def test_nobody_writes_meanwhile_and_everybody_may_read(site: Site, crowded: str, files: dict[str, Path]) -> None:
    database = site.copy(crowded)
    rotating = begin(site, database, files, "--force")
    wait_locked(site, database)
    assert int(site.postgres.sql(f'SELECT count(*) FROM "{KEYS}"', database)) > MANY
    late = f"SET lock_timeout = '100ms'; INSERT INTO \"{KEYS}\" (token) VALUES ('late')"
    with pytest.raises(AssertionError, match="lock timeout"):
        site.postgres.sql(late, database)
    assert rotating.wait() == 0, rotating.logs()


def test_whoever_connects_meanwhile_undoes_it(site: Site, crowded: str, files: dict[str, Path]) -> None:
    """A gateway that starts then has found the old key right."""
    database = site.copy(crowded)
    before = dump(site, database)
    rotating = begin(site, database, files)
    wait_locked(site, database)
    with Session(site, database):
        assert_refused(rotating.finished(), 68, "salt-database-in-use", secret=[NEW])
    assert dump(site, database) == before


def test_keys_are_on_no_command_line(site: Site, crowded: str, files: dict[str, Path]) -> None:
    database = site.copy(crowded)
    before = dump(site, database)
    rotating = begin(site, database, files)
    wait_locked(site, database)
    lines = rotating.exec(["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"])
    queries = site.postgres.sql("SELECT query FROM pg_stat_activity")
    done = rotating.finished()
    assert done.code == 0, done.output
    assert "salt rotate" in lines.output
    assert not [key for key in (SALT, NEW) if key in lines.output + queries]
    assert_silent(done)
    assert_rotated(before, dump(site, database))


def test_two_at_once_end_as_one(site: Site, crowded: str, files: dict[str, Path]) -> None:
    database = site.copy(crowded)
    before = dump(site, database)
    both = [begin(site, database, files) for _ in range(2)]
    done = [box.finished() for box in both]
    assert [each.code for each in done] == [0, 0], done
    assert sorted("nothing is encrypted with the old key" in each.output for each in done) == [False, True]
    assert_rotated(before, dump(site, database))


def test_two_at_once_to_different_keys_end_as_the_first(
    site: Site, crowded: str, files: dict[str, Path], tmp_path: Path
) -> None:
    database = site.copy(crowded)
    both = [begin(site, database, each) for each in (files, key_files(tmp_path, old=SALT, new=WRONG))]
    codes = [box.finished().code for box in both]
    assert sorted(codes) == [0, 71]
    winner = (NEW, WRONG)[codes.index(0)]
    _, counts = clear(dump(site, database), old=SALT, winner=winner)
    assert set(counts) == {"winner"}


def _kill(box: Box, due: Callable[[], bool]) -> None:
    wait_until("the moment of the kill", lambda: due() or not box.running)
    if box.running:
        box.signal("SIGKILL")


def test_a_kill_leaves_all_of_it_or_nothing(site: Site, crowded: str, tmp_path: Path) -> None:
    database = site.copy(crowded)
    keys, ends = [SALT, NEW], {"untouched": 0, "complete": 0}
    plain, counts = clear(dump(site, database), old=SALT)
    number = counts["old"]
    began = time.monotonic()
    assert rotate(site, database, key_files(tmp_path, old=SALT, new=NEW)).code == 0
    longest = time.monotonic() - began
    keys.reverse()
    others = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'"
    chance = random.Random(secrets.randbits(32))
    for _ in range(KILLS):
        old, new = keys
        files = key_files(tmp_path, old=old, new=new)
        rotating = begin(site, database, files)
        _kill(rotating, _after(chance.uniform(0.2, longest)))
        rotating.wait()
        wait_until("the end of the killed one's session", lambda: site.postgres.sql(others) == "0")
        after, counts = clear(dump(site, database), old=old, new=new)
        assert after == plain
        assert counts in ({"old": number}, {"new": number})
        ends["complete" if "new" in counts else "untouched"] += 1
        again = rotate(site, database, files)
        assert again.code == 0, again.output
        after, counts = clear(dump(site, database), new=new)
        assert (after, counts) == (plain, {"new": number})
        keys.reverse()
    assert ends["untouched"], ends
    print(f"{KILLS} kills at random moments of a rotation of {number} values: {ends}")


def test_what_a_trigger_makes_of_it_is_seen_before_it_counts(site: Site, written: str, files: dict[str, Path]) -> None:
    database = site.copy(written)
    site.postgres.sql(
        "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.litellm_params := OLD.litellm_params || '{\"spoilt\": 1}'; RETURN NEW; END $$; "
        'CREATE TRIGGER spoil BEFORE UPDATE ON "LiteLLM_ProxyModelTable" FOR EACH ROW EXECUTE FUNCTION spoil()',
        database,
    )
    before = dump(site, database)
    assert_refused(rotate(site, database, files), 70, "salt-rotation-unverified", "trigger", secret=[NEW])
    assert dump(site, database) == before


def test_a_database_of_a_newer_image_is_left_alone(site: Site, written: str, files: dict[str, Path]) -> None:
    database = site.copy(written)
    site.postgres.sql(
        "INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count) "
        "VALUES ('x', 'x', '29991231000000_later', now(), 1)",
        database,
    )
    assert_refused(rotate(site, database, files), 69, "schema-newer", secret=[NEW])


@pytest.mark.parametrize("direct", [False, True])
def test_past_a_pooler(
    site: Site, lab: Lab, written: str, files: dict[str, Path], tmp_path: Path, direct: bool
) -> None:
    """The session that the pooler keeps of the rotation's own look through it is not somebody else's."""
    database = site.copy(written)
    before = dump(site, database)
    pooled = pgbouncer.start(lab, site.network, site.postgres, tmp_path, "transaction")
    env: dict[str, str | None] = {"DATABASE_URL": f"{pooled}{database}?pgbouncer=true"}
    if not direct:
        assert_refused(rotate(site, database, files, env=env), 65, "transaction mode", "DIRECT_URL", secret=[NEW])
        assert dump(site, database) == before
        return
    done = rotate(site, database, files, env={**env, "DIRECT_URL": site.postgres.url(database)})
    assert done.code == 0, done.output
    assert_rotated(before, dump(site, database))


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (("rotate", "--from-file", "/keys/old"), 64, "--to-file"),
        (("rotate", "--from", "x"), 64, "--from-file"),
        ((), 64, "check | rotate"),
        (("turn",), 64, "check | rotate"),
        (("check", "--format", "xml"), 64, "--format"),
        (("check", "--dry-run"), 64, "--dry-run"),
    ],
)
def test_a_command_line_that_is_wrong_is_refused(
    site: Site, written: str, arguments: tuple[str, ...], code: int, named: str
) -> None:
    assert_refused(site.run(written, "salt", *arguments), code, named)


def test_help(site: Site, written: str) -> None:
    for verb, options in (("check", ("--key-file", "--format")), ("rotate", ("--from-file", "--dry-run", "--force"))):
        done = site.run(written, "salt", verb, "--help")
        assert done.code == 0
        assert [option for option in options if option not in done.stdout] == []
    assert "rotate" in site.run(written, "salt", "-h").stdout


def test_without_a_database_there_is_nothing(site: Site) -> None:
    done = site.run("", "salt", "check", env={"DATABASE_URL": None, "LITELLM_SALT_KEY": None})
    assert_refused(done, 65, "database-missing", "DATABASE_URL")
    config = gateway.CONFIG_PATH
    assert_refused(site.run("", "salt", "check", "--config", config), 65, "config")
