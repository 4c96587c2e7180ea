"""Containers and networks for tests: labelled, and always removed with the lab that started them."""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from signal import Signals
from types import TracebackType
from typing import Any, ClassVar, Self

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container
from docker.models.networks import Network
from docker.models.volumes import Volume
from docker.types import Mount, Ulimit

LABEL = "slipway.test"
PROFILE = Path(__file__).resolve().parents[2] / "docker" / "seccomp" / "profile.json"
HARDENED_USER = "12345:0"
WRITABLE = ("/tmp", "/run/slipway", "/var/lib/slipway")
POLL_SECONDS = 0.2


class StoppedEarly(AssertionError):
    """A container ended, or did not get ready, while a test still needed it."""


def wait_until(what: str, check: Callable[[], bool], seconds: float = 60) -> None:
    """Poll `check` until it is true; fail with `what` when `seconds` have passed."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain for: {what}")
        time.sleep(POLL_SECONDS)


@dataclass(frozen=True)
class Finished:
    """A container that ran to its end."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def output(self) -> str:
        return self.stdout + self.stderr


@dataclass(frozen=True)
class Executed:
    """A command that ran inside a container. Between its two streams there is no order."""

    code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return self.stdout + self.stderr


@dataclass(frozen=True)
class Spec:
    """How a container is started; the defaults are those of `docker run`. `image`: another than the lab's.

    `descriptors`: the soft and the hard limit of open files. `hosts`: names and addresses of its hosts file.
    """

    command: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    volumes: Mapping[str, str] = field(default_factory=dict)
    ports: Sequence[int] = ()
    network: str | None = None
    alias: str | None = None
    user: str | None = None
    entrypoint: Sequence[str] | None = None
    read_only: bool = False
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    cap_drop: Sequence[str] = ()
    security_opt: Sequence[str] = ()
    ipc: str | None = None
    memory: int | None = None
    descriptors: tuple[int, int] | None = None
    tty: bool = False
    workdir: str | None = None
    image: str | None = None
    hosts: Mapping[str, str] = field(default_factory=dict)


def hardened(writable: Sequence[str] = WRITABLE) -> dict[str, object]:
    """The switches of the hardened run, as keyword arguments of `Spec`."""
    return {
        "read_only": True,
        "cap_drop": ("ALL",),
        "security_opt": ("no-new-privileges",),
        "user": HARDENED_USER,
        "tmpfs": dict.fromkeys(writable, ""),
    }


def confined() -> dict[str, object]:
    """The same for a gateway, which the engine confines to what it may call, as it does itself."""
    profile = json.dumps(json.loads(PROFILE.read_text(encoding="utf-8")))
    return hardened() | {"security_opt": ("no-new-privileges", f"seccomp={profile}")}


class Box:
    """One container that a lab started."""

    def __init__(self, container: Container) -> None:
        self.container = container

    @property
    def name(self) -> str:
        return str(self.container.name)

    @property
    def image(self) -> str:
        """The image's name, as it was asked for."""
        config = self.attrs["Config"]
        assert isinstance(config, dict)
        return str(config["Image"])

    @property
    def attrs(self) -> dict[str, object]:
        self.container.reload()
        attrs: dict[str, object] = self.container.attrs
        return attrs

    @property
    def state(self) -> dict[str, object]:
        state = self.attrs["State"]
        assert isinstance(state, dict)
        return state

    @property
    def running(self) -> bool:
        return bool(self.state["Running"])

    @property
    def health(self) -> str:
        health = self.state.get("Health")
        return str(health["Status"]) if isinstance(health, dict) else "none"

    def port(self, inside: int) -> int:
        """The port of the host's loopback that leads to the port `inside`."""
        self.container.reload()
        published = self.container.ports.get(f"{inside}/tcp")
        if not published:
            raise StoppedEarly(f"port {inside} of {self.name} is not published; log:\n{self.logs()}")
        return int(published[0]["HostPort"])

    def logs(self, stdout: bool = True, stderr: bool = True) -> str:
        raw: bytes = self.container.logs(stdout=stdout, stderr=stderr)
        return raw.decode(errors="replace")

    def exec(self, command: Sequence[str], user: str = "") -> Executed:
        code, streams = self.container.exec_run(list(command), user=user, demux=True)
        assert code is not None
        assert isinstance(streams, tuple)
        stdout, stderr = ((stream or b"").decode(errors="replace") for stream in streams)
        return Executed(code, stdout, stderr)

    def python(self, code: str) -> str:
        """What `code` prints when the container's Python runs it; an exit code other than 0 fails the test."""
        done = self.exec(["python", "-c", code])
        assert done.code == 0, done.output
        return done.stdout

    def signal(self, name: str) -> None:
        """Send a signal to PID 1."""
        self.container.kill(signal=name)

    def kill(self, *pids: int, signal: Signals = Signals.SIGKILL) -> None:
        """Send a signal to processes inside, one right after the other."""
        self.python(f"import os; [os.kill(pid, {int(signal)}) for pid in {sorted(pids)}]")

    def wait(self, seconds: float = 120) -> int:
        """The exit code, once the container ends; fails when it does not end in `seconds`."""
        wait_until(f"the end of {self.name}", lambda: not self.running, seconds)
        code = self.state["ExitCode"]
        assert isinstance(code, int)
        return code

    def mounts(self) -> list[dict[str, object]]:
        """What is mounted from outside of the image."""
        mounts = self.attrs["Mounts"]
        assert isinstance(mounts, list)
        return mounts

    def networks(self) -> list[str]:
        """The networks it is in."""
        settings = self.attrs["NetworkSettings"]
        assert isinstance(settings, dict)
        return list(settings["Networks"])

    def address(self, network: str) -> str:
        """Its address in a network."""
        settings = self.attrs["NetworkSettings"]
        assert isinstance(settings, dict)
        return str(settings["Networks"][network]["IPAddress"])

    def changes(self) -> list[str]:
        """Paths that differ from the image, as `docker diff` lists them."""
        return [str(change["Path"]) for change in self.container.diff() or []]

    def lifetime(self) -> float:
        """Seconds from start to end, by the engine's own clock."""
        state = self.state
        return _instant(state["FinishedAt"]) - _instant(state["StartedAt"])

    def finished(self, seconds: float = 120) -> Finished:
        code = self.wait(seconds)
        return Finished(code, self.logs(stderr=False), self.logs(stdout=False), self.lifetime())


