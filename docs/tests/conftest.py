"""The built site, a server for it, and a browser that looks at it."""

from __future__ import annotations

import os
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import markup
import pytest
from playwright.sync_api import Browser, sync_playwright
from reader import Reader

SITE = Path(os.environ.get("SITE", Path(__file__).parents[1] / "_build" / "html"))

# Chromium starts neither services of its own nor a sandbox, which a container does not allow.
FLAGS = """
    --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync
""".split()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "page" in metafunc.fixturenames:
        if not (SITE / "index.html").exists():
            pytest.exit(f"there is no built site in {SITE}: run make docs", returncode=1)
        metafunc.parametrize("page", markup.pages_of(SITE))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List where the site's links lead to outside of it; nobody follows them here."""
    hosts = Counter(
        urlsplit(address).netloc
        for address in {
            address
            for page in markup.pages_of(SITE)
            for tag, address in markup.read(SITE / page).links
            if markup.external(address)
        }
    )
    terminalreporter.section("links that leave the site")
    for host, count in sorted(hosts.items()):
        terminalreporter.write_line(f"{count:4}  {host}")


@pytest.fixture(scope="session")
def site() -> Path:
    return SITE


class Quiet(SimpleHTTPRequestHandler):
    """A server that keeps connections open and logs nothing."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Serve the site on a free port; give its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        pytest.exit(
            "There is no Chromium to open the pages with: apt-get install chromium,"
            " or say with CHROMIUM=/path/to/it where it is",
            returncode=1,
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def reader(browser: Browser, address: str) -> Iterator[Reader]:
    with Reader(browser, address) as reader:
        yield reader
