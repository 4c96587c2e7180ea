"""A worker that starts writes what killed workers left in the spool, each row once.

``request_id`` is the primary key, and LiteLLM skips rows that are there. A share of the sums is added to
the tables that do not have it; the one table that was being written when the worker was killed may count it twice.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from slipway import log
from slipway.runtime.accounting.journal import INHERITED, ROW, SUMS, Journal
from slipway.runtime.accounting.spool import PARTS, Abandoned, Spool, abandoned
from slipway.runtime.accounting.sums import ADDING, MODELS


async def take_over(journal: Journal, root: Path) -> None:
    """Begin this worker's own spool below ``root``, and make what others left its own."""
    from litellm.proxy import proxy_server

    client: Any = proxy_server.prisma_client
    if client is None:
        return
    try:
        journal.spool = Spool(root)
    except OSError as problem:
        log.line(f"spend is not spooled: {problem}", level="warning")
        return
    for left in abandoned(root):
        rows, shares = left.records.get(ROW, []), left.records.get(SUMS, [])
        problems = await _adopt(client, proxy_server.proxy_logging_obj, rows, shares)
        taken = len(shares) - len(problems)
        if rows or taken:
            log.line(f"took over {len(rows)} spend rows and {taken} shares of sums from a worker that was killed")
        if problems:
            _set_aside(left, problems)
        else:
            left.remove()


async def _adopt(client: Any, logger: Any, rows: list[Any], shares: list[Any]) -> list[Exception]:
    """Queue rows and add shares up; return why those that cannot be, for another release wrote them perhaps."""
    from litellm.proxy.utils import enqueue_spend_logs

    if rows:
        await enqueue_spend_logs(client, rows)
    unwritten = {str(row.get("request_id")) for row in rows}
    problems = list[Exception]()
    for share in shares:
        try:
            await _add(client, logger.db_spend_update_writer, share, unwritten)
        except Exception as problem:
            # Raised, it would end this start and every other.
            problems.append(problem)
    return problems


async def _add(client: Any, writer: Any, share: dict[str, Any], unwritten: set[str]) -> None:
    parts = share.pop(PARTS, [])
    written = {ADDING[part] for part in parts if part in ADDING}
    # LiteLLM writes the usage of models together with the rows: it is done when they are.
    if str(share["payload"].get("request_id")) not in unwritten:
        written.add(MODELS)
    rest = copy.copy(writer)
    for method in written:
        setattr(rest, method, _nothing)
    token = INHERITED.set(tuple(parts))
    try:
        await rest._batch_database_updates(prisma_client=client, **share)
    finally:
        INHERITED.reset(token)


def _set_aside(left: Abandoned, problems: list[Exception]) -> None:
    kinds = ", ".join(sorted({type(problem).__name__ for problem in problems}))
    said = f"{len(problems)} shares of sums cannot be taken over ({kinds}): did another release write them?"
    try:
        log.line(f"{said} What it left is kept in {left.set_aside()}", level="error")
    except OSError as why:
        log.line(f"{said} It cannot be set aside: {why.strerror}", level="error")


async def _nothing(**_: Any) -> None:
    pass
