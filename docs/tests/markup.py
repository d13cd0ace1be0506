"""The built pages as markup: what they link to, their anchors, titles and images."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

LINKS = {
    "a": "href",
    "form": "action",
    "iframe": "src",
    "img": "src",
    "link": "href",
    "script": "src",
    "source": "src",
}


class Page(HTMLParser):
    """What one page says about itself.

    Attributes
    ----------
    anchors : set of str
    links : list of (tag, address)
    images : list of dict
        The attributes of each image, with ``"within"``: the classes that it stands in.
    title : str
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[tuple[str, str]] = []
        self.images: list[dict[str, str | None]] = []
        self.title = ""
        self._in_title = False
        self._open: list[tuple[str, str]] = []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors |= {value for key in ("id", "name") if (value := found.get(key))}
        if address := found.get(LINKS.get(tag, "")):
            self.links.append((tag, address))
        if tag == "img":
            self.images.append({**found, "within": " ".join(c for _, c in self._open)})
        if tag not in ("br", "hr", "img", "input", "link", "meta", "source"):
            self._open.append((tag, found.get("class") or ""))
        self._in_title = tag == "title" and not any(t == "svg" for t, _ in self._open)

    def handle_endtag(self, tag: str) -> None:
        self._in_title = False
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data


@cache
def read(file: Path) -> Page:
    return Page(file)


def pages_of(site: Path) -> list[str]:
    """List the pages of a site by their addresses in it."""
    found = (file.relative_to(site).as_posix() for file in site.rglob("*.html"))
    return sorted(page for page in found if not page.startswith("_static/"))


def external(address: str) -> bool:
    return bool(urlsplit(address).scheme or urlsplit(address).netloc)


def internal_links(site: Path, page: str) -> Iterator[tuple[str, str]]:
    """List the files and the anchors that a page of the site refers to."""
    for _, address in read(site / page).links:
        if not external(address):
            path, anchor = urldefrag(address)
            file = urlsplit(urljoin(page, path)).path if path else page
            yield unquote(file), unquote(anchor)
