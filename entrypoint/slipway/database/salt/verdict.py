"""Whether a start may go on with its keys, judged by a sample of what the database holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from psycopg import sql

from slipway.database.connection import Connection
from slipway.database.salt import texts
from slipway.database.salt.ciphers import Key, Sealed, parse
from slipway.database.salt.places import Place, present
from slipway.report import ExitCode, Finding, refuse

VARIABLE: Final = "LITELLM_SALT_KEY"
ACKNOWLEDGED: Final = "SLIPWAY_ALLOW_MASTER_KEY_AS_SALT"
_ROWS: Final = 50

UNTRIED: Final = Finding(
    "salt-key-later",
    "warning",
    f"{VARIABLE} is not set yet; a worker startup hook may still set it, and it cannot be tried before.",
    f"Set {VARIABLE} where the gateway is started, if you can.",
    ExitCode.SECRET,
)


@dataclass(slots=True)
class Trial:
    """How many sampled values each key opens, and what the others belong to."""

    salt: int = 0
    master: int = 0
    lost: dict[str, int] = field(default_factory=dict)


def judge(
    connection: Connection, schema: str, salt: str | None, master: str | None, *, acknowledged: bool, new: bool
) -> list[Finding]:
    """Decide whether the keys fit the database. ``new`` is a database without LiteLLM's tables.

    Raises Refusal (66) when a salt key is missing, (71) when the one given opens nothing that is there.
    """
    trial = Trial() if new else attempt(connection, schema, salt, master)
    lost = ", ".join(f"{count} of the {holds}" for holds, count in sorted(trial.lost.items()))
    if salt:
        return _with_salt(trial, lost)
    if lost and not trial.master:
        raise _mismatch(f"LITELLM_MASTER_KEY, which stands in for {VARIABLE}, opens", lost, _FORMER)
    if acknowledged:
        return []
    if trial.master:
        raise refuse(
            "salt-key-is-master-key",
            ExitCode.SECRET,
            f"{VARIABLE} is not set, and the database's credentials are encrypted with the master key: they are lost "
            "when that changes.",
            f"Set {VARIABLE} to the master key's present value and keep it for ever; the master key may change then. "
            f"Or accept the risk: {ACKNOWLEDGED}=on.",
        )
    raise refuse(
        "salt-key-missing",
        ExitCode.SECRET,
        f"{VARIABLE} is not set, and this database will hold credentials encrypted with it.",
        f'Make one and keep it for ever: -e {VARIABLE}="sk-$(openssl rand -hex 32)". Without it the master key is '
        f"used, and what is stored is lost when that changes ({ACKNOWLEDGED}=on accepts it).",
    )


_FORMER: Final = f"Set {VARIABLE} to the key that the database was written with; nothing has been changed."


def _with_salt(trial: Trial, lost: str) -> list[Finding]:
    if trial.salt:
        if not lost and not trial.master:
            return []
        others = lost or f"{trial.master} values under the master key"
        return [
            Finding(
                "salt-key-partial",
                "warning",
                f"{VARIABLE} opens most of the database's credentials but not all: {others}.",
                "Enter those again in the UI, or start with the key they were written with.",
                ExitCode.SALT,
            )
        ]
    if trial.master:
        raise _mismatch(
            f"{VARIABLE} opens",
            f"{trial.master} values, which the master key opens",
            f"They were written before {VARIABLE} was set: give it the master key's present value, for ever.",
        )
    if lost:
        raise _mismatch(f"{VARIABLE} opens", lost, _FORMER)
    return []


def _mismatch(who: str, lost: str, fix: str) -> Exception:
    what = f"{who} none of the credentials in the database. These would be lost: {lost}."
    return refuse("salt-key-mismatch", ExitCode.SALT, what, fix)


def attempt(connection: Connection, schema: str, salt: str | None, master: str | None) -> Trial:
    """Try both keys on a sample of every place: fifty rows of each."""
    trial = Trial()
    with_salt, with_master = (Key(text) if text else None for text in (salt, master))
    for place in present(connection, schema, readable=True):
        for sealed, certain in _ciphertexts(connection, schema, place):
            if with_salt and with_salt.open(sealed) is not None:
                trial.salt += 1
            elif with_master and with_master.open(sealed) is not None:
                trial.master += 1
            elif certain:
                trial.lost[place.holds] = trial.lost.get(place.holds, 0) + 1
    return trial


def _ciphertexts(connection: Connection, schema: str, place: Place) -> list[tuple[Sealed, bool]]:
    """Return what may be encrypted, and whether it certainly is."""
    query = sql.SQL("SELECT {0}::text FROM {1} WHERE {0} IS NOT NULL LIMIT {2}").format(
        sql.Identifier(place.column), sql.Identifier(schema, place.table), sql.Literal(_ROWS)
    )
    found: list[tuple[Sealed, bool]] = []

    def note(value: str, depth: int) -> None:
        if sealed := parse(value):
            found.append((sealed, place.is_certain(sealed, depth)))

    for (text,) in connection.execute(query):
        texts.replace(str(text), note)
    return found
