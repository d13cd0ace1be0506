"""The API reference documents every public name, each once, and its index lists what it has."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

import codegen
import derive
from derive import layers, linalg, losses

PAGES = Path(__file__).parent.parent / "docs" / "reference"
MODULES = [derive, layers, losses, linalg, codegen]
MODULE = re.compile(r"\.\. (?:current|auto)?module:: (\S+)$")
ENTRY = re.compile(r"\.\. auto(?:function|class|exception|data):: (\S+)$")
ROW = re.compile(r"   (\w+)$")


def names_on(page: Path, entry: re.Pattern[str]) -> list[tuple[str, str]]:
    """List the entries of a page, each with the module that it is in."""
    module, found = "", []
    for line in page.read_text(encoding="utf-8").splitlines():
        if match := MODULE.match(line):
            module = match[1]
        elif match := entry.match(line):
            found.append((module, match[1]))
    return found


def documented() -> Counter[tuple[str, str]]:
    return Counter(name for page in PAGES.glob("*.rst") for name in names_on(page, ENTRY))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_public_name_is_documented(module: ModuleType) -> None:
    there = {
        name: times for (where, name), times in documented().items() if where == module.__name__
    }
    elsewhere = derive.__all__ if module is linalg else ()
    public = [
        name
        for name in module.__all__
        if not isinstance(getattr(module, name), ModuleType) and name not in elsewhere
    ]
    assert there == dict.fromkeys(public, 1)


def test_the_index_lists_what_the_pages_document() -> None:
    listed = Counter(name for name in names_on(PAGES / "index.rst", ROW) if name[0])
    assert listed == documented()
