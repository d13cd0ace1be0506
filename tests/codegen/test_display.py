"""What a notebook shows of generated functions and of checks."""

from __future__ import annotations

import re
from html import unescape

import codegen
import derive
from codegen.checking.report import Comparison, Report

x = derive.vector("x", derive.dims("n"))


def without_tags(markup: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", re.sub(r"<style>.*?</style>", "", markup, flags=re.S)))


def test_source_is_highlighted_and_whole() -> None:
    function = codegen.to_numpy(derive.sum(derive.sigmoid(x)), name="total")
    shown = function._repr_html_()
    before, after = shown.split("</details>")
    assert '<span class="nf">total</span>' in after
    assert without_tags(before).startswith("imports and helpersimport numpy as np")
    code = without_tags(before).removeprefix("imports and helpers") + without_tags(after)
    assert "".join(code.split()) == "".join(function.source.split())


def test_decorated_function_is_shown_with_its_decorator() -> None:
    function = codegen.to_jax(derive.sum(x**3), name="cubes", custom_vjp=True)
    _, after = function._repr_html_().split("</details>")
    assert "cubes" in without_tags(after).split("(")[0] + without_tags(after).splitlines()[0]


def test_report_is_a_table() -> None:
    shown = codegen.check(derive.gradient(derive.sum(x**3), x))._repr_html_()
    assert "check of the gradient: every witness agrees" in shown
    assert shown.count("<tr>") == 1 + 5
    assert shown.count(">ok<") == 5


def test_report_of_a_failure_escapes_what_it_says() -> None:
    report = Report("check", [Comparison("a < b", 1.0, 1e-9)], ["try <b>"])
    shown = report._repr_html_()
    assert "A WITNESS DISAGREES" in shown
    assert "a &lt; b" in shown
    assert "try &lt;b&gt;" in shown
    assert ">FAILED<" in shown
