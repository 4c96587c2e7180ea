"""The prisma command of the image, run in a hardened container beside a database, and small projects for it."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Any, Final

from docker import APIClient

from tests.support.lab import Box, Lab, Spec, hardened, wait_until
from tests.support.postgres import USER, Postgres
from tests.support.soak import form

PROJECTS: Final = "/projects"
EXTRAS: Final = "/opt/slipway/venv/lib/python3.13/site-packages/litellm_proxy_extras"
LOCK: Final = "72707369"

SCHEMA: Final = """\
datasource db {
  provider = "postgresql"
  url      = env("DATABASE_URL")
}

model Cat {
  id   Int    @id
  name String
}
"""

# Runs inside the container: starts the command, ends it when the seconds are over, and says how it ended.
KILLER: Final = """
import json, subprocess, sys
seconds, signal, *command = sys.argv[1:]
process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
try:
    out, err = process.communicate(timeout=float(seconds))
except subprocess.TimeoutExpired:
    process.send_signal(int(signal))
    out, err = process.communicate()
print(json.dumps([process.returncode, out, err]))
"""


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Database:
    """A database of its own for one test."""

    postgres: Postgres
    name: str

    @property
    def url(self) -> str:
        return self.postgres.url(self.name)

    def sql(self, text: str) -> str:
        """What `text` answers, one row a line, columns between bars."""
        return self.postgres.sql(text, self.name)

    def scripts(self, texts: Sequence[str]) -> None:
        """Run each of `texts` as psql sends what `-c` gives it: whole."""
        options = [word for text in texts for word in ("-c", text)]
        self.postgres.exec("psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.name, *options)

    def ledger(self, columns: str) -> list[str]:
        return self.sql(f"SELECT {columns} FROM _prisma_migrations ORDER BY started_at").splitlines()

    def failed(self) -> list[str]:
        """Rows that a start would stumble over; none where there is no ledger yet."""
        if not self.sql("SELECT to_regclass('_prisma_migrations')"):
            return []
        return self.sql(
            "SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NULL AND rolled_back_at IS NULL"
        ).splitlines()

    @contextlib.contextmanager
    def holding(self, text: str) -> Iterator[None]:
        """A session that has run `text` and stays open, and so keeps its locks, until the context ends."""
        mine = f"application_name = 'holder' AND datname = '{self.name}'"
        held = f"SELECT count(*) FROM pg_stat_activity WHERE {mine} AND query LIKE '%pg_sleep%'"
        commands = ("SET application_name = 'holder'", "BEGIN", text, "SELECT pg_sleep(600)")
        options = [word for command in commands for word in ("-c", command)]
        environment = {"PGHOST": "127.0.0.1", "PGUSER": USER, "PGPASSWORD": self.postgres.password}
        command = ["psql", "-d", self.name, *options]
        self.postgres.box.container.exec_run(command, environment=environment, detach=True)
        wait_until("the other session's locks", lambda: self.sql(held) == "1")
        try:
            yield
        finally:
            self.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}")

    def schema(self) -> str:
        """The whole schema as SQL, without the ledger, which migrations by hand do not write."""
        dump = self.postgres.exec("pg_dump", "--schema-only", "--exclude-table=_prisma_migrations", self.name)
        # Newer releases put a random key around the dump.
        return "\n".join(line for line in dump.splitlines() if "restrict" not in line)


class Tool:
    """Runs commands in one container of the image; projects are folders of the host, mounted read-only."""

    def __init__(self, lab: Lab, network: str, projects: Path) -> None:
        projects.chmod(0o755)
        self._projects = projects
        command = ("python", "-c", "import signal; signal.pause()")
        files = {PROJECTS: projects}
        switches: dict[str, Any] = hardened()
        self.box: Box = lab.start(Spec(command=command, files=files, network=network, **switches))

    def project(self, migrations: Mapping[str, str | None], schema: str = SCHEMA) -> str:
        """The path, inside, of a new folder with a schema and these migrations; one of None has no script."""
        name = secrets.token_hex(4)
        folder = self._projects / name
        (folder / "migrations").mkdir(parents=True)
        (folder / "schema.prisma").write_text(schema)
        (folder / "migrations" / "migration_lock.toml").write_text('provider = "postgresql"\n')
        for migration, script in migrations.items():
            (folder / "migrations" / migration).mkdir()
            if script is not None:
                (folder / "migrations" / migration / "migration.sql").write_text(script)
        return f"{PROJECTS}/{name}"

    def host_path(self, project: str) -> Path:
        return self._projects / project.removeprefix(f"{PROJECTS}/")

    def prisma(self, *arguments: str, cwd: str, url: str = "", env: Mapping[str, str] | None = None) -> Done:
        return self.run(("prisma", *arguments), cwd=cwd, url=url, env=env)

    def run(
        self, command: Sequence[str], *, cwd: str = "/tmp", url: str = "", env: Mapping[str, str] | None = None
    ) -> Done:
        environment = ({"DATABASE_URL": url} if url else {}) | dict(env or {})
        answer: Any = self.box.container.exec_run(list(command), environment=environment, workdir=cwd, demux=True)
        stdout, stderr = ((text or b"").decode() for text in answer.output)
        return Done(answer.exit_code, stdout, stderr)

    @property
    def _api(self) -> APIClient:
        client = self.box.container.client
        assert client is not None
        return client.api

    def start(self, *arguments: str, cwd: str, url: str, env: Mapping[str, str] | None = None) -> Running:
        """Start the command and leave it running."""
        api = self._api
        command = ["prisma", *arguments]
        environment = {"DATABASE_URL": url} | dict(env or {})
        created = api.exec_create(self.box.container.id, command, environment=environment, workdir=cwd)
        return Running(self.box, api, created["Id"], api.exec_start(created["Id"], detach=False, stream=True))

    def ended_after(self, seconds: float, signal: int, *arguments: str, cwd: str, url: str) -> Done:
        """Run the command and send it the signal when the seconds are over, if it still runs then."""
        command = ("python", "-c", KILLER, str(seconds), str(signal), "prisma", *arguments)
        done = self.run(command, cwd=cwd, url=url)
        assert done.code == 0, done.stderr
        return Done(*json.loads(done.stdout))


class Running:
    """A command that runs in the container."""

    def __init__(self, box: Box, api: APIClient, id: str, stream: Any) -> None:
        self._box = box
        self._api = api
        self._id = id
        self._stream = stream

    @property
    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._api.exec_inspect(self._id)
        return state

    def pid(self) -> int:
        """Its number inside the container, where it is the youngest process of that name."""
        listed = "import os;print(*[p for p in os.listdir('/proc') if p.isdigit() and comm(p)=='prisma'])"
        comm = "comm = lambda p: open(f'/proc/{p}/comm').read().strip()\n"
        return max(map(int, self._box.python(comm + listed).split()))

    def signal(self, signal: Signals) -> None:
        self._box.kill(self.pid(), signal=signal)

    def wait(self, seconds: float = 60) -> Done:
        output = b"".join(self._stream).decode()
        wait_until("the end of the command", lambda: not self._state["Running"], seconds)
        return Done(self._state["ExitCode"], output, output)


def kills(fewest: int) -> int:
    """How often a test of random kills repeats."""
    return form(fewest, 20)