class Lab:
    """Starts containers of one image; leaving the context removes everything that it started.

    `parting`, when somebody wants it, is asked about each container before it is removed.
    """

    parting: ClassVar[Callable[[Box], None] | None] = None

    def __init__(self, client: docker.DockerClient, image: str) -> None:
        self.client = client
        self.image = image
        self.id = secrets.token_hex(4)
        self.boxes: list[Box] = []
        self._networks: list[Network] = []
        self._volumes: list[Volume] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for box in self.boxes:
            with contextlib.suppress(NotFound, APIError):
                if Lab.parting:
                    Lab.parting(box)
                box.container.remove(force=True, v=True)
        for network in self._networks:
            with contextlib.suppress(NotFound):
                network.remove()
        for volume in self._volumes:
            with contextlib.suppress(NotFound):
                volume.remove(force=True)

    def network(self, *, internal: bool = False) -> str:
        """A new bridge network without a way out; returns its name. An internal one has no published ports either."""
        name = f"slipway-test-{secrets.token_hex(4)}"
        # Packets leave with an address that nobody can answer.
        options = {"com.docker.network.bridge.enable_ip_masquerade": "false"}
        network = self.client.networks.create(name, internal=internal, options=options, labels={LABEL: self.id})
        self._networks.append(network)
        return str(network.name)

    def volume(self) -> str:
        """A new empty volume; returns its name."""
        volume = self.client.volumes.create(labels={LABEL: self.id})
        self._volumes.append(volume)
        return str(volume.name)

    def start(self, spec: Spec) -> Box:
        mounts = [
            Mount(target=target, source=str(source), type="bind", read_only=True)
            for target, source in spec.files.items()
        ]
        mounts += [
            Mount(target=target, source=source, type="volume", no_copy=True) for target, source in spec.volumes.items()
        ]
        # "none" and "container:NAME" are modes of the engine; anything else is a network of this lab.
        mode = spec.network if spec.network and (spec.network == "none" or ":" in spec.network) else None
        place: dict[str, Any] = {"network_mode": mode}
        if spec.network and not mode:
            endpoint = self.client.api.create_endpoint_config(aliases=[spec.alias] if spec.alias else None)
            place = {"network": spec.network, "networking_config": {spec.network: endpoint}}
        # No number: the engine picks a free port of the host.
        published: Any = {} if mode else {f"{port}/tcp": ("127.0.0.1", None) for port in spec.ports}
        container = self.client.containers.create(
            spec.image or self.image,
            command=list(spec.command),
            labels={LABEL: self.id},
            environment=dict(spec.env),
            mounts=mounts,
            ports=published,
            user=spec.user,
            entrypoint=list(spec.entrypoint) if spec.entrypoint is not None else None,
            read_only=spec.read_only,
            tmpfs=dict(spec.tmpfs),
            cap_drop=list(spec.cap_drop),
            security_opt=list(spec.security_opt),
            ipc_mode=spec.ipc,
            mem_limit=spec.memory,
            memswap_limit=spec.memory,
            ulimits=[Ulimit(name="nofile", soft=soft, hard=hard) for soft, hard in filter(None, [spec.descriptors])],
            tty=spec.tty,
            working_dir=spec.workdir,
            extra_hosts=dict(spec.hosts),
            **place,
        )
        box = Box(container)
        self.boxes.append(box)
        container.start()
        return box

    def once(self, spec: Spec, seconds: float = 120) -> Finished:
        """Run a container to its end."""
        return self.start(spec).finished(seconds)


def _instant(value: object) -> float:
    # The engine writes nanoseconds, which fromisoformat does not read.
    text = str(value).removesuffix("Z")
    whole, _, fraction = text.partition(".")
    return datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction or 0}")
