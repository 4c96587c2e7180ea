"""Who else is connected to the database: gateways, or anybody who may read and write as one."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from slipway.database.connection import Connection

# A server process ends a moment after its client.
_GRACE_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.2
# Details of other roles' sessions are hidden from one that is no member of pg_read_all_stats, their number, role and
# application are not. Of those, background workers have no role; senders of replication are listed elsewhere.
_OTHERS: Final = """
SELECT usename, application_name, host(client_addr), backend_type IS NULL, count(*)
FROM pg_stat_activity
WHERE datname = current_database() AND usesysid IS NOT NULL
  AND coalesce(backend_type, 'client backend') = 'client backend'
  AND pid <> pg_backend_pid() AND NOT pid = ANY(%s) AND application_name <> ALL(%s)
  AND pid NOT IN (SELECT pid FROM pg_stat_replication)
GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Sessions of one role and application from one address, which may be hidden."""

    role: str
    application: str
    host: str
    number: int

    def __str__(self) -> str:
        named = f" ({self.application})" if self.application else ""
        return f"{self.number} of the role {self.role} from {self.host}{named}"


def others(
    connection: Connection, *, names: Collection[str], processes: Collection[int] = (), grace: float = _GRACE_SECONDS
) -> list[Group]:
    """Return everybody else's sessions that do not end within ``grace`` seconds.

    Sessions with one of the application ``names``, and of the server ``processes``, are left out. Raises psycopg.Error.
    """
    deadline = time.monotonic() + grace
    while (found := _look(connection, names, processes)) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return found


def _look(connection: Connection, names: Collection[str], processes: Collection[int]) -> list[Group]:
    # Within a transaction PostgreSQL answers from what it saw first.
    connection.execute("SELECT pg_stat_clear_snapshot()")
    rows = connection.execute(_OTHERS, (list(processes), list(names))).fetchall()
    return [
        Group(str(role), str(application or ""), _place(host, hidden), int(str(number)))
        for role, application, host, hidden, number in rows
    ]


def _place(host: object, hidden: object) -> str:
    if hidden:
        return "an address that is hidden from this role"
    return "the database's own machine" if host is None else str(host)
