"""Build the base root file system from its lock and load it into the container engine; prints the image's tag.

Usage: rootfs.py TARGET [--engine COMMAND] [--architecture NAME] [--tar FILE]
"""

from __future__ import annotations

import argparse
import concurrent.futures
import hashlib
import http.client
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from archive import Image, Layer, sha256_of, timestamp, write_archive
from mirrors import Mirrors, discover
from packages import HERE, TARGETS, BaseError, Lock, Package, load_lock, wanted

MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
# What decides the bytes of the result besides the lock.
SCRIPTS = ("finish.sh", "rootfs.py", "archive.py")
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TRIES = 4
TIMEOUT_SECONDS = 60


def tag_of(target: str, architecture: str) -> str:
    """The image's name: a hash over everything that goes into it, so that equal input is never built twice."""
    digest = hashlib.sha256(architecture.encode())
    for name in (f"{target}.lock", *TARGETS[target].files, *SCRIPTS):
        digest.update((HERE / name).read_bytes())
    return f"{TARGETS[target].image}:{digest.hexdigest()[:12]}"


def cache_folder() -> Path:
    """Where fetched packages are kept between builds, each named by its hash."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "slipway" / "debs"


def fetch(package: Package, mirrors: Mirrors, cache: Path) -> Path:
    """The package's file in the cache, fetched when it is not there. Raises BaseError when it cannot be had."""
    path = cache / f"{package.sha256}.deb"
    if path.exists() and sha256_of(path) == package.sha256:
        return path
    url = f"{mirrors.security if package.from_security else mirrors.main}/{package.path}"
    why, fix = "", "check the network, or set DEBIAN_MIRROR (and DEBIAN_SECURITY_MIRROR) to a mirror that answers"
    for attempt in range(TRIES):
        if attempt:
            time.sleep(2.0**attempt / 2)  # a mirror that is busy gets a pause, not a hammer
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            why = f"the mirror answered {error.code}"
            if error.code in (403, 404, 410):
                fix = (
                    "a mirror drops a package when a newer one replaces it; renew the lock: make lock "
                    "(or set DEBIAN_MIRROR to a snapshot that still has it)"
                )
                break
        except (OSError, http.client.HTTPException) as error:
            why = str(error)
        else:
            if hashlib.sha256(content).hexdigest() == package.sha256:
                _store(path, content)
                return path
            why = "what the mirror sent has another hash than the lock"
            fix = "use another mirror (DEBIAN_MIRROR); if its signed index agrees with it, renew the lock: make lock"
    raise BaseError(
        f"the locked package {package.name} {package.version} ({package.architecture}) cannot be fetched",
        f"{why}: {package.path}",
        fix,
    )


def _store(path: Path, content: bytes) -> None:
    # Several builds may share the cache: the file appears whole or not at all.
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    os.replace(file.name, path)


def fetch_all(packages: list[Package], mirrors: Mirrors) -> list[Path]:
    """Every package's file, in the order asked for."""
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda package: fetch(package, mirrors, cache), packages))


def write_repository(folder: Path, packages: list[Package], files: list[Path]) -> None:
    """A flat repository with exactly the locked packages, so that the installer has no other choice."""
    index = []
    for package, file in zip(packages, files, strict=True):
        name = f"{package.name}_{package.architecture}.deb"
        shutil.copyfile(file, folder / name)
        control = subprocess.run(
            ["dpkg-deb", "--field", str(file)], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
        size = file.stat().st_size
        index.append(f"{control.rstrip()}\nFilename: ./{name}\nSize: {size}\nSHA256: {package.sha256}\n")
    (folder / "Packages").write_text("\n".join(index), encoding="utf-8")


def need_tools() -> None:
    """Make sure that mmdebstrap is here; as root on Debian or Ubuntu it is installed. Raises BaseError otherwise."""
    if shutil.which("mmdebstrap"):
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        print("rootfs: installing mmdebstrap", file=sys.stderr)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-q", "-y", "mmdebstrap"]):
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, env=environment, check=False)
        if shutil.which("mmdebstrap"):
            return
    raise BaseError(
        "the base root file system cannot be built here",
        "mmdebstrap is not installed",
        "sudo apt-get install mmdebstrap (Debian, Ubuntu), or build from a registry's base: docker build .",
    )


