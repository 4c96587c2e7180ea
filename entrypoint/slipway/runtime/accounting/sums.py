"""Shares of the sums are done once LiteLLM has written them, noted table by table.

LiteLLM writes the tables one after the other, each in a transaction of its own, and tags by a job of their own,
half as often; where shares are kept in a spool, tags are written together with the others.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from slipway.runtime.accounting.journal import Journal
from slipway.runtime.change import expect

# The method that adds a share to a table, or to several: then under the one that is written last.
ADDING: Final = {
    "end_user_list_transactions": "_update_user_db",
    "key_list_transactions": "_update_key_db",
    "team_member_list_transactions": "_update_team_db",
    "org_member_list_transactions": "_update_org_db",
    "project_list_transactions": "_update_project_db",
    "tag_list_transactions": "_update_tag_db",
    "model_access_group_list_transactions": "_update_model_access_group_db",
    "agent_list_transactions": "_update_agent_db",
    **{
        entity: f"add_spend_log_transaction_to_daily_{entity}_transaction"
        for entity in ("user", "end_user", "agent", "team", "org", "tag")
    },
}
MODELS: Final = "_enqueue_model_usage_transaction"
_written: Final[ContextVar[frozenset[str]]] = ContextVar("slipway_shares", default=frozenset())


def mark_sums(journal: Journal) -> Callable[[], None]:
    """Return what marks shares as done when LiteLLM has written them. Raises Unfit."""
    from litellm.proxy import utils
    from litellm.proxy.db.db_spend_update_writer import DBSpendUpdateWriter

    writer: Any = DBSpendUpdateWriter
    write, entities, daily = (
        writer.db_update_spend_transaction_handler,
        writer._commit_spend_updates_to_db,
        writer._flush_daily_spend_queue,
    )
    expect(write, "5e4c410287aa")
    expect(entities, "e54f4286b34d")
    expect(daily, "bd536b331b32")
    expect(writer._batch_database_updates, "4859baab197e")
    expect(utils.update_daily_tag_spend, "338729f2acd3")

    async def db_update_spend_transaction_handler(
        self: Any, prisma_client: Any, n_retry_times: int, proxy_logging_obj: Any
    ) -> None:
        shares = journal.writing()
        token = _written.set(shares)
        try:
            await write(self, prisma_client, n_retry_times, proxy_logging_obj)
        finally:
            _written.reset(token)
        if shares:
            await utils.update_daily_tag_spend(prisma_client, proxy_logging_obj)
            journal.wrote(shares)

    async def commit_spend_updates_to_db(
        self: Any, *, on_table_committed: Callable[[Any], None] | None = None, **others: Any
    ) -> None:
        shares = _written.get()

        def committed(table: Any) -> None:
            if on_table_committed is not None:
                on_table_committed(table)
            if table in ADDING and shares:
                journal.wrote_part(shares, table)

        await entities(self, on_table_committed=committed, **others)

    async def flush_daily_spend_queue(self: Any, *, entity_type: str, **others: Any) -> None:
        # By now there may be more of them than when the writing began.
        shares = journal.writing()
        await daily(self, entity_type=entity_type, **others)
        if shares:
            journal.wrote_part(shares, entity_type)

    def apply() -> None:
        writer.db_update_spend_transaction_handler = db_update_spend_transaction_handler
        writer._commit_spend_updates_to_db = commit_spend_updates_to_db
        writer._flush_daily_spend_queue = flush_daily_spend_queue

    return apply
