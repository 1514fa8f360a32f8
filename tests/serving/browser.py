"""Debian's Chromium, driven by Playwright; nothing is downloaded, and what is missing is named."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request

CHROMIUM = shutil.which("chromium")
ABSENT = (
    "no chromium: install Debian's package of this name"
    if CHROMIUM is None
    else "playwright is not installed: it is in the extra test"
    if importlib.util.find_spec("playwright") is None
    else ""
)
# Draws without a graphics card, and asks no host for updates.
FLAGS = (
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZES = {"desktop": (1360, 860), "phone": (390, 844)}


@contextlib.contextmanager
def launched() -> Iterator[Browser]:
    """A browser without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page whose every request and complaint is kept."""

    def __init__(self, browser: Browser, address: str, *, size: str = "desktop", colours: str = "light") -> None:
        width, height = SIZES[size]
        self.address = address
        self.context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if colours == "dark" else "light",
            has_touch=size == "phone",
            reduced_motion="reduce",
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(60_000)  # the first view waits until the index is open
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda line: line.type == "error" and self.complaints.append(line.text))
        self.page.on("request", self._note)

    def _note(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:")):
            self.elsewhere.append(request.url)

    def open(self, fragment: str = "") -> Page:
        """The page at an address, when all that the address asks for is shown."""
        self.page.goto(f"{self.address}/{fragment}")
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until what the address says is what is shown."""
        self.page.wait_for_function(
            "() => document.body.dataset.shown === (location.hash || '#') && !document.body.classList.contains('busy')"
        )

    def place_of(self, node: str) -> tuple[float, float]:
        """Where a node is drawn."""
        place = self.page.evaluate("node => window.purlieu.placeOf(node)", node)
        assert place is not None, f"{node} is not drawn"
        return place["x"], place["y"]


@contextlib.contextmanager
def watched(browser: Browser, address: str, *, size: str = "desktop", colours: str = "light") -> Iterator[Watched]:
    """A page of its own; at the end it must not have complained, nor asked any other host."""
    found = Watched(browser, address, size=size, colours=colours)
    try:
        yield found
        assert found.complaints == []
        assert found.elsewhere == []
    finally:
        found.context.close()


needs_browser = pytest.mark.skipif(bool(ABSENT), reason=ABSENT)
