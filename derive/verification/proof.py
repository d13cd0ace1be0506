"""Multiplying out: the form in which equal polynomials are identical, for every size.

Every product is distributed over the sums in it, functions are written by few of them (softmax by
exponentials, tanh by the logistic function), products are split where no summed index connects
them, and like terms are collected.  What this form does not decide is left to ``small``, which
writes out every entry.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import sympy as sp

from derive.tensor import construct, scalar
from derive.tensor.canonical import Factor
from derive.tensor.node import (
    Add,
    Contraction,
    Labels,
    Map,
    Primitive,
    Tensor,
    View,
    is_whole,
    name_of,
    topological,
)
from derive.tensor.rebuild import factors_of, named_labels, rebuild
from derive.tensor.reductions import spread_of

MOST_TERMS = 300
MOST_STEPS = 1500


class TooLong(Exception):
    """The expression has more terms than is sensible to write out."""


def multiplied_out(tensor: Tensor) -> Tensor:
    """Multiply an expression out; its value does not change.

    Raises
    ------
    TooLong
        When it has more than ``MOST_TERMS`` terms.

    Examples
    --------
    >>> import derive
    >>> x, y = derive.vector("x", 3), derive.vector("y", 3)
    >>> multiplied_out((x - y) @ (x + y)) is multiplied_out(x @ x - y @ y)
    True
    """
    return _joined(weights_of(tensor), tensor)


def weights_of(tensor: Tensor) -> dict[Tensor, sp.Expr]:
    """Multiply an expression out and give its terms, each with its coefficient."""
    done: dict[Tensor, Tensor] = {}
    for node in topological([tensor]):
        if node is not tensor:
            done[node] = _joined(_collected(_rebuilt(node, done)), node) if node.operands else node
    return _collected(_rebuilt(tensor, done) if tensor.operands else tensor)


def _joined(weights: dict[Tensor, sp.Expr], like: Tensor) -> Tensor:
    if not weights:
        return construct.constant(0, like.shape)
    return construct.add([construct.scale(base, weight) for base, weight in weights.items()])


def _rebuilt(node: Tensor, done: dict[Tensor, Tensor]) -> Tensor:
    operands = [done[operand] for operand in node.operands]
    if isinstance(node, Map):
        return _opened(node, operands)
    if isinstance(node, Primitive) and node.name == "standardize":
        axes, centre = node.attributes
        centred, inverse = spread_of(operands[0], operands[1], axes, bool(centre))
        return multiplied_out(centred * inverse)
    return rebuild(node, operands)


def _collected(tensor: Tensor) -> dict[Tensor, sp.Expr]:
    """Distribute until nothing is left to distribute, and collect like terms."""
    weights: dict[Tensor, sp.Expr] = {}
    pending = [tensor]
    for _ in range(MOST_STEPS):
        if not pending:
            break
        term = pending.pop()
        parts = next(distributions(term), None)
        if parts is not None:
            pending += parts
            continue
        weight, base = construct.split_coefficient(by_components(term))
        weights[base] = sp.expand(weights.get(base, sp.S.Zero) + weight)
    if pending or len(weights) > MOST_TERMS:
        raise TooLong
    return {base: weight for base, weight in weights.items() if weight != 0}


# -------------------------------------------------------------------------------- distribution


def distributions(term: Tensor, functions: bool = True) -> Iterator[list[Tensor]]:
    """Multiply one sum of a term out, in every way; of a term without sums there is none.

    Without ``functions``, scalar functions such as 1 - tanh(x)**2 stay whole.
    """
    if isinstance(term, View):
        for parts in distributions(term.operand, functions):
            yield [
                construct.view(part, term.coefficient, term.source, term.target, term.shape)
                for part in parts
            ]
    elif isinstance(term, Contraction):
        yield from _of_product(term, functions)
    else:
        whole = _parts_of_factor(term, functions)
        if whole is not None:
            yield whole


def _parts_of_factor(factor: Tensor, functions: bool = True) -> list[Tensor] | None:
    if isinstance(factor, Add):
        return list(factor.operands)
    return _parts_of_map(factor) if isinstance(factor, Map) and functions else None


def _of_product(term: Contraction, functions: bool) -> Iterator[list[Tensor]]:
    out = tuple(range(term.ndim))
    sizes = dict(zip(out, term.shape, strict=True))
    factors = factors_of(term)
    for position, (tensor, names) in enumerate(factors):
        others = factors[:position] + factors[position + 1 :]
        if isinstance(tensor, Contraction):
            inner = _factors_at(tensor, names, _fresh(factors, out))
            yield [construct.contract([*others, *inner], out, sp.S.One, sizes)]
        parts = _parts_of_factor(tensor, functions)
        if parts is not None:
            yield [
                construct.contract([*others, (part, names)], out, sp.S.One, sizes) for part in parts
            ]


def _fresh(factors: Sequence[Factor], out: Labels) -> int:
    return max((*out, *(k for _, names in factors for k in names)), default=0) + 1


def _factors_at(product: Contraction, names: Labels, fresh: int) -> list[Factor]:
    """Give the factors of a product whose axes carry these labels."""
    return [
        (tensor, tuple(names[k] if k < product.ndim else fresh + k for k in own))
        for tensor, own in factors_of(product)
    ]


def _parts_of_map(node: Map) -> list[Tensor] | None:
    """Split a function that is a sum, or a polynomial of a sum or of a product."""
    axes = tuple(range(node.ndim))
    sizes = dict(zip(axes, node.shape, strict=True))
    arguments = list(zip(node.operands, named_labels(node.labels), strict=True))
    body = sp.expand(opened_body(node.body))
    if body.has(sp.I):
        return None
    if isinstance(body, sp.Add):
        return [construct.map_entries(part, arguments, axes, sizes) for part in body.args]
    for factor in sp.Mul.make_args(body):
        base, power = factor.as_base_exp()
        if not base.is_Symbol or not power.is_Integer:
            continue
        operand, names = arguments[int(base.name.removeprefix("_u"))]
        if isinstance(operand, (Add, Map)) and power > 0:
            rest = construct.map_entries(body / base, arguments, axes, sizes)
            parts = _parts_of_factor(operand)
            if parts is not None:
                return [
                    construct.contract([(part, names), (rest, axes)], axes, sp.S.One, sizes)
                    for part in parts
                ]
        if isinstance(operand, Contraction) and len(operand.sizes) == operand.ndim:
            rest = construct.map_entries(body / factor, arguments, axes, sizes)
            powers = [
                (_power(tensor, power), own)
                for tensor, own in _factors_at(operand, names, _fresh(arguments, axes))
            ]
            return [construct.contract([*powers, (rest, axes)], axes, sp.S.One, sizes)]
    return None


def _power(tensor: Tensor, exponent: sp.Expr) -> Tensor:
    axes = tuple(range(tensor.ndim))
    return construct.map_entries(scalar.placeholder(0) ** exponent, [(tensor, axes)], axes)


def by_components(term: Tensor) -> Tensor:
    """Split a product into the parts that no summed index connects."""
    if isinstance(term, View):
        inner = by_components(term.operand)
        return construct.view(inner, term.coefficient, term.source, term.target, term.shape)
    if not isinstance(term, Contraction) or len(term.sizes) == term.ndim:
        return term
    groups: list[tuple[set[int], list[Factor]]] = []
    for factor in factors_of(term):
        summed = {k for k in factor[1] if k >= term.ndim}
        members = [factor]
        apart = []
        for labels, others in groups:
            if labels & summed:
                summed |= labels
                members = others + members
            else:
                apart.append((labels, others))
        groups = [*apart, (summed, members)]
    if len(groups) == 1:
        return term
    parts: list[Factor] = []
    for summed, members in groups:
        if not summed:
            parts += members
            continue
        kept = tuple(dict.fromkeys(k for _, own in members for k in own if k not in summed))
        parts.append((construct.contract(members, kept), kept))
    out = tuple(range(term.ndim))
    return construct.contract(parts, out, sp.S.One, dict(zip(out, term.shape, strict=True)))


# ---------------------------------------------------------------------------- scalar functions


def _opened(node: Map, operands: Sequence[Tensor]) -> Tensor:
    """Make a map of these operands, written by exponentials and few other functions."""
    arguments: list[Factor] = []
    replacement: dict[sp.Expr, sp.Expr] = {}
    exponents = {s for e in opened_body(node.body).atoms(sp.exp) for s in e.free_symbols}
    for k, (operand, names) in enumerate(zip(operands, named_labels(node.labels), strict=True)):
        own = {scalar.placeholder(k), scalar.placeholder(k, True)}
        parts = _parts_of_factor(operand) if own & exponents else None
        value = sp.Add(*(_argument(part, names, arguments) for part in parts or [operand]))
        replacement.update(dict.fromkeys(own, value))
    written = opened_body(opened_body(node.body).xreplace(replacement))
    body = sp.expand(written)
    if body.has(sp.I):
        body = written  # log(-exp(x)) is x + iπ, but has no real value
    axes = tuple(range(node.ndim))
    sizes = dict(zip(axes, node.shape, strict=True))
    return construct.add(
        [construct.map_entries(part, arguments, axes, sizes) for part in sp.Add.make_args(body)]
    )


def _argument(tensor: Tensor, names: Labels, arguments: list[Factor]) -> sp.Expr:
    """Append an argument, the sum of exponentials in place of its logarithm, and refer to it.

    A function of a function is one function, whether or not the user named the inner one.
    """
    weight, base = construct.split_coefficient(tensor)
    core = base.operand if isinstance(base, View) else base
    if isinstance(base, Map) and (name_of(base) is not None or not is_whole(base)):
        inner = {
            scalar.placeholder(k, p): _argument(operand, tuple(names[j] for j in own), arguments)
            for k, (operand, own) in enumerate(zip(base.operands, base.labels, strict=True))
            for p in (False, True)
        }
        return weight * opened_body(base.body).xreplace(inner)
    if isinstance(core, Primitive) and core.name == "logsumexp":
        total = sum_of_exponentials(core)
        if base is not core:
            assert isinstance(base, View)
            total = construct.view(total, sp.S.One, base.source, base.target, base.shape)
        base, wrap = total, sp.log
    else:
        wrap = sp.Id
    arguments.append((base, names))
    return weight * wrap(scalar.placeholder(len(arguments) - 1, construct.is_positive(base)))


def sum_of_exponentials(node: Primitive) -> Tensor:
    """Give what a log-sum-exp is the logarithm of, multiplied out."""
    (operand,) = node.operands
    axes = tuple(range(operand.ndim))
    exponentials = construct.map_entries(sp.exp(scalar.placeholder(0)), [(operand, axes)], axes)
    kept = tuple(k for k in axes if k not in node.attributes[0])
    return multiplied_out(construct.contract([(exponentials, axes)], kept))


@lru_cache(maxsize=16384)
def opened_body(body: sp.Expr) -> sp.Expr:
    """Write a scalar function by few others; the identities hold at every real argument."""
    for _ in range(4):
        before = body
        for function, identity in _IDENTITIES:
            if body.has(function):
                body = body.replace(function, identity)
        if body.has(scalar.greater):
            body = sp.expand(body).replace(sp.Mul, _product)
        if body == before:
            break
    return body


def _if_negative(function: type[sp.Function], reflected: object) -> object:
    def rewrite(w: sp.Expr) -> sp.Expr:
        return reflected(w) if w.could_extract_minus_sign() else function(w)  # type: ignore[operator]

    return rewrite


def _product(*factors: sp.Expr) -> sp.Expr:
    """Multiply; of a > b, b > a and a = b at most one holds, and w (w = 0) is 0."""
    ordered = {f.args for f in factors if isinstance(f, scalar.greater)}
    equal = {f.args for f in factors if isinstance(f, scalar.equal)}
    bases = {f.as_base_exp()[0] for f in factors}
    if any((b, a) in ordered for a, b in ordered | equal) or equal & ordered:
        return sp.S.Zero
    if any(b == 0 and a in bases for a, b in equal):
        return sp.S.Zero
    return sp.Mul(*factors)


def _oriented(a: sp.Expr, b: sp.Expr) -> sp.Expr:
    """Write comparisons of w and -w with 0 by w > 0 and w = 0."""
    if b == 0 and a.could_extract_minus_sign():
        a, b = b, -a
    if a == 0 and b.could_extract_minus_sign():
        return scalar.greater(-b, 0)
    for factor in a.args if b == 0 and a.is_Mul else ():
        if isinstance(factor, scalar.greater) and factor.args == (a / factor, 0):
            return factor  # relu(w) > 0
    return 1 - scalar.greater(b, 0) - scalar.equal(b, 0) if a == 0 else scalar.greater(a, b)


def _chosen(condition: sp.Expr, yes: sp.Expr, no: sp.Expr) -> sp.Expr:
    indicator = isinstance(condition, _INDICATORS)
    if indicator and not (yes.has(sp.oo, -sp.oo) or no.has(sp.oo, -sp.oo)):
        return no + (yes - no) * condition
    return scalar.where(condition, yes, no)


_INDICATORS = (
    scalar.greater,
    scalar.greater_equal,
    scalar.equal,
    scalar.not_equal,
    scalar.selects,
)

_IDENTITIES = (
    (scalar.where, _chosen),
    (sp.tanh, lambda w: 2 * scalar.sigmoid(2 * w) - 1),
    (sp.sinh, lambda w: (sp.exp(w) - sp.exp(-w)) / 2),
    (sp.cosh, lambda w: (sp.exp(w) + sp.exp(-w)) / 2),
    (scalar.sigmoid, _if_negative(scalar.sigmoid, lambda w: 1 - scalar.sigmoid(-w))),
    (scalar.softplus, _if_negative(scalar.softplus, lambda w: w + scalar.softplus(-w))),
    (scalar.greater_equal, lambda a, b: 1 - scalar.greater(b, a)),
    (scalar.greater, _oriented),
    (scalar.not_equal, lambda a, b: 1 - scalar.equal(a, b)),
    (scalar.relu, lambda w: w * scalar.greater(w, 0)),
    (scalar.slope_of_abs, lambda w: 1 - 2 * scalar.greater(0, w)),
    (sp.Abs, lambda w: w - 2 * w * scalar.greater(0, w)),
    (scalar.maximum, lambda a, b: b + (a - b) * scalar.greater(a, b)),
    (scalar.minimum, lambda a, b: a + (b - a) * scalar.greater(a, b)),
)
"""Each function and what it equals: the table is applied until nothing changes."""
