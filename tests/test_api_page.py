"""The API reference documents every public name, each once."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

import codegen
import derive
from derive import layers, linalg, losses

PAGE = Path(__file__).parent.parent / "docs" / "api.rst"


MODULES = [derive, layers, losses, linalg, codegen]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_public_name_is_documented(module: ModuleType) -> None:
    section = PAGE.read_text(encoding="utf-8").split(f".. currentmodule:: {module.__name__}\n")[1]
    section = section.split(".. currentmodule::")[0]
    documented = re.findall(r"^\.\. auto(?:function|class|exception):: (\w+)$", section, re.M)
    elsewhere = derive.__all__ if module is linalg else ()
    public = [
        name
        for name in module.__all__
        if not isinstance(getattr(module, name), ModuleType) and name not in elsewhere
    ]
    assert sorted(documented) == sorted(public)
