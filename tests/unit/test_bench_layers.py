"""Sizes of layers do not depend on how the engine keeps them."""

from __future__ import annotations

import gzip
import io
import os

from bench import layers
from bench.gateway import Shape, instant


def test_a_layer_that_the_engine_keeps_compressed_counts_the_same() -> None:
    content = os.urandom(1000) + bytes(3 * layers.CHUNK)
    plain = layers.sizes(io.BytesIO(content))
    assert plain[0] == len(content)
    assert 1000 < plain[1] < len(content) / 100
    assert layers.sizes(io.BytesIO(gzip.compress(content, 9)))[0] == len(content)


def test_an_empty_layer_has_no_size_but_gzip_s_own_frame() -> None:
    assert layers.sizes(io.BytesIO(b"")) == (0, len(gzip.compress(b"")))


def test_the_engine_s_time_stamps_are_read_with_and_without_a_fraction() -> None:
    assert instant("2025-01-01T00:00:00Z") == 1735689600
    assert instant("2025-01-01T00:00:00.5Z") == 1735689600.5
    assert instant("2025-01-01T00:00:00.123456789Z") == 1735689600.123456


def test_both_sides_get_these_arguments() -> None:
    assert Shape(1).arguments == ("--config", "/app/config.yaml", "--port", "4000")
    assert Shape(4, "gunicorn").arguments[-3:] == ("--num_workers", "4", "--run_gunicorn")
