"""Runs inside an image of the proxy, from standard input: what we rely on of its LiteLLM, as JSON.

The image's own build has read variables, keys of the config and hosts (docker/python/known), and what was left out.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

# A command of Prisma is a list of words with one of these in it.
VERBS = {"migrate", "db"}
# What a migration takes away or rewrites.
DESTRUCTIVE = re.compile(
    r"(?i)\b(DROP\s+(TABLE|COLUMN|TYPE)|TRUNCATE|DELETE\s+FROM|ALTER\s+COLUMN\s+\S+\s+(SET\s+DATA\s+)?TYPE)\b"
)


def packages() -> Path:
    """Return where the image's packages are."""
    return next(Path("/opt/slipway/venv/lib").glob("python3.*")) / "site-packages"


def commands() -> Iterator[str]:
    """Yield the command lines of Prisma that LiteLLM starts, by the syntax tree; what is no constant is an ellipsis."""
    place = packages()
    folders = (place / "litellm_proxy_extras", place / "litellm" / "proxy" / "db")
    files = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    for file in [*files, place / "litellm" / "proxy" / "proxy_cli.py"]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.List):
                words = [each.value if isinstance(each, ast.Constant) else "..." for each in node.elts]
                if len(words) > 2 and words[1] in VERBS:
                    yield " ".join(map(str, words[1:]))


def flags() -> dict[str, str]:
    """Return the flags of LiteLLM's own command, each with its default and its variable."""
    sys.argv = ["litellm"]
    from litellm.proxy.proxy_cli import run_server

    command: Any = run_server
    return {
        max(each.opts, key=len): f"default {each.default!r}" + (f", variable {each.envvar}" if each.envvar else "")
        for each in command.params
        if each.opts[0].startswith("-")
    }


def migrations() -> dict[str, bool]:
    """Return the migrations, each with whether it takes something away."""
    files = sorted((packages() / "litellm_proxy_extras" / "migrations").glob("*/migration.sql"))
    return {file.parent.name: bool(DESTRUCTIVE.search(file.read_text(encoding="utf-8"))) for file in files}


def changes() -> dict[str, str]:
    """Return our patches and fast paths: nothing for one that holds, else why it was left out of this image."""
    sys.path.append("/opt/slipway/app")
    from slipway import left_out
    from slipway.patches import PATCHES
    from slipway.runtime.changes import IN_PROCESS

    missing = left_out.load()
    return {change.name: missing.get(change.name, "") for change in (*PATCHES, *IN_PROCESS)}


def main() -> None:
    """Print everything."""
    known = json.loads(Path("/opt/slipway/known.json").read_text(encoding="utf-8"))
    hosts = json.loads(Path("/opt/slipway/hosts.json").read_text(encoding="utf-8"))
    found = {
        "litellm": version("litellm"),
        "changes": changes(),
        "variables": known["variables"],
        "keys": {path: sorted(keys) for path, keys in known["sections"].items()},
        "callbacks": known["callbacks"],
        "hosts": sorted(set(re.findall(r"[a-z0-9*{}.-]+\.[a-z]{2,}", json.dumps(hosts)))),
        "flags": flags(),
        "commands": sorted(set(commands())),
        "migrations": migrations(),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
