"""The pictures of the benchmark are well-formed and to scale."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from bench import picture, record

SVG = "{http://www.w3.org/2000/svg}"


def widths(text: str, side: str) -> list[float]:
    """Of the bars of one side; the first is its square in the legend."""
    bars = [rect for rect in ElementTree.fromstring(text).iter(f"{SVG}rect") if rect.get("fill") == side]
    return [float(bar.get("width", "")) for bar in bars]


def texts(text: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(text).iter(f"{SVG}text")]


def test_bars_of_one_unit_share_a_scale() -> None:
    rows = [record.make("ready_1", "s", 5, 10), record.make("ready_4_uvicorn", "s", 10, 40)]
    drawn = picture.draw("Start", rows)
    assert widths(drawn, picture.COLOURS["ours"])[1:] == [picture.BAR / 8, picture.BAR / 4]
    assert widths(drawn, picture.COLOURS["theirs"])[1:] == [picture.BAR / 4, picture.BAR]


def test_units_do_not_share_a_scale() -> None:
    rows = [record.make("rebuild_entrypoint", "s", 8), record.make("rebuild_entrypoint_layers", "MB", 0.2)]
    assert widths(picture.draw("Rebuild", rows), picture.COLOURS["ours"])[1:] == [picture.BAR, picture.BAR]


def test_without_another_side_there_is_no_bar_and_no_legend_for_it() -> None:
    drawn = picture.draw("Size", [record.make("image_full", "MB", 200)])
    assert widths(drawn, picture.COLOURS["theirs"]) == []
    assert picture.NAMES["theirs"] not in texts(drawn)


def test_figures_and_title_are_written_and_escaped() -> None:
    drawn = picture.draw("a < b & c", [record.make("ready_1", "s", 5, 10)])
    assert texts(drawn)[0] == "a < b & c"
    assert {"ready_1", "5 s", "10 s (2x)"} <= set(texts(drawn))


def test_a_figure_of_zero_draws_an_empty_bar() -> None:
    assert widths(picture.draw("Nothing", [record.make("x", "MB", 0)]), picture.COLOURS["ours"])[1:] == [0]


def test_a_picture_is_saved_in_a_new_folder(tmp_path: Path) -> None:
    path = tmp_path / "results" / "image.svg"
    picture.save(path, "Size", [record.make("image_full", "MB", 200)])
    assert ElementTree.parse(path).getroot().tag == f"{SVG}svg"
