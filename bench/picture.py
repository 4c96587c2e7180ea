"""One picture (PNG) of horizontal bars a question; shorter is better."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from bench.record import Record

# Twice the size at which it is shown, for sharp screens.
SCALE: Final = 2
LABEL, BAR, VALUE = 230, 420, 200
THICK, GAP, TOP, EDGE = 18, 16, 64, 16
SMALL, LARGE = 13, 16
INK: Final = "#212529"
COLOURS: Final = {"ours": "#0b7285", "theirs": "#adb5bd"}
NAMES: Final = {"ours": "Slipway", "theirs": "litellm"}


class Sheet:
    """A white sheet; places and sizes are in the pixels of the page that shows it."""

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGB", (width * SCALE, height * SCALE), "white")
        self._pen = ImageDraw.Draw(self.image)

    def text(self, x: float, y: float, text: str, size: int = SMALL, colour: str = INK) -> None:
        """Write from (x, y), the text's middle height."""
        font = ImageFont.load_default(size * SCALE)
        self._pen.text((x * SCALE, y * SCALE), text, fill=colour, font=font, anchor="lm")

    def line(self, places: Sequence[tuple[float, float]], colour: str) -> None:
        """Draw from place to place."""
        self._pen.line([(x * SCALE, y * SCALE) for x, y in places], fill=colour, width=SCALE)

    def bar(self, x: float, y: float, width: float, colour: str, height: float = THICK) -> None:
        """Fill a rectangle whose upper left corner is (x, y)."""
        self._pen.rectangle([x * SCALE, y * SCALE, (x + width) * SCALE, (y + height) * SCALE], fill=colour)


def draw(title: str, records: Sequence[Record]) -> Image.Image:
    """The picture; bars of one unit share a scale."""
    top: dict[str, float] = {}
    for record in records:
        top[record["unit"]] = max(top.get(record["unit"], 0), record["ours"], record["theirs"] or 0)
    lines = sum(1 if record["theirs"] is None else 2 for record in records)
    sheet = Sheet(LABEL + BAR + VALUE, TOP + lines * (THICK + 3) + len(records) * GAP)
    sheet.text(EDGE, 24, title, LARGE)
    _legend(sheet, records)
    y = TOP
    for record in records:
        sheet.text(EDGE, y + THICK / 2, record["row"])
        for side, value in (("ours", record["ours"]), ("theirs", record["theirs"])):
            if value is None:
                continue
            width = BAR * value / (top[record["unit"]] or 1)
            sheet.bar(LABEL, y, width, COLOURS[side])
            note = f" ({record['ratio']:g}x)" if side == "theirs" and record["ratio"] else ""
            sheet.text(LABEL + width + 8, y + THICK / 2, f"{value:g} {record['unit']}{note}")
            y += THICK + 3
        y += GAP
    return sheet.image


def save(path: Path, title: str, records: Sequence[Record]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draw(title, records).save(path, optimize=True)


def _legend(sheet: Sheet, records: Sequence[Record]) -> None:
    sides = ["ours", *(["theirs"] if any(record["theirs"] is not None for record in records) else [])]
    for x, side in zip((EDGE, 116), sides, strict=False):
        sheet.bar(x, 38, 14, COLOURS[side], 14)
        sheet.text(x + 20, 45, NAMES[side])
