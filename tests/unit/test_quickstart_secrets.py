"""The quickstart's secrets: made once, completed where some are missing, never made anew over data."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from environment_file import GENERATED, Refused, complete, read

VOLUME = "quickstart_postgres"


def test_a_new_file_has_every_secret_and_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "run" / "env"
    assert complete(path, None) == list(GENERATED)
    values = read(path)
    assert set(values) == set(GENERATED)
    assert len(set(values.values())) == len(GENERATED)
    assert min(map(len, values.values())) >= 48
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_complete_file_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "env"
    complete(path, None)
    path.chmod(0o644)
    before = path.read_bytes()
    assert complete(path, VOLUME) == []
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_of_an_earlier_release_is_kept_and_completed(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("# mine\nOPENAI_API_KEY='a b'\nLITELLM_MASTER_KEY=sk-old\nPOSTGRES_PASSWORD=\n")
    assert complete(path, None) == ["LITELLM_SALT_KEY", "POSTGRES_PASSWORD"]
    assert path.read_text().startswith("# mine\nOPENAI_API_KEY='a b'\nLITELLM_MASTER_KEY=sk-old\n")
    values = read(path)
    assert values["LITELLM_MASTER_KEY"] == "sk-old"
    assert values["OPENAI_API_KEY"] == "a b"
    assert all(values[name] for name in GENERATED)


def test_nothing_is_made_over_a_database_and_the_error_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("LITELLM_MASTER_KEY=sk-old\n")
    with pytest.raises(Refused) as caught:
        complete(path, VOLUME)
    assert "lacks LITELLM_SALT_KEY, POSTGRES_PASSWORD" in str(caught.value)
    assert VOLUME in str(caught.value)
    assert "sk-old" not in str(caught.value)
    assert path.read_text() == "LITELLM_MASTER_KEY=sk-old\n"
