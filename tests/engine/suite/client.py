"""What the suite uses of prisma-client-py. The checker of this repository's host has neither it nor its types."""

from prisma.client import BINARY_PATHS  # type: ignore[import-not-found]
from prisma.engine import utils  # type: ignore[import-not-found]
from prisma.engine._query import AsyncQueryEngine  # type: ignore[import-not-found]
from prisma.engine.errors import AlreadyConnectedError, EngineConnectionError  # type: ignore[import-not-found]
from prisma.models import Post, Types, User  # type: ignore[import-not-found]

from prisma import Base64, Json, Metrics, Prisma, bases, config, errors  # type: ignore[attr-defined]

__all__ = [
    "BINARY_PATHS",
    "AlreadyConnectedError",
    "AsyncQueryEngine",
    "Base64",
    "EngineConnectionError",
    "Json",
    "Metrics",
    "Post",
    "Prisma",
    "Types",
    "User",
    "bases",
    "config",
    "errors",
    "utils",
]
