"""A machine with Debian 13's systemd as its first process, in a container."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from docker.errors import ImageNotFound

from tests.support.lab import LABEL, Box, Executed, Lab, wait_until

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "slipway-systemd:latest"
PREFIX = "/opt/slipway"
SECONDS = 300
# A hierarchy of control groups of its own, as a machine has: the engine's is read-only, or everybody's. Credentials are
# mounts that all have to see.
BOOT = """
set -e
# The engine has made the network; nobody here could say that it is up.
ln -s /dev/null /etc/systemd/system/systemd-networkd-wait-online.service
mount --make-rshared /
umount -R /sys/fs/cgroup
mount -o remount,rw /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /sys/fs/cgroup/machine-$HOSTNAME
echo 1 > /sys/fs/cgroup/machine-$HOSTNAME/cgroup.procs
umount /sys/fs/cgroup
exec unshare --cgroup sh -ec 'mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec env container=docker /lib/systemd/systemd'
"""


@dataclass(frozen=True)
class Machine:
    box: Box
    name: str
    folder: Path

    def shell(self, text: str, **variables: str) -> Executed:
        """Run commands as root would type them."""
        given = " ".join(f"export {name}={shlex.quote(value)};" for name, value in variables.items())
        return self.box.exec(["sh", "-c", f"{given} set -e; {text}"])

    def must(self, text: str, **variables: str) -> str:
        """What commands print that have to succeed."""
        done = self.shell(text, **variables)
        assert done.code == 0, f"{text}\n{done.output}\n{self.journal()}"
        return done.stdout

    def journal(self) -> str:
        return self.box.exec(["journalctl", "--no-pager", "--unit", "slipway", "--lines", "200"]).output

    def show(self, name: str) -> str:
        """A property of the unit."""
        return self.must(f"systemctl show --property {name} --value slipway").strip()

    def clients(self) -> str:
        """Where requests from the host come from: its end of the network."""
        settings: Any = self.box.attrs["NetworkSettings"]
        (network,) = settings["Networks"].values()
        return str(network["Gateway"])

    def end(self) -> None:
        """Remove it, and the control groups that the engine does not know of."""
        self.box.container.remove(force=True)
        for root in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")):
            for group in sorted((root / f"machine-{self.name}").rglob("*/"), reverse=True):
                group.rmdir()
            if (root / f"machine-{self.name}").is_dir():
                (root / f"machine-{self.name}").rmdir()

    def pids(self) -> list[int]:
        """The processes of the unit."""
        group = self.show("ControlGroup")
        return [int(pid) for pid in self.must(f"cat /sys/fs/cgroup{group}/cgroup.procs").split()]

    def python(self, code: str) -> str:
        """What `code` prints when the machine's Python runs it, with the unit's processes as arguments."""
        pids = [str(pid) for pid in self.pids()]
        done = self.box.exec(["python3", "-c", code, *pids])
        assert done.code == 0, done.output
        return done.stdout

    def write(self, name: str, text: str, mode: int = 0o644) -> None:
        """A file of /etc/slipway."""
        path = self.folder / "etc" / "slipway" / name
        path.write_text(text)
        path.chmod(mode)


def install(image: str, folder: Path, prefix: str = PREFIX, *words: str) -> subprocess.CompletedProcess[str]:
    """`make install` without its build, packed into a folder."""
    return subprocess.run(
        ["sh", "docker/systemd/install.sh", *words, prefix], cwd=ROOT, check=False, text=True,
        env={**os.environ, "DESTDIR": str(folder), "TAG": image.partition(":")[2]},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def start(lab: Lab, network: str, folder: Path) -> Machine:
    """Start a machine whose /opt/slipway and /etc/slipway are those of a folder."""
    try:
        lab.client.images.get(IMAGE)
    except ImageNotFound:
        pytest.fail(f"the image {IMAGE} does not exist: sh docker/build.sh systemd", pytrace=False)
    # No number: the engine picks a free port of the host.
    published: Any = {f"{port}/tcp": ("127.0.0.1", None) for port in (4000, 4001)}
    container = lab.client.containers.create(
        IMAGE,
        entrypoint=["sh", "-c", BOOT],
        hostname=lab.id,
        labels={LABEL: lab.id},
        network=network,
        # All that this machine has; CAP_SYS_RESOURCE may not be among it.
        cap_add=["ALL"],
        cap_drop=["SYS_RESOURCE"],
        security_opt=["seccomp=unconfined", "apparmor=unconfined"],
        tmpfs=dict.fromkeys(("/run", "/run/lock", "/tmp"), ""),
        volumes={
            str(folder / name): {"bind": f"/{name}", "mode": "rw"} for name in (PREFIX.removeprefix("/"), "etc/slipway")
        },
        ports=published,
    )
    box = Box(container)
    lab.boxes.append(box)
    container.start()
    machine = Machine(box, lab.id, folder)

    def booted() -> bool:
        assert box.running, box.logs()
        return box.exec(["systemctl", "is-active", "multi-user.target"]).code == 0

    wait_until(f"systemd; its log: {box.logs()}", booted, 60)
    return machine
