"""The admin UI as a person uses it: from the login to the spend of a key that they made."""

from __future__ import annotations

import re

from openai import OpenAI
from openai.types import CompletionUsage
from playwright.sync_api import expect

from tests.browser.conftest import INPUT_PRICE, OUTPUT_PRICE
from tests.browser.visit import Visit
from tests.support.gateway import MASTER_KEY, Gateway
from tests.support.lab import HARDENED_USER, wait_until

TEAM = "harbour"
KEY = "pilot"


def create_team(visit: Visit) -> None:
    """Create a team that may use the model `priced`, and see it in the list."""
    page = visit.page
    visit.follow("Teams", "Organization")
    page.get_by_role("button", name="Create Team").click()
    form = page.get_by_role("dialog", name="Create Team")
    form.get_by_role("textbox", name="Team Name").fill(TEAM)
    form.get_by_role("combobox", name="Select Models").click()
    page.get_by_role("option", name="priced").click()
    # The open list hides the form's button from assistive technology, and so from roles.
    page.keyboard.press("Escape")
    visit.picture("team-form")
    form.get_by_role("button", name="Create Team").click()
    expect(form).to_be_hidden()
    expect(visit.row(TEAM)).to_contain_text("$0.00")
    visit.picture("team")


def create_key(visit: Visit) -> str:
    """Create a key of the team; returns the secret, which the UI shows once."""
    page = visit.page
    visit.follow("Virtual Keys", "Lifetime Spend")
    page.get_by_role("button", name="Create New Key").click()
    form = page.get_by_role("dialog", name="Create New Key")
    form.get_by_role("combobox", name="Team").click()
    page.get_by_role("option", name=TEAM).click()
    form.get_by_role("textbox", name="Key Name").fill(KEY)
    visit.picture("key-form")
    form.get_by_role("button", name="Create Key", exact=True).click()
    shown = page.get_by_role("dialog", name="Save your Key")
    secret = shown.get_by_text(re.compile("^sk-")).inner_text()
    # The key ends with this test's gateway, so that its picture gives nothing away.
    visit.picture("key-shown-once")
    shown.get_by_role("button", name="Close").click()
    expect(visit.row(KEY)).to_contain_text(TEAM)
    expect(page.get_by_text(secret)).to_have_count(0)
    return secret


def spend(site: Gateway, key: str) -> CompletionUsage:
    """One completion with `key`, by the official client."""
    client = OpenAI(base_url=f"{site.url}/v1", api_key=key, max_retries=0, timeout=60)
    answer = client.chat.completions.create(model="priced", messages=[{"role": "user", "content": "hello"}])
    assert answer.choices[0].message.content == "echo of hello"
    assert answer.usage
    return answer.usage


def written(site: Gateway, key: str) -> bool:
    """True once the key's spend is in the database, where LiteLLM writes it in batches."""
    return bool(site.get(f"/key/info?key={key}").json()["info"]["spend"])


def test_a_wrong_password_is_refused(visit: Visit) -> None:
    visit.open("/ui/")
    visit.log_in(f"{MASTER_KEY}x")
    expect(visit.page.get_by_role("alert").filter(has_text="Invalid credentials")).to_be_visible()
    visit.picture("refused")
    visit.open("/ui/api-keys/")
    expect(visit.page).to_have_url(re.compile("/ui/login/"))
    expect(visit.page.get_by_role("button", name="Login", exact=True)).to_be_visible()
    assert visit.faults == []


def test_from_the_login_to_the_spend_of_a_new_key(visit: Visit, site: Gateway) -> None:
    attrs = site.box.attrs
    config, host = attrs["Config"], attrs["HostConfig"]
    assert isinstance(config, dict)
    assert isinstance(host, dict)
    assert (config["User"], host["ReadonlyRootfs"]) == (HARDENED_USER, True)

    visit.open("/ui/")
    visit.log_in(MASTER_KEY)
    expect(visit.page.get_by_role("heading", name="Home")).to_be_visible()
    visit.picture("home")
    create_team(visit)
    key = create_key(visit)

    usage = spend(site, key)
    cost = f"${usage.prompt_tokens * INPUT_PRICE + usage.completion_tokens * OUTPUT_PRICE:.2f}"
    assert cost != "$0.00"
    wait_until("the key's spend", lambda: written(site, key))
    visit.page.reload()
    visit.reload_until(visit.row(KEY), cost)
    visit.picture("spend-of-the-key")
    visit.follow("Teams", "Organization")
    visit.reload_until(visit.row(TEAM), cost)
    visit.picture("spend-of-the-team")
    visit.follow("Logs", "Request ID")
    visit.reload_until(visit.row(KEY), cost)
    visit.picture("log-of-the-request")
    visit.follow("Usage", "Provider")
    visit.reload_until(visit.page.get_by_role("tabpanel", name="Overview"), f"Spend{cost}")
    visit.picture("usage")
    assert visit.faults == []
