"""Who may scrape port 4001, and what is patched in prometheus_client."""

from __future__ import annotations

import secrets
from pathlib import Path

import httpx

from tests.support import gateway
from tests.support.gateway import MANAGEMENT_PORT
from tests.support.lab import Lab, Spec, hardened

TOKEN_FILE = "/run/secrets/metrics"
INSIDE = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:4001/metrics').status)"
# A label set takes a kilobyte, the file system has 256 of them.
FILL = """
from prometheus_client import Counter
counter, first = Counter("filled", "Label sets.", ["text"]), None
for number in range(1000):
    try:
        child = counter.labels(f"{number:0>1000}")
    except ValueError as problem:
        print(problem.__cause__.strerror)
        break
    first = first or child
first.inc()
print("alive")
"""
ADD = """
import glob, json, os
from prometheus_client import CollectorRegistry, mmap_dict, multiprocess
for number, value in enumerate((0.1, 0.2, 0.3)):
    file = mmap_dict.MmapedDict(f"/tmp/metrics/counter_w{number}.db")
    file.write_value(mmap_dict.mmap_key("spend", "spend_total", [], [], "Spend."), value, 0)
listed, sums = glob.glob, set()
for order in (sorted, lambda found: sorted(found, reverse=True)):
    glob.glob = lambda *a, **k: order(listed(*a, **k))
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, "/tmp/metrics")
    sums |= {sample.value for metric in registry.collect() for sample in metric.samples}
print(sorted(sums))
"""


def test_whoever_scrapes_from_outside_shows_the_token(lab: Lab, tmp_path: Path) -> None:
    old, new = secrets.token_hex(16), secrets.token_hex(16)
    file = gateway.write(tmp_path, "token", old)
    env = {"SLIPWAY_METRICS_AUTH": "token", "SLIPWAY_METRICS_TOKEN_FILE": TOKEN_FILE}
    running = gateway.start(lab, tmp_path, env=env, files={TOKEN_FILE: file})
    url = f"http://127.0.0.1:{running.box.port(MANAGEMENT_PORT)}/metrics"

    def scrape(token: str) -> httpx.Response:
        return httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    refused = httpx.get(url, timeout=30)
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "slipway_" not in refused.text
    assert scrape(new).status_code == 401
    shown = scrape(old)
    assert (shown.status_code, shown.headers["Content-Encoding"]) == (200, "gzip")
    assert "slipway_ready 1.0" in shown.text
    assert running.box.python(INSIDE).strip() == "200"
    # An orchestrator renews it in place; nothing is started again.
    file.write_text(new)
    assert (scrape(old).status_code, scrape(new).status_code) == (401, 200)
    assert old not in running.box.logs()


def test_without_a_token_nobody_scrapes_from_outside(lab: Lab, tmp_path: Path) -> None:
    running = gateway.start(lab, tmp_path, env={"SLIPWAY_METRICS_AUTH": "token"})
    assert running.management("/metrics").status_code == 401
    assert running.management("/readyz").status_code == 200


def test_a_full_file_system_costs_a_metric_and_not_the_process(lab: Lab) -> None:
    writable = hardened() | {"tmpfs": {"/full": "size=256k,mode=1777"}}
    done = lab.once(Spec(command=("python", "-c", FILL), env={"PROMETHEUS_MULTIPROC_DIR": "/full"}, **writable))  # type: ignore[arg-type]
    assert done.code == 0, done.output
    assert done.stdout.splitlines() == ["No space left on device", "alive"]


def test_sums_do_not_depend_on_the_order_of_files(lab: Lab) -> None:
    command = ("sh", "-c", 'mkdir /tmp/metrics && python -c "$0"', ADD)
    done = lab.once(Spec(command=command, env={"PROMETHEUS_MULTIPROC_DIR": "/tmp/metrics"}))
    assert done.stdout.strip() == "[0.6000000000000001]", done.output
