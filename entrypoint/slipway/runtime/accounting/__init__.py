"""What happens to a request after its answer, until it is in the database: counted, flushed in time, waited for.

For the application: ``install`` once LiteLLM is imported; in each worker ``on_change``, ``started`` once LiteLLM has,
and ``settled`` when the worker ends, before LiteLLM's own shutdown. Decision 0012 has where LiteLLM keeps what, for how
long, and what a kill can lose.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from slipway.runtime.accounting import shutdown, takeover
from slipway.runtime.accounting.flush import alarm
from slipway.runtime.accounting.journal import Journal
from slipway.runtime.accounting.ledger import Ledger, Observer
from slipway.runtime.accounting.requests import count_requests
from slipway.runtime.accounting.rows import count_rows
from slipway.runtime.accounting.sums import mark_sums
from slipway.runtime.change import Change, Unfit

LEDGER: Final = Change(
    "spend-ledger",
    "counts each request from its answer to its row, so that what a kill loses is known, and lets a worker that ends "
    "wait for what is on its way: LiteLLM writes the sums of keys and teams before the last requests have reached them",
    "SLIPWAY_PATCH_SPEND_LEDGER",
)
FLUSH: Final = Change(
    "spend-flush",
    "writes a request's row within SPEND_LOG_QUEUE_POLL_INTERVAL; LiteLLM waits up to 30 s where traffic is low",
    "SLIPWAY_PATCH_SPEND_FLUSH",
)
# Set by the plan: where the spool is, if there is one.
SPOOL_VARIABLE: Final = "SLIPWAY_SPEND_SPOOL_DIR"
CHANGES: Final = (LEDGER, FLUSH)
_ledger: Final = Ledger()
_journal: Final = Journal()
_installed = False


def install(environment: Mapping[str, str], refused: list[str]) -> None:
    """Install what is wanted, once LiteLLM is imported; name what does not fit in ``refused``."""
    global _installed
    if not LEDGER.wanted(environment):
        return
    waker = None
    try:
        waker = alarm() if FLUSH.wanted(environment) else None
    except (Unfit, ImportError, AttributeError) as problem:
        refused.append(f"{FLUSH.name}: {problem}")
    try:
        # All guards before the first change: half of the counts would be wrong.
        for apply in [count_rows(_ledger, _journal, waker), count_requests(_ledger, _journal), mark_sums(_journal)]:
            apply()
        _installed = True
    except (Unfit, ImportError, AttributeError) as problem:
        refused.append(f"{LEDGER.name}: {problem}")
        if waker is not None:
            refused.append(f"{FLUSH.name}: {LEDGER.name} is not as expected, and it says when a row is due")


def pending() -> int:
    """How many rows a kill would lose now: answered, queued or being written, and not in the spool."""
    return _ledger.pending


def lost() -> int:
    """How many rows LiteLLM has given up in this worker."""
    return _ledger.lost


def on_change(observer: Observer | None) -> None:
    """Call ``observer(pending, lost, waiting)`` at once and after each change; it must be quick and not raise."""
    _ledger.observe(observer)


async def started(environment: Mapping[str, str]) -> None:
    """Begin this worker's spool where one is set up, once LiteLLM has started, before the first request."""
    root = environment.get(SPOOL_VARIABLE)
    if root and _installed:
        await takeover.take_over(_journal, Path(root))


async def settled(seconds: float = shutdown.SECONDS) -> int:
    """Wait until what was answered is in LiteLLM's queues, at most ``seconds``; returns how many rows are pending."""
    return await shutdown.settled(_ledger, seconds)
