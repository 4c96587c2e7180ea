"""Asks the database again and again, and says when the answer changes: `ok`, or the code of the error."""

from __future__ import annotations

import asyncio

from tests.engine.suite.client import Prisma, errors
from tests.engine.suite.engines import alive, pid_of


async def outcome(client: Prisma) -> str:
    try:
        await client.query_raw("SELECT 1")
    except errors.DataError as error:
        return str(error.code)
    return "ok"


async def main() -> None:
    client = Prisma()
    await client.connect()
    engine = pid_of(client)
    last = ""
    while alive(engine):
        now = await outcome(client)
        if now != last:
            print(now, flush=True)
        last = now
        await asyncio.sleep(0.02)
    print("the engine ended", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
