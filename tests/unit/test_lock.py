"""requirements/lock.sh: what it asks uv for. uv is a script here that writes it down, npm one that does nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"
UV = """#!/bin/sh
echo "$*" >>"$ASKED"
for word; do case $word in *line*|-) cat "$word" >>"$ASKED" ;; esac; done
"""


def asked(tmp_path: Path, **variables: str) -> list[str]:
    """What uv was asked, each call followed by the line of LiteLLM that it was given."""
    shutil.copytree(REQUIREMENTS, tmp_path / "requirements")
    tools = tmp_path / ".venv/bin"
    tools.mkdir(parents=True)
    for name, text in (("uv", UV), ("npm", "#!/bin/sh\n")):
        (tools / name).write_text(text, encoding="utf-8")
        (tools / name).chmod(0o755)
    record = tmp_path / "asked"
    environment = {**os.environ, "ASKED": str(record), "PATH": f"{tools}:{os.environ['PATH']}", **variables}
    subprocess.run(
        ["sh", str(tmp_path / "requirements/lock.sh")], env=environment, check=True, stdin=subprocess.DEVNULL
    )
    return record.read_text(encoding="utf-8").splitlines()


def test_patches_of_the_previous_line_stay_below_this_one(tmp_path: Path) -> None:
    calls = asked(tmp_path, PATCHES="1")
    previous = [index for index, call in enumerate(calls) if "-o previous.txt" in call]
    assert len(previous) == 2
    assert all(calls[index + 1].startswith("litellm[proxy]<") for index in previous)


def test_a_renewal_leaves_no_file_behind(tmp_path: Path) -> None:
    asked(tmp_path, PATCHES="1")
    assert {path.name for path in (tmp_path / "requirements").iterdir()} == {
        path.name for path in REQUIREMENTS.iterdir()
    }
