"""Gradients, Jacobians, Hessians and their products with vectors, by reverse mode.

One reverse pass serves all: the cotangent of the result is seeded with 1 for a gradient, with a
symbol for a vector-Jacobian product, and with a delta, whose leading axes are those of the result,
for a Jacobian.  A Hessian is the Jacobian of a gradient.  A Jacobian-vector product is the
transpose of the vector-Jacobian product, which is linear in its cotangent (Christianson, 1992;
Radul et al., You only linearize once, POPL 2023), so no rule is needed for forward mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from derive import pytrees
from derive.derivation import Derivation, Trace
from derive.errors import ShapeError, UnsupportedError
from derive.rules.reverse import reverse
from derive.simplify import simplify
from derive.tensor import construct, linear, symbols
from derive.tensor.dims import is_one, show_shape
from derive.tensor.node import Symbol, Tensor, View, symbols_of
from derive.tensor.operators import TensorLike, as_tensor, describe
from derive.tensor.rebuild import substitute
from derive.tensor.symbols import require_distinct_names

Wrt = Any
"""A symbol, or a (nested) sequence or dict of symbols."""


def gradient(f: TensorLike, wrt: Wrt) -> Derivation:
    """Derive the gradient of a scalar function.

    Parameters
    ----------
    f : tensor of shape () or with axes of size 1 only
    wrt : symbol, or sequence or dict of symbols
        Sequences and dicts can be nested.

    Returns
    -------
    Derivation
        Its ``expr`` has the shape of ``wrt`` (the same structure of such for a sequence or a dict:
        a dict of parameters gives a dict of gradients).  With respect to a
        matrix declared symmetric, diagonal or triangular it is the orthogonal projection on those
        matrices; ``tie_entries`` gives the other convention.

    Raises
    ------
    ShapeError
        When f is not a scalar; then use ``jacobian``.
    UnsupportedError
        When an operation of f has no derivative.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> x, A = derive.vector("x", n), derive.matrix("A", n, n)
    >>> print(derive.gradient(x @ A @ x, x))
    (A + A.T) @ x
    """
    function = _scalar(f, "gradient")
    targets = _targets(wrt, function)
    trace = Trace(function, tuple(targets))
    pulled = _pull_back(function, construct.constant(1, function.shape), 0, targets, trace)
    return _derivation("gradient", wrt, pulled, trace)


def jacobian(f: TensorLike, wrt: Wrt) -> Derivation:
    """Derive the Jacobian, whose shape is ``f.shape + wrt.shape``.

    Parameters
    ----------
    f : tensor of any rank
    wrt : symbol or sequence of symbols

    Examples
    --------
    >>> import derive
    >>> n, m = derive.dims("n m")
    >>> A, x = derive.matrix("A", m, n), derive.vector("x", n)
    >>> print(derive.jacobian(A @ x, x))
    A
    """
    function = as_tensor(f)
    targets = _targets(wrt, function)
    trace = Trace(function, tuple(targets))
    pulled = _jacobian(function, targets, trace)
    return _derivation("jacobian", wrt, pulled, trace)


def hessian(f: TensorLike, wrt: Wrt) -> Derivation:
    """Derive the Hessian of a scalar function, whose shape is ``wrt.shape + wrt.shape``.

    For a sequence of symbols, ``expr`` is a tuple of tuples: the block of row k and column m is the
    Jacobian of the gradient in symbol k with respect to symbol m.  For a dict, a dict of dicts.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> x, A = derive.vector("x", n), derive.matrix("A", n, n)
    >>> print(derive.hessian(x @ A @ x, x))
    A + A.T
    """
    function = _scalar(f, "hessian")
    targets = _targets(wrt, function)
    trace = Trace(function, tuple(targets))
    gradients = _pull_back(function, construct.constant(1, function.shape), 0, targets, trace)
    gradients = simplify(gradients)
    rows = []
    for row in gradients:
        second = Trace(row, tuple(targets))
        rows.append(_jacobian(row, targets, second))
        trace.second.append(second)
    width = len(targets)
    flat = simplify([block for blocks in rows for block in blocks])
    by_row = [_structured(wrt, flat[k : k + width]) for k in range(0, len(flat), width)]
    return Derivation("hessian", _structured(wrt, by_row), trace)


def vjp(f: TensorLike, wrt: Wrt, cotangent: TensorLike | None = None) -> Derivation:
    """Derive the product of a cotangent with the Jacobian: the pullback of f.

    Parameters
    ----------
    f : tensor of any rank
    wrt : symbol or sequence of symbols
    cotangent : tensor of the shape of f, optional
        By default a symbol named ``cotangent``.

    Examples
    --------
    >>> import derive
    >>> n, m = derive.dims("n m")
    >>> A, x, u = derive.matrix("A", m, n), derive.vector("x", n), derive.vector("u", m)
    >>> print(derive.vjp(A @ x, x, cotangent=u))
    A.T @ u
    """
    function = as_tensor(f)
    targets = _targets(wrt, function)
    if cotangent is None:
        cotangent = symbols.tensor(_unused("cotangent", function), *function.shape)
    seed = as_tensor(cotangent)
    _require_shape("vjp: the cotangent", seed, function.shape)
    trace = Trace(function, tuple(targets), (seed,))
    pulled = _pull_back(function, seed, 0, targets, trace)
    return _derivation("vjp", wrt, pulled, trace)


def jvp(f: TensorLike, wrt: Wrt, tangent: Any = None) -> Derivation:
    """Derive the product of the Jacobian with a tangent: the differential of f along it.

    Parameters
    ----------
    f : tensor of any rank
    wrt : symbol or sequence of symbols
    tangent : tensor of the shape of ``wrt``, or a sequence of such, optional
        By default symbols named ``d`` and the symbol's name, as in ``dX``.

    Returns
    -------
    Derivation
        Its ``expr`` has the shape of f.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> X = derive.matrix("X", n, n)
    >>> print(derive.jvp(derive.inv(X), X))
    -inv(X) @ dX @ inv(X)
    """
    function = as_tensor(f)
    targets = _targets(wrt, function)
    tangents = _directions("jvp: the tangent", wrt, tangent, targets, function)
    trace = Trace(function, tuple(targets), tuple(tangents))
    return Derivation(
        "jvp", simplify([_push_forward(function, targets, tangents, trace)])[0], trace
    )


def hvp(f: TensorLike, wrt: Wrt, vector: Any = None) -> Derivation:
    """Derive the product of the Hessian of a scalar function with a vector.

    Parameters
    ----------
    f : scalar tensor
    wrt : symbol or sequence of symbols
    vector : tensor of the shape of ``wrt``, or a sequence of such, optional
        By default symbols named ``d`` and the symbol's name.

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> x, A, v = derive.vector("x", n), derive.matrix("A", n, n), derive.vector("v", n)
    >>> print(derive.hvp(x @ A @ x, x, vector=v))
    (A + A.T) @ v
    """
    function = _scalar(f, "hvp")
    targets = _targets(wrt, function)
    vectors = _directions("hvp: the vector", wrt, vector, targets, function)
    trace = Trace(function, tuple(targets), tuple(vectors))
    gradients = simplify(
        _pull_back(function, construct.constant(1, function.shape), 0, targets, trace)
    )
    # The vectors are held fixed, whatever they depend on.
    fixed = [construct.symbol(f"\0v{k}", v.shape) for k, v in enumerate(vectors)]
    slope = construct.add([linear.dot(g, v) for g, v in zip(gradients, fixed, strict=True)])
    second = Trace(slope, tuple(targets))
    trace.second.append(second)
    pulled = _pull_back(slope, construct.constant(1), 0, targets, second)
    given: dict[Tensor, Tensor] = dict(zip(fixed, vectors, strict=True))
    return _derivation("hvp", wrt, [substitute(part, given) for part in pulled], trace)


def tie_entries(g: TensorLike, wrt: TensorLike) -> Tensor:
    """Turn the gradient in a structured matrix into the derivative by its free entries.

    For a symmetric X the entries (i, j) and (j, i) are one variable, whose derivative is
    ``G + G.T - diag(diag(G))`` for the unconstrained gradient G (Petersen and Pedersen, The Matrix
    Cookbook, 2012, equation 138).  For diagonal and triangular matrices the two conventions agree.

    Parameters
    ----------
    g : gradient with respect to ``wrt``, as ``gradient`` gives it
    wrt : symbol

    Examples
    --------
    >>> import derive
    >>> n = derive.dims("n")
    >>> S = derive.matrix("S", n, n, symmetric=True)
    >>> g = derive.gradient(derive.logdet(S), S)
    >>> print(g)
    inv(S)
    >>> print(derive.tie_entries(g, S))
    2 * inv(S) - diag(diag(inv(S)))
    """
    tensor = as_tensor(g)
    (symbol,) = _targets(wrt, tensor)
    _require_shape("tie_entries: the gradient", tensor, symbol.shape)
    if "symmetric" not in symbol.structure or "diagonal" in symbol.structure:
        return tensor
    return 2 * tensor - linear.diag(linear.diag(tensor))


# ------------------------------------------------------------------------------- reverse mode


def _pull_back(
    function: Tensor, seed: Tensor, extra: int, targets: Sequence[Symbol], trace: Trace
) -> list[Tensor]:
    """Give the cotangents of the targets, given that of the function."""
    trace.cotangents, trace.contributions = reverse([(function, seed)], extra, targets)
    return [_project(trace.cotangents.get(s), s, seed.shape[:extra]) for s in targets]


def _jacobian(function: Tensor, targets: Sequence[Symbol], trace: Trace) -> list[Tensor]:
    axes = tuple(range(function.ndim))
    shape = function.shape
    seed = construct.view(construct.ONE, sp.S.One, (), (*axes, *axes), (*shape, *shape))
    return _pull_back(function, seed, function.ndim, targets, trace)


def _push_forward(
    function: Tensor, targets: Sequence[Symbol], tangents: Sequence[Tensor], trace: Trace
) -> Tensor:
    """Transpose the vector-Jacobian product, which is linear in the cotangent u."""
    u = construct.symbol("\0u", function.shape)
    pulled = _pull_back(function, u, 0, targets, trace)
    pairing = construct.add([linear.dot(g, v) for g, v in zip(pulled, tangents, strict=True)])
    (pushed,) = _pull_back(pairing, construct.constant(1), 0, [u], Trace(pairing, (u,)))
    assert u not in symbols_of(pushed), "a pullback is linear in its cotangent"
    return pushed


def _project(cotangent: Tensor | None, symbol: Symbol, leading: tuple[sp.Expr, ...]) -> Tensor:
    """Project on the matrices of the symbol's declared structure."""
    if cotangent is None:
        return construct.constant(0, (*leading, *symbol.shape))
    structure = symbol.structure
    if "diagonal" in structure:
        return cotangent  # a diagonal symbol enters by its diagonal alone
    if "symmetric" in structure:
        axes = tuple(range(cotangent.ndim))
        swapped = construct.permute(cotangent, (*axes[:-2], axes[-1], axes[-2]))
        if swapped is cotangent:
            return cotangent
        return construct.scale(construct.add([cotangent, swapped]), sp.Rational(1, 2))
    if "lower_triangular" in structure:
        return linear.tril(cotangent)
    if "upper_triangular" in structure:
        return linear.triu(cotangent)
    return cotangent


