"""Backpropagation as a table: a row for each operation of a function, forward and backward.

==============  ==============================================================================
module          what it does
==============  ==============================================================================
graph           the expression graph as its operations, seen through the views
cutting         which nodes are one row
vocabulary      what the field calls an operation
naming, rows    the rows of a function, with a name for every value
local, fusing   one operation on its own, and the cotangents of its inputs
display         an expression as the tree of a formula: means, indicators of a class
batch           axes that an operation only runs over
textbook        the order of terms, sums of rows and columns, variances
table           text, Markdown, LaTeX and SymPy
==============  ==============================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from derive.backpropagation.rows import Row, rows_of
from derive.backpropagation.table import Backprop
from derive.calculus import _scalar, _targets
from derive.errors import UnsupportedError
from derive.tensor.assumptions import without_assumptions
from derive.tensor.node import Symbol, symbols_of
from derive.tensor.operators import TensorLike

__all__ = ["Backprop", "Row", "backprop"]

STYLES: dict[str, Callable[[str, str], str]] = {
    "partial": lambda name, loss: f"∂{loss}/∂{name}",
    "delta": lambda name, loss: f"δ_{name}",
    "bar": lambda name, loss: f"{name}_bar",
}


def backprop(loss: TensorLike, wrt: Any, *, style: str = "partial") -> Backprop:
    r"""Give the backward pass of a function as a table with a row for each operation.

    A value that ``derive.let`` named is a row, with its formula in terms of the values before it.
    What has no name belongs to the row of what uses it, where that is one formula of a textbook,
    such as the bias of a linear layer.  A product of matrices, a nonlinearity or a reduction
    without a name gets one: ``z1, z2, ...`` for what is linear, ``a1, a2, ...`` for what is not,
    ``p1, ...`` for a softmax, ``s1, ...`` for a scalar, ``x_hat`` for x standardised, in capitals
    for two axes or more; the result is ``L``.

    The backward formulas of a row give, for each operand, what this operation contributes to its
    cotangent, in terms of the cotangent of the result.  The reverse pass goes from the last row to
    the first: where a value is used by several rows, the last has ``=`` and those before have
    ``+=``, which add to it.

    Vectors are columns and ⊙ is the entrywise product; 𝟏 is a vector of ones, and ``rowsum`` and
    ``colsum`` sum each row and each column of a matrix.  Functions such as ``softmax`` are along
    the last axis where nothing else is said.  Axes that an operation only runs over, such as a
    batch or the heads of an attention, are left out of its formulas, which are then those of the
    matrices in the other two; ``Σ_b(...)`` is a sum over an axis of size b that is left out.

    Parameters
    ----------
    loss : tensor of shape ()
    wrt : symbol, or sequence or dict of symbols
    style : {"partial", "delta", "bar"}
        Whether the cotangent of z is written ∂L/∂z, δ_z or z̄ (Giles, 2008).

    Returns
    -------
    Backprop
        Its ``rows`` have the formulas as tensors; it prints as text, shows itself in notebooks, and
        has ``markdown()``, ``latex()`` and ``to_sympy()``.

    Raises
    ------
    ShapeError
        When the loss is not a scalar.
    UnsupportedError
        When an operation has no derivative, or the loss does not depend on a symbol of ``wrt``.

    Notes
    -----
    Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors;
    Giles (2008), Collected matrix derivative results for forward and reverse mode algorithmic
    differentiation, for the products of matrices and the bar.

    Examples
    --------
    >>> import derive
    >>> n, m = derive.dims("n m")
    >>> W, x = derive.matrix("W", m, n), derive.vector("x", n)
    >>> b, y = derive.vector("b", m), derive.vector("y", m)
    >>> z = derive.let("z", W @ x + b)
    >>> a = derive.let("a", derive.relu(z))
    >>> L = derive.let("L", derive.sum((a - y) ** 2) / 2)
    >>> table = derive.backprop(L, [W, b, x])
    >>> print(table)
    | Operation     | Forward          | Backward                | Shapes     |
    |---------------|------------------|-------------------------|------------|
    | linear        | z = W x + b      | ∂L/∂W = ∂L/∂z · xᵀ      | z : (m,)   |
    |               |                  | ∂L/∂b = ∂L/∂z           | W : (m, n) |
    |               |                  | ∂L/∂x = Wᵀ · ∂L/∂z      | b : (m,)   |
    |               |                  |                         | x : (n,)   |
    |---------------|------------------|-------------------------|------------|
    | relu          | a = max(0, z)    | ∂L/∂z = ∂L/∂a ⊙ (z > 0) | a : (m,)   |
    |---------------|------------------|-------------------------|------------|
    | squared error | L = ‖a - y‖² / 2 | ∂L/∂a = a - y           | L : ()     |
    |               |                  |                         | y : (m,)   |
    |---------------|------------------|-------------------------|------------|
    >>> table.rows[1].backward["z"]
    ∂L/∂a * (z > 0)
    >>> print(derive.backprop(L, [b], style="delta").latex().splitlines()[3])
    \text{relu} & ... \boldsymbol{\delta}_{\mathbf{z}} &= ...
    """
    function = _scalar(loss, "backprop")
    targets = _targets(wrt, function)
    if style not in STYLES:
        raise ValueError(f"backprop: style is one of {', '.join(STYLES)}, got {style!r}")
    if isinstance(function, Symbol):
        raise UnsupportedError(f"backprop: {function.name} is a symbol; there is no operation")
    unused = [symbol.name for symbol in targets if symbol not in symbols_of(function)]
    if unused:
        raise UnsupportedError(
            f"backprop: the loss does not depend on {', '.join(unused)}; leave it out of wrt"
        )
    function = without_assumptions(function)
    rows, cotangents = rows_of(function, targets, STYLES[style])
    return Backprop(rows, style, cotangents)
