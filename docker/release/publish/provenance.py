"""How an image came to be, in SLSA's form: the commit, the locks, and who built it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from archive import sha256_of

ROOT: Final = Path(__file__).resolve().parents[3]
LOCKS: Final = ("docker/base/*.lock", "requirements/*.txt", "docker/prisma/*/package-lock.json")


def predicate(version: str, target: str, platform: str, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The predicate for one image of a release; the source is the commit that is checked out."""
    commit = _git("rev-parse", "HEAD")
    source = f"git+{_source(environment)}"
    locks = sorted(path for pattern in LOCKS for path in ROOT.glob(pattern))
    return {
        "buildDefinition": {
            # What `make release-build` does is in its own source, at the commit below.
            "buildType": f"{_source(environment)}/docs/decisions/0025-releases.md",
            "externalParameters": {"version": version, "target": target, "platform": platform},
            "internalParameters": {},
            "resolvedDependencies": [
                {"uri": source, "digest": {"gitCommit": commit}},
                *(
                    {"uri": f"{source}#{path.relative_to(ROOT).as_posix()}", "digest": {"sha256": sha256_of(path)}}
                    for path in locks
                ),
            ],
        },
        "runDetails": {"builder": {"id": _builder(environment)}, "metadata": _run(environment)},
    }


def _source(environment: Mapping[str, str]) -> str:
    if "GITHUB_REPOSITORY" in environment:
        return f"{environment['GITHUB_SERVER_URL']}/{environment['GITHUB_REPOSITORY']}"
    return "urn:slipway:source"


def _builder(environment: Mapping[str, str]) -> str:
    if "GITHUB_WORKFLOW_REF" in environment:
        return f"{environment['GITHUB_SERVER_URL']}/{environment['GITHUB_WORKFLOW_REF']}"
    return "urn:slipway:by-hand"


def _run(environment: Mapping[str, str]) -> dict[str, str]:
    if "GITHUB_RUN_ID" not in environment:
        return {}
    run, attempt = environment["GITHUB_RUN_ID"], environment.get("GITHUB_RUN_ATTEMPT", "1")
    return {"invocationId": f"{_source(environment)}/actions/runs/{run}/attempts/{attempt}"}


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *words], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()
