"""What a notebook shows: mathematics and tables, in HTML that holds no more than it should."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

import derive

n, d = derive.dims("n d")
X, w, y = derive.matrix("X", n, d), derive.vector("w", d), derive.vector("y", n)
LOSS = derive.sum(derive.softplus(X @ w) - y * (X @ w))


class Reader(HTMLParser):
    """Reads formulas, cells and tags; complains of a tag that is not closed."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.formulas: list[str] = []
        self.text: list[str] = []
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "span":
            assert data.startswith(r"\(")
            assert data.endswith(r"\)")
            self.formulas.append(data[2:-2].removeprefix(r"\displaystyle ").strip())
        else:
            self.text.append(data)


def read(value: object) -> Reader:
    return Reader(value._repr_html_())  # type: ignore[attr-defined]


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
    (formula,) = read(derivation).formulas
    assert formula.splitlines()[1].startswith(head)


def test_derivation_by_several_symbols_has_a_line_for_each_and_for_its_names() -> None:
    (formula,) = read(derive.gradient(LOSS, {"w": w, "X": X})).formulas
    assert formula.splitlines() == [
        r"\begin{aligned}",
        r"\nabla_{\mathbf{w}} f &= \mathbf{X}^{\top} \mathbf{r} \\",
        r"\nabla_{\mathbf{X}} f &= \mathbf{r} \mathbf{w}^{\top} \\",
        r"&\text{where } \mathbf{r} = \sigma\left(\mathbf{X} \mathbf{w}\right) - \mathbf{y}",
        r"\end{aligned}",
    ]


def test_hessian_by_two_symbols_has_all_its_blocks() -> None:
    a, b = derive.scalar("a"), derive.scalar("b")
    (formula,) = read(derive.hessian(a**2 * b, [a, b])).formulas
    assert [line.split(" &= ") for line in formula.splitlines()[1:-1]] == [
        [r"\frac{\partial^{2} f}{\partial a \, \partial a}", r"2 b \\"],
        [r"\frac{\partial^{2} f}{\partial a \, \partial b}", r"2 a \\"],
        [r"\frac{\partial^{2} f}{\partial b \, \partial a}", r"2 a \\"],
        [r"\frac{\partial^{2} f}{\partial b \, \partial b}", "0"],
    ]


def test_the_function_goes_by_its_name() -> None:
    v = derive.vector("v", d)
    energy = derive.let("E", derive.sum(derive.exp(3 * v)))
    assert r"\nabla_{\mathbf{v}} E &=" in read(derive.gradient(energy, v)).formulas[0]


def test_tensor_is_mathematics() -> None:
    assert read(X @ w).formulas == [r"\mathbf{X} \mathbf{w}"]


def test_steps_are_a_table_with_the_rules_and_their_sources() -> None:
    shown = read(derive.gradient(LOSS, w).steps)
    assert shown.formulas[0] == r"\mathbf{z}_{1} = \mathbf{X} \mathbf{w}"
    assert shown.formulas[-1].startswith(r"\nabla_{\mathbf{w}} f = \mathbf{X}^{\top}")
    assert "Laue, Mitterreiter and Giesen (2020), AAAI, theorem 8" in shown.text


def test_wrong_claim_is_shown_with_what_is_right() -> None:
    verdict = derive.verify(X.T @ (derive.sigmoid(X @ w) + y), LOSS, w)
    shown = read(verdict)
    assert len(shown.formulas) == 2
    assert [text for text in shown.text if text in ("claimed", "derived")] == ["claimed", "derived"]
    assert str(verdict).splitlines()[0] in shown.text
    assert "The term `X.T @ y` of the claim has the wrong sign." in shown.text


def test_names_cannot_inject_markup() -> None:
    x = derive.vector("<script>", n)
    shown = derive.gradient(derive.sum(x**2), x)
    assert "<script>" not in shown._repr_html_() + shown.steps._repr_html_()
