"""The counts of what there is to attack, as the verb prints them."""

from __future__ import annotations

import pytest

import surface


def test_the_image_has_none_of_what_it_needs_not(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert surface.main([image]) == 0
    lines = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    told = {line[0]: line[1] for line in lines}
    for kind in ("files that take another identity", "folders that anybody may write to", "package managers"):
        assert told[kind] == "0"
    # Gateway and management; no database, no exporter, no debugger.
    assert told["ports that a gateway listens on"] == "4000, 4001"
    assert int(told["packages of the system"]) > 50
    assert int(told["packages of Python"]) > 100
