"""LiteLLM's migrations: the package litellm_proxy_extras, whose resolver, lock and recovery do the work.

The only module that imports it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import psycopg

from slipway.handed_on import essentials

_LOGGER: Final = "litellm_proxy_extras"
_COMMAND_SECONDS: Final = 60
# What LiteLLM's functions read, what Prisma and Node do, and Kerberos, by which libpq may log in.
_PREFIXES: Final = ("LITELLM_", "JSON_LOGS", "PRISMA_", "NPM_CONFIG_", "NODE", "KRB5")


class MigrationFailed(Exception):
    """The resolver gave up. Its text is LiteLLM's and Prisma's own, and may be long."""


def folder() -> Path:
    """Return the folder that holds ``schema.prisma`` and ``migrations``."""
    found = find_spec(_LOGGER)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(_LOGGER)
    return Path(found.origin).parent


def shipped() -> tuple[str, ...]:
    """Return the names of the migrations in this image, oldest first."""
    return tuple(sorted(path.parent.name for path in (folder() / "migrations").glob("*/migration.sql")))


def newer_than_shipped(names: frozenset[str]) -> tuple[str, ...]:
    """Return those of ``names`` that are younger than every migration in this image, oldest first.

    A name begins with its time. Older unknown ones are leftovers of former releases, which LiteLLM tolerates too.
    """
    utils = _utils()
    newest = utils._max_migration_timestamp(shipped())
    return tuple(sorted(name for name in names if utils._migration_timestamp(name) > newest))


def for_libpq(url: str) -> str:
    """Return Prisma's ``url`` as libpq reads it: without Prisma's own parameters, TLS translated."""
    url = _utils().ProxyExtrasDBManager._strip_prisma_query_params(url)
    assert isinstance(url, str)
    return url


def migrate(environment: Mapping[str, str]) -> None:
    """Apply what is pending and repair what LiteLLM repairs. Raises MigrationFailed.

    ``environment`` holds DATABASE_URL and, past a pooler, DIRECT_URL.
    """
    manager = _utils().ProxyExtrasDBManager
    legacy = os.environ.get("USE_V2_MIGRATION_RESOLVER", "").strip().lower() in ("false", "0", "no", "off")
    with _prepared(environment):
        try:
            done = manager.setup_database(use_migrate=True, use_v2_resolver=not legacy)
        except (RuntimeError, psycopg.Error, OSError, subprocess.SubprocessError) as problem:
            raise MigrationFailed(str(problem)) from None
    if not done:
        raise MigrationFailed("LiteLLM's resolver gave up; its lines above say why")


def build_indexes(environment: Mapping[str, str], *, at_once: bool = False) -> bool:
    """Build the indexes that LiteLLM keeps out of its migrations; False when one is still missing.

    ``at_once`` leaves out the two seconds after each, in which a replica that waits for LiteLLM's lock may have it:
    over a few rows nobody waits long.
    """
    manager = _utils().ProxyExtrasDBManager
    from litellm_proxy_extras import request_log_indexes

    if at_once:
        vars(request_log_indexes)["_LOCK_HANDOVER_SECONDS"] = 0.0
    with _prepared(environment):
        return bool(manager.build_request_log_indexes())


def index_names() -> tuple[str, ...]:
    """Return the names of those indexes."""
    _utils()
    from litellm_proxy_extras.request_log_indexes import REQUEST_LOG_INDEXES

    return tuple(index.name for index in REQUEST_LOG_INDEXES)


def resolve(action: str, name: str, environment: Mapping[str, str]) -> None:
    """Tell the ledger that a failed migration is ``applied`` or ``rolled-back``. Raises MigrationFailed."""
    command = ["prisma", "migrate", "resolve", f"--{action}", name]
    urls = {"DATABASE_URL": environment.get("DIRECT_URL", environment["DATABASE_URL"])}
    done = subprocess.run(
        command, cwd=folder(), env={**_needed(), **environment, **urls}, capture_output=True, text=True,
        timeout=_COMMAND_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        raise MigrationFailed(done.stderr)


@contextlib.contextmanager
def _prepared(environment: Mapping[str, str]) -> Iterator[None]:
    """Set the variables that LiteLLM's functions and the prisma commands below them read, and no others.

    Their progress is told only when somebody debugs.
    """
    before = dict(os.environ)
    needed = _needed()
    debugging = before.get("LITELLM_LOG", "").lower() == "debug"
    logging.getLogger(_LOGGER).setLevel(logging.DEBUG if debugging else logging.WARNING)
    try:
        os.environ.clear()
        # A database without an encoding of its own would answer bytes, which they do not expect.
        os.environ.update({**needed, "PGCLIENTENCODING": "UTF8", **environment})
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _needed() -> dict[str, str]:
    """Return what migrations need of this process's environment, beside the URLs: no provider's key is among it."""
    # libpq has its password in a variable where a URL has none.
    return essentials(os.environ, names=[name for name in os.environ if name.startswith("PG")], prefixes=_PREFIXES)


def _utils() -> Any:
    # It imports LiteLLM for one switch of its log and the generated client for a path, six seconds and 500 MB for
    # nothing; both imports are guarded there, and this process needs neither.
    hidden = [name for name in ("litellm", "prisma") if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        from litellm_proxy_extras import utils
    finally:
        for name in hidden:
            del sys.modules[name]
    return utils
