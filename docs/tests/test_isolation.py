"""What a page names, no other page knows."""

from __future__ import annotations

import sys
from pathlib import Path

import derive

sys.path.insert(0, str(Path(__file__).parents[1] / "extensions"))

from gallery_pages import forget_names


def write(name: str) -> str:
    """Write a page's formula, with a part that has the name, or none where it is empty."""
    n, d = derive.dims("n d")
    X, w = derive.matrix("X", n, d), derive.vector("w", d)
    if name:
        derive.let(name, X @ w)
    return str(derive.hessian(derive.sum(derive.softplus(X @ w)), w))


def test_names_do_not_reach_the_next_page() -> None:
    forget_names()
    alone = write("")
    assert "score" in write("score")
    assert "score" in write(""), "if this fails, pages need no help any more"
    forget_names()
    assert write("") == alone
