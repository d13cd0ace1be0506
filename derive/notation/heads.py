"""What a derivation is called on the left of its equation."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from derive.notation.letters import letter
from derive.tensor.node import Symbol, name_of

if TYPE_CHECKING:
    from derive.derivation import Derivation


def heads(derivation: Derivation) -> list[str]:
    r"""Name each tensor of the result in LaTeX, in their order.

    The function goes by the name that ``derive.let`` gave it, else by ``f``.

    Examples
    --------
    >>> import derive
    >>> x = derive.vector("x", derive.dims("n"))
    >>> heads(derive.gradient(derive.sum(x**3), x))
    ['\\nabla_{\\mathbf{x}} f']
    """
    function = derivation.function
    f = letter(name_of(function) or "f", function.ndim)
    wrt = [_letter(symbol) for symbol in derivation.wrt]
    match derivation.kind:
        case "gradient":
            return [rf"\nabla_{{{x}}} {f}" for x in wrt]
        case "jacobian":
            return [rf"\frac{{\partial {f}}}{{\partial {x}}}" for x in wrt]
        case "hessian" if len(wrt) == 1:
            return [rf"\nabla_{{{wrt[0]}}}^{{2}} {f}"]
        case "hessian":
            return [
                rf"\frac{{\partial^{{2}} {f}}}{{\partial {x} \, \partial {y}}}"
                for x, y in product(wrt, wrt)
            ]
        case "vjp":
            return [rf"\bar{{{x}}}" for x in wrt]
        case "jvp":
            return [rf"\mathrm{{d}} {f}"]
        case "hvp":
            return [rf"\mathrm{{d}} \nabla_{{{x}}} {f}" for x in wrt]
    raise AssertionError(derivation.kind)


def _letter(symbol: Symbol) -> str:
    return letter(symbol.name, symbol.ndim)
