"""The probes find what is wrong with a page that has everything wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Page
from reader import PHONE, Reader

FAULTY = r"""
<!doctype html><meta name="viewport" content="width=device-width">
<style>body { color: #222; background: #fff }</style>
<div role="main">
  <p style="color: #999">faint</p>
  <p style="background: rgba(0, 0, 0, 0.7)">dark on dark</p>
  <p style="color: #777; font-size: 30px">large, so that less will do</p>
  <p>it costs $5, and \(x\) is not set</p><pre>\(x\) is code</pre>
  <span class="math">\frac12</span>
  <mjx-container><mjx-merror>unknown</mjx-merror></mjx-container>
  <div style="overflow-x: auto"><div style="width: 900px">it can be scrolled</div></div>
  <div style="overflow: hidden"><div id="cut" style="width: 900px">this is cut off</div></div>
</div>
"""


@pytest.fixture
def faulty(reader: Reader) -> Iterator[Page]:
    tab = reader.context.new_page()
    tab.set_viewport_size(PHONE)
    tab.goto("data:text/html," + quote(FAULTY))
    yield tab
    tab.close()


def test_faint_text_is_found(faulty: Page) -> None:
    found = faulty.evaluate("probes.faint()")
    assert [text.split("> ")[1] for text in found] == ["faint", "dark on dark"]


def test_formulas_that_are_not_set_are_found(faulty: Page) -> None:
    found = faulty.evaluate("probes.formulas()")
    assert found["plain"] == [r"<span.math> \frac12"]
    assert found["errors"] == ["<mjx-merror> unknown"]
    assert found["raw"] == [r"it costs $5, and \(x\) is not set", r"\frac12"]


def test_what_is_cut_off_is_found(faulty: Page) -> None:
    assert [text for text in faulty.evaluate("probes.wide()") if "this is cut off" in text]
    assert not [text for text in faulty.evaluate("probes.wide()") if "can be scrolled" in text]


def test_a_page_that_is_too_wide_is_found(faulty: Page) -> None:
    faulty.evaluate("document.querySelector('#cut').parentElement.style.overflow = 'visible'")
    assert any("the page is" in text for text in faulty.evaluate("probes.wide()"))
