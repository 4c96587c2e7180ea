"""Counts a request from the moment its answer is complete until LiteLLM has queued its row.

LiteLLM accounts after the answer: a plain one by a task that puts a coroutine into the queue of its logging worker
(litellm_core_utils/logging_worker.py), a streamed one by a task of its own. Until that has run, nothing but a coroutine
knows of the request. Every way leads through ``Logging.async_success_handler`` and from there, in the same context, to
``enqueue_spend_logs``, where rows.py takes over.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any, Final
from weakref import WeakKeyDictionary

from slipway.runtime.accounting.journal import Journal
from slipway.runtime.accounting.ledger import Due, Ledger
from slipway.runtime.change import expect

current: Final[ContextVar[Due | None]] = ContextVar("slipway_due", default=None)


def counted(due: Due, coroutine: Coroutine[Any, Any, Any]) -> Coroutine[Any, Any, Any]:
    """Return a coroutine that does the same and holds ``due`` meanwhile; it is held from now on, not from its start."""
    due.holders += 1
    wrapped: Any = _counted(due, coroutine)
    # LiteLLM's log names a coroutine that takes too long.
    wrapped.__qualname__ = getattr(coroutine, "__qualname__", wrapped.__qualname__)
    named: Coroutine[Any, Any, Any] = wrapped
    return named


async def _counted(due: Due, coroutine: Coroutine[Any, Any, Any]) -> Any:
    token = current.set(due)
    try:
        return await coroutine
    except BaseException:
        due.failed = True
        raise
    finally:
        current.reset(token)
        due.release()


def count_requests(ledger: Ledger, journal: Journal) -> Callable[[], None]:
    """Return what puts counting functions in the place of LiteLLM's. Raises Unfit."""
    from litellm.litellm_core_utils.litellm_logging import Logging
    from litellm.litellm_core_utils.logging_worker import LoggingWorker
    from litellm.proxy.db import db_spend_update_writer
    from litellm.proxy.hooks import proxy_track_cost_callback
    from litellm.utils import _schedule_async_success_logging

    logging: Any = Logging
    worker: Any = LoggingWorker
    writer: Any = db_spend_update_writer.DBSpendUpdateWriter
    announce, dispatch, handle = (
        logging.mark_async_success_log_enqueued,
        logging.dispatch_success_handlers,
        logging.async_success_handler,
    )
    enqueue, add_up = worker.enqueue, writer._batch_database_updates
    expect(announce, "9120e08647d4")
    expect(dispatch, "26a79595b70d")
    expect(handle, "8dcc6fff17ef")
    expect(enqueue, "edb4ee9ac5a4")
    expect(add_up, "4859baab197e")
    expect(writer.update_database, "30b510cee7bd")
    expect(_schedule_async_success_logging, "9c4b94218353")
    expect(proxy_track_cost_callback._ProxyDBLogger._PROXY_track_cost_callback, "ff24eb8b5a37")
    dues: WeakKeyDictionary[Any, Due] = WeakKeyDictionary()

    def due_of(request: Any) -> Due:
        due = dues.get(request)
        if due is None or not due.open:
            due = dues[request] = ledger.due()
        return due

    def mark_async_success_log_enqueued(self: Any) -> None:
        due_of(self)
        announce(self)

    def dispatch_success_handlers(self: Any, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        return counted(due_of(self), dispatch(self, *args, **kwargs))

    def async_success_handler(self: Any, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        return counted(due_of(self), handle(self, *args, **kwargs))

    def queued(self: Any, coroutine: Coroutine[Any, Any, Any]) -> None:
        # Pass-through routes queue a handler of their own, which makes the row's request known only when it runs.
        if getattr(coroutine, "cr_code", None) is not _counted.__code__ and inspect.iscoroutine(coroutine):
            coroutine = counted(ledger.due(), coroutine)
        enqueue(self, coroutine)

    def batch_database_updates(self: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        coroutine = add_up(self, **kwargs)
        ledger.sums.add(id(coroutine))
        return added_up(coroutine, journal.share(kwargs))

    async def added_up(coroutine: Coroutine[Any, Any, Any], share: str | None) -> Any:
        try:
            return await coroutine
        finally:
            ledger.sums.discard(id(coroutine))
            journal.added(share)

    def apply() -> None:
        for module in (proxy_track_cost_callback, db_spend_update_writer):
            _notice_errors(module)
        logging.mark_async_success_log_enqueued = mark_async_success_log_enqueued
        logging.dispatch_success_handlers = dispatch_success_handlers
        logging.async_success_handler = async_success_handler
        worker.enqueue = queued
        writer._batch_database_updates = batch_database_updates

    return apply


def _notice_errors(module: Any) -> None:
    """LiteLLM logs an error that keeps it from making a row, and goes on as if there were one."""
    tell = module.spend_log_error

    def spend_log_error(*args: Any, **kwargs: Any) -> None:
        due = current.get()
        if due is not None:
            due.failed = True
        tell(*args, **kwargs)

    module.spend_log_error = spend_log_error
