"""A spool that goes with its container is warned about."""

from __future__ import annotations

import pytest

from slipway.checks import spool

ROOT = "700 600 0:50 / / rw,relatime master:1 - overlay overlay rw,lowerdir=/a"
MEMORY = "701 700 0:51 / /var/lib/slipway rw,nosuid - tmpfs tmpfs rw,size=65536k"
VOLUME = "702 700 8:1 /volumes/x /var/lib/slipway rw,relatime - ext4 /dev/vda rw"
ABOVE = "703 700 8:1 /volumes/y /var/lib rw,relatime - ext4 /dev/vda rw"
BESIDE = "704 700 0:52 / /var/lib/slipway-other rw - tmpfs tmpfs rw"


@pytest.mark.parametrize(
    ("mounts", "place"),
    [
        ([ROOT], "the container's own layer"),
        ([ROOT, BESIDE], "the container's own layer"),
        ([ROOT, MEMORY], "memory"),
        ([ROOT, ABOVE, MEMORY], "memory"),
        ([ROOT, VOLUME], None),
        ([ROOT, ABOVE], None),
        ([ROOT, MEMORY, VOLUME], None),
    ],
)
def test_where_a_spool_is_kept(mounts: list[str], place: str | None) -> None:
    assert spool.place_of("/var/lib/slipway", mounts) == place
