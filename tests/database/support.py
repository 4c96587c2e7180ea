"""What the tests of a start with a database share: one-shot containers beside a PostgreSQL, and its ledger."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import gateway
from tests.support.lab import Box, Finished, Lab, Spec, confined, wait_until
from tests.support.postgres import Postgres
from tests.support.processes import tree

SALT = f"sk-{secrets.token_hex(24)}"
READY_SECONDS = 150
# An engine looks for its worker twice a second.
STRAY_SECONDS = 5
# A model that costs something; what follows is the test's own.
PRICED = f"""{gateway.MOCK}\
      input_cost_per_token: 0.001
      output_cost_per_token: 0.002
"""
_FINISHED = "SELECT count(*) FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL"
_LIST = """
import json, pathlib, litellm_proxy_extras
folder = pathlib.Path(litellm_proxy_extras.__file__).parent / "migrations"
print(json.dumps({path.parent.name: path.read_text() for path in sorted(folder.glob("*/migration.sql"))}))
"""


@dataclass(frozen=True)
class Site:
    """A network without a way out, a PostgreSQL on it, and the image's containers."""

    lab: Lab
    network: str
    postgres: Postgres

    def database(self) -> str:
        """A new empty database; returns its name."""
        name = f"test_{secrets.token_hex(4)}"
        self.postgres.sql(f"CREATE DATABASE {name}")
        return name

    def spec(self, database: str, *command: str, env: Mapping[str, str | None] | None = None, **others: Any) -> Spec:
        """How a container of the image is started against `database`; `env` (None removes) and `others` win."""
        variables: dict[str, str | None] = {
            "DATABASE_URL": self.postgres.url(database),
            "LITELLM_SALT_KEY": SALT,
            "SLIPWAY_DATABASE_WAIT_SECONDS": "10",
            **(env or {}),
        }
        given = {**gateway.environment(), **variables}
        known = {name: value for name, value in given.items() if value is not None}
        fixed = {**confined(), "network": self.network, "env": known, "command": command}
        return Spec(**{**fixed, **others})

    def run(self, database: str, *command: str, env: Mapping[str, str | None] | None = None, **others: Any) -> Finished:
        """Run one command of the image to its end."""
        return self.lab.once(self.spec(database, *command, env=env, **others))

    def gateway(
        self, database: str, directory: Path, *, env: Mapping[str, str | None] | None = None, config: str = ""
    ) -> Box:
        """Start a gateway without waiting for it."""
        path = gateway.write(directory, f"{secrets.token_hex(4)}.yaml", config or gateway.CONFIG)
        return self.lab.start(
            self.spec(database, "--config", gateway.CONFIG_PATH, env=env, files={gateway.CONFIG_PATH: path})
        )

    def copy(self, template: str) -> str:
        """A database like `template`, made in an instant; nobody may be connected to that one."""
        name = f"test_{secrets.token_hex(4)}"
        self.postgres.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def schema(self, database: str) -> str:
        """The definition of everything in a database, as pg_dump writes it."""
        text = self.postgres.exec("pg_dump", "--schema-only", "--no-owner", "--dbname", database)
        return "\n".join(line for line in text.splitlines() if not line.startswith(("--", "\\")))

    def finished(self, database: str) -> int:
        """How many migrations the ledger counts as done."""
        return int(self.postgres.sql(_FINISHED, database))


def wait_ready(box: Box) -> None:
    """Wait for readiness from the inside: the network has no published ports."""

    def ready() -> bool:
        assert box.running, box.logs()
        return box.exec(["slipway", "healthcheck"]).code == 0

    wait_until(f"readiness of {box.name}", ready, READY_SECONDS)


def assert_no_stray_engine(box: Box) -> None:
    """No engine outlives its worker by more than a moment."""
    wait_until(f"the end of engines without a worker in {box.name}", lambda: not tree(box).strays(), STRAY_SECONDS)


def shipped(lab: Lab) -> dict[str, str]:
    """The migrations in the image: name and SQL, oldest first."""
    done = lab.once(Spec(command=("python", "-c", _LIST)))
    assert done.code == 0, done.output
    migrations: dict[str, str] = json.loads(done.stdout)
    return migrations


def assert_refused(done: Finished, code: int, *named: str, secret: Sequence[str] = ()) -> None:
    """The container ended with `code`, said what and how to mend it, and showed none of `secret`."""
    assert done.code == code, done.output
    assert "Traceback" not in done.output, done.output
    assert "slipway: error: " in done.stderr, done.stderr
    assert "slipway:   fix: " in done.stderr, done.stderr
    assert [word for word in named if word not in done.stderr] == [], done.stderr
    assert [word for word in (SALT, gateway.MASTER_KEY, *secret) if word in done.output] == []
