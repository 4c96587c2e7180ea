"""The unit that `explain --format systemd` prints, under a real systemd: its start, its stop, its sandbox."""

from __future__ import annotations

import fcntl
import re
import secrets
import shlex
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import httpx
import pytest

from slipway.units import parts
from tests.support import fake, gateway, postgres
from tests.support.clients import stream_of
from tests.support.contract import assert_closed, assert_hardened
from tests.support.document import blocks
from tests.support.fake import Provider
from tests.support.gateway import Gateway
from tests.support.lab import Executed, Lab, wait_until
from tests.systemd import machine
from tests.systemd.machine import Machine, install

PAGE = "docs/systemd.md"
DATABASE = "gateway"
MASTER = f"sk-{secrets.token_hex(24)}"
STREAM_SECONDS = 12
EXPOSURE = 1.5
SETTINGS = "NUM_WORKERS=2\nREQUEST_TIMEOUT_SECONDS=30\nSLIPWAY_SETTLE_SECONDS=2\nSLIPWAY_METRICS_AUTH=off\n"
ELSEWHERE = """\
  - model_name: undeclared
    litellm_params:
      model: openai/chat
      api_base: http://elsewhere:8080/v1
      api_key: os.environ/PROVIDER_KEY
"""
# Podman's usual kind cannot lie on the engine's.
STORAGE = '[storage]\ndriver = "vfs"\nrunroot = "/run/containers"\ngraphroot = "/var/lib/containers"\n'
CONFIG = f"""{gateway.CONFIG}\
router_settings: {{num_retries: 0, disable_cooldowns: true}}
general_settings: {{master_key: os.environ/LITELLM_MASTER_KEY}}
"""


@pytest.fixture(scope="module")
def running(
    client: docker.DockerClient, image: str, directory: Path, provider: Provider, network: str
) -> Iterator[Machine]:
    """A machine on which the page was followed, with a database, two workers and the fake provider."""
    with Lab(client, image) as lab:
        server = postgres.start(lab, network)
        server.sql(f"CREATE DATABASE {DATABASE}")
        fake.start(lab, network, "elsewhere")
        (made,) = [block for block in blocks(PAGE, "Install") if block.startswith("make")]
        assert made == f"make install PREFIX={machine.PREFIX}"
        done = install(image, directory)
        assert done.returncode == 0, done.stdout
        on = machine.start(lab, network, directory)
        on.write("config.yaml", CONFIG)
        on.write("environment", SETTINGS, 0o600)
        on.write("secrets/LITELLM_MASTER_KEY", MASTER, 0o600)
        on.write("secrets/LITELLM_SALT_KEY", f"sk-{secrets.token_hex(24)}", 0o600)
        on.write("secrets/DATABASE_URL", server.url(DATABASE), 0o600)
        on.write("secrets/PROVIDER_KEY", "provider-key", 0o600)
        _, secret, unit = blocks(PAGE, "Install")
        on.must(secret, OPENAI_API_KEY="not-used")
        try:
            on.must(unit)
            yield on
        finally:
            on.end()


def gateway_of(running: Machine) -> Gateway:
    return Gateway(running.box)


def ask(running: Machine, model: str) -> httpx.Response:
    return httpx.post(
        f"{gateway_of(running).url}/v1/chat/completions",
        json={"model": model, "messages": [{"role": "user", "content": "a boat"}]},
        headers={"Authorization": f"Bearer {MASTER}"},
        timeout=120,
    )


def test_systemctl_start_has_returned_when_it_is_ready(running: Machine) -> None:
    assert 'Status: "ready"' in running.must("systemctl status slipway")
    assert gateway_of(running).management("/readyz").status_code == 200
    assert "echo of a boat" in ask(running, "provider/chat").text
    # gunicorn's own notice, before its workers, is nobody's any more.
    assert running.show("ActiveState") == "active"
    assert running.journal().index("gunicorn, 2 workers") < running.journal().index("Started slipway.service")
    started = [line for line in running.journal().splitlines() if "Application startup complete" in line]
    assert len(started) == 2


def test_the_unit_keeps_the_contract(running: Machine) -> None:
    assert_hardened(running.python)


def inside(running: Machine, text: str) -> Executed:
    """Run commands as root would in the gateway's view of files."""
    return running.shell(f"nsenter --target {running.show('MainPID')} --mount --root sh -ec {shlex.quote(text)}")


@pytest.mark.parametrize("folder", ["/tmp", "/var/tmp", "/dev/shm", "/run/slipway", "/var/lib/slipway"])
def test_what_can_be_written_cannot_be_run(running: Machine, folder: str) -> None:
    done = inside(running, f"cp /bin/true {folder}/program; trap 'rm {folder}/program' EXIT; {folder}/program")
    assert done.code != 0
    assert "Permission denied" in done.output


