"""Each page as a reader meets it: whole, quiet, legible by day and by night, and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from reader import DESKTOP, Reader

KINDS = [
    "index.html",
    "tutorial.html",
    "gallery/index.html",
    "gallery/optimisation_and_statistics/plot_logistic_regression.html",
    "reference/index.html",
    "reference/linalg.html",
    "changelog.html",
]


def test_the_console_stays_silent(reader: Reader, page: str) -> None:
    assert reader.see(page).messages == []


def test_every_request_is_answered_by_the_site(reader: Reader, page: str) -> None:
    sight = reader.see(page)
    assert sight.failures == []
    assert sight.strangers == []


def test_every_formula_is_set(reader: Reader, page: str) -> None:
    formulas = reader.see(page).formulas
    assert {key: found for key, found in formulas.items() if key != "count" and found} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(reader: Reader, page: str, scheme: str) -> None:
    assert reader.see(page).faint[scheme] == []


def test_nothing_is_wider_than_a_phone(reader: Reader, page: str) -> None:
    assert reader.see(page).wide == []


def test_there_are_formulas_to_set(reader: Reader) -> None:
    counts = {page: reader.see(page).formulas["count"] for page in KINDS[:2]}
    assert all(count > 2 for count in counts.values()), counts


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_switch_of_the_theme_does_as_the_system_does(
    reader: Reader, kind: str, theme: str
) -> None:
    tab = reader.open(kind)
    tab.set_viewport_size(DESKTOP)
    tab.emulate_media(color_scheme="light" if theme == "dark" else "dark")
    switch = tab.locator(".theme-toggle:visible").first
    for _ in range(3):
        if tab.evaluate("document.body.dataset.theme") == theme:
            break
        switch.click()
    assert tab.evaluate("document.body.dataset.theme") == theme
    paper = tab.evaluate("probes.luminance(probes.background(document.body, new Map()))")
    assert (paper < 0.1) == (theme == "dark")
    assert tab.evaluate("probes.faint()") == []
    tab.evaluate("localStorage.clear()")


@pytest.mark.parametrize("word", ["Cholesky", "softmax"])
def test_search_finds(reader: Reader, word: str) -> None:
    tab = reader.open("index.html")
    box = tab.locator(".sidebar-search")
    box.fill(word)
    box.press("Enter")
    first = tab.locator("ul.search li a").first
    expect(first).to_be_visible()
    first.click()
    tab.wait_for_load_state()
    expect(tab.get_by_role("main")).to_contain_text(word, ignore_case=True)
    assert "search.html" not in tab.url


@pytest.mark.parametrize("kind", KINDS)
def test_the_keyboard_shows_where_it_is(reader: Reader, kind: str) -> None:
    tab = reader.open(kind)
    tab.set_viewport_size(DESKTOP)
    for _ in range(20):
        tab.keyboard.press("Tab")
        unmarked = tab.evaluate(
            """() => {
                const at = document.activeElement, style = getComputedStyle(at);
                const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
                return ring || style.boxShadow !== "none" ? null : probes.describe(at);
            }"""
        )
        assert unmarked is None


def test_derivation_and_code_fit_in_one_screen(reader: Reader) -> None:
    tab = reader.open("index.html")
    tab.set_viewport_size(DESKTOP)
    boxes = tab.locator(".showcase mjx-container, .showcase pre")
    assert boxes.count() >= 4
    for box in boxes.all():
        place = box.bounding_box()
        assert place is not None
        assert place["y"] >= 0
        assert place["y"] + place["height"] <= DESKTOP["height"]
