"""A person at the admin UI: one page of a Chromium, what it asked for, and pictures of what it showed."""

from __future__ import annotations

import contextlib
from pathlib import Path

from playwright.sync_api import BrowserContext, Error, Locator, Route, expect

ARTEFACTS = Path(__file__).with_name("artefacts")
# A page of the UI is a hundred scripts, and the machine may be busy.
PATIENCE_MS = 30_000
RELOADS = 5
RELOAD_MS = 10_000
expect.set_options(timeout=PATIENCE_MS)


class Visit:
    """A fresh visitor of the gateway at `url`, whose pictures are named after `name`.

    No request leaves for another host; `faults` lists those that were tried, the gateway's answers with a status from
    500 on or none at all, and the errors that the UI's own scripts did not handle.
    """

    def __init__(self, context: BrowserContext, url: str, name: str) -> None:
        self.url = url
        self.name = name
        self.faults: list[str] = []
        self._pictures = 0
        context.set_default_timeout(PATIENCE_MS)
        context.route("**/*", self._relay)
        self.page = context.new_page()
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))

    def _relay(self, route: Route) -> None:
        """Answer a request from the gateway; refuse those to other hosts.

        Chromium itself drops what it is fetching whenever a network of the machine changes, which another container's
        start does.
        """
        request = route.request
        asked = f"{request.method} {request.url}"
        if not request.url.startswith(f"{self.url}/"):
            self.faults.append(f"another host: {asked}")
            route.abort()
            return
        try:
            answer = route.fetch(max_redirects=0, timeout=PATIENCE_MS)
            if answer.status >= 500:
                self.faults.append(f"{answer.status}: {asked}")
            route.fulfill(response=answer)
        except Error as error:
            # Only the first line: the others are the request's headers, with the session in them.
            self.faults.append(f"{error.message.partition(chr(10))[0]}: {asked}")
            with contextlib.suppress(Error):
                route.abort()

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    def log_in(self, password: str) -> None:
        """Fill in the form that a visitor without a session is led to, as the user `admin`."""
        self.page.get_by_role("textbox", name="Username").fill("admin")
        self.page.get_by_role("textbox", name="Password").fill(password)
        self.page.get_by_role("button", name="Login", exact=True).click()

    def follow(self, link: str, column: str) -> None:
        """Go to another page by the menu, until its table shows: no other page has one with a column of that name."""
        self.page.get_by_role("navigation").get_by_role("link", name=link, exact=True).click()
        expect(self.page.get_by_role("columnheader", name=column, exact=True)).to_be_visible()

    def row(self, text: str) -> Locator:
        """The row of the page's table that holds `text`."""
        return self.page.get_by_role("row").filter(has_text=text)

    def reload_until(self, place: Locator, text: str) -> None:
        """Reload the page until `place` holds `text`: not all tables are written at once."""
        for _ in range(RELOADS):
            try:
                return expect(place).to_contain_text(text, timeout=RELOAD_MS)
            except AssertionError:
                self.page.reload()
        expect(place).to_contain_text(text)

    def picture(self, what: str) -> None:
        """Keep what the page shows as an artefact of the test."""
        self._pictures += 1
        path = ARTEFACTS / f"{self.name}-{self._pictures:02}-{what}.png"
        self.page.screenshot(path=path, animations="disabled", timeout=PATIENCE_MS)