def test_nothing_of_the_machine_is_seen(running: Machine) -> None:
    running.must("touch /dev/shm/of-the-machine")
    found = inside(running, "ls /etc/slipway/secrets /dev/shm").output
    assert found.split() == ["/dev/shm:", "/etc/slipway/secrets:"]
    # As this systemd or an older one mounts it.
    assert inside(running, "stat --format %a /run").stdout.strip() == "755"


def test_an_installation_that_runs_is_not_removed(running: Machine, image: str) -> None:
    done = install(image, running.folder, machine.PREFIX, "--remove")
    assert done.returncode == 64
    assert "is in use" in done.stdout
    assert ask(running, "mock").status_code == 200


def test_no_secret_is_in_the_unit_or_in_an_environment(running: Machine) -> None:
    unit = running.must("cat /etc/systemd/system/slipway.service")
    # Prisma's engines get the database's URL, and nothing else (decision 0017).
    of_ours = "case $(cat /proc/$pid/comm) in query-engine*) ;; *) cat /proc/$pid/environ ;; esac"
    environments = running.must(f"for pid in {' '.join(map(str, running.pids()))}; do {of_ours}; done")
    known = [path.read_text() for path in (running.folder / "etc/slipway/secrets").iterdir()]
    assert len(known) == 5
    assert not [value for value in known if value in unit + environments]


def test_words_of_a_command_reach_the_gateway_as_they_were(running: Machine) -> None:
    printed = running.must(f"{machine.PREFIX}/bin/slipway explain --format systemd --alias '$HOME 50% x'")
    assert re.search(r'^ExecStart=.* --alias "\$\$HOME 50%% x"$', printed, re.MULTILINE), printed


def test_systemd_finds_nothing_wrong_with_it(running: Machine) -> None:
    said = running.must("systemd-analyze verify slipway.service 2>&1 || true").splitlines()
    # It looks for the commands outside of RootDirectory.
    assert [line for line in said if "slipway" in line and "is not executable" not in line] == []
    score = running.must("systemd-analyze security --no-pager slipway.service | tail -1")
    found = re.search(r"([0-9.]+) (\w+)", score)
    assert found, score
    assert float(found[1]) <= EXPOSURE, score


def test_a_reload_takes_over_a_config_that_is_right(running: Machine) -> None:
    reload, _, _ = blocks(PAGE, "Every day")[0].splitlines()
    running.write("config.yaml", CONFIG.replace("model_name: mock", "model_name: renamed"))
    running.must(reload)
    assert all_answer(running, "renamed")
    running.write("config.yaml", "model_list: [")
    assert running.shell(reload).code != 0
    assert "reload: refused" in running.journal()
    assert ask(running, "renamed").status_code == 200
    running.write("config.yaml", CONFIG)
    running.must(reload)
    assert all_answer(running, "mock")


def all_answer(running: Machine, model: str) -> bool:
    """Whether every worker knows the model: one that is replaced may answer meanwhile."""
    return all(ask(running, model).status_code == 200 for _ in range(12))


def test_a_gateway_without_progress_is_started_again(running: Machine) -> None:
    """The supervisor stands still, as no process can notice of itself."""
    folder = "/run/systemd/system/slipway.service.d"
    running.must(f"mkdir -p {folder}; printf '[Service]\\nWatchdogSec=3\\n' > {folder}/watchdog.conf")
    running.must("systemctl daemon-reload; systemctl restart slipway")
    running.must(f"kill -STOP {running.show('MainPID')}")
    wait_until("the watchdog", lambda: running.show("NRestarts") != "0", 60)
    wait_until("the gateway", lambda: running.show("ActiveState") == "active", 90)
    assert "atchdog" in running.journal()
    assert ask(running, "mock").status_code == 200
    running.must(f"rm -r {folder}; systemctl daemon-reload; systemctl restart slipway")


def test_a_gateway_that_was_drained_is_started_again(running: Machine) -> None:
    before = running.show("MainPID")
    done = inside(running, "/opt/slipway/bin/slipway drain")
    assert done.code == 0, done.output
    wait_until("another gateway", lambda: running.show("MainPID") not in ("0", before), 60)
    wait_until("its readiness", lambda: running.show("ActiveState") == "active", 90)


