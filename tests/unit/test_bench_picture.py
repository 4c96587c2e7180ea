"""The pictures of the benchmark can be opened, and their bars are to scale."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageColor

from bench import picture, record
from bench.picture import SCALE


def widths(drawn: Image.Image, side: str) -> list[float]:
    """Of the bars of one side from top to bottom, in pixels of the page; measured along the middle of each bar."""
    colour = ImageColor.getrgb(picture.COLOURS[side])
    x = picture.LABEL * SCALE
    found: list[float] = []
    previous = False
    for y in range(picture.TOP * SCALE, drawn.height):
        inside = drawn.getpixel((x, y)) == colour
        if inside and not previous:
            found.append(sum(drawn.getpixel((column, y)) == colour for column in range(x, drawn.width)) / SCALE)
        previous = inside
    return found


def legend(drawn: Image.Image) -> set[tuple[int, ...]]:
    row = [drawn.getpixel((column, 45 * SCALE)) for column in range(drawn.width)]
    return {pixel for pixel in row if isinstance(pixel, tuple)}


def test_bars_of_one_unit_share_a_scale() -> None:
    rows = [record.make("ready_1", "s", 5, 10), record.make("ready_4_uvicorn", "s", 10, 40)]
    drawn = picture.draw("Start", rows)
    assert widths(drawn, "ours") == pytest.approx([picture.BAR / 8, picture.BAR / 4], abs=1)
    assert widths(drawn, "theirs") == pytest.approx([picture.BAR / 4, picture.BAR], abs=1)


def test_units_do_not_share_a_scale() -> None:
    rows = [record.make("rebuild_entrypoint", "s", 8), record.make("rebuild_entrypoint_layers", "MB", 0.2)]
    assert widths(picture.draw("Rebuild", rows), "ours") == pytest.approx([picture.BAR, picture.BAR], abs=1)


def test_without_another_side_there_is_no_bar_and_no_legend_for_it() -> None:
    alone = picture.draw("Size", [record.make("image_full", "MB", 200)])
    beside = picture.draw("Size", [record.make("image_full", "MB", 200, 300)])
    theirs = ImageColor.getrgb(picture.COLOURS["theirs"])
    assert widths(alone, "theirs") == []
    assert theirs not in legend(alone)
    assert theirs in legend(beside)


def test_a_picture_is_saved_in_a_new_folder(tmp_path: Path) -> None:
    path = tmp_path / "results" / "image.png"
    picture.save(path, "Size", [record.make("image_full", "MB", 200)])
    with Image.open(path) as opened:
        assert opened.format == "PNG"
        assert opened.width == (picture.LABEL + picture.BAR + picture.VALUE) * SCALE
