"""What a notebook shows: LaTeX and Markdown, which hold no more than they should."""

from __future__ import annotations

import re

import pytest

import derive

n, d = derive.dims("n d")
X, w, y = derive.matrix("X", n, d), derive.vector("w", d), derive.vector("y", n)
LOSS = derive.sum(derive.softplus(X @ w) - y * (X @ w))


def lines_of(derivation: derive.Derivation) -> list[str]:
    """The equations that are shown, one below the other."""
    first, *equations, last = derivation._repr_latex_().splitlines()
    assert first == r"$\displaystyle \begin{aligned}"
    assert last == r"\end{aligned}$"
    return [line.removesuffix(r" \\") for line in equations]


def formulas(markdown: str) -> list[str]:
    return re.findall(r"\$(?:\\displaystyle )?(.*?)\$", markdown)


@pytest.mark.parametrize(
    ("derivation", "head"),
    [
        (derive.gradient(LOSS, w), r"\nabla_{\mathbf{w}} f &= "),
        (derive.hessian(LOSS, w), r"\nabla_{\mathbf{w}}^{2} f &= "),
        (derive.jacobian(X @ w, w), r"\frac{\partial \mathbf{f}}{\partial \mathbf{w}} &= "),
        (derive.vjp(X @ w, w), r"\bar{\mathbf{w}} &= "),
        (derive.jvp(X @ w, w), r"\mathrm{d} \mathbf{f} &= "),
        (derive.hvp(LOSS, w), r"\mathrm{d} \nabla_{\mathbf{w}} f &= "),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_derivation_is_an_equation(derivation: derive.Derivation, head: str) -> None:
    assert lines_of(derivation)[0].startswith(head)


def test_derivation_by_several_symbols_has_a_line_for_each_and_for_its_names() -> None:
    assert lines_of(derive.gradient(LOSS, {"w": w, "X": X})) == [
        r"\nabla_{\mathbf{w}} f &= \mathbf{X}^{\top} \mathbf{r}",
        r"\nabla_{\mathbf{X}} f &= \mathbf{r} \mathbf{w}^{\top}",
        r"&\text{where } \mathbf{r} = \sigma\left(\mathbf{X} \mathbf{w}\right) - \mathbf{y}",
    ]


def test_hessian_by_two_symbols_has_all_its_blocks() -> None:
    a, b = derive.scalar("a"), derive.scalar("b")
    assert lines_of(derive.hessian(a**2 * b, [a, b])) == [
        r"\frac{\partial^{2} f}{\partial a \, \partial a} &= 2 b",
        r"\frac{\partial^{2} f}{\partial a \, \partial b} &= 2 a",
        r"\frac{\partial^{2} f}{\partial b \, \partial a} &= 2 a",
        r"\frac{\partial^{2} f}{\partial b \, \partial b} &= 0",
    ]


def test_the_function_goes_by_its_name() -> None:
    v = derive.vector("v", d)
    energy = derive.let("E", derive.sum(derive.exp(3 * v)))
    assert lines_of(derive.gradient(energy, v))[0].startswith(r"\nabla_{\mathbf{v}} E &=")


def test_tensor_is_mathematics() -> None:
    assert (X @ w)._repr_latex_() == r"$\displaystyle \mathbf{X} \mathbf{w}$"


def test_steps_are_tables_with_the_rules_and_their_sources() -> None:
    shown = derive.gradient(LOSS, w).steps._repr_markdown_()
    assert r"| 1 | $\displaystyle \mathbf{z}_{1} = \mathbf{X} \mathbf{w}$ |  |" in shown
    assert formulas(shown)[-1].startswith(r"\nabla_{\mathbf{w}} f = \mathbf{X}^{\top}")
    assert "| Laue, Mitterreiter and Giesen (2020), AAAI, theorem 8 |" in shown


def test_bars_of_a_norm_do_not_end_a_cell() -> None:
    shown = derive.gradient(derive.sum(derive.abs(X @ w - y)), w).steps._repr_markdown_()
    rows = [line for line in shown.splitlines() if line.startswith("| ")]
    assert any(r"\vert" in row for row in rows)
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4}


def test_wrong_claim_is_shown_with_what_is_right() -> None:
    verdict = derive.verify(X.T @ (derive.sigmoid(X @ w) + y), LOSS, w)
    shown = verdict._repr_markdown_()
    assert len(formulas(shown)) == 2
    assert "| claimed | $" in shown
    assert "| derived | $" in shown
    assert shown.startswith(str(verdict).splitlines()[0])
    assert "\n- The term `X.T @ y` of the claim has the wrong sign." in shown


def test_names_cannot_inject_markup() -> None:
    x = derive.vector("<script>", n)
    shown = derive.gradient(derive.sum(x**2), x)
    assert "<script>" not in shown._repr_latex_() + shown.steps._repr_markdown_()
