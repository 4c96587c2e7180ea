"""The production Compose project: hardened, closed, replaced under load, with one limit for both gateways."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest

from tests.compose.production import GATEWAYS, Production, free_port, prepare
from tests.support.clients import Clients, slow, stream_of
from tests.support.contract import assert_closed, assert_hardened
from tests.support.lab import wait_until
from tests.support.outside import DECLARED, UNDECLARED
from tests.support.prometheus import Prometheus

SERVICES = (*GATEWAYS, "balancer", "egress-a", "egress-b", "postgres", "redis")
CLIENTS = 16
LIMIT = 30
# Requests for which Redis took longer than REDIS_SOCKET_TIMEOUT (0.1 s), on a busy machine: as docs/compose.md has it.
LATE = 2
BUDGETED = 20
# A window of LiteLLM's limits, and how late in it a test may still begin.
WINDOW_SECONDS = 60
ROOM_SECONDS = 20


@pytest.fixture(scope="module")
def production(client: docker.DockerClient, image: str, directory: Path) -> Iterator[Production]:
    project = prepare(client, image, directory)
    try:
        project.follow("Start")
        yield project
    finally:
        project.remove()


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_the_gateways_keep_the_contract(production: Production, gateway: str) -> None:
    assert_hardened(production.box(gateway).python)


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_hardened_and_only_the_balancer_is_published(production: Production, service: str) -> None:
    attrs = production.container(service).attrs
    host = attrs["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert attrs["Config"]["User"].partition(":")[0] not in ("", "0", "root")
    published = [bound for bindings in (host["PortBindings"] or {}).values() for bound in bindings]
    address, _, port = production.environment["LISTEN"].partition(":")
    assert published == ([{"HostIp": address, "HostPort": port}] if service == "balancer" else [])


@pytest.mark.parametrize("service", SERVICES)
def test_no_secret_is_in_an_environment_or_an_argument(production: Production, service: str) -> None:
    known = [path.read_text() for path in (production.folder / "secrets").glob("*/*")]
    assert len(known) >= 6
    attrs = str(production.container(service).attrs)
    processes = str(production.container(service).top())
    assert not [value for value in known if value in attrs + processes]


def test_only_declared_hosts_are_reached(production: Production) -> None:
    assert_closed(production.ask, "provider/chat", "undeclared")
    said = [production.box(service).logs() for service in ("egress-a", "egress-b")]
    assert any(f"to {DECLARED}" in log for log in said)


def test_the_way_out_refuses_a_host_that_is_not_declared(production: Production) -> None:
    """As somebody in the gateway would try: by the address of its `egress`, with another name in the greeting."""
    greet = f"""
import socket, ssl
context = ssl.create_default_context(cafile="/app/config/certificate.pem")
for name in ("{DECLARED}", "{UNDECLARED}"):
    try:
        with socket.create_connection(("{production.environment["INSIDE"]}.2", 443), timeout=20) as plain:
            with context.wrap_socket(plain, server_hostname=name):
                print(name, "let through")
    except OSError as problem:
        print(name, "refused")
"""
    said = production.box("gateway-a").python(greet)
    assert said.splitlines() == [f"{DECLARED} let through", f"{UNDECLARED} refused"]


def test_the_request_of_the_page_is_answered(production: Production) -> None:
    assert '"object":"list"' in production.follow("Start", 1)


def test_the_clients_address_is_the_one_that_the_balancer_saw(production: Production) -> None:
    """On this machine, that is the one by which Docker reaches the balancer's network."""
    project = production.environment["COMPOSE_PROJECT_NAME"]
    (network,) = production.client.networks.get(f"{project}_front").attrs["IPAM"]["Config"]
    request = production.ask("mock").json()["id"]
    query = f"""SELECT requester_ip_address FROM "LiteLLM_SpendLogs" WHERE request_id = '{request}'"""
    password = (production.folder / "secrets/postgres/password").read_text()
    words = ["psql", f"postgresql://litellm:{password}@127.0.0.1/litellm", "-tAc", query]
    database = production.box("postgres")
    wait_until("the row", lambda: database.exec(words).output.strip() == network["Gateway"], 60)


