#!/usr/bin/env python3
"""Add hash-locked Python packages for hooks and callbacks, in a Dockerfile of your own.

    FROM slipway:TAG-builder AS packages
    COPY requirements.txt .
    RUN slipway-add requirements.txt
    FROM slipway:TAG
    COPY --from=packages /etc/slipway/site /etc/slipway/site

The file must hold hashes, and every dependency that the image does not have (uv pip compile --generate-hashes). A
package that the image has in the same version is left out; in another version it is refused, because the image's own
comes first on the path and yours would never be imported.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import Distribution, distributions
from pathlib import Path

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


def main() -> int:
    """Install, compare with the image, compile."""
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        return 0 if "--help" in sys.argv else 64
    if not Path(sys.argv[1]).is_file():
        return fail("the requirements file does not exist.", "COPY it into the build stage first.")
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
        shutil.rmtree(new / "bin", ignore_errors=True)
        SITE.mkdir(parents=True, exist_ok=True)
        shutil.copytree(new, SITE, dirs_exist_ok=True)
    compile_all = [sys.executable, "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash", str(SITE)]
    return subprocess.run(compile_all, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
