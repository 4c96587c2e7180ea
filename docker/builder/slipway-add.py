#!/usr/bin/env python3
"""Add hash-locked Python packages for hooks and callbacks, in a Dockerfile of your own.

    FROM slipway:TAG-builder AS packages
    COPY requirements.txt .
    RUN slipway-add requirements.txt
    FROM slipway:TAG
    COPY --from=packages /etc/slipway/site /etc/slipway/site

The file must hold hashes, and every dependency that the image does not have (uv pip compile --generate-hashes). A
package that the image has in the same version is left out; in another version it is refused, because the image's own
comes first on the path and yours would never be imported. A release that is known to be bad is refused before it is
downloaded. Programs are left out, and files that Python runs by itself in site-packages, where this is not.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path

from slipway.integrity import known_bad, records, startup_files
from slipway.integrity.known_bad import Bad

VENV = Path("/opt/slipway/venv")
SITE = Path("/etc/slipway/site")
CA = Path("/run/secrets/ca")


def installed(folder: Path) -> dict[str, Distribution]:
    """Return the packages in ``folder`` by normalized name."""
    return {re.sub(r"[-_.]+", "-", item.name).lower(): item for item in distributions(path=[str(folder)])}


def remove(package: Distribution) -> None:
    """Delete a package's files and the folders they leave empty."""
    files = [Path(str(package.locate_file(file))) for file in package.files or []]
    for file in files:
        file.unlink(missing_ok=True)
    for folder in sorted({file.parent for file in files}, key=lambda path: -len(path.parts)):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def fail(what: str, fix: str) -> int:
    """Print an error and return the exit code of an invalid setting."""
    print(f"slipway-add: error: {what}\nslipway-add:   fix: {fix}", file=sys.stderr)
    return 65


def refuse_bad(releases: Iterable[tuple[str, str, Bad]]) -> int:
    """Return the exit code of a release that must never run, 0 when there is none."""
    for name, version, bad in releases:
        return fail(f"{name} {version} must never run: it {bad.reason} ({bad.source}).", "Lock another release.")
    return 0


def leave_out(new: Path) -> None:
    """Delete programs, and what Python would run by itself in site-packages: elsewhere it has no effect."""
    shutil.rmtree(new / "bin", ignore_errors=True)
    for path in sorted(new.iterdir()):
        if startup_files.is_one(path.name):
            print(f"slipway-add: {path.name} is left out: it has no effect in {SITE}", file=sys.stderr)
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def compile_all(new: Path) -> int:
    """Compile for the place where the packages will be, never to be compared with the source; return 0 on success."""
    command = [sys.executable, "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    return subprocess.run([*command, "-s", str(new), "-p", str(SITE), str(new)], check=False).returncode


def main() -> int:
    """Install, compare with the image, compile."""
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        return 0 if "--help" in sys.argv else 64
    if not Path(sys.argv[1]).is_file():
        return fail("the requirements file does not exist.", "COPY it into the build stage first.")
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    if code := refuse_bad(known_bad.locked(text)):
        return code
    environment = {**os.environ, "UV_LINK_MODE": "copy", "UV_NO_CONFIG": "1"}
    if CA.exists():
        environment["SSL_CERT_FILE"] = str(CA)
    with tempfile.TemporaryDirectory() as scratch:
        new = Path(scratch)
        command = ["uv", "pip", "install", "--quiet", "--python", str(VENV / "bin/python"), "--target", str(new)]
        command += ["--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", sys.argv[1]]
        if subprocess.run(command, env=environment, check=False).returncode:
            return fail(
                "the packages could not be installed; uv says why above.", "Lock them with hashes, for Python 3.13."
            )
        if code := refuse_bad(known_bad.installed(new)):
            return code
        if changed := [item.path for item in records.verify(new, float("inf")).differences if item.kind == "modified"]:
            return fail(f"{changed[0]} is not what its package's RECORD says.", "Report it to the package's authors.")
        ours = installed(next((VENV / "lib").glob("python3.*")) / "site-packages")
        for name, package in installed(new).items():
            if name not in ours:
                continue
            if ours[name].version != package.version:
                return fail(
                    f"{name} {package.version} is asked for and the image has {ours[name].version}.",
                    f"Lock {name}=={ours[name].version}, or leave it out.",
                )
            remove(package)
        leave_out(new)
        failed = compile_all(new)
        # RECORDs say what is there now, with the bytecode and without what was left out; `check` compares.
        try:
            records.renew(new, lambda difference: "by slipway-add")
        except ValueError as problem:
            return fail(f"a file belongs to no package: {problem}.", "Report it to the package's authors.")
        SITE.mkdir(parents=True, exist_ok=True)
        shutil.copytree(new, SITE, dirs_exist_ok=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
