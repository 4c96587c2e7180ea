"""Which keys open what the database holds: every value of it, tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from slipway.database import connection
from slipway.database.address import Address
from slipway.database.salt.ciphers import Key
from slipway.database.salt.exclusive import NAME
from slipway.database.salt.survey import Survey, Surveyor, by_what_they_belong_to, in_words
from slipway.report import ExitCode, Finding

_WHY: Final = "LiteLLM gets nothing for them, and requests that need them fail."


@dataclass(frozen=True, slots=True)
class Named:
    """A key and what messages call it. ``used``: a gateway with this environment would decrypt with it."""

    name: str
    key: Key
    used: bool = False


def run(address: Address, keys: Sequence[Named], seconds: float) -> Survey:
    """Read everything once the database answers within ``seconds``. Raises Refusal (68)."""
    with connection.wait(address, seconds, name=NAME) as connected, connected.transaction():
        connected.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        # All rows or an error.
        connected.execute("SET LOCAL row_security = off")
        return Surveyor(connected, address.schema, [known.key for known in keys]).survey()


def judge(survey: Survey, keys: Sequence[Named]) -> list[Finding]:
    """Say what a gateway would not be able to read."""
    used = next((number for number, known in enumerate(keys) if known.used), None)
    elsewhere = {
        place: sum(number for key, number in enumerate(tally.opened) if key != used)
        for place, tally in survey.tallies.items()
    }
    lost = {place: tally.lost + elsewhere[place] for place, tally in survey.tallies.items()}
    findings = []
    if any(lost.values()):
        findings.append(_unopened(by_what_they_belong_to(lost), survey, keys, used))
    if survey.doubtful:
        findings.append(
            Finding(
                "salt-values-doubtful",
                "info",
                f"{survey.doubtful} values look encrypted, and none of these keys opens them.",
                "Nothing, if they are plain text, as LiteLLM takes them to be; otherwise enter them again.",
                ExitCode.SALT,
                "They stand where LiteLLM stores plain text too.",
            )
        )
    return findings


def _unopened(lost: dict[str, int], survey: Survey, keys: Sequence[Named], used: int | None) -> Finding:
    who = "No key of this environment" if used is None else keys[used].name
    openers = [
        f"{known.name} opens {survey.opened(number)}"
        for number, known in enumerate(keys)
        if number != used and survey.opened(number)
    ]
    also = f" ({'; '.join(openers)})" if openers else ""
    fix = (
        "Start the gateways with the key that opens all of it, or put the rest under theirs: salt rotate."
        if openers
        else "Try the keys you had before with --key-file FILE; what none of them opens has to be entered again."
    )
    verb = "opens" if used is None else "does not open"
    return Finding("salt-values-unopened", "error", f"{who} {verb} {in_words(lost)}{also}.", fix, ExitCode.SALT, _WHY)
