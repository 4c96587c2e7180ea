"""The files of the production project: secrets made once, variables documented, pages generated."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from docs import capacity

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docker" / "compose"
# Set by run.py, or by the environment of `make run`, whose project has no .env.
OF_THE_QUICKSTART = {"CONFIG_HASH", "ENV_FILE", "LITELLM_MASTER_KEY", "PORT", "POSTGRES_PASSWORD", "RULES_HASH"}


def make(folder: Path, *more: str, given: str = "") -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(FOLDER / "make_secrets.py"), str(folder), *more]
    return subprocess.run(words, check=False, text=True, capture_output=True, input=given)


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_secrets_are_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    assert make(folder).returncode == 0
    made = contents(folder)
    assert made["gateway/DATABASE_PASSWORD"] == made["postgres/password"]
    assert made["gateway/REDIS_PASSWORD"] == made["redis/password"]
    assert len(set(made.values()) - {""}) == 4
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    again = make(folder)
    assert again.returncode == 0
    assert contents(folder) == made
    assert not [value for value in made.values() if value and value in again.stdout + again.stderr]


def test_one_that_was_lost_is_not_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    make(folder)
    (folder / "gateway/LITELLM_SALT_KEY").unlink()
    before = contents(folder)
    done = make(folder)
    assert done.returncode == 1
    assert "LITELLM_SALT_KEY" in done.stderr
    assert contents(folder) == before


def test_what_was_interrupted_goes_on_with_what_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    (folder / "postgres").mkdir(parents=True)
    (folder / "postgres/password").write_text("mine")
    # With what a kill has left of a file.
    (folder / ".unfinished-x").write_text("half")
    assert make(folder).returncode == 0
    assert contents(folder)["gateway/DATABASE_PASSWORD"] == "mine"
    assert not (folder / ".unfinished-x").exists()


@pytest.mark.parametrize("text", ["", "another"])
def test_an_empty_file_or_one_that_differs_is_refused(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "secrets"
    make(folder)
    (folder / "postgres/password").chmod(0o600)
    (folder / "postgres/password").write_text(text)
    before = contents(folder)
    done = make(folder)
    assert done.returncode == 1
    assert "postgres/password cannot be used" in done.stderr
    assert contents(folder) == before


def test_a_folder_that_others_may_enter_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o755)
    assert make(folder).returncode == 0
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_key_of_a_provider_is_added_and_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    early = make(folder, "--add", "OPENAI_API_KEY", given="one")
    assert early.returncode == 1
    assert "has no secrets yet" in early.stderr
    make(folder)
    for given in ("one\n", "two"):
        assert make(folder, "--add", "OPENAI_API_KEY", given=given).returncode == 0
        added = folder / "gateway/OPENAI_API_KEY"
        assert added.read_text() == given.strip()
        assert added.stat().st_mode == (folder / "gateway/LITELLM_MASTER_KEY").stat().st_mode
    for name, given in (("../x", "one"), ("lower", "one"), ("OPENAI_API_KEY", "")):
        done = make(folder, "--add", name, given=given)
        assert done.returncode == 1
        assert "nothing was added" in done.stderr


@pytest.mark.parametrize("name", ["LITELLM_SALT_KEY", "DATABASE_PASSWORD", "REDIS_PASSWORD"])
def test_what_data_depends_on_is_not_replaced_by_the_way(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "secrets"
    make(folder)
    before = contents(folder)
    done = make(folder, "--add", name, given="another")
    assert done.returncode == 1
    assert f"{name} stays as it is" in done.stderr
    assert contents(folder) == before
    assert make(folder, "--add", "LITELLM_MASTER_KEY", given="sk-another").returncode == 0


def test_without_room_nothing_is_left_behind(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    make(folder)
    before = contents(folder)
    words = f"ulimit -f 0; exec {sys.executable} {FOLDER / 'make_secrets.py'} {folder} --add OPENAI_API_KEY"
    done = subprocess.run(["sh", "-c", words], check=False, text=True, capture_output=True, input="one")
    assert done.returncode == 1
    assert "OPENAI_API_KEY cannot be written" in done.stderr
    assert contents(folder) == before


def test_every_variable_of_the_files_is_in_the_example() -> None:
    used = set()
    for file in FOLDER.glob("*.yaml"):
        # Doubled, it is the container's.
        used |= set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", file.read_text()))
    written = set(re.findall(r"^([A-Z_]+)=", (FOLDER / ".env.example").read_text(), re.MULTILINE))
    assert used - OF_THE_QUICKSTART == written - {"COMPOSE_FILE"}


def test_no_default_is_a_password() -> None:
    for file in (*FOLDER.glob("*.yaml"), FOLDER / ".env.example"):
        text = file.read_text()
        assert not re.findall(r"(?i)(?:password|secret|_key):-[^$}\s]", text), file
        assert not re.findall(r"(?im)^\w*(?:password|secret|_key)=\S", text), file


def test_the_page_of_capacity_is_generated() -> None:
    page = capacity.PAGE.read_text()
    assert capacity.rewritten(page) == page, "run `make docs`"
