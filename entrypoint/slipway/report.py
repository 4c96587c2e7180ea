"""What a check found: one record, its text form and the exit code it stands for.

Text never carries the value of a variable, only its name.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Literal, TextIO

Severity = Literal["error", "warning", "info"]


class ExitCode(IntEnum):
    """The stable exit codes; each has a page in docs/runbooks/."""

    DONE = 0
    USAGE = 64
    CONFIG = 65
    SECRET = 66
    DIRECTORY = 67
    DATABASE = 68
    MIGRATION = 69
    INTERNAL = 70
    SALT = 71
    HOOK = 72
    PORT = 73
    CAPACITY = 74


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check found.

    ``what`` says what is wrong and why that matters in one sentence, ``fix`` says what to do in one sentence.
    ``code`` is the exit code when the severity is ``error``.
    """

    id: str
    severity: Severity
    what: str
    fix: str
    code: ExitCode = ExitCode.CONFIG

    @property
    def runbook(self) -> str:
        """The page that explains this finding, relative to the repository."""
        return f"docs/runbooks/{self.code.value}.md"


class Refusal(Exception):
    """Start-up cannot go on. Carries the findings that say why; never a value of a variable."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__(findings[0].what)
        self.findings = findings


def refuse(id: str, code: ExitCode, what: str, fix: str) -> Refusal:
    """Build the refusal for one error."""
    return Refusal(Finding(id, "error", what, fix, code))


def exit_code(findings: Iterable[Finding]) -> ExitCode:
    """Return the code of the first error, or ``DONE`` when there is none."""
    return next((finding.code for finding in findings if finding.severity == "error"), ExitCode.DONE)


def show(findings: Sequence[Finding], *, json_lines: bool = False, stream: TextIO | None = None) -> None:
    """Print findings to ``stream`` (standard error by default), as text or as one JSON object a line."""
    out = stream or sys.stderr
    for finding in findings:
        if json_lines:
            print(json.dumps({"logger": "slipway", **asdict(finding), "runbook": finding.runbook}), file=out)
            continue
        print(f"slipway: {finding.severity}: {finding.what} [{finding.id}]", file=out)
        print(f"slipway:   fix: {finding.fix}", file=out)
        if finding.severity == "error":
            print(f"slipway:   exit code {finding.code.value}, {finding.runbook}", file=out)
    out.flush()
