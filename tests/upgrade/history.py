"""What the users of a gateway have left in its database: keys, teams, spend, and what is encrypted."""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.database import encrypted
from tests.database.support import PRICED, SALT, Site
from tests.support import gateway
from tests.support.gateway import MASTER_KEY, Gateway
from tests.support.lab import wait_until

CONFIG = f"""{PRICED}\
general_settings:
  store_model_in_db: true
  proxy_batch_write_at: 2
"""
REQUESTS = 5
# More than any of these tests spends.
BUDGET = 10000
ROWS_SECONDS = 60
_SPENT = """
SELECT (SELECT spend FROM "LiteLLM_VerificationToken" WHERE token = '{token}'),
       (SELECT spend FROM "LiteLLM_TeamTable" WHERE team_id = '{team}'),
       (SELECT sum(spend) FROM "LiteLLM_DailyUserSpend" WHERE api_key = '{token}'),
       (SELECT sum(spend) FROM "LiteLLM_SpendLogs" WHERE api_key = '{token}')
"""


@dataclass(frozen=True)
class Account:
    """A virtual key of a team, and the ids of what was asked with it."""

    key: str
    token: str
    team: str
    answered: set[str]

    def ask(self, running: Gateway, model: str = "mock") -> str:
        """The text of an answer, whose id is noted."""
        answer = httpx.post(
            f"{running.url}/v1/chat/completions",
            # Texts of their own: what was written before may have turned a cache on.
            json={"model": model, "messages": [{"role": "user", "content": secrets.token_hex(8)}]},
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        self.answered.add(answer.json()["id"])
        return str(answer.json()["choices"][0]["message"]["content"])

    def refused(self, running: Gateway) -> str:
        """Why a model that the key may not use is refused."""
        answer = httpx.post(
            f"{running.url}/v1/chat/completions",
            json={"model": "other", "messages": []},
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=60,
        )
        assert answer.status_code in (401, 403), answer.text
        return answer.text

    def rows(self, site: Site, database: str) -> set[str]:
        """The ids of its answers that the request log has."""
        text = f"""SELECT request_id FROM "LiteLLM_SpendLogs" WHERE api_key = '{self.token}' AND spend >= 0
                   AND status IS DISTINCT FROM 'failure'"""
        return set(site.postgres.sql(text, database).split())

    def spent(self, site: Site, database: str) -> list[float]:
        """Spend of the key: by key, by its team, by day, and what its rows add up to."""
        text = site.postgres.sql(_SPENT.format(token=self.token, team=self.team), database)
        return [float(value or 0) for value in text.split("|")]

    def settled(self, site: Site, database: str) -> float:
        """Wait until each answer has its row, and all sums are those of the rows; the sum."""

        def equal() -> bool:
            first, *others = self.spent(site, database)
            return first > 0 and all(math.isclose(each, first) for each in others)

        wait_until("the row of every answer", lambda: self.rows(site, database) == self.answered, ROWS_SECONDS)
        wait_until(f"sums as the rows': {self.spent(site, database)}", equal, ROWS_SECONDS)
        return self.spent(site, database)[0]


def account(running: Gateway) -> Account:
    """A team with a budget, and a virtual key of it."""

    def call(path: str, body: object) -> dict[str, str]:
        answer = httpx.post(
            running.url + path, json=body, headers={"Authorization": f"Bearer {MASTER_KEY}"}, timeout=60
        )
        assert answer.is_success, answer.text
        found: dict[str, str] = answer.json()
        return found

    team = call("/team/new", {"team_alias": f"team-{secrets.token_hex(4)}", "max_budget": 10 * BUDGET})["team_id"]
    made = call("/key/generate", {"team_id": team, "models": ["mock", "stored"], "user_id": "u", "max_budget": BUDGET})
    return Account(made["key"], made["token"], team, set())


def write(site: Site, database: str, directory: Path) -> Account:
    """Leave in `database` what users of this image's gateway would; the gateway has ended."""
    running = encrypted.serve(site, database, directory, key=SALT, config=CONFIG)
    encrypted.write_by_default_cipher(running)
    made = account(running)
    for _ in range(REQUESTS):
        assert made.ask(running) == "mocked answer"
    made.settled(site, database)
    end(running)
    return made


def end(running: Gateway) -> None:
    """`docker stop`; the gateway ends by itself, with 0."""
    running.box.signal("SIGTERM")
    assert running.box.wait(gateway.READY_SECONDS) == 0, running.box.logs()
