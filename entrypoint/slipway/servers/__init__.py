"""The four servers: each module turns Options into a command line and says what its server cannot do."""

from __future__ import annotations

from typing import Final, Protocol

from slipway.servers import granian, gunicorn, hypercorn, uvicorn
from slipway.servers.options import Command, Options


class Server(Protocol):
    """What every module of this package offers."""

    @property
    def CANNOT(self) -> dict[str, str]:
        """Settings the server cannot honour, each with the sentence that says why."""

    @property
    def LIMITS(self) -> tuple[str, ...]:
        """What the server cannot do whatever the settings are."""

    def command(self, options: Options) -> Command:
        """Return the command line that runs the gateway as ``options`` ask."""


BY_NAME: Final[dict[str, Server]] = {
    "uvicorn": uvicorn,
    "gunicorn": gunicorn,
    "hypercorn": hypercorn,
    "granian": granian,
}