# ----------------------------------------------------------------------------------- arguments


def _derivation(kind: str, wrt: Wrt, pulled: list[Tensor], trace: Trace) -> Derivation:
    return Derivation(kind, _structured(wrt, simplify(pulled)), trace)


def _structured(wrt: Wrt, items: Sequence[Any]) -> Any:
    """Give the items in the structure of ``wrt``; a sequence of symbols gives a tuple."""
    found = pytrees.like(wrt, items)
    return tuple(found) if isinstance(found, list) else found


def _targets(wrt: Wrt, function: Tensor) -> list[Symbol]:
    names = {s.name: s for s in symbols_of(function)}
    require_distinct_names(function)
    targets = []
    for item in pytrees.leaves(wrt):
        tensor = as_tensor(item)
        symbol = tensor.operand if isinstance(tensor, View) else tensor
        if not isinstance(symbol, Symbol) or not (tensor is symbol or _is_own(tensor)):
            raise UnsupportedError(
                f"wrt must be a symbol, got {tensor!r}; name the part with a symbol of its own"
            )
        if symbol.dtype != "float":
            raise UnsupportedError(f"{symbol.name} holds {symbol.dtype} values: no derivative")
        if "orthogonal" in symbol.structure:
            raise UnsupportedError(
                f"{symbol.name} is declared orthogonal: its gradient depends on a metric; "
                "declare it without structure and project the gradient on the tangent space"
            )
        if "simplex" in symbol.structure:
            raise UnsupportedError(
                f"{symbol.name} is declared simplex: its entries cannot vary one by one; declare "
                "it without structure, or differentiate by logits of which it is the softmax"
            )
        same_name = names.get(symbol.name, symbol)
        if same_name is not symbol:
            raise ShapeError(
                f"wrt is {describe(symbol)}, but in the function {describe(same_name)} is another "
                "symbol of that name; use the same declaration"
            )
        targets.append(symbol)
    if len(set(targets)) < len(targets) or not targets:
        raise UnsupportedError("wrt must name at least one symbol, and each only once")
    return targets


