"""The report of `make upgrade`, of the images of two real lines."""

from __future__ import annotations

import pytest

from tests.upgrade.lines import Pair
from upgrade import report
from upgrade.__main__ import facts

pytestmark = pytest.mark.parametrize("lines", [("previous", "this")], ids="-to-".join, indirect=True, scope="module")


def test_it_tells_what_differs_between_two_lines(pair: Pair) -> None:
    old, new = (facts(site.lab.image, ["docker"]) for site in (pair.older, pair.newer))
    assert set(new["migrations"]) == set(pair.shipped)
    assert {"migrate deploy", "db push --accept-data-loss"} <= set(new["commands"])
    assert {"--config", "--num_workers", "--port"} <= set(new["flags"])
    assert "api.openai.com" in new["hosts"]
    assert min(len(each["variables"]) for each in (old, new)) > 1500
    # What is released has every change; in another line some do not fit.
    assert report.broken(new) == {}
    assert report.broken(old)
    text = report.write(old, new, [])
    assert text.startswith(f"# LiteLLM {old['litellm']} to {new['litellm']}")
    for name in pair.added:
        assert f"- new: `{name}`" in text
    back = report.write(new, old, [])
    assert "have to be read again" in back
