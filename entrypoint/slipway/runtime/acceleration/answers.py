"""The words in which a trial answers, for the trial and for who reads it."""

from __future__ import annotations

from typing import Final

FAILURE: Final = "failure: "
LACKING: Final = "lacking"
_SHOWN: Final = 160


def failure(text: object) -> str:
    """Return the answer that says that a check failed, in a length for a log line."""
    return f"{FAILURE}{text}"[:_SHOWN]


def failed(answer: object) -> bool:
    """Whether an answer says that a check failed."""
    return isinstance(answer, str) and answer.startswith(FAILURE)


def told(answer: object) -> str:
    """Return what a failed check said."""
    return str(answer).removeprefix(FAILURE)
