"""What a worker owes the database, kept in its spool where one is set up: rows, and shares of sums.

A row is kept from LiteLLM's queue to the database. The shares of one request in the sums (key, user, team, tag, the
daily tables) are kept as the arguments that LiteLLM adds them up from, until LiteLLM has written all sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from itertools import count
from typing import Any, Final

from slipway.runtime.accounting.spool import PARTS, Spool

ROW: Final = "row"
SUMS: Final = "sums"
# Tables that have a share which is being taken over: if this worker is killed, too, they still have it.
INHERITED: Final[ContextVar[tuple[str, ...]]] = ContextVar("slipway_inherited", default=())
# No sum is made from them, and they may be large.
_BODIES: Final = frozenset({"messages", "response", "proxy_server_request"})


class Journal:
    """Does nothing until it has a ``spool``."""

    def __init__(self) -> None:
        self.spool: Spool | None = None
        self._numbers = count()
        self._added: set[str] = set()

    def row(self, id: str, row: Mapping[str, Any]) -> bool:
        """Keep a row; returns whether it outlives the worker from now on."""
        return self.spool is not None and self.spool.put(ROW, id, row)

    def written(self, ids: Iterable[str]) -> None:
        """Rows that are in the database, or will never be."""
        if self.spool is not None:
            self.spool.done(ROW, ids)

    def share(self, arguments: Mapping[str, Any]) -> str | None:
        """Keep a request's share of the sums; returns its name here."""
        if self.spool is None:
            return None
        payload = {name: value for name, value in arguments["payload"].items() if name not in _BODIES}
        kept = {name: value for name, value in arguments.items() if name != "prisma_client"}
        name = str(next(self._numbers))
        parts = {PARTS: list(INHERITED.get())} if INHERITED.get() else {}
        self.spool.put(SUMS, name, {**kept, "payload": payload, **parts})
        return name

    def added(self, share: str | None) -> None:
        """A share is in LiteLLM's sums, which the next writing writes."""
        if share is not None:
            self._added.add(share)

    def writing(self) -> frozenset[str]:
        """The shares that are in what LiteLLM begins to write."""
        return frozenset(self._added)

    def wrote_part(self, shares: frozenset[str], part: str) -> None:
        """One of LiteLLM's tables has these shares."""
        if self.spool is not None:
            self.spool.note(SUMS, shares, part)

    def wrote(self, shares: frozenset[str]) -> None:
        """These are in the database."""
        self._added -= shares
        if self.spool is not None:
            self.spool.done(SUMS, shares)
