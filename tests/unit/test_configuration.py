"""Which configuration a worker starts with: the one that was checked, until a reload has been proven or taken back."""

from __future__ import annotations

import os
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from slipway.runtime import config_in_force
from slipway.workers import configuration


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("first")
    configuration.keep(tmp_path, [str(path)])
    return path


def text(file: Path) -> str | None:
    return configuration.in_force(file.parent).get(str(file))


def offer(file: Path, content: str) -> None:
    """What a reload does once its check has passed."""
    file.write_text(content)
    configuration.propose(file.parent, [str(file)])
    configuration.accept(file.parent)


def test_a_changed_file_is_not_in_force_until_it_is_accepted(file: Path) -> None:
    file.write_text("second")
    assert text(file) == "first"
    configuration.propose(file.parent, [str(file)])
    assert text(file) == "first"
    configuration.accept(file.parent)
    assert text(file) == "second"


def test_a_reload_that_no_worker_could_start_with_is_taken_back(file: Path) -> None:
    offer(file, "bad")
    configuration.revert(file.parent)
    assert text(file) == "first"
    configuration.revert(file.parent)
    assert text(file) == "first"


def test_two_bad_reloads_in_a_row_lead_back_to_what_was_proven(file: Path) -> None:
    offer(file, "bad")
    offer(file, "worse")
    configuration.revert(file.parent)
    assert text(file) == "first"


def test_what_was_proven_is_not_taken_back(file: Path) -> None:
    offer(file, "second")
    configuration.prove(file.parent)
    configuration.revert(file.parent)
    assert text(file) == "second"


def test_without_a_proposal_nothing_changes(file: Path) -> None:
    configuration.accept(file.parent)
    configuration.revert(file.parent)
    assert text(file) == "first"


def test_only_the_owner_can_read_what_is_kept(file: Path) -> None:
    offer(file, "second")
    kept = [path for path in file.parent.iterdir() if path != file]
    assert kept
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}


def test_files_that_cannot_be_read_are_left_to_the_one_who_reads_them(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    configuration.keep(tmp_path, [str(tmp_path / "binary"), str(tmp_path / "absent")])
    assert configuration.in_force(tmp_path) == {}


def test_without_a_configuration_nothing_is_in_force(tmp_path: Path) -> None:
    assert configuration.in_force(tmp_path) == {}


def test_what_litellm_wrote_is_in_force_and_what_a_bad_reload_leads_back_to(file: Path) -> None:
    assert configuration.written_at(file.parent) == 0
    file.write_text("written")
    configuration.mark_written(file.parent)
    assert configuration.written_at(file.parent) > 0
    assert text(file) == "written"
    offer(file, "bad")
    assert configuration.written_at(file.parent) == 0
    configuration.revert(file.parent)
    assert text(file) == "written"


def test_what_litellm_writes_while_a_reload_goes_on_is_not_taken_back(file: Path) -> None:
    offer(file, "bad")
    file.write_text("written")
    configuration.mark_written(file.parent)
    configuration.revert(file.parent)
    assert text(file) == "written"


def test_a_file_is_kept_to_the_byte(file: Path) -> None:
    file.write_bytes(b"first\r\nsecond\r\n")
    configuration.keep(file.parent, [str(file)])
    assert text(file) == "first\r\nsecond\r\n"


def test_a_worker_notices_what_litellm_wrote_after_the_clock_went_back(file: Path) -> None:
    held = config_in_force._Kept()
    held.hold(file.parent)
    for content, moment in (("written", 2_000_000_000), ("written again", 1_000_000_000)):
        file.write_text(content)
        configuration.mark_written(file.parent)
        os.utime(file.parent / "configuration.written", (moment, moment))
        assert held.text(str(file)) == content


def test_a_worker_keeps_what_it_has_when_a_reload_comes(file: Path) -> None:
    held = config_in_force._Kept()
    file.write_text("written")
    configuration.mark_written(file.parent)
    held.hold(file.parent)
    offer(file, "reloaded")
    assert held.text(str(file)) == "written"


def test_reloads_and_writes_of_litellm_do_not_come_between_each_other(file: Path) -> None:
    def reload() -> None:
        for _ in range(300):
            offer(file, "offered")
            configuration.revert(file.parent)

    def write() -> None:
        for _ in range(300):
            configuration.mark_written(file.parent)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(reload), pool.submit(write)]:
            done.result()


def test_a_directory_without_room_keeps_nothing(file: Path) -> None:
    before = set(file.parent.iterdir())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            configuration.propose(file.parent, [str(file)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert set(file.parent.iterdir()) == before
    assert text(file) == "first"


def test_an_end_leaves_no_configuration_behind(file: Path) -> None:
    offer(file, "second")
    configuration.propose(file.parent, [str(file)])
    # Of a check that was killed.
    (file.parent / "configuration.next.part").touch()
    configuration.forget(file.parent)
    assert list(file.parent.iterdir()) == [file]