def test_only_declared_hosts_are_reached(running: Machine) -> None:
    """As the page says; then a model is added whose host nobody has declared."""
    (commands,) = blocks(PAGE, "What it may ask")
    clients, rest = commands.split("\n", 1)
    assert clients.startswith("CLIENTS=")
    running.must(rest, CLIENTS=running.clients())
    written = running.must("cat /etc/systemd/system/slipway.service.d/egress.conf")
    assert "IPAddressDeny=any" in written
    assert "# provider:8080: model_list[1]" in written
    running.write("config.yaml", CONFIG.replace("router_settings", f"{ELSEWHERE}router_settings"))
    # The unit's time is of before a setting was changed, say; the gateway tells how long it needs.
    running.must("printf '[Service]\\nTimeoutStopSec=2\\n' > /etc/systemd/system/slipway.service.d/short.conf")
    running.must("systemctl daemon-reload; systemctl restart slipway")
    assert_closed(lambda name: ask(running, name), "provider/chat", "undeclared")


def test_a_stop_waits_for_the_stream_that_runs(running: Machine) -> None:
    _, log, stop = blocks(PAGE, "Every day")[0].splitlines()
    text = "x" * (STREAM_SECONDS - len("echo of "))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(streamed, running, text)
        wait_until("the stream", lambda: "in_flight 1" in in_flight(running), 30)
        running.must(stop)
        assert answer.result() == f"echo of {text}"
    assert running.show("Result") == "success"
    assert "0 requests cut, 0 spend rows lost" in running.must(log)


def streamed(running: Machine, text: str) -> str:
    with Gateway(running.box).openai().with_options(api_key=MASTER) as client:
        parts = client.chat.completions.create(
            model=stream_of(STREAM_SECONDS, STREAM_SECONDS), messages=[{"role": "user", "content": text}], stream=True
        )
        return "".join(choice.delta.content or "" for part in parts for choice in part.choices)


def in_flight(running: Machine) -> str:
    found = gateway_of(running).management("/metrics").text
    lines = [line for line in found.splitlines() if line.startswith("slipway_requests_in_flight")]
    return f"in_flight {sum(float(line.split()[-1]) for line in lines):.0f}"


def test_podman_runs_the_quadlet_until_the_gateway_itself_is_ready(running: Machine) -> None:
    """Debian 13's Podman, as root and with the root file system for an image: a container has no users to give away."""
    folder = "/etc/containers/systemd"
    running.must("systemctl stop slipway")
    printed = running.must(f"{machine.PREFIX}/bin/slipway explain --format quadlet --config /etc/slipway/config.yaml")
    changed = {
        "Image=": f"Rootfs={machine.PREFIX}/root",
        # What an image says, and no root file system; and the machine has no controllers of groups.
        "ContainerName=": "\n".join(
            (
                'Entrypoint=["tini", "--", "/opt/slipway/entrypoint.sh"]',
                "WorkingDir=/app",
                *(f"Environment={line}" for line in parts.IMAGE),
                "PodmanArgs=--pids-limit=0",
            )
        ),
        "UserNS=": "Network=host",
        "PublishPort=": "",
    }
    lines = [next((new for old, new in changed.items() if line.startswith(old)), line) for line in printed.splitlines()]
    names = re.findall(r"^Secret=(\w+),", printed, re.MULTILINE)
    assert set(names) == {path.name for path in (running.folder / "etc/slipway/secrets").iterdir()}
    secret = "podman secret create $name /etc/slipway/secrets/$name"
    running.must('printf %s "$TEXT" > /etc/containers/storage.conf', TEXT=STORAGE)
    running.must(f"for name in {' '.join(names)}; do {secret}; done")
    running.must(f'mkdir -p {folder}; printf %s "$TEXT" > {folder}/quadlet.container', TEXT="\n".join(lines))
    running.must("systemctl daemon-reload")
    try:
        started = running.shell("systemctl start quadlet")
        assert started.code == 0, running.must("journalctl --no-pager --unit quadlet --lines 60")
        assert running.must("systemctl show --property StatusText --value quadlet").strip() == "ready"
        assert gateway_of(running).management("/readyz").status_code == 200
        assert "echo of a boat" in ask(running, "provider/chat").text
        running.must("systemctl stop quadlet")
        assert running.must("systemctl show --property Result --value quadlet").strip() == "success"
    finally:
        running.must(f"systemctl stop quadlet; rm {folder}/quadlet.container; systemctl daemon-reload")


def test_a_config_that_is_refused_is_not_tried_again_and_again(running: Machine) -> None:
    running.write("config.yaml", "model_list: [")
    done = running.shell("systemctl start slipway")
    assert done.code != 0
    assert running.show("ExecMainStatus") == "65"
    assert running.show("NRestarts") == "0"
    assert running.show("ActiveState") == "failed"
    assert "slipway: error:" in running.journal()
    assert "docs/runbooks/" in running.journal()


