"""What a check found: one record, its text form and the exit code it stands for.

Text never carries the value of a variable, only its name.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Final, Literal, TextIO

Severity = Literal["error", "warning", "info"]
# Of terminals (ECMA-48): red, yellow, cyan.
_COLOURS: Final = {"error": 31, "warning": 33, "info": 36}


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

    ``what`` says what is wrong, ``why`` why that matters, ``fix`` what to do, each in one sentence; ``why`` is empty
    where the first says it all. ``code`` is the exit code when the severity is ``error``.
    """

    id: str
    severity: Severity
    what: str
    fix: str
    code: ExitCode = ExitCode.CONFIG
    why: str = ""

    @property
    def runbook(self) -> str:
        """The page that explains this finding, relative to the repository."""
        return f"docs/runbooks/{self.id}.md"


class Refusal(Exception):
    """Start-up cannot go on. Carries the findings that say why; never a value of a variable."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__(findings[0].what)
        self.findings = findings


def refuse(id: str, code: ExitCode, what: str, fix: str, why: str = "") -> Refusal:
    """Build the refusal for one error."""
    return Refusal(Finding(id, "error", what, fix, code, why))


def exit_code(findings: Iterable[Finding]) -> ExitCode:
    """Return the code of the first error, or ``DONE`` when there is none."""
    return next((finding.code for finding in findings if finding.severity == "error"), ExitCode.DONE)


def show(
    findings: Sequence[Finding], *, json_lines: bool = False, colour: bool = False, stream: TextIO | None = None
) -> None:
    """Print findings to ``stream`` (standard error by default), as text or as one JSON object a line."""
    out = stream or sys.stderr
    for finding in findings:
        if json_lines:
            print(json.dumps({"logger": "slipway", **asdict(finding), "runbook": finding.runbook}), file=out)
        else:
            print(_text(finding, colour), file=out)
    out.flush()


def _text(finding: Finding, colour: bool) -> str:
    severity = f"\x1b[{_COLOURS[finding.severity]}m{finding.severity}\x1b[0m" if colour else finding.severity
    lines = [f"{severity}: {finding.what} [{finding.id}]"]
    if finding.why:
        lines.append(f"  why: {finding.why}")
    lines.append(f"  fix: {finding.fix}")
    if finding.severity != "info":
        code = f"exit code {finding.code.value}, " if finding.severity == "error" else ""
        lines.append(f"  {code}{finding.runbook}")
    return "\n".join(f"slipway: {line}" for line in lines)