def build(target: str, lock: Lock, architecture: str, tar: Path) -> None:
    """Write the root file system of a target as a tar file. Raises BaseError when the result is not the lock's."""
    need_tools()
    packages = lock.for_architecture(architecture)
    files = fetch_all(packages, discover())
    with tempfile.TemporaryDirectory(prefix="slipway-rootfs-") as name:
        work = Path(name)
        work.chmod(0o755)  # without root, mmdebstrap reads it as another user
        write_repository(work, packages, files)
        installed = work / "installed"
        scripts = work / "scripts"
        scripts.mkdir()
        removals = scripts / "packages.txt"
        removals.write_text("".join(f"-{package}\n" for package in wanted(target)[1]), encoding="utf-8")
        shutil.copy(HERE / "finish.sh", scripts)
        if programs := TARGETS[target].programs:
            shutil.copy(HERE / programs, scripts / "programs.txt")
        inside = "/run/slipway-base"
        query = "dpkg-query --admindir=\"$1/var/lib/dpkg\" -W -f '${Package} ${Version} ${Architecture}\\n'"
        command = [
            "mmdebstrap", "--variant=custom", f"--architectures={architecture}", "--components=main",
            f"--include={','.join(package.name for package in packages)}",
            # finish.sh removes everything of apt, which these two steps would look for.
            "--skip=cleanup/apt", "--skip=cleanup/mmdebstrap",
            "--skip=output/dev",  # the engine makes the device nodes
            f"--customize-hook={query} >{shlex.quote(str(installed))}",
            f"--customize-hook=mkdir -p \"$1{inside}\" && cp {shlex.quote(str(scripts))}/* \"$1{inside}\"",
            f"--customize-hook=chroot \"$1\" sh {inside}/finish.sh {inside}/packages.txt",
            "--format=tar", TARGETS[target].suite, str(tar), f"deb [trusted=yes] copy://{work} ./",
        ]  # fmt: skip
        environment = {
            "PATH": f"{os.environ.get('PATH', '')}:{SEARCH_PATH}", "LC_ALL": "C.UTF-8", "HOME": str(work),
            "SOURCE_DATE_EPOCH": str(lock.epoch),
        }  # fmt: skip
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, env=environment, umask=0o022, check=False,
        )  # fmt: skip
        if done.returncode:
            tail = "\n".join(done.stdout.strip().splitlines()[-25:])
            raise BaseError(
                f"mmdebstrap ended with code {done.returncode}", tail, "mend what it names, then run make again"
            )
        expect_exactly(packages, installed.read_text(encoding="utf-8"))


def expect_exactly(packages: list[Package], installed: str) -> None:
    """Compare ``dpkg-query`` lines (name version architecture) with the lock. Raises BaseError with the difference."""
    found = set(installed.split("\n")) - {""}
    locked = {f"{package.name} {package.version} {package.architecture}" for package in packages}
    if found != locked:
        raise BaseError(
            "the installed packages are not those of the lock",
            f"missing: {sorted(locked - found)}; extra: {sorted(found - locked)}",
            "renew the lock: make lock",
        )


def load(engine: list[str], tar: Path, tag: str, architecture: str, epoch: int) -> None:
    """Load the root file system as an image of one layer, whose id depends on its bytes alone."""
    digest = sha256_of(tar)
    created = timestamp(epoch)
    config = {
        "architecture": architecture, "os": "linux", "created": created,
        "config": {"Env": [f"PATH={SEARCH_PATH}"], "Cmd": ["bash"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created": created, "created_by": "docker/base/rootfs.py"}],
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="slipway-load-") as folder:
        archive = Path(folder) / "image.tar"
        write_archive(archive, [Image(config, (Layer(tar, digest),), (tag,))])
        done = subprocess.run([*engine, "load", "-i", str(archive)], capture_output=True, text=True, check=False)
    if done.returncode:
        why = done.stderr.strip() or f"exit code {done.returncode}"
        raise BaseError(
            f"the engine did not load {tag}", why, "check that the engine has room and answers, then run make again"
        )


def main(arguments: list[str]) -> None:
    """Build and load what is missing; print the tag."""
    parser = argparse.ArgumentParser(description="Build the base root file system from its lock; print its image tag.")
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--engine", default="docker", help="the container engine's command (default: docker)")
    parser.add_argument("--tar", type=Path, help="write the root file system to this file instead of loading it")
    parser.add_argument(
        "--architecture", default=MACHINES.get(platform.machine().lower(), platform.machine()),
        help="Debian's name of the processor (default: this machine's); another one needs docker/base/emulation.sh",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    architecture: str = options.architecture
    lock = load_lock(options.target)
    if options.tar:
        build(options.target, lock, architecture, options.tar)
        print(sha256_of(options.tar))
        return
    engine = shlex.split(options.engine)
    tag = tag_of(options.target, architecture)
    known = subprocess.run(
        [*engine, "image", "inspect", tag], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    if known.returncode:
        print(f"rootfs: building {tag}", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="slipway-tar-") as folder:
            tar = Path(folder) / "rootfs.tar"
            build(options.target, lock, architecture, tar)
            print(f"rootfs: {tag} is {tar.stat().st_size / 1e6:.1f} MB, sha256 {sha256_of(tar)}", file=sys.stderr)
            load(engine, tar, tag, architecture, lock.epoch)
    print(tag)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BaseError as problem:
        sys.exit(f"rootfs: {problem}")