def test_an_installation_can_be_repeated_and_removed(image: str, tmp_path: Path) -> None:
    first = install(image, tmp_path)
    assert first.returncode == 0, first.stdout
    key = (tmp_path / "etc/slipway/secrets/LITELLM_MASTER_KEY").read_text()
    root = tmp_path / "opt/slipway/root"
    release = root.readlink()
    (tmp_path / "etc/slipway/config.yaml").write_text("mine: true\n")
    # As an interrupted one leaves it.
    (tmp_path / "opt/slipway/releases/unfinished/opt").mkdir(parents=True)
    subprocess.run(["mv", root.parent / release, tmp_path / "away"], check=True)
    again = install(image, tmp_path)
    assert again.returncode == 0, again.stdout
    assert (root / "opt/slipway/entrypoint.sh").is_file()
    assert not (tmp_path / "opt/slipway/releases/unfinished").exists()
    assert (tmp_path / "etc/slipway/config.yaml").read_text() == "mine: true\n"
    assert (tmp_path / "etc/slipway/secrets/LITELLM_MASTER_KEY").read_text() == key
    removed = install(image, tmp_path, machine.PREFIX, "--remove")
    assert removed.returncode == 0, removed.stdout
    assert not (tmp_path / "opt/slipway").exists()
    assert (tmp_path / "etc/slipway/config.yaml").is_file()


@pytest.mark.parametrize(
    "prefix",
    [
        "slipway",
        "/",
        "/opt/with space",
        "/opt/../etc",
        "/opt/%n",
        "",
        "/etc/slipway",
        "/tmp/x",
        "/opt//x",
        "/opt/.",
        "/run",
    ],
)
def test_a_prefix_that_no_unit_could_name_is_refused(image: str, tmp_path: Path, prefix: str) -> None:
    done = install(image, tmp_path, prefix)
    assert done.returncode == 64
    assert "make install PREFIX=" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_without_room_nothing_is_begun_and_what_is_empty_is_made_anew(image: str, tmp_path: Path) -> None:
    (tmp_path / "etc/slipway/secrets").mkdir(parents=True)
    # As a full disk has left them.
    for name in ("config.yaml", "secrets/LITELLM_MASTER_KEY"):
        (tmp_path / "etc/slipway" / name).touch()
    (tmp_path / "opt").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", tmp_path / "opt"], check=True)
    try:
        done = install(image, tmp_path)
        assert done.returncode == 64
        assert "has no room for a release" in done.stdout
        assert list((tmp_path / "opt/slipway/releases").iterdir()) == []
    finally:
        subprocess.run(["umount", tmp_path / "opt"], check=True)
    done = install(image, tmp_path)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "etc/slipway/secrets/LITELLM_MASTER_KEY").read_text().startswith("sk-")
    assert (tmp_path / "etc/slipway/config.yaml").stat().st_size


@pytest.mark.parametrize("words", [(), ("--remove",)])
def test_two_at_once_do_not_meet(image: str, tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "opt/slipway").mkdir(parents=True)
    with (tmp_path / "opt/slipway/.slipway").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = install(image, tmp_path, machine.PREFIX, *words)
    assert done.returncode == 64
    assert "another install is at work" in done.stdout


def test_an_image_that_is_not_there_changes_nothing(image: str, tmp_path: Path) -> None:
    assert install(image, tmp_path).returncode == 0
    before = (tmp_path / "opt/slipway/root").readlink()
    done = install("slipway:nowhere", tmp_path)
    assert done.returncode == 64
    assert "slipway:nowhere is not there" in done.stdout
    assert (tmp_path / "opt/slipway/root").readlink() == before


def test_an_old_release_goes_and_nothing_beside_it(image: str, tmp_path: Path) -> None:
    folder = tmp_path / "my folder"
    theirs = tmp_path / "my"
    theirs.mkdir()
    old = folder / "opt/slipway/releases/old"
    old.mkdir(parents=True)
    (folder / "opt/slipway/.slipway").touch()
    (folder / "opt/slipway/root").symlink_to("releases/before")
    assert install(image, folder).returncode == 0
    assert not old.exists()
    assert theirs.is_dir()


def test_a_folder_of_somebody_elses_is_refused(image: str, tmp_path: Path) -> None:
    (tmp_path / "opt/slipway").mkdir(parents=True)
    (tmp_path / "opt/slipway/theirs").touch()
    for words in ((), ("--remove",)):
        done = install(image, tmp_path, machine.PREFIX, *words)
        assert (tmp_path / "opt/slipway/theirs").exists()
        assert done.returncode == 64
        assert "is not ours" in done.stdout
