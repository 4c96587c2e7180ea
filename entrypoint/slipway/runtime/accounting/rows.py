"""Counts rows from LiteLLM's queue in memory until they are where a killed worker cannot lose them.

``PrismaClient.spend_log_transactions`` holds them, then a batch that is being written (litellm/proxy/utils.py). Rows go
back to the queue when the database does not answer, and into Redis where that is set up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from slipway.runtime.accounting.flush import Alarm
from slipway.runtime.accounting.journal import Journal
from slipway.runtime.accounting.ledger import Ledger
from slipway.runtime.accounting.requests import current
from slipway.runtime.change import expect


def ids(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The primary keys of rows."""
    return [str(row.get("request_id")) for row in rows]


class _Noting:
    """A table's repository that notes which rows it has written."""

    def __init__(self, repository: Any, note: Callable[[list[str]], None]) -> None:
        self.table = self
        self._table, self._note = repository.table, note

    async def create_many(self, *, data: Any, skip_duplicates: bool) -> Any:
        written = await self._table.create_many(data=data, skip_duplicates=skip_duplicates)
        self._note(ids(data))
        return written


def count_rows(ledger: Ledger, journal: Journal, alarm: Alarm | None) -> Callable[[], None]:
    """Return what puts counting functions in the place of LiteLLM's; each queued row sets the alarm. Raises Unfit."""
    from litellm.proxy import utils

    module: Any = utils
    enqueue, within, write = (
        module.enqueue_spend_logs,
        module.spend_log_queue_within_budget,
        module._create_spend_logs_with_poison_isolation,
    )
    park, update = module._park_spend_logs_in_redis, module.ProxyUpdateSpend.update_spend_logs
    expect(enqueue, "e35c593d26d0")
    expect(within, "ecf0f031c48f")
    expect(write, "848f6f3ee902")
    expect(park, "5a8d1422d213")
    expect(update, "451fc1f1d9de")
    expect(module.requeue_spend_logs, "6a013328659a")
    expect(module._run_spend_logs_job, "109ff86ccc5e")

    def stored(rows: list[str]) -> None:
        ledger.store(rows)
        journal.written(rows)

    def given_up(rows: list[str]) -> None:
        ledger.give_up(rows)
        journal.written(rows)

    async def enqueue_spend_logs(client: Any, logs: Any, *, at_head: bool = False, **limit: Any) -> None:
        names = ids(logs)
        kept = [name for name, row in zip(names, logs, strict=True) if journal.row(name, row)]
        ledger.queue(names, current.get(), kept)
        await enqueue(client, logs, at_head=at_head, **limit)
        if alarm is not None and not at_head:
            alarm.set(client)

    def spend_log_queue_within_budget(rows: Any, *sizes: Any) -> Any:
        kept, size = within(rows, *sizes)
        if len(kept) < len(rows):
            given_up(ids(rows[: len(rows) - len(kept)]))
        return kept, size

    async def create_spend_logs(repository: Any, rows: Any, budget: int) -> int:
        if isinstance(repository, _Noting):
            return int(await write(repository, rows, budget))
        left = int(await write(_Noting(repository, stored), rows, budget))
        given_up(ids(rows))
        return left

    async def park_spend_logs_in_redis(logger: Any, rows: Any) -> bool:
        parked = bool(await park(logger, rows))
        if parked:
            stored(ids(rows))
        return parked

    async def update_spend_logs(*, prisma_client: Any, logs_to_process: Any = None, **others: Any) -> None:
        try:
            await update(prisma_client=prisma_client, logs_to_process=logs_to_process, **others)
        except Exception:
            queued = set(ids(prisma_client.spend_log_transactions))
            given_up([row for row in ids(logs_to_process or ()) if row not in queued])
            raise
        # Elsewhere by SPEND_LOGS_URL, if not here.
        stored(ids(logs_to_process or ()))

    def apply() -> None:
        module.enqueue_spend_logs = enqueue_spend_logs
        module.spend_log_queue_within_budget = spend_log_queue_within_budget
        module._create_spend_logs_with_poison_isolation = create_spend_logs
        module._park_spend_logs_in_redis = park_spend_logs_in_redis
        module.ProxyUpdateSpend.update_spend_logs = staticmethod(update_spend_logs)

    return apply
