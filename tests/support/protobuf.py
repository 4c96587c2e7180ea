"""As much of Kubernetes' Protocol Buffers as `kubectl create secret` writes.

Source: k8s.io/apimachinery/pkg/runtime/generated.proto (Unknown), k8s.io/api/core/v1/generated.proto (Secret).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, Final

MAGIC: Final = b"k8s\0"
_BYTES: Final = 2


def secret(content: bytes) -> dict[str, Any]:
    """The Secret in a request."""
    (raw,) = [value for number, value in _fields(content[len(MAGIC) :]) if number == 2]
    fields = list(_fields(raw))
    (metadata,) = [value for number, value in fields if number == 1]
    (name,) = [value.decode() for number, value in _fields(metadata) if number == 1]
    data: dict[str, str] = {}
    for entry in (dict(_fields(value)) for number, value in fields if number == 2):
        data[entry[1].decode()] = base64.b64encode(entry[2]).decode()
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data, "type": "Opaque"}


def _fields(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of each field that holds bytes."""
    place = 0
    while place < len(content):
        tag, place = _number(content, place)
        length, place = _number(content, place)
        if tag & 7 == _BYTES:
            yield tag >> 3, content[place : place + length]
            place += length


def _number(content: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, place
