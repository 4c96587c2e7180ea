"""How large the image is.

MB of all layers, each compressed by gzip at a fixed level: what a pull of an unknown image moves. The detail says the
unpacked size, and both for each layer. There is no other side: upstream's image is not at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bench import layers, record
from bench.gateway import Session

TITLE: Final = "Compressed size of the image in MB (less is better)"
SUFFIXES: Final = {"image_full": "", "image_slim": "-slim"}
ROWS: Final = tuple(SUFFIXES)


def measure(session: Session, rows: Sequence[str]) -> Iterator[record.Record]:
    for row in rows:
        name = session.image + SUFFIXES[row]
        found = layers.of(session.client, name)
        compressed = sum(layer.compressed for layer in found) / 1e6
        unpacked = sum(layer.plain for layer in found) / 1e6
        session.say(f"{row}: {compressed:.1f} MB, unpacked {unpacked:.1f} MB")
        each = [[record.rounded(size / 1e6) for size in (layer.compressed, layer.plain)] for layer in found]
        yield record.make(row, "MB", compressed, unpacked=record.rounded(unpacked), layers=each)
