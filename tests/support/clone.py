"""A clone of what is being tested, whatever is committed of it: a commit of its own, in another folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AUTHOR = ("-c", "user.name=test", "-c", "user.email=test@example.com")


@dataclass(frozen=True)
class Clone:
    """The folder, and the tag of images that are built there."""

    folder: Path
    tag: str

    @property
    def image(self) -> str:
        return f"slipway:{self.tag}"

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command there; its two streams are one."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        return subprocess.run(
            words, cwd=self.folder, env={**environment, "TAG": self.tag, **variables}, check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def must(self, *words: str, **variables: str) -> str:
        """Run a command that has to succeed."""
        done = self.run(*words, **variables)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def build(self) -> None:
        """Build the full image."""
        self.must("sh", "docker/build.sh", "full")

    def commit(self) -> None:
        """Commit everything that is there."""
        for words in (("add", "--all"), (*AUTHOR, "commit", "--quiet", "--message", "as it is")):
            self.must("git", *words)


def clone_of_this(folder: Path, tag: str) -> Clone:
    """Copy what git knows or would know, changed or not, and commit it; the tools of this one are used."""
    folder.mkdir()
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    made = Clone(folder, tag)
    made.must("git", "init", "--quiet")
    made.commit()
    return made


def with_tools(clone: Clone) -> Clone:
    """Let the verbs that want the tools of .venv find those of this clone."""
    (clone.folder / ".venv").symlink_to(ROOT / ".venv")
    return clone
