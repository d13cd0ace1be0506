"""A derivation as a worked solution: the forward pass, the cotangents with their rules, the result.

Every node of the graph that is more than a view gets a name, ``z1``, ``z2``, ..., or the one that
``derive.let`` gave it.  The cotangent of ``z1``, the derivative of the function by it, is called
``z1_bar``, as in Giles (2008).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from derive import pytrees
from derive.notation import markdown
from derive.notation.formula import formula, part_name
from derive.notation.heads import heads
from derive.notation.letters import letter
from derive.notation.spectra import has_name
from derive.rules.registry import Rule
from derive.tensor import construct
from derive.tensor.matrix_operations import apply, siblings
from derive.tensor.node import (
    Arange,
    One,
    Primitive,
    Symbol,
    Tensor,
    View,
    name_of,
    symbols_of,
    topological,
)
from derive.tensor.singular import SVD_FACTORS
from derive.tensor.spectra import EIGENPAIRS

if TYPE_CHECKING:
    from derive.derivation import Derivation, Trace

_HEADINGS = {
    "lesson": "Where the rule comes from",
    "forward": "Forward pass",
    "cotangent": "Reverse pass: the cotangent of each intermediate",
    "second": "Reverse pass over the gradient",
    "result": "Simplified",
}


@dataclass(frozen=True)
class Step:
    """One line of a worked solution: ``name = formula``, and the rule that made it.

    Attributes
    ----------
    kind : {"lesson", "forward", "cotangent", "second", "result"}
        ``"lesson"`` is an equation on the way from the definition of a decomposition to its rule,
        ``"second"`` a cotangent in the reverse pass over the gradient, of a Hessian.
    name : str
    formula_text, formula_latex : str
    lines_latex : tuple of str
        The same LaTeX, the formula and then what defines its names.
    rule, source, note : str
        The rules' names, where they are stated, and their formulas.
    words : str
        What was done, in a lesson.
    """

    kind: str
    name: str
    formula_text: str
    lines_latex: tuple[str, ...]
    name_latex: str
    rule: str = ""
    source: str = ""
    note: str = ""
    words: str = ""

    @property
    def formula_latex(self) -> str:
        formula, *defined = self.lines_latex
        return rf"{formula} \quad \text{{where }} " + r",\; ".join(defined) if defined else formula

    def __str__(self) -> str:
        lead = f"{self.words}: " if self.words else ""
        return f"{lead}{self.name} = {self.formula_text}"


class Steps(Sequence[Step]):
    """A worked solution; print it, or show it in a notebook.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> x = derive.vector("x", n)
    >>> print(derive.gradient(derive.sum(derive.exp(x)), x).steps)
    Forward pass
      1. z1 = exp(x)
      2. f = sum(z1)
    Reverse pass: the cotangent of each intermediate
      3. f_bar = 1
      4. z1_bar = ones(n)    [contraction]
      5. x_bar = z1    [map]
    Simplified
      6. gradient = exp(x)
    Rules
      contraction: y = Σ a b: ā = Σ ȳ b over the labels that a lacks
        Laue, Mitterreiter and Giesen (2020), AAAI, theorem 8
      map: y = f(a, b) entrywise: ā = ȳ ⊙ ∂f/∂a, summed over the axes that a lacks
        Laue, Mitterreiter and Giesen (2020), AAAI, theorem 10
    """

    def __init__(self, lines: Sequence[Step], rules: Sequence[Rule]) -> None:
        self._lines = tuple(lines)
        self.rules = tuple(rules)

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Step, ...]: ...
    def __getitem__(self, index: int | slice) -> Step | tuple[Step, ...]:
        return self._lines[index]

    def _groups(self) -> Iterator[tuple[str, list[tuple[int, Step]]]]:
        numbered = list(enumerate(self._lines, start=1))
        for kind in _HEADINGS:
            group = [(number, step) for number, step in numbered if step.kind == kind]
            if group:
                yield _HEADINGS[kind], group

    def __str__(self) -> str:
        lines = []
        for heading, group in self._groups():
            lines.append(heading)
            for number, step in group:
                rule = f"    [{step.rule}]" if step.rule else ""
                indent = "\n" + " " * (len(str(number)) + 4)
                lines.append(f"  {number}. {step}".replace("\n", indent) + rule)
        if self.rules:
            lines.append("Rules")
        for used in self.rules:
            lines += [f"  {used.name}: {used.formula}", f"    {used.source}"]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<{len(self)} steps>\n{self}"

    def latex(self) -> str:
        """Give the steps as an aligned environment."""
        rows = []
        for step in self:
            beside = step.words or step.rule
            rule = rf" && \text{{{_plain(beside)}}}" if beside else ""
            first, *defined = _rows(step)
            rows += [first + rule, *defined]
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def _repr_markdown_(self) -> str:
        parts = []
        for heading, group in self._groups():
            rows = []
            for number, step in group:
                first, *defined = _rows(step)
                shown = r"\displaystyle " + first.replace(" &= ", " = ", 1)
                if defined:
                    inner = r" \\ ".join([first, *defined])
                    shown = rf"\begin{{aligned}} {inner} \end{{aligned}}"
                beside = markdown.escaped(step.words or step.rule)
                rows.append((str(number), markdown.mathematics(shown), beside))
            parts += [f"**{markdown.escaped(heading)}**", markdown.table(("", "", ""), rows)]
        if self.rules:
            rows = [(rule.name, rule.formula, rule.source) for rule in self.rules]
            cells = [tuple(map(markdown.escaped, row)) for row in rows]
            parts += ["**Rules**", markdown.table(("rule", "formula", "source"), cells)]
        return "\n\n".join(parts)


def _rows(step: Step) -> list[str]:
    """Write a step as the rows of an aligned environment."""
    formula, *defined = step.lines_latex
    return [f"{step.name_latex} &= {formula}", *(rf"&\text{{where }} {d}" for d in defined)]


def _plain(text: str) -> str:
    return text.replace("_", r"\_")


def steps(derivation: Derivation) -> Steps:
    """Tell how a derivation came about.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> x, A = derive.vector("x", n), derive.matrix("A", n, n)
    >>> derive.gradient(x @ A @ x, x).steps[-1].formula_text
    '(A + A.T) @ x'
    """
    return _Writer(derivation).write()


FACTORS = {
    "eigh": EIGENPAIRS,
    "spectral": EIGENPAIRS,
    "spectral_differential": EIGENPAIRS,
    "svd": SVD_FACTORS,
    "singular": SVD_FACTORS,
}
"""What functions of eigenvalues and of singular values are written in."""


class _Writer:
    """Names what a derivation met, and writes a line for each."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.names: dict[Tensor, str] = {}
        self.lines: list[Step] = []
        self.rules: dict[str, Rule] = {}
        traces = [derivation.trace, *derivation.trace.second]
        roots = [root for t in traces for root in (t.function, *t.cotangents.values())]
        self.factored = {
            node
            for node in topological(roots)
            if isinstance(node, Primitive) and node.name in FACTORS and not has_name(node)
        }
        self.taken = {symbol.name for symbol in symbols_of(*roots)} | {
            str(size)
            for symbol in symbols_of(*roots)
            for dim in symbol.shape
            for size in dim.free_symbols
        }

    def write(self) -> Steps:
        trace = self.derivation.trace
        self._lessons(trace)
        self._forward(trace.function, "z", "f")
        if self.derivation.kind != "jvp":
            self._reverse(trace, "cotangent")
            for k, second in enumerate(trace.second, start=1):
                name = "g" if len(trace.second) == 1 else f"g{k}"
                self._forward(second.function, "h", name)
                self._reverse(second, "second")
        self._result(self.derivation.expr)
        return Steps(self.lines, list(self.rules.values()))

    def _lessons(self, trace: Trace) -> None:
        """Tell of each decomposition how its rule follows from its definition."""
        traces = [trace, *trace.second]
        rules = {c.rule.name: c.rule for t in traces for c in t.contributions}
        for rule in rules.values():
            if rule.lesson is None:
                continue
            lesson = rule.lesson()
            for equation in lesson.equations:
                sides = equation.left, equation.right
                (left, right), (left_latex, right_latex) = (
                    formula(sides, columns=columns, names=lesson.names, whole=False).members()
                    for columns in (False, True)
                )
                self.lines.append(
                    Step(
                        "lesson",
                        left.text(),
                        right.text(),
                        right_latex.lines(),
                        left_latex.latex(),
                        words=equation.words,
                    )
                )

    def _free(self, name: str) -> str:
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def _step(self, kind: str, name: str, node: Tensor, rules: Sequence[Rule] = ()) -> None:
        for whole in self._factored(node):
            self._results(whole, kind)
        written, typeset = (
            formula(node, columns=columns, names=self.names, whole=False)
            for columns in (False, True)
        )
        for rule in rules:
            self.rules.setdefault(rule.name, rule)
        self.lines.append(
            Step(
                kind,
                name,
                written.text(),
                typeset.lines(),
                letter(name, node.ndim),
                ", ".join(rule.name for rule in rules),
                "; ".join(dict.fromkeys(rule.source for rule in rules)),
                "; ".join(rule.formula for rule in rules),
            )
        )

    def _forward(self, function: Tensor, stem: str, last: str) -> None:
        number = 0
        for node in topological([function]):
            if node in self.names or isinstance(node, (Symbol, One, Arange)):
                continue
            if part_name(node) is not None:
                self._results(node, "forward" if stem == "z" else "second")
                continue
            given = name_of(node)
            if isinstance(node, View) and node is not function and given is None:
                continue
            if given is not None:
                name = self._free(given)
            elif node is function:
                name = self._free(last)
            else:
                number += 1
                while f"{stem}{number}" in self.taken:
                    number += 1
                name = self._free(f"{stem}{number}")
            self._step("forward" if stem == "z" else "second", name, node)
            self.names[node] = name

    def _factored(self, node: Tensor) -> list[Tensor]:
        """Give a result of each decomposition in which a line is written, and that has no names."""
        if not self.factored:
            return []
        found = []
        for part in topological([node], self.names):
            if part in self.factored and part not in self.names:
                first, *_ = apply(FACTORS[part.name], part.operands[0])
                if first not in self.names and first not in found:
                    found.append(first)
        return found

    def _results(self, node: Tensor, kind: str) -> None:
        """Write one line for all results of a decomposition."""
        assert isinstance(node, Primitive)
        parts = siblings(node)
        known = {part: name_of(part) or self._free(str(part_name(part))) for part in parts}
        names, ranks = list(known.values()), {known[part]: part.ndim for part in parts}
        (text, _), (_, equation) = (
            formula(node, columns=columns, names=self.names, whole=False).defines(names, ranks)
            for columns in (False, True)
        )
        left, right = equation.split(" = ", 1)
        self.lines.append(Step(kind, ", ".join(names), text, (right,), left))
        self.names.update(known)
        if node.name in FACTORS:
            written_as = apply(FACTORS[node.name], *node.operands)
            self.names.update(zip(written_as, names, strict=True))

    def _reverse(self, trace: Trace, kind: str) -> None:
        for node, cotangent in trace.cotangents.items():
            called = node.name if isinstance(node, Symbol) else self.names.get(node)
            if called is None:
                continue
            name = self._free(f"{called}_bar")
            rules = {c.rule.name: c.rule for c in trace.contributions if c.operand is node}
            self._step(kind, name, cotangent, list(rules.values()))
            if cotangent.operands and construct.constant_value(cotangent) is None:
                self.names.setdefault(cotangent, name)

    def _result(self, expr: Any) -> None:
        kind = self.derivation.kind
        parts = list(pytrees.leaves(expr))
        names = [kind]
        if not isinstance(expr, Tensor):
            wrt = [symbol.name for symbol in self.derivation.wrt]
            pairs = [f"{row}_{column}" for row in wrt for column in wrt]
            names = [f"{kind}_{name}" for name in (pairs if len(parts) > len(wrt) else wrt)]
        for name, head, part in zip(names, heads(self.derivation), parts, strict=True):
            written, typeset = (formula(part, columns=columns) for columns in (False, True))
            self.lines.append(Step("result", name, written.text(), typeset.lines(), head))
