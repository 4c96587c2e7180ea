"""A Chromium, and a gateway with a database and a provider for it to visit."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.visit import ARTEFACTS, Visit
from tests.support import gateway, postgres
from tests.support.fake import Provider
from tests.support.gateway import Gateway
from tests.support.lab import Lab

INPUT_PRICE = 0.01
OUTPUT_PRICE = 0.02
CONFIG = f"""\
model_list:
  - model_name: priced
    litellm_params:
      model: openai/chat
      api_base: http://provider:8080/v1
      api_key: os.environ/PROVIDER_KEY
      input_cost_per_token: {INPUT_PRICE}
      output_cost_per_token: {OUTPUT_PRICE}
general_settings:
  proxy_batch_write_at: 1
"""


@pytest.fixture(scope="session")
def chromium() -> str:
    script = Path(__file__).with_name("chromium.sh")
    done = subprocess.run(["sh", script], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(done.stderr, pytrace=False)
    return done.stdout.strip()


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    shutil.rmtree(ARTEFACTS, ignore_errors=True)
    # Chromium's own sandbox refuses root.
    switches = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=switches)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(module_lab: Lab, network: str, provider: Provider, directory: Path) -> Gateway:
    """A hardened gateway: read-only root, uid 12345, no capabilities."""
    database = postgres.start(module_lab, network)
    database.sql("CREATE DATABASE litellm")
    env = {"DATABASE_URL": database.url("litellm"), "LITELLM_SALT_KEY": f"sk-{secrets.token_hex(24)}"}
    return gateway.start(module_lab, directory, network=network, config=CONFIG, env=env)


@pytest.fixture
def visit(browser: Browser, site: Gateway, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A visitor without a session; what they see last is kept too, above all when the test fails."""
    with browser.new_context(viewport={"width": 1440, "height": 1000}) as context:
        visit = Visit(context, site.url, request.node.name.removeprefix("test_"))
        yield visit
        visit.picture("end")
        # Requests of the last page may still be under way.
        context.unroute_all(behavior="ignoreErrors")
