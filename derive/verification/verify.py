"""Is my formula right?  A claimed derivative against the derived one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from derive import calculus, pytrees
from derive.derivation import Derivation
from derive.errors import ShapeError, UnsupportedError
from derive.tensor.dims import is_one
from derive.tensor.loops import all_nodes
from derive.tensor.node import Symbol, Tensor, dims_of, symbols_of
from derive.tensor.operators import TensorLike, as_tensor, describe
from derive.verification.question import Question
from derive.verification.verdict import Verdict


def verify(
    claim: Any,
    f: TensorLike,
    wrt: Any,
    *,
    kind: str | None = None,
    cotangent: TensorLike | None = None,
    tangent: Any = None,
    vector: Any = None,
    sizes: Mapping[Any, int] | None = None,
) -> Verdict:
    """Check a derivative that was derived by hand, and tell what is wrong with it.

    Parameters
    ----------
    claim : tensor, SymPy expression or Derivation, or a sequence of them for a sequence of ``wrt``
        The claimed formula, in the inputs of ``f``.
    f : tensor of any shape
    wrt : symbol or sequence of symbols
    kind : str, optional
        ``"gradient"``, ``"jacobian"``, ``"hessian"``, ``"vjp"``, ``"jvp"`` or ``"hvp"``.  By
        default a gradient for a scalar f and a Jacobian for another, or what the direction that
        is given goes with.
    cotangent : tensor of the shape of f, optional
        Of a backpropagation rule: the claim is the cotangent of ``wrt``.
    tangent, vector : tensor of the shape of ``wrt``, optional
        Of a Jacobian-vector product, of a Hessian-vector product.
    sizes : dict from dims (or their names) to int, optional
        To compare at; small ones are chosen by default.

    Returns
    -------
    Verdict
        It is true when the claim is right.  It tells whether that is proved; if not right, its
        findings say what is wrong, and its counterexample shows it in numbers.

    Raises
    ------
    UnsupportedError
        When the claim has an input that the function does not have.
    ShapeError
        When it has another declaration of an input, or a size that the function does not have.

    Notes
    -----
    A proof multiplies out both formulas, for every size, or writes out every entry at small sizes
    and lets SymPy's polynomials decide.  Without a proof, formulas count as equal that are equal at
    random points: exactly where the values are rational, and to 30 digits where not (Schwartz,
    Fast probabilistic algorithms for verification of polynomial identities, 1980).

    Examples
    --------
    >>> import derive
    >>> n, d = derive.dims("n d")
    >>> X, w, y = derive.matrix("X", n, d), derive.vector("w", d), derive.vector("y", n)
    >>> loss = derive.mean((X @ w - y) ** 2)
    >>> print(derive.verify(X.T @ (X @ w - y), loss, w))
    The claimed gradient with respect to w is wrong: it differs from the derived formula.
      claimed  X.T @ (X @ w - y)
      derived  2 * X.T @ (X @ w - y) / n
    - The claim is n / 2 times the right one: multiply it by 2 / n.
    For example, d = 2, n = 3, ...: the claim gives ...; right is ...
    >>> verdict = derive.verify(2 * X.T @ X @ w / n - 2 * X.T @ y / n, loss, w)
    >>> verdict.equal, verdict.proved
    (True, True)
    >>> print(verdict.how)
    multiplied out, it and the derived formula are the same sum, for every size

    A backpropagation rule is the cotangent of an input, given that of the output:

    >>> x, u = derive.vector("x", n), derive.vector("u", n)
    >>> p = derive.softmax(x)
    >>> for finding in derive.verify(p * u, p, x, cotangent=u).findings[:1]:
    ...     print(finding)
    The claim lacks the term `-(softmax(x) @ u) * softmax(x)`: add it.
    """
    derivation = _derive(kind, f, wrt, cotangent, tangent, vector)
    named = {str(dim): int(size) for dim, size in (sizes or {}).items()}
    known = [derivation.function, *derivation.wrt, *derivation.trace.directions]
    verdicts = []
    for item, right, symbols in _paired(claim, derivation):
        _require_known(item, [*known, right])
        verdicts.append(Question(item, right, derivation, symbols, named).answer())
    if pytrees.is_leaf(derivation.expr):
        return verdicts[0]
    return Verdict(
        equal=all(verdict.equal for verdict in verdicts),
        proved=all(verdict.proved for verdict in verdicts),
        how="; ".join(f"{verdict.label}: {verdict.how}" for verdict in verdicts),
        claim=claim.expr if isinstance(claim, Derivation) else claim,
        right=derivation.expr,
        derivation=derivation,
        findings=tuple(finding for verdict in verdicts for finding in verdict.findings),
        counterexample=next((v.counterexample for v in verdicts if v.counterexample), None),
        parts=tuple(verdicts),
    )


def _derive(
    kind: str | None, f: TensorLike, wrt: Any, cotangent: Any, tangent: Any, vector: Any
) -> Derivation:
    directions = {"vjp": cotangent, "jvp": tangent, "hvp": vector}
    given = [name for name, direction in directions.items() if direction is not None]
    if kind is None:
        if len(given) > 1:
            raise UnsupportedError("verify: give one of cotangent, tangent and vector")
        is_scalar = all(is_one(dim) for dim in as_tensor(f).shape)
        kind = given[0] if given else "gradient" if is_scalar else "jacobian"
    if kind not in _KINDS:
        raise UnsupportedError(f"verify: kind must be one of {', '.join(_KINDS)}, got {kind!r}")
    if any(name != kind for name in given):
        raise UnsupportedError(f"verify: a {kind} has no {_DIRECTIONS[given[0]]}")
    if kind in _DIRECTIONS:
        return getattr(calculus, kind)(f, wrt, **{_DIRECTIONS[kind]: directions[kind]})
    return getattr(calculus, kind)(f, wrt)


_KINDS = ("gradient", "jacobian", "hessian", "vjp", "jvp", "hvp")
_DIRECTIONS = {"vjp": "cotangent", "jvp": "tangent", "hvp": "vector"}


def _paired(claim: Any, derivation: Derivation) -> list[tuple[Tensor, Tensor, tuple[Symbol, ...]]]:
    """Pair each part of a claim with the right one, and with the symbols that it is of."""
    expr, wrt = derivation.expr, derivation.wrt
    given = claim.expr if isinstance(claim, Derivation) else claim
    right, claims = list(pytrees.leaves(expr)), list(pytrees.leaves(given))
    if len(claims) != len(right) or pytrees.is_leaf(given) != pytrees.is_leaf(expr):
        one = "one claim" if pytrees.is_leaf(expr) else f"{len(right)} claims, as wrt has them,"
        raise ShapeError(f"verify: {one} and not {len(claims)} must be given")
    symbols: list[tuple[Symbol, ...]] = [(symbol,) for symbol in wrt]
    if derivation.kind == "hessian":
        symbols = [(row, column) for row in wrt for column in wrt]
    if derivation.kind == "jvp":
        symbols = [wrt]
    return list(zip(map(as_tensor, claims), right, symbols, strict=True))


def _require_known(claim: Tensor, known: list[Tensor]) -> None:
    """Raise when a claim uses an input or a size that the function does not have."""
    inputs = {symbol.name: symbol for symbol in symbols_of(*known)}
    for symbol in symbols_of(claim):
        if symbol.name not in inputs:
            raise UnsupportedError(
                f"verify: the claim uses {describe(symbol)}, which is not an input of the function "
                f"({', '.join(inputs)}); write it as an expression of these"
            )
        if inputs[symbol.name] is not symbol:
            raise ShapeError(
                f"verify: the claim uses {describe(symbol)}, and the function "
                f"{describe(inputs[symbol.name])} of another declaration; use the same one"
            )
    sizes = {dim for node in all_nodes(known) for dim in dims_of(node)}
    for node in all_nodes([claim]):
        for size in dims_of(node) - sizes:
            raise ShapeError(f"verify: the claim has the size {size}, which the function does not")
