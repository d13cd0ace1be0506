"""Every link leads somewhere, every page can be found, and every image says what it shows."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import markup


def test_links_resolve(site: Path, page: str) -> None:
    broken = []
    for file, anchor in markup.internal_links(site, page):
        there = site / file
        if not there.is_file() or (
            anchor and there.suffix == ".html" and anchor not in markup.read(there).anchors
        ):
            broken.append(f"{file}#{anchor}")
    assert broken == []


def test_links_that_leave_the_site_are_secure(site: Path, page: str) -> None:
    outside = [a for _, a in markup.read(site / page).links if markup.external(a)]
    assert [a for a in outside if not a.startswith(("https://", "data:image/"))] == []


def test_nothing_but_links_leaves_the_site(site: Path, page: str) -> None:
    loaded = [
        (tag, a)
        for tag, a in markup.read(site / page).links
        if tag != "a" and markup.external(a) and not a.startswith("data:")
    ]
    assert loaded == []


def test_images_have_text(site: Path, page: str) -> None:
    # A thumbnail is an ornament of a link that has the title as its text.
    without = [
        image.get("src")
        for image in markup.read(site / page).images
        if "alt" not in image
        or (not (image["alt"] or "").strip() and "thumbcontainer" not in str(image["within"]))
    ]
    assert without == []


def test_every_page_can_be_reached(site: Path) -> None:
    reached, pending = {"index.html"}, ["index.html"]
    while pending:
        for file, _ in markup.internal_links(site, pending.pop()):
            if file.endswith(".html") and file not in reached and (site / file).exists():
                reached.add(file)
                pending.append(file)
    assert sorted(set(markup.pages_of(site)) - reached) == []


def test_titles_are_unique(site: Path) -> None:
    pages = defaultdict(list)
    for page in markup.pages_of(site):
        pages[markup.read(site / page).title.strip()].append(page)
    assert {title: named for title, named in pages.items() if len(named) > 1 or not title} == {}
