"""What `check` makes of findings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slipway import diagnosis
from slipway.report import ExitCode, Finding, exit_code, show

ERROR = Finding("port-taken", "error", "What.", "Fix.", ExitCode.PORT, "Why.")
WARNING = Finding("reference-unset", "warning", "What.", "Fix.")


def test_the_json_form_is_what_tools_rely_on() -> None:
    assert json.loads(diagnosis.as_json([WARNING, ERROR])) == {
        "ok": False,
        "findings": [
            {
                "id": "reference-unset",
                "severity": "warning",
                "what": "What.",
                "why": "",
                "fix": "Fix.",
                "runbook": "docs/runbooks/reference-unset.md",
            },
            {
                "id": "port-taken",
                "severity": "error",
                "what": "What.",
                "why": "Why.",
                "fix": "Fix.",
                "runbook": "docs/runbooks/port-taken.md",
            },
        ],
    }
    assert json.loads(diagnosis.as_json([WARNING]))["ok"] is True


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([], "slipway: nothing is wrong"),
        ([WARNING], "slipway: 1 warning"),
        ([ERROR, WARNING, ERROR], "slipway: 2 errors, 1 warning"),
        ([Finding("network-at-start", "info", "What.", "Fix.")], "slipway: nothing is wrong"),
    ],
)
def test_the_last_line_counts(findings: list[Finding], expected: str) -> None:
    assert diagnosis.summary(findings) == expected


def test_text_tells_why_and_has_colour_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    show([ERROR])
    plain = capsys.readouterr().err
    assert plain.splitlines() == [
        "slipway: error: What. [port-taken]",
        "slipway:   why: Why.",
        "slipway:   fix: Fix.",
        "slipway:   exit code 73, docs/runbooks/port-taken.md",
    ]
    show([ERROR], colour=True)
    assert capsys.readouterr().err == plain.replace("error: ", "\x1b[31merror\x1b[0m: ", 1)


def test_offline_takes_what_only_the_gateway_has_for_a_warning(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("general_settings: {database_url: os.environ/GATEWAY_DATABASE}\n")
    environment = {"SLIPWAY_RUNTIME_DIR": str(tmp_path), "SLIPWAY_ALLOW_ROOT": "on", "PATH": "/usr/bin"}
    argv = ["--config", str(config)]
    online = diagnosis.diagnose(argv, environment, offline=False)
    offline = diagnosis.diagnose(argv, environment, offline=True)
    assert [finding.id for finding in online] == [finding.id for finding in offline]
    missing = {"master-key-missing", "database-url-unset"}
    assert {finding.id for finding in online if finding.severity == "error"} >= missing
    assert not {finding.id for finding in offline if finding.severity == "error"} & missing


def test_what_is_found_before_a_refusal_is_told_too(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = {"SLIPWAY_RUNTIME_DIR": str(tmp_path / "file"), "SLIPWAY_ALLOW_ROOT": "on"}
    findings = diagnosis.diagnose([], environment, offline=True)
    assert [finding.id for finding in findings] == ["master-key-missing", "directory-not-writable"]
    assert exit_code(findings) is ExitCode.DIRECTORY
