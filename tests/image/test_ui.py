"""The admin UI is served from a root that nobody can write to."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support import gateway
from tests.support.gateway import Gateway
from tests.support.lab import Lab

ASSET = re.compile(r'(?:src|href)="([^"]+/_next/static/[^"]+\.js)"')


def assert_page_and_its_assets(running: Gateway, prefix: str) -> str:
    """Fetch the page and one asset that it names; returns the asset's path."""
    page = running.get(f"{prefix}/ui/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    found = ASSET.search(page.text)
    assert found, page.text[:2000]
    asset = running.get(found[1])
    assert asset.status_code == 200
    assert "javascript" in asset.headers["content-type"]
    return found[1]


def test_the_ui_answers(lab: Lab, directory: Path) -> None:
    running = gateway.start(lab, directory)
    assert_page_and_its_assets(running, "")
    assert running.get("/ui/login/").status_code == 200
    assert running.get("/get_image").headers["content-type"].startswith("image/")


def test_the_ui_answers_under_a_prefix(lab: Lab, directory: Path) -> None:
    """LiteLLM rewrites the UI in place for a prefix, which a read-only root forbids."""
    args = ("--config", gateway.CONFIG_PATH, "--num_workers", "2")
    running = gateway.start(lab, directory, args=args, env={"SERVER_ROOT_PATH": "/gateway"})
    asset = assert_page_and_its_assets(running, "/gateway")
    assert asset.startswith("/gateway/")
    page = running.get("/gateway/ui/login/")
    assert page.status_code == 200
    assert "/litellm-asset-prefix" not in page.text
    assert "path is not writable" not in running.box.logs()
    assert running.get("/gateway/health/liveliness").status_code == 200
