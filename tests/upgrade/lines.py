"""Two lines of LiteLLM on one database: their images, and what of a database can be compared between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from packaging.version import Version

from pending import ROOT, pins
from tests.database.support import Site, shipped

THIS = "this"


def _locked(name: str) -> Version:
    return Version(pins(ROOT / "requirements" / f"{name}.txt")["litellm"])


# Above this release there may be none that resolves; the lock of next is then what it was.
OTHERS = ("previous", *(("next",) if _locked("next") > _locked("full") else ()))
PAIRS = (("previous", THIS), (THIS, "next"))[: len(OTHERS)]
_COLUMNS = """
SELECT format('SELECT %L, %s FROM %I ORDER BY 2', table_name,
              string_agg(quote_ident(column_name) || '::text', ', ' ORDER BY column_name), table_name)
FROM information_schema.columns JOIN pg_tables ON schemaname = table_schema AND tablename = table_name
WHERE table_schema = 'public' GROUP BY table_name ORDER BY table_name
"""


@dataclass(frozen=True)
class Pair:
    """The images of an older and a newer line, beside one PostgreSQL."""

    older: Site
    newer: Site

    @cached_property
    def known(self) -> dict[str, str]:
        """The older line's migrations: name and SQL."""
        return shipped(self.older.lab)

    @cached_property
    def shipped(self) -> dict[str, str]:
        """The newer line's migrations."""
        return shipped(self.newer.lab)

    @cached_property
    def added(self) -> dict[str, str]:
        """Those of the newer line that the older one does not have."""
        return {name: sql for name, sql in self.shipped.items() if name not in self.known}

    @cached_property
    def younger(self) -> dict[str, str]:
        """Those that are younger than all of the older line's: what a rollback is refused for."""
        return {name: sql for name, sql in self.added.items() if name[:14] > max(self.known)[:14]}


def columns(site: Site, database: str) -> list[str]:
    """Statements that read every column that there is now, table by table, the ledger's left out."""
    return [line for line in site.postgres.sql(_COLUMNS, database).splitlines() if "_prisma_migrations" not in line]


def contents(site: Site, database: str, statements: list[str]) -> str:
    """What these statements find."""
    return site.postgres.sql(";\n".join(statements), database)


def ledger(site: Site, database: str) -> list[str]:
    """Names of migrations that are done, one for each time that they were."""
    done = "SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL"
    return sorted(site.postgres.sql(done, database).splitlines())


def schema(site: Site, database: str) -> list[str]:
    """The definition of a database; migrations that ran in another order leave columns in another order."""
    return sorted(line.strip().removesuffix(",") for line in site.schema(database).splitlines())


def everything(site: Site, database: str) -> str:
    """A whole database, as pg_dump writes it."""
    text = site.postgres.exec("pg_dump", "--dbname", database)
    return "\n".join(line for line in text.splitlines() if not line.startswith(("--", "\\")))