def _is_own(tensor: Tensor) -> bool:
    """Tell whether a view is a diagonal symbol as ``as_tensor`` gives it."""
    return (
        isinstance(tensor, View)
        and construct.is_diagonal(tensor.operand)
        and tensor.coefficient is sp.S.One
    )


def _scalar(f: TensorLike, what: str) -> Tensor:
    function = as_tensor(f)
    if not all(is_one(dim) for dim in function.shape):
        raise ShapeError(
            f"{what}: the function has shape {show_shape(function.shape)}, not (): "
            "sum it, or use jacobian"
        )
    return function


def _require_shape(what: str, tensor: Tensor, shape: tuple[sp.Expr, ...]) -> None:
    if not construct.same_shape(tensor.shape, shape):
        raise ShapeError(f"{what} has shape {show_shape(tensor.shape)}, not {show_shape(shape)}")


def _directions(
    what: str, wrt: Wrt, given: Any, targets: Sequence[Symbol], function: Tensor
) -> list[Tensor]:
    if given is None:
        return [
            construct.symbol(
                _unused("d" + s.name, function), s.shape, s.structure & {"symmetric", "diagonal"}
            )
            for s in targets
        ]
    directions = [as_tensor(item) for item in pytrees.leaves(given)]
    if len(directions) != len(targets):
        raise ShapeError(f"{what}: {len(directions)} were given for {len(targets)} symbols")
    for direction, symbol in zip(directions, targets, strict=True):
        _require_shape(f"{what} of {symbol.name}", direction, symbol.shape)
    return directions


def _unused(name: str, function: Tensor) -> str:
    taken = {s.name for s in symbols_of(function)}
    while name in taken:
        name += "_"
    return name
