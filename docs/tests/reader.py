"""A reader with a browser: opens each page once and keeps what there was to see."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

PROBES = Path(__file__).with_name("probes.js").read_text(encoding="utf-8")
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}


@dataclass
class Sight:
    """What a page showed.

    Attributes
    ----------
    messages : list of str
        The console's errors and warnings, and exceptions.
    failures, strangers : list of str
        Requests that failed, and requests to another host.
    formulas : dict
        ``count``, and what is wrong: ``plain``, ``errors``, ``empty``, ``raw``.
    faint : dict
        By colour scheme: text whose contrast is too low.
    wide : list of str
        What reaches over the edge of a phone's screen and cannot be scrolled by itself.
    """

    messages: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    formulas: dict[str, Any] = field(default_factory=dict)
    faint: dict[str, list[str]] = field(default_factory=dict)
    wide: list[str] = field(default_factory=list)


class Reader:
    """One tab of a browser that goes from page to page."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.address = address
        self.context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce")
        self.context.add_init_script(PROBES)
        self.seen: dict[str, Sight] = {}

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *error: object) -> None:
        self.context.close()

    @cached_property
    def tab(self) -> Page:
        tab = self.context.new_page()
        self.now = Sight()
        tab.on("console", lambda message: self._console(message.type, message.text))
        tab.on("pageerror", lambda error: self.now.messages.append(str(error)))
        tab.on("request", lambda request: self._request(request.url))
        tab.on("requestfailed", lambda request: self.now.failures.append(request.url))
        tab.on("response", lambda response: self._response(response.status, response.url))
        return tab

    def _console(self, kind: str, text: str) -> None:
        if kind in ("error", "warning", "assert"):
            self.now.messages.append(f"{kind}: {text}")

    def _request(self, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:")):
            self.now.strangers.append(url)

    def _response(self, status: int, url: str) -> None:
        if status >= 400:
            self.now.failures.append(f"{status} {url}")

    def open(self, page: str) -> Page:
        """Go to a page and wait until its formulas are set and its fonts are there."""
        self.tab.goto(self.address + page, wait_until="load")
        self.tab.evaluate("probes.ready()")
        return self.tab

    def see(self, page: str) -> Sight:
        """Look at a page in all ways, once."""
        if page not in self.seen:
            tab, self.now = self.tab, Sight()
            tab.set_viewport_size(DESKTOP)
            tab.emulate_media(color_scheme="light")
            self.open(page)
            self.now.formulas = tab.evaluate("probes.formulas()")
            self.now.faint["light"] = tab.evaluate("probes.faint()")
            tab.emulate_media(color_scheme="dark")
            self.now.faint["dark"] = tab.evaluate("probes.faint()")
            tab.set_viewport_size(PHONE)
            self.now.wide = tab.evaluate("probes.wide()")
            self.seen[page] = self.now
        return self.seen[page]
