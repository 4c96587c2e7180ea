"""The ledger of spend fits the installed LiteLLM, and says so when it does not."""

from __future__ import annotations

import pytest

from tests.support.lab import Lab, Spec

CODE = """
import os
from slipway.runtime import accounting, warmup
refused = []
with warmup.entered(warmup.load(), os.environ, refused):
    import litellm.proxy.proxy_server
from litellm.litellm_core_utils.litellm_logging import Logging
from litellm.proxy import utils
from litellm.proxy.db.db_spend_update_writer import DBSpendUpdateWriter

def state():
    return [utils.enqueue_spend_logs, utils.ProxyUpdateSpend.update_spend_logs, Logging.async_success_handler,
            DBSpendUpdateWriter._batch_database_updates, DBSpendUpdateWriter.db_update_spend_transaction_handler]
"""
INSTALL = """
before = state()
accounting.install(os.environ, refused)
print([old is new for old, new in zip(before, state())].count(False), refused)
"""
CHANGED = {
    "utils.enqueue_spend_logs": "spend-ledger",
    "Logging.async_success_handler": "spend-ledger",
    "DBSpendUpdateWriter.update_database": "spend-ledger",
    "DBSpendUpdateWriter.db_update_spend_transaction_handler": "spend-ledger",
    "utils.monitor_spend_logs_queue": "spend-flush",
}


def python(lab: Lab, code: str, env: dict[str, str] | None = None) -> str:
    done = lab.once(Spec(entrypoint=("python", "-P", "-c", CODE + code), env=env or {}, network="none"))
    assert done.code == 0, done.output
    return done.stdout.strip()


def test_it_fits(lab: Lab) -> None:
    assert python(lab, INSTALL) == "5 []"


def test_it_has_its_switch(lab: Lab) -> None:
    assert python(lab, INSTALL, {"SLIPWAY_PATCH_SPEND_LEDGER": "off"}) == "0 []"


@pytest.mark.parametrize("name", CHANGED)
def test_what_does_not_fit_is_left_out_as_a_whole_and_named(lab: Lab, name: str) -> None:
    told = python(lab, f"{name} = lambda *_, **__: None\n{INSTALL}")
    number, _, reasons = told.partition(" ")
    assert reasons.startswith(f"['{CHANGED[name]}: ")
    assert number == ("0" if CHANGED[name] == "spend-ledger" else "5")
