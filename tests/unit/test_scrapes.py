"""What a scrape shows, rendered by the real exporter."""

from __future__ import annotations

import errno
import gzip
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from slipway.metrics import scrapes as module
from slipway.metrics.families import Family, counter, gauge
from slipway.metrics.guard import Guard
from slipway.metrics.scrapes import Rendering, Scrapes, Wanted
from tests.support.lab import wait_until

PLAIN = Wanted(openmetrics=False, gzip=False)
OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
TOKEN = "a-token-of-a-good-length"
WORKER = """
from prometheus_client import Counter, Gauge, Histogram
Counter("litellm_requests", "Requests.", ["model"]).labels("m").inc(3)
Histogram("litellm_seconds", "Latency.", buckets=[1, 2]).observe(1.5)
Counter("litellm_spend", "Spend.", ["model", "user"]).labels("other", "other").inc()
Gauge("litellm_budget", "Left.").set(7)
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    for _ in range(2):
        subprocess.run([sys.executable, "-c", WORKER], check=True)
    return tmp_path


def own() -> list[Family]:
    return [gauge("slipway_ready", "1 while ready.", 1), counter("slipway_cut_total", "Requests cut.", 2)]


@pytest.fixture
def scrapes(files: Path) -> Iterator[Scrapes]:
    made = Scrapes(str(files), own, lambda: {"w0": os.getpid(), "w1": 2**22 + 1})
    yield made
    made._end()


def content(rendered: Rendering | None) -> bytes:
    assert rendered is not None
    descriptor = rendered.file.fileno()
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def body(scrapes: Scrapes) -> str:
    with scrapes.rendered(PLAIN) as rendered:
        text = content(rendered).decode()
        assert rendered is not None
        assert rendered.encoding is None
    return text


def test_workers_and_the_supervisor_are_shown_together(scrapes: Scrapes) -> None:
    # One scrape looks after its answer, for the next.
    wait_until("a look at the worker", lambda: "slipway_worker_proportional_bytes{" in body(scrapes))
    samples = {(one.name, *one.labels.values()): one.value for family in plain(body(scrapes)) for one in family.samples}
    assert samples["litellm_requests_total", "m"] == 6
    assert samples["litellm_seconds_bucket", "2.0"] == samples["litellm_seconds_count",] == 2
    assert samples["slipway_cut_total",] == 2
    assert samples["slipway_worker_resident_bytes", "w0"] >= samples["slipway_worker_proportional_bytes", "w0"] > 0
    assert ("slipway_worker_resident_bytes", "w1") not in samples
    # One of each counter, three buckets, a sum and a count, and a gauge of each of the two.
    assert samples["slipway_metrics_series",] == 2 + 5 + 2
    assert samples["slipway_metrics_capped",] == 1


def test_what_is_accepted_is_answered(scrapes: Scrapes) -> None:
    with scrapes.rendered(Wanted.of(OPENMETRICS, "deflate, gzip;q=1.0")) as rendered:
        assert rendered is not None
        assert rendered.type.startswith("application/openmetrics-text")
        assert rendered.encoding == "gzip"
        text = gzip.decompress(content(rendered)).decode()
    families = {family.name for family in openmetrics.text_string_to_metric_families(text)}  # type: ignore[no-untyped-call]
    assert families >= {"litellm_requests", "slipway_cut", "slipway_ready"}


@pytest.mark.parametrize(
    ("accept", "encoding", "wanted"),
    [
        ("", "", PLAIN),
        ("*/*", "gzip;q=0, deflate", PLAIN),
        ("text/plain", "GZIP", Wanted(openmetrics=False, gzip=True)),
        ("Application/OpenMetrics-Text; version=none", "br, gzip ; q=0.50", Wanted(openmetrics=True, gzip=True)),
        ("", "gzip;q=0.00", PLAIN),
    ],
)
def test_headers_are_read_for_what_there_is(accept: str, encoding: str, wanted: Wanted) -> None:
    assert Wanted.of(accept, encoding) == wanted


def test_without_files_there_are_the_supervisors_own(files: Path) -> None:
    alone = Scrapes(None, own, dict)
    assert "slipway_ready 1.0" in body(alone)
    assert "litellm" not in body(alone)
    alone._end()


def test_an_exporter_that_was_killed_is_started_anew(scrapes: Scrapes) -> None:
    before = body(scrapes)
    signal.pidfd_send_signal(scrapes._process, signal.SIGKILL)
    assert before.splitlines()[:3] == body(scrapes).splitlines()[:3]


def test_an_exporter_that_is_started_anew_and_does_not_answer_answers_no_later_scrape(
    scrapes: Scrapes, monkeypatch: pytest.MonkeyPatch
) -> None:
    body(scrapes)
    signal.pidfd_send_signal(scrapes._process, signal.SIGKILL)
    with monkeypatch.context() as changed:
        changed.setattr(module, "_COMMAND", (sys.executable, "-c", "import time; time.sleep(60)"))
        changed.setattr(module, "SECONDS", 0.5)
        with scrapes.rendered(PLAIN) as rendered:
            assert rendered is None
    assert "slipway_ready" in body(scrapes)


def test_without_what_workers_have_written_the_rest_is_shown_and_the_file_is_named(
    scrapes: Scrapes, files: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert "slipway_metrics_readable 1" in body(scrapes)
    damaged = files / "counter_x.db"
    damaged.write_bytes(b"not a metric file")
    shown = body(scrapes)
    assert "slipway_ready 1" in shown
    assert "slipway_metrics_readable 0" in shown
    assert "litellm" not in shown
    body(scrapes)
    assert capfd.readouterr().err.count(str(damaged)) == 1
    damaged.unlink()
    assert "litellm_requests_total" in body(scrapes)


def test_scrapes_that_fail_leave_nothing_open(files: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def unreadable() -> list[Family]:
        return [Family("slipway_uneven", "gauge", "Labels that differ.", (({"a": ""}, 1), ({"b": ""}, 1)))]

    failing = Scrapes(str(files), unreadable, dict)
    before = None
    for _ in range(3):
        with failing.rendered(PLAIN) as rendered:
            assert rendered is None
        before = before or os.listdir("/proc/self/fd")
    assert len(os.listdir("/proc/self/fd")) == len(before or ())
    assert capfd.readouterr().err.count("they cannot be rendered") == 1


def test_no_process_that_is_started_meanwhile_gets_the_answer(scrapes: Scrapes) -> None:
    with scrapes.rendered(PLAIN) as rendered:
        assert rendered is not None
        assert not os.get_inheritable(rendered.file.fileno())


def test_scrapes_that_wait_share_one_rendering(files: Path) -> None:
    rendered, go_on = threading.Semaphore(0), threading.Event()
    calls = []

    def slow() -> list[Family]:
        calls.append(1)
        rendered.release()
        assert go_on.wait(10)
        return own()

    shared = Scrapes(str(files), slow, dict)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(body, shared)
        rendered.acquire()
        later = [pool.submit(body, shared) for _ in range(7)]
        wait_until("somebody waits", lambda: bool(shared._waiting))
        go_on.set()
        assert {text.result() for text in [first, *later]} == {first.result()}
    assert len(calls) <= 3, "each scrape was rendered for itself"
    shared._end()


def test_scrapes_that_are_not_taken_hold_no_more_than_their_places(scrapes: Scrapes) -> None:
    with ExitStack() as places:
        for _ in range(8):
            assert places.enter_context(scrapes.rendered(PLAIN)) is not None
        assert places.enter_context(scrapes.rendered(PLAIN)) is None
    assert "slipway_ready" in body(scrapes)


def test_figures_that_cannot_be_read_are_no_zeros(files: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def unreadable() -> list[Family]:
        raise OSError(errno.EMFILE, "Too many open files")

    broken = Scrapes(str(files), unreadable, dict)
    with broken.rendered(PLAIN) as rendered:
        assert rendered is None
    assert "Too many open files" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("authorization", "local", "admitted"),
    [
        ("", False, False),
        ("", True, True),
        (f"Bearer {TOKEN}", False, True),
        (f"bearer  {TOKEN} ", False, True),
        ("Bearer wrong", False, False),
        (f"Basic {TOKEN}", False, False),
        (TOKEN, False, False),
    ],
)
def test_who_shows_the_token_may_scrape(tmp_path: Path, authorization: str, local: bool, admitted: bool) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert Guard(str(file), open=False).admits(authorization, local=local) is admitted
    assert Guard(str(file), open=True).admits(authorization, local=local)


def test_without_a_token_nobody_from_elsewhere_may_and_a_new_one_counts_at_once(tmp_path: Path) -> None:
    file = tmp_path / "token"
    guard = Guard(str(file), open=False)
    assert not guard.admits("Bearer ", local=False)
    for part in ("", TOKEN[:8], TOKEN.replace("o", "ö"), f"\ufeff{TOKEN}", f"{TOKEN} {TOKEN}"):
        file.write_text(part)
        assert not guard.admits(f"Bearer {part}", local=False)
    file.write_text(TOKEN)
    assert guard.admits(f"Bearer {TOKEN}", local=False)
    assert not Guard(None, open=False).admits("Bearer ", local=False)
