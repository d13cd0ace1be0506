"""A derivation: a result, the function and symbols that it is of, and how it came about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from derive import pytrees
from derive.rules.reverse import Contribution
from derive.tensor.node import Symbol, Tensor

if TYPE_CHECKING:
    from derive.notation.steps import Steps


@dataclass
class Trace:
    """The record of a reverse pass: the cotangent of every node and the rules that made it.

    ``directions`` are the cotangent or the tangents that a product with the Jacobian is with.
    """

    function: Tensor
    wrt: tuple[Symbol, ...]
    directions: tuple[Tensor, ...] = ()
    cotangents: dict[Tensor, Tensor] = field(default_factory=dict)
    contributions: list[Contribution] = field(default_factory=list)
    second: list[Trace] = field(default_factory=list)


class Derivation:
    """The result of a calculus function, with the formula in every notation.

    Attributes
    ----------
    kind : str
        ``"gradient"``, ``"jacobian"``, ``"hessian"``, ``"vjp"``, ``"jvp"`` or ``"hvp"``.
    expr : tensor, or tuple or dict for a sequence or dict of ``wrt``
    function : tensor
        What was differentiated.
    wrt : tuple of symbols

    Examples
    --------
    >>> import derive
    >>> x = derive.vector("x", derive.dims("n"))
    >>> g = derive.gradient(derive.logsumexp(x), x)
    >>> g.expr.shape
    (n,)
    >>> print(g)
    softmax(x)
    """

    def __init__(self, kind: str, expr: Any, trace: Trace) -> None:
        self.kind = kind
        self.expr = expr
        self.trace = trace

    @property
    def function(self) -> Tensor:
        """What was differentiated."""
        return self.trace.function

    @property
    def wrt(self) -> tuple[Symbol, ...]:
        """The symbols that it was differentiated by."""
        return self.trace.wrt

    @property
    def steps(self) -> Steps:
        """The worked solution: forward pass, cotangents with their rules, simplifications."""
        from derive.notation.steps import steps

        return steps(self)

    def __str__(self) -> str:
        from derive.notation import text

        return text(self.expr)

    def __repr__(self) -> str:
        names = ", ".join(symbol.name for symbol in self.wrt)
        return f"<{self.kind} with respect to {names}: {self}>"

    def latex(self) -> str:
        """Give the LaTeX source of the result."""
        from derive.notation import latex

        return latex(self.expr)

    def _repr_latex_(self) -> str:
        from derive.notation.formula import display
        from derive.notation.heads import heads

        return f"$\\displaystyle {display(self.expr, heads(self))}$"

    def to_sympy(self) -> Any:
        """Give the result as a SymPy expression, or a tuple or dict of them."""
        from derive.interop import to_sympy

        return pytrees.transform(to_sympy, self.expr)
