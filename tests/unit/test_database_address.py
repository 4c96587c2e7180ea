"""Where the database is: variables, parts, the config file, and URLs that would be misread."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.database import address
from slipway.database.address import Address
from slipway.report import ExitCode, Refusal

URL = "postgresql://litellm:secret@db:5432/litellm"


def found(environment: dict[str, str], general: dict[str, object] | None = None) -> Address:
    result = address.find({"general_settings": general or {}}, environment)
    assert result is not None
    return result


def test_nothing_configured_is_no_database() -> None:
    assert address.find({}, {"DATABASE_HOST": "db"}) is None


def test_the_config_file_wins_over_the_variable_as_upstream() -> None:
    other = "postgresql://a:b@elsewhere/c"
    assert found({"DATABASE_URL": URL}, {"database_url": other}).url == other
    assert found({"DATABASE_URL": URL, "OTHER": other}, {"database_url": "os.environ/OTHER"}).url == other


def test_parts_are_encoded() -> None:
    parts = {
        "DATABASE_HOST": "db:6432",
        "DATABASE_USERNAME": "a@b",
        "DATABASE_PASSWORD": "p/w?#%",
        "DATABASE_NAME": "x",
    }
    assert found(parts).url == "postgresql://a%40b:p%2Fw%3F%23%25@db:6432/x"
    assert found({**parts, "DATABASE_SCHEMA": "llm"}).schema == "llm"
    assert "sslmode=verify-full&sslrootcert=%2Fca.pem" in found({**parts, "DATABASE_SSLROOTCERT": "/ca.pem"}).url


def test_prisma_gets_certificate_parameters_in_its_own_words() -> None:
    given = found({"DATABASE_URL": f"{URL}?sslmode=verify-full&sslrootcert=/ca.pem", "DIRECT_URL": URL})
    assert given.environment() == {
        "DATABASE_URL": f"{URL}?sslmode=require&sslcert=%2Fca.pem&sslaccept=strict",
        "DIRECT_URL": URL,
    }


def test_the_password_is_scrubbed_in_every_form() -> None:
    given = found({"DATABASE_URL": "postgresql://u:p%40ss@db/x"})
    assert given.scrub("p%40ss and p@ss") == "*** and ***"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@ss@db/x",
        "postgresql://u:pa/ss@db/x",
        "postgresql://u:pa?ss@db/x",
        "postgresql://u:pa#ss@db/x",
        "postgresql://u:50%off@db/x",
        "postgresql://u:p ss@db/x",
        "postgresql://u:secret@db:port/x",
        "postgresql://u:secret@db:99999/x",
        "postgresql://u:secret@db,other/x",
        "postgresql://u:secret[@db/x",
        "postgresql://u:secret\u2100@db/x",
        "postgresql://u:secret@db",
        "postgresql://u:secret@db/x?sslmode=requir",
        "mysql://u:secret@db/x",
        "u:secret@db/x",
    ],
)
def test_a_url_that_would_be_misread_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(Refusal) as refused:
        found({"DATABASE_URL": url})
    (finding,) = refused.value.findings
    assert finding.code == ExitCode.CONFIG
    assert "DATABASE_URL" in finding.what
    assert not any(part in finding.what + finding.fix for part in ("secret", "p@ss", "pa/ss", "50%off", "p ss"))


@pytest.mark.parametrize("url", [URL, "postgres://u@[::1]:5432/x", "postgresql://u:p%25@a:5433/x?schema=s"])
def test_a_good_url_is_taken_as_it_is(url: str) -> None:
    assert found({"DATABASE_URL": url}).url == url


def test_a_reference_that_nobody_resolves_is_refused_by_name() -> None:
    with pytest.raises(Refusal) as refused:
        found({}, {"database_url": "os.environ/FROM_VAULT"})
    assert refused.value.findings[0].code == ExitCode.SECRET
    assert "FROM_VAULT" in refused.value.findings[0].fix


MANAGED = {"general_settings": {"database_url": "os.environ/ELSEWHERE", "key_management_system": "aws_secret_manager"}}


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('echo noise; echo \'{"error": "botocore.exceptions.NoCredentialsError"}\'; exit 1', "botocore.exceptions.No"),
        ("echo '{}'", "it knows of none"),
        ('echo \'{"message": "sentinel"}\' >&2; kill -9 $$', "exit code -9"),
        ("echo sentinel; exit 3", "exit code 3"),
    ],
    ids=["an-exception", "an-answer-without-it", "a-kill", "no-answer"],
)
def test_why_litellm_does_not_know_the_url_is_said_without_its_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, said: str
) -> None:
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(program))
    with pytest.raises(Refusal) as refused:
        address.find(MANAGED, {}, supplied=True)
    (finding,) = refused.value.findings
    assert finding.id == "database-url-unresolved"
    assert f"needs: {said}" in finding.what
    assert "sentinel" not in finding.what


def test_nobody_is_asked_for_the_url_who_must_not_be() -> None:
    assert address.find(MANAGED, {}, supplied=True, ask=False) is None
    known = address.find(MANAGED, {"ELSEWHERE": "postgresql://u:p@h/n"}, supplied=True, ask=False)
    assert known is not None
    assert known.url == "postgresql://u:p@h/n"
