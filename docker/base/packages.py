"""The lists of Debian packages: what is wanted (``*.txt``) and what was resolved (``*.lock``)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
ARCHITECTURES = ("amd64", "arm64")

_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SECURITY_POOL = "pool/updates/"


@dataclass(frozen=True)
class Target:
    """A root file system: the name of its image, the lists it installs, and the Debian release they come from.

    ``programs`` lists the programs that stay; without it all do.
    """

    image: str
    lists: tuple[str, ...]
    suite: str = "trixie"
    programs: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """What decides its content, besides the lock and the scripts."""
        return (*self.lists, self.programs) if self.programs else self.lists

    @property
    def suites(self) -> tuple[str, ...]:
        """The release with its updates and its security fixes."""
        return (self.suite, f"{self.suite}-updates", f"{self.suite}-security")


TARGETS = {
    # What an image stands on: without and with Node.
    "runtime": Target("slipway-base", ("runtime.txt",), programs="programs.txt"),
    "full": Target("slipway-base-full", ("runtime.txt", "node.txt"), programs="programs.txt"),
    # The runtime and more, so that a build stage sees the same libraries.
    "tools": Target("slipway-tools", ("runtime.txt", "tools.txt")),
    # The database of the quickstart and the tests, in the release that has this version.
    "postgres-17": Target("slipway-postgres-base-17", ("postgres.txt", "postgres-17.txt")),
    "postgres-15": Target("slipway-postgres-base-15", ("postgres.txt", "postgres-15.txt"), "bookworm"),
    # A pooler in front of it, for the tests.
    "pgbouncer": Target("slipway-pgbouncer-base", ("pgbouncer.txt",)),
    # What replicas share their limits through.
    "redis": Target("slipway-redis-base", ("redis.txt",)),
    # A load balancer in front of gateways, and what lets them out.
    "haproxy": Target("slipway-haproxy-base", ("haproxy.txt",)),
    # A registry, for the tests of releases.
    "registry": Target("slipway-registry-base", ("registry.txt",)),
    # A machine with systemd, for the tests.
    "systemd": Target("slipway-systemd-base", ("systemd.txt",)),
    # What scrapes them.
    "prometheus": Target("slipway-prometheus-base", ("prometheus.txt",)),
}


class BaseError(Exception):
    """Something a person has to mend: ``what`` happened, ``why``, and the ``fix``."""

    def __init__(self, what: str, why: str, fix: str) -> None:
        super().__init__(f"{what}\n  why: {why}\n  fix: {fix}")


@dataclass(frozen=True, order=True)
class Package:
    """One locked Debian package; ``path`` is relative to the mirror it comes from."""

    name: str
    version: str
    architecture: str
    sha256: str
    path: str

    @property
    def from_security(self) -> bool:
        """Whether it lies in the security archive, whose pool has a folder of its own."""
        return self.path.startswith(_SECURITY_POOL)

    def line(self) -> str:
        """The package as one line of a lock file."""
        return f"{self.name} {self.version} {self.architecture} {self.sha256} {self.path}"


@dataclass(frozen=True)
class Lock:
    """A resolved set. ``epoch`` (seconds since 1970) is the newest time stamp a file built from it may carry."""

    epoch: int
    packages: tuple[Package, ...] = field(default=())

    def for_architecture(self, architecture: str) -> list[Package]:
        """The packages a machine of this architecture installs. Raises BaseError when there are none of its own."""
        if not any(package.architecture == architecture for package in self.packages):
            raise BaseError(
                f"no package is locked for the architecture {architecture}",
                f"the lock knows {', '.join(ARCHITECTURES)}",
                "add it to ARCHITECTURES in docker/base/packages.py and run: make lock",
            )
        return [package for package in self.packages if package.architecture in (architecture, "all")]

    def text(self) -> str:
        """The lock file's content, sorted, so that equal sets are equal files."""
        head = "# Written by docker/base/lock.py (make lock). name version architecture sha256 path\n"
        return f"{head}# epoch: {self.epoch}\n" + "".join(f"{package.line()}\n" for package in sorted(self.packages))


def parse_lock(text: str, where: str) -> Lock:
    """Read a lock file's text. ``where`` names it in errors. Raises BaseError on any line that is not understood."""

    def broken(number: int, why: str) -> BaseError:
        return BaseError(f"{where} line {number} cannot be used", why, "renew it: make lock")

    epoch: int | None = None
    packages: dict[tuple[str, str], Package] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line.startswith("# epoch:"):
            value = line.partition(":")[2].strip()
            if not value.isdecimal():
                raise broken(number, "the epoch is not a whole number of seconds")
            epoch = int(value)
            continue
        if not line or line.startswith("#"):
            continue
        parts = line.split()
        if len(parts) != 5:
            raise broken(number, "it does not hold: name version architecture sha256 path")
        package = Package(*parts)
        if not _NAME.fullmatch(package.name):
            raise broken(number, "the name is not a Debian package name")
        if not _SHA256.fullmatch(package.sha256):
            raise broken(number, "the hash is not 64 lower-case hexadecimal digits")
        if not package.path.startswith("pool/") or ".." in package.path or not package.path.endswith(".deb"):
            raise broken(number, "the path is not a .deb below pool/")
        if (package.name, package.architecture) in packages:
            raise broken(number, f"{package.name} is listed twice")
        packages[package.name, package.architecture] = package
    if epoch is None:
        raise BaseError(f"{where} cannot be used", "it has no '# epoch:' line", "renew it: make lock")
    return Lock(epoch, tuple(sorted(packages.values())))


def load_lock(target: str) -> Lock:
    """The lock of a target. Raises BaseError when it is missing or broken."""
    path = HERE / f"{target}.lock"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BaseError(f"{path.name} cannot be read", error.strerror or "unknown", "write it: make lock") from error
    return parse_lock(text, path.name)


def parse_wanted(text: str) -> tuple[list[str], list[str]]:
    """Read a ``*.txt`` list: the packages to install, and those (after a minus) to remove when all is configured."""
    install: list[str] = []
    remove: list[str] = []
    for raw in text.splitlines():
        name = raw.partition("#")[0].strip()
        if name.startswith("-"):
            remove.append(name[1:])
        elif name:
            install.append(name)
    return install, remove


def wanted(target: str) -> tuple[list[str], list[str]]:
    """What a target installs and removes, over all its lists."""
    install: list[str] = []
    remove: list[str] = []
    for name in TARGETS[target].lists:
        more, less = parse_wanted((HERE / name).read_text(encoding="utf-8"))
        install += more
        remove += less
    return install, remove
