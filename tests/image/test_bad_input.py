"""A setup that cannot work ends before anything is asked or started: its code, what and why, the fix, no secret."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.image.broken_setups import CASES, CONFIG, SENTINEL, Case
from tests.support import gateway
from tests.support.lab import Box, Finished, Lab, Spec, wait_until

# The engine's own start of a container counts too, and a loaded machine is slow: a bound, not a claim about time.
END_SECONDS = 60


# Answers nobody, and tells of whoever comes: a database, a Redis, a proxy to the internet.
TRAP = """
import selectors, socket
waiting = selectors.DefaultSelector()
for port in (3128, 5432, 6379):
    waiting.register(socket.create_server(("", port)), selectors.EVENT_READ)
print("listening", flush=True)
while True:
    for key, _ in waiting.select():
        print(key.fileobj.accept()[1], flush=True)
"""


@pytest.fixture(scope="module")
def trap(module_lab: Lab) -> Box:
    """What a start would reach if it asked for anything before it has checked its input."""
    network = module_lab.network(internal=True)
    trap = module_lab.start(Spec(entrypoint=("python", "-c", TRAP), network=network, alias="trap"))
    wait_until("the trap", lambda: "listening" in trap.logs())
    return trap


def run(lab: Lab, directory: Path, trap: Box | None = None, **how: Any) -> Finished:
    """Run a gateway that must end by itself, with a sentinel in every kind of secret; it finds only `trap`."""
    env = {
        "OPENAI_API_KEY": SENTINEL,
        "DATABASE_PASSWORD": SENTINEL,
        "LITELLM_SALT_KEY": SENTINEL,
        "REDIS_PASSWORD": SENTINEL,
        **({"DATABASE_URL": f"postgresql://{SENTINEL}:{SENTINEL}@trap/gateway"} if trap else {}),
        **(dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://trap:3128") if trap else {}),
        **how.pop("env", {}),
    }
    if trap:
        how.setdefault("network", next(iter(trap.networks())))
    return lab.once(gateway.specify(directory, env=env, **how), END_SECONDS)


def assert_refused(done: Finished, code: int, id: str, *named: str) -> None:
    """It ended with `code` for the finding `id`, whose lines name what they must, say the fix and show no secret."""
    assert done.code == code, done.output
    for secret in (SENTINEL, gateway.MASTER_KEY, gateway.PROVIDER_KEY):
        assert secret not in done.output
    assert "Traceback" not in done.output, done.output
    findings = done.stderr.split("slipway: error: ")[1:]
    assert findings, done.stderr
    for finding in findings:
        assert "\nslipway:   fix: " in finding, done.stderr
    told = [finding for finding in findings if f"[{id}]" in finding.partition("\n")[0]]
    assert told, done.stderr
    assert f"docs/runbooks/{id}.md" in told[0]
    assert [word for word in named if word not in "".join(told)] == [], done.stderr


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_broken_setup_is_refused_before_anything_is_asked(lab: Lab, directory: Path, trap: Box, case: Case) -> None:
    before = trap.logs()
    done = run(lab, directory, trap, args=case.args, env=case.env, config=case.config, **case.more)
    # Shown by `pytest -rP`: how long a refusal takes is reported, never asserted.
    print(f"ended after {done.seconds:.2f} s")
    assert_refused(done, case.code, case.id, *case.named)
    assert trap.logs() == before, "a database, a Redis or the internet was asked"


def test_a_config_that_nobody_may_read_is_refused(lab: Lab, directory: Path) -> None:
    file = gateway.write(directory, "unreadable.yaml", gateway.CONFIG, mode=0o000)
    args = ("--config", "/srv/unreadable.yaml")
    done = run(lab, directory, args=args, config=None, files={"/srv/unreadable.yaml": file})
    assert_refused(done, 65, "config-unreadable", "--config", "12345")


def test_a_missing_master_key_is_refused_with_a_way_to_make_one(lab: Lab, directory: Path) -> None:
    spec = gateway.specify(directory)
    env = {name: value for name, value in spec.env.items() if name != "LITELLM_MASTER_KEY"}
    done = lab.once(replace(spec, env=env), END_SECONDS)
    assert_refused(done, 66, "master-key-missing", "LITELLM_MASTER_KEY", "openssl rand")


def test_root_is_allowed_where_it_is_asked_for(lab: Lab, directory: Path) -> None:
    running = gateway.start(lab, directory, env={"SLIPWAY_ALLOW_ROOT": "true"}, user="0:0")
    assert running.ask() == "mocked answer"


@pytest.mark.parametrize(
    ("port", "management", "named"),
    [("4000", "4001", "4000"), ("4100", "4001", "4001"), ("4000", "4101", "4000")],
    ids=["both", "management", "clients"],
)
def test_a_taken_port_is_refused(
    lab: Lab, directory: Path, first: gateway.Gateway, port: str, management: str, named: str
) -> None:
    args = (*CONFIG, "--port", port)
    env = {"SLIPWAY_MANAGEMENT_PORT": management}
    done = run(lab, directory, args=args, env=env, network=f"container:{first.box.name}")
    assert_refused(done, 73, "port-taken", named)
    assert first.ask() == "mocked answer"


@pytest.fixture(scope="module")
def first(module_lab: Lab, directory: Path) -> gateway.Gateway:
    """The gateway whose ports are taken."""
    return gateway.start(module_lab, directory)
