"""Asks the database again and again, and says when the answer changes: `ok`, or the code of the error.

An answer of a server that was started anew is another one: an engine may wait for it without an error.
"""

from __future__ import annotations

import asyncio

from tests.engine.suite.client import Prisma, errors
from tests.engine.suite.engines import alive, pid_of


async def outcome(client: Prisma) -> tuple[str, str]:
    """Return what to say, and when the server was started that said it."""
    try:
        rows = await client.query_raw("SELECT pg_postmaster_start_time()::text AS started")
    except errors.DataError as error:
        return str(error.code), ""
    return "ok", str(rows[0]["started"])


async def main() -> None:
    client = Prisma()
    await client.connect()
    engine = pid_of(client)
    last = ("", "")
    while alive(engine):
        now = await outcome(client)
        if now != last:
            print(now[0], flush=True)
        last = now
        await asyncio.sleep(0.02)
    print("the engine ended", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
