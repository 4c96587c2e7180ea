"""The four servers: each module turns Options into a command line and says what its server cannot do."""

from __future__ import annotations

from typing import Final, Protocol

from slipway.servers import granian, gunicorn, hypercorn, uvicorn
from slipway.servers.options import Command, Options


class Server(Protocol):
    """What every module of this package offers."""

    CANNOT: Final[dict[str, str]]
    LIMITS: Final[tuple[str, ...]]

    def command(self, options: Options) -> Command:
        """Return the command line that runs the gateway as ``options`` ask."""


BY_NAME: Final[dict[str, Server]] = {
    "uvicorn": uvicorn,
    "gunicorn": gunicorn,
    "hypercorn": hypercorn,
    "granian": granian,
}