def burst(production: Production, model: str, key: str, count: int) -> Counter[int]:
    """How many of so many requests at once were answered with which status."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        return Counter(pool.map(lambda _: production.ask(model, key).status_code, range(count)))


def key(production: Production, **limits: float) -> str:
    return str(production.post("/key/generate", limits)["key"])


def await_window() -> None:
    """Wait until a window has begun that does not end meanwhile."""
    wait_until("a new window", lambda: time.time() % WINDOW_SECONDS < ROOM_SECONDS, WINDOW_SECONDS)


def test_a_limit_of_requests_holds_for_both_together(production: Production) -> None:
    limited = key(production, rpm_limit=LIMIT)
    await_window()
    answers = burst(production, "provider/chat", limited, 3 * LIMIT)
    assert set(answers) == {200, 429}
    assert LIMIT <= answers[200] <= LIMIT + LATE


def test_a_limit_of_parallel_requests_holds_for_both_together(production: Production) -> None:
    limited = key(production, max_parallel_requests=4)
    # All are asked before the first is answered.
    answers = burst(production, slow(8000), limited, CLIENTS)
    assert set(answers) == {200, 429}
    assert 4 <= answers[200] <= 4 + LATE


def test_a_budget_holds_for_both_together(production: Production) -> None:
    """One that is reached in one gateway is reached in the other, though a moment later: one request may go beyond."""
    price = float(production.ask("mock").headers["x-litellm-response-cost"])
    limited = key(production, max_budget=BUDGETED * price)
    answers = [production.ask("mock", limited).status_code for _ in range(2 * BUDGETED)]
    assert BUDGETED <= answers.count(200) <= BUDGETED + 1
    assert set(answers[BUDGETED + BUDGETED // 2 :]) == {422}


def test_without_redis_requests_go_on_and_limits_are_each_gateways_own(production: Production) -> None:
    limited, again = key(production, rpm_limit=LIMIT), key(production, rpm_limit=LIMIT)
    production.docker_compose("stop", "redis")
    try:
        await_window()
        answers = burst(production, "provider/chat", limited, 4 * LIMIT)
        assert set(answers) == {200, 429}
        # The balancer does not share them out evenly.
        assert LIMIT < answers[200] <= 2 * LIMIT
    finally:
        production.docker_compose("up", "--detach", "--wait", "--no-deps", "redis")

    def shared() -> bool:
        """Over each connection: one that was cut is noticed when it is used, and that request is not counted."""
        fresh = key(production, rpm_limit=1)
        return burst(production, "provider/chat", fresh, 3 * CLIENTS)[200] == 1

    wait_until("limits that are shared again", shared, 120)
    await_window()
    assert LIMIT <= burst(production, "provider/chat", again, 3 * LIMIT)[200] <= LIMIT + LATE


def test_prometheus_beside_it_scrapes_both(production: Production) -> None:
    port = free_port()
    production.follow("Watch", PROMETHEUS_PORT=str(port))
    asked = Prometheus(f"http://127.0.0.1:{port}", production.directory)
    wait_until("scrapes of both", lambda: asked.answers() and len(asked.query("slipway_ready == 1")) == 2, 90)


@pytest.fixture(scope="module")
def next_image(production: Production, client: docker.DockerClient) -> Iterator[str]:
    """Another image of the same gateway."""
    name = f"{production.environment['COMPOSE_PROJECT_NAME']}:next"
    container = client.containers.create(production.environment["GATEWAY_IMAGE"])
    try:
        container.commit(*name.split(":"), changes="LABEL next=yes")
        yield name
    finally:
        container.remove()
        client.images.remove(name, force=True)


def test_another_image_is_rolled_out_under_load(production: Production, next_image: str) -> None:
    before = {service: production.container(service).id for service in GATEWAYS}
    with Clients(
        production.url, production.master_key, count=20, streaming=10, stream_model=stream_of(6, 12), pause_seconds=0.5
    ) as asked:
        wait_until("all clients", lambda: asked.in_flight >= 10, 60)
        production.follow("Change", 1, GATEWAY_IMAGE=next_image)
    asked.assert_all_succeeded()
    for service in GATEWAYS:
        assert production.container(service).id != before[service]
        assert production.container(service).labels.get("next") == "yes"


def test_what_the_check_refuses_is_not_rolled_out(production: Production, next_image: str) -> None:
    before = {service: production.container(service).id for service in GATEWAYS}
    done = production.run("sh", "roll.sh", GATEWAY_IMAGE=next_image, NUM_WORKERS="many")
    assert done.returncode == 65, done.stdout
    assert "NUM_WORKERS" in done.stdout
    assert "nothing was replaced" in done.stdout
    assert {service: production.container(service).id for service in GATEWAYS} == before
    assert production.ask("mock").status_code == 200


def test_the_one_that_serves_nobody_is_replaced_first(production: Production) -> None:
    production.docker_compose("stop", "gateway-b")
    with Clients(production.url, production.master_key, count=4, pause_seconds=0.2) as asked:
        wait_until("all clients", lambda: len(asked.outcomes) >= 8, 60)
        production.follow("Change", 1, NUM_WORKERS="2")
    asked.assert_all_succeeded()
    assert {production.container(service).health for service in GATEWAYS} == {"healthy"}


def test_files_that_cannot_be_read_stop_nothing(production: Production) -> None:
    done = production.run("sh", "roll.sh", COMPOSE_FILE="elsewhere.yaml")
    assert done.returncode == 1
    assert "cp .env.example .env" in done.stdout
    assert production.ask("mock").status_code == 200


def test_another_host_is_let_through_after_a_roll_that_cuts_nobody(production: Production) -> None:
    """The config has named it all the time; who declares hosts is the list that the page's command makes."""
    before = production.container("egress-a").id
    with Clients(
        production.url, production.master_key, count=8, streaming=4, stream_model=stream_of(6, 12), pause_seconds=0.5
    ) as asked:
        wait_until("all clients", lambda: asked.in_flight >= 4, 60)
        production.follow("Change")
        production.follow("Change", 1)
    asked.assert_all_succeeded()
    assert production.container("egress-a").id != before
    assert production.ask("undeclared").status_code == 200
    production.follow("Change", 2)
    assert production.ask("undeclared").status_code == 200
