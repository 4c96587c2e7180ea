"""What is written down agrees with the code."""

import re
from pathlib import Path

from docs import variables
from slipway.commands import VERBS
from slipway.patches import PATCHES
from slipway.report import ExitCode
from slipway.runtime.changes import IN_PROCESS
from slipway.settings import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def test_the_table_of_variables_is_generated() -> None:
    assert variables.rewritten(README) == README, "run `make docs`"


def test_every_exit_code_has_a_page_and_a_row() -> None:
    for code in ExitCode:
        if code is not ExitCode.DONE:
            assert (ROOT / "docs" / "runbooks" / f"{code.value}.md").is_file()
            assert f"[{code.value}](docs/runbooks/{code.value}.md)" in README


def test_every_command_is_known_to_the_entrypoint_the_help_and_the_readme() -> None:
    entrypoint = (ROOT / "entrypoint" / "entrypoint.sh").read_text()
    (line,) = re.findall(r"-\* \| (.*)\) exec", entrypoint)
    assert set(line.split(" | ")) == set(VERBS)
    for command in VERBS:
        assert re.search(rf"^\|.*`{command}\b.*\|.*\|$", README, re.MULTILINE), command


def test_every_link_of_the_readme_leads_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_image_sets_the_defaults_that_are_documented() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    for setting in SETTINGS:
        if setting.name.startswith("LITELLM_LOCAL_"):
            assert f"{setting.name}=True" in dockerfile
    assert "LITELLM_MODE=PRODUCTION" in dockerfile


def test_every_patch_has_a_documented_switch() -> None:
    names = {setting.name for setting in SETTINGS}
    assert {change.switch for change in (*PATCHES, *IN_PROCESS)} <= names
