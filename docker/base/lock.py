"""Resolve the wanted packages against the mirror and write a lock file for each target (``make lock``)."""

from __future__ import annotations

import email.utils
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mirrors import Mirrors, discover
from packages import ARCHITECTURES, HERE, TARGETS, BaseError, Lock, Package, load_lock, wanted

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SEARCH_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_INST = re.compile(r"^Inst (?P<name>[^\s:]+)(?::\S+)? (?:\[\S+\] )?\((?P<version>\S+) ", re.MULTILINE)


class Resolver:
    """apt with an empty system of its own: nothing installed, one architecture, the suites of one release."""

    def __init__(self, root: Path, mirrors: Mirrors, suites: tuple[str, ...], architecture: str) -> None:
        self._suites = suites
        self._architecture = architecture
        self._lists = root / "lists"
        for folder in (
            "lists/partial",
            "cache/archives/partial",
            "etc/apt.conf.d",
            "etc/preferences.d",
            "etc/trusted.gpg.d",
        ):
            (root / folder).mkdir(parents=True)
        (root / "status").touch()
        sources = root / "etc" / "sources.list"
        lines = []
        for suite in suites:
            mirror = mirrors.security if suite.endswith("-security") else mirrors.main
            lines.append(f"deb [signed-by={KEYRING}] {mirror} {suite} main\n")
        sources.write_text("".join(lines), encoding="utf-8")
        self._config = root / "apt.conf"
        # apt would count itself as essential, and its own download user could not read the temporary folder.
        self._config.write_text(
            f"""Dir::Etc "{root}/etc"; Dir::Etc::sourcelist "{sources}"; Dir::Etc::sourceparts "-";
Dir::State "{root}"; Dir::State::lists "{root}/lists"; Dir::State::status "{root}/status"; Dir::Cache "{root}/cache";
APT::Architecture "{architecture}"; APT::Architectures {{ "{architecture}"; }}; APT::Install-Recommends "false";
APT::Sandbox::User "root"; pkgCacheGen::ForceEssential ","; Acquire::Languages "none"; Acquire::Retries "3";
""",
            encoding="utf-8",
        )

    def _run(self, *command: str) -> str:
        environment = {"APT_CONFIG": str(self._config), "PATH": SEARCH_PATH, "LC_ALL": "C", **_proxies()}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BaseError(
                f"{' '.join(command[:2])} failed for {self._architecture}",
                done.stderr.strip() or f"exit code {done.returncode}",
                "check the names in docker/base/*.txt and that DEBIAN_MIRROR has the suites " + ", ".join(self._suites),
            )
        return done.stdout

    def update(self) -> int:
        """Fetch the signed indexes; returns the time (seconds since 1970) of the newest."""
        self._run("apt-get", "update", "-q", "--error-on=any")
        dates = [
            email.utils.parsedate_to_datetime(match[1].replace("UTC", "+0000"))
            for file in self._lists.glob("*InRelease")
            if (match := re.search(r"(?m)^Date: (.+)$", file.read_text(encoding="utf-8")))
        ]
        return int(max(dates).timestamp())

    def resolve(self, names: list[str]) -> list[Package]:
        """The named packages, the essential ones, and all they depend on."""
        simulated = self._run("apt-get", "install", "--simulate", "-q", "?essential", *names)
        chosen = [f"{match['name']}={match['version']}" for match in _INST.finditer(simulated)]
        shown = self._run("apt-cache", "show", "--no-all-versions", *sorted(chosen))
        return [_package(stanza) for stanza in shown.strip().split("\n\n")]


def _proxies() -> dict[str, str]:
    return {
        name: value for name, value in os.environ.items() if name.lower() in ("http_proxy", "https_proxy", "no_proxy")
    }


def _package(stanza: str) -> Package:
    fields = dict(re.findall(r"(?m)^([A-Za-z0-9-]+): (.*)$", stanza))
    return Package(*(fields[key] for key in ("Package", "Version", "Architecture", "SHA256", "Filename")))


def write_locks() -> None:
    """Renew every lock file. Raises BaseError when apt is missing or a package does not resolve."""
    if not shutil.which("apt-get"):
        raise BaseError(
            "the lists cannot be locked here", "apt-get is not installed", "run make lock on Debian or Ubuntu"
        )
    if not KEYRING.exists():
        raise BaseError(
            "the mirror cannot be trusted", "Debian's keys are missing", "apt-get install debian-archive-keyring"
        )
    mirrors = discover()
    epoch = 0
    sets: dict[str, set[Package]] = {name: set() for name in TARGETS}
    for suites in {target.suites for target in TARGETS.values()}:
        for architecture in ARCHITECTURES:
            with tempfile.TemporaryDirectory(prefix="slipway-lock-") as folder:
                resolver = Resolver(Path(folder), mirrors, suites, architecture)
                epoch = max(epoch, resolver.update())
                for name, target in TARGETS.items():
                    if target.suites == suites:
                        sets[name].update(resolver.resolve(wanted(name)[0]))
    for name, packages in sets.items():
        path = HERE / f"{name}.lock"
        new = tuple(sorted(packages))
        if path.exists() and load_lock(name).packages == new:
            print(f"{path.name}: unchanged", file=sys.stderr)  # with its epoch, so that its image stays the same
            continue
        path.write_text(Lock(epoch, new).text(), encoding="utf-8")
        print(f"{path.name}: {len(packages)} packages", file=sys.stderr)


if __name__ == "__main__":
    try:
        write_locks()
    except BaseError as problem:
        sys.exit(f"lock: {problem}")
