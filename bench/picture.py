"""One SVG of horizontal bars a question; shorter is better."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

from bench.record import Record

LABEL, BAR, VALUE = 230, 420, 200
THICK, GAP, TOP = 18, 16, 64
COLOURS: Final = {"ours": "#0b7285", "theirs": "#adb5bd"}
NAMES: Final = {"ours": "Slipway", "theirs": "litellm"}


def draw(title: str, records: Sequence[Record]) -> str:
    """The SVG text; bars of one unit share a scale."""
    top: dict[str, float] = {}
    for record in records:
        top[record["unit"]] = max(top.get(record["unit"], 0), record["ours"], record["theirs"] or 0)
    parts, y = [_text(16, 26, title, 16, "bold"), *_legend(records)], TOP
    for record in records:
        parts.append(_text(16, y + 14, record["row"]))
        for side, value in (("ours", record["ours"]), ("theirs", record["theirs"])):
            if value is None:
                continue
            width = BAR * value / (top[record["unit"]] or 1)
            parts.append(_rect(LABEL, y, width, COLOURS[side]))
            note = f" ({record['ratio']:g}x)" if side == "theirs" and record["ratio"] else ""
            parts.append(_text(LABEL + width + 8, y + 14, f"{value:g} {record['unit']}{note}"))
            y += THICK + 3
        y += GAP
    size = f'width="{LABEL + BAR + VALUE}" height="{y}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" role="img">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="#fff"/>', *parts, "</svg>", ""])


def save(path: Path, title: str, records: Sequence[Record]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(draw(title, records))


def _legend(records: Sequence[Record]) -> list[str]:
    sides = ["ours", *(["theirs"] if any(record["theirs"] is not None for record in records) else [])]
    return [
        part
        for x, side in zip((16, 116), sides, strict=False)
        for part in (_rect(x, 38, 14, COLOURS[side], 14), _text(x + 20, 50, NAMES[side]))
    ]


def _rect(x: float, y: float, width: float, fill: str, height: float = THICK) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:.1f}" height="{height:g}" fill="{fill}"/>'


def _text(x: float, y: float, text: str, size: int = 13, weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y:g}" font-size="{size}" font-weight="{weight}" fill="#212529">{escape(text)}</text>'
