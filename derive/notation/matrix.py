"""From the expression graph to matrix notation, one form for each node."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace

import sympy as sp

from derive.notation.algebra import best, norm, times, total
from derive.notation.blocks import grid
from derive.notation.entrywise import coefficient_tree, entrywise
from derive.notation.form import Form, both, chain, settled, unsigned_form
from derive.notation.graph import (
    carried,
    common_factor,
    concatenation,
    dropped,
    dropped_axis,
    is_logsumexp,
    is_symmetric,
    opened,
    rank_of,
    summands,
    weights,
)
from derive.notation.network import Network, Part, Term
from derive.notation.place import (
    as_column,
    as_flat,
    is_flat,
    ones,
    ones_matrix,
    placed,
    shaped,
    unshaped,
)
from derive.notation.primitives import PRIMITIVES, operation
from derive.notation.sums import expanded, sum_of
from derive.notation.tree import Call, Items, Name, Recurrence, Tree
from derive.tensor import construct
from derive.tensor.dims import Dim, is_one
from derive.tensor.node import (
    UNIT_AXIS,
    Add,
    Arange,
    Contraction,
    Labels,
    Map,
    Primitive,
    Symbol,
    Tensor,
    View,
    topological,
)
from derive.tensor.rebuild import named_labels
from derive.tensor.scalar import greater_equal, placeholder

Factor = tuple[Tensor, Labels]


class Notation:
    """Writes tensors as notation trees.

    Parameters
    ----------
    columns : bool
        Whether vectors are columns, as on paper, or have one axis, as in NumPy.
    named : mapping of tensors to str
        Intermediates that stand as names; ``definition`` writes what they are.
    """

    def __init__(self, columns: bool, named: Mapping[Tensor, str] | None = None) -> None:
        self.columns = columns
        self.named = named or {}
        self.forms: dict[Tensor, Form] = {}
        self.loops: Mapping[Hashable, list[Tensor]] = {}
        self.recurrences: dict[Hashable, Recurrence] = {}
        self.scaled = self._scaled()
        self.terms: dict[Tensor, Term] = {}

    def _scaled(self) -> dict[Tensor, tuple[sp.Expr, Form]]:
        """Write what a named tensor is a multiple of, or the transpose, by the name."""
        scaled = {}
        for node in self.named:
            form = self._named(node)
            if not isinstance(node, View) or node.operand in self.named or form is None:
                continue
            if isinstance(node.operand, Symbol):
                continue  # it has a name
            labels = [k for k in node.target if k != UNIT_AXIS]
            if sorted(labels) == sorted(k for k in node.source if k != UNIT_AXIS) and form.rank < 3:
                moved = labels != [k for k in node.source if k != UNIT_AXIS]
                scaled[node.operand] = 1 / node.coefficient, form.transposed if moved else form
        return scaled

    def tree(self, root: Tensor) -> Tree:
        """Write a tensor in exactly its shape."""
        value = construct.constant_value(root)
        if value is not None and root.ndim:
            if value == 0:
                return Call.of("zeros", *map(coefficient_tree, root.shape), rank=root.ndim)
            return times([coefficient_tree(value), ones(*root.shape)])
        return shaped(self.form(root), root.shape)

    def definition(self, node: Tensor) -> Tree:
        """Write what a named tensor is."""
        core = node.operand if isinstance(node, View) else node
        known = self.scaled.pop(core, None), self.forms.pop(core, None)
        form = self._written(node)
        if known[0] is not None:
            self.scaled[core] = known[0]
        if known[1] is not None:
            self.forms[core] = known[1]
        return shaped(form, node.shape)

    def form(self, root: Tensor) -> Form:
        """Write a tensor by its axes, those of size 1 left out."""
        if root not in self.forms:
            for node in topological([root]):
                if node not in self.forms:
                    self.forms[node] = self._named(node) or self._written(node)
                    weight, form = self.scaled.get(node, (sp.S.Zero, None))
                    if weight == 1 and form is not None:
                        self.forms[node] = form
        return self.forms[root]

    def _named(self, node: Tensor) -> Form | None:
        name = node.name if isinstance(node, Symbol) else self.named.get(node)
        if name is None:
            return None
        form = unshaped(Name.of(name, rank_of(node)), node.shape, self.columns)
        if construct.is_diagonal(node):
            return replace(form, turned=form.straight, diagonal_of=form.straight)
        return replace(form, turned=form.straight) if is_symmetric(node) else form

    def _written(self, node: Tensor) -> Form:
        form = self._form(node)
        if is_symmetric(node) and form.rank == 2:
            tree = best(form.straight, form.turned)
            form = replace(form, straight=tree, turned=tree)
        return form

    def _form(self, node: Tensor) -> Form:
        if isinstance(node, Arange):
            tree = Call.of("arange", coefficient_tree(node.shape[0]), rank=1)
            return unshaped(tree, node.shape, self.columns)
        if isinstance(node, Map):
            return self._map(node)
        if isinstance(node, Primitive):
            return PRIMITIVES.get(node.name, operation)(self, node)
        if rank_of(node) > 2:
            entries = dropped_axis(node, [k for k, dim in enumerate(node.shape) if not is_one(dim)])
            terms = summands(entries)
            if len(terms) > 1 and len({k for term in terms for k in carried(term)}) == entries.ndim:
                return self._tall_sum(entries)
        return self._composed(node).form(self.columns)

    # ----------------------------------------------------------------- products and sums

    def _term(self, node: Tensor) -> Term:
        """Write a tensor as a coefficient, scalars and a chain."""
        if node in self.named:
            return Term(sp.S.One, (), (self.form(node),))
        if node in self.scaled:
            weight, form = self.scaled[node]
            return Term(weight, (), (form,))
        if node not in self.terms:
            self.terms[node] = self._composed(node)
        return self.terms[node]

    def _composed(self, node: Tensor) -> Term:
        return self._sum(node) if isinstance(node, Add) else self._product(node)

    def _product(self, node: Tensor) -> Term:
        """Write a contraction, or a view of anything."""
        if isinstance(node, View) and isinstance(node.operand, Add) and rank_of(node) < 3:
            out = tuple(k for k in node.target if k != UNIT_AXIS)
            if sorted(out) == sorted(node.source) and len(set(out)) == len(out):
                # The sum's own coefficient and scalars stay in front.
                inner = self._term(node.operand)
                inner = inner if out == tuple(sorted(out)) == node.source else inner.transposed
                return replace(inner, coefficient=node.coefficient * inner.coefficient)
        return self._network(node).term()

    def _network(self, node: Tensor) -> Network:
        coefficient: sp.Expr = sp.S.One
        out: Labels = tuple(k for k, dim in enumerate(node.shape) if not is_one(dim))
        factors: list[tuple[Tensor, Labels]] = [(node, tuple(range(node.ndim)))]
        sizes: dict[int, Dim] = {}
        if isinstance(node, View):
            coefficient = node.coefficient
            out = tuple(k for k in node.target if k != UNIT_AXIS)
            sizes = dict(zip(node.target, node.shape, strict=True))
            factors = [(node.operand, node.source)]
        core, names = factors[0]
        if isinstance(core, Contraction) and (
            core is node or (core not in self.named and core not in self.scaled)
        ):
            factors = opened(core, names, max((*out, -1)) + 1)
        parts = []
        pairs = [pair for factor in factors for pair in self._squared(factor, factors, out)]
        for tensor, labels in pairs:
            sizes.update(zip(labels, tensor.shape, strict=True))
            if tensor is construct.ONE:
                continue
            labels = tuple(
                k for k, dim in zip(labels, tensor.shape, strict=True) if not is_one(dim)
            )
            weight, form = self.scaled.get(tensor, (sp.S.One, None))
            sign, form = unsigned_form(form or self.form(tensor))
            coefficient = coefficient * weight * sign
            parts.append(Part((form,), labels))
        return Network(parts, out, sizes, coefficient, self.columns)

    def _squared(self, factor: Factor, factors: Sequence[Factor], out: Labels) -> list[Factor]:
        """Write a square that is summed over all of its axes as the product of two."""
        tensor, labels = factor
        others = {k for other in factors if other is not factor for k in other[1]} | set(out)
        if not isinstance(tensor, Map) or tensor.body not in _SQUARES or others & set(labels):
            return [factor]
        (root,), (own,) = tensor.operands, tensor.labels
        rank = sum(k != UNIT_AXIS for k in own)
        if not 0 < rank < 3 or (UNIT_AXIS in own and not self.columns):
            return [factor]
        return [(root, tuple(k if k == UNIT_AXIS else labels[k] for k in own))] * 2

    def kronecker(self, node: Tensor) -> Term | None:
        """Write a tensor of axes (i, k, j, l) as the Kronecker product of (i, j) and (k, l)."""
        halves = self._network(node).halves() if rank_of(node) == 4 else None
        if halves is None:
            return None
        outside, *pair = halves
        left, right = (chain(half.links) for half in pair)
        form = Form(
            Call.of("kron", left.straight, right.straight, rank=2),
            Call.of("kron", left.turned, right.turned, rank=2),
            2,
        )
        return replace(outside, links=(form,))

    def _sum(self, node: Add) -> Term:
        rank = rank_of(node)
        terms, operands = self._composites(node)
        for operand in operands:
            own = carried(operand)
            if len(own) == rank:
                terms.append(self._term(operand))
            else:
                terms.append(self._broadcast(operand, own, node))
        terms = _alike(terms, self.columns)
        forms = [sum_of(t, rank, self.columns) for t in (terms, expanded(terms)) if t]
        shared = common_factor(node)
        if shared is not None and 0 < rank < 3:
            factor, labels, rest = shared
            parts = [Part((self.form(factor),), labels), Part((self.form(rest),), (*range(rank),))]
            sizes = dict(enumerate(node.shape))
            forms.append(Network(parts, (*range(rank),), sizes, sp.S.One, self.columns).term())
        return min(forms, key=lambda term: term.form(self.columns).straight.cost)

    def _broadcast(self, operand: Tensor, own: Labels, node: Tensor) -> Term:
        """Write a term that is constant along some axes of its sum."""
        assert isinstance(operand, View)
        weight, inner = construct.split_coefficient(dropped(operand, own))
        if rank_of(inner) == 0:
            term = self._term(inner)
            if self.columns and any(map(_on_diagonal, summands(node))):
                # On paper I - 1 is zero.
                scalars = term.scalars + ((chain(term.links).straight,) if term.links else ())
                return Term(weight * term.coefficient, scalars, (ones_matrix(*node.shape),))
            return Term(weight * term.coefficient, term.scalars, term.links)
        form = self.form(inner)
        pair = placed(form, own, node.shape, form.flat, self.columns)
        return Term(weight, (), (Form(*pair, node.ndim, form.flat),))

    def _tall_sum(self, node: Tensor) -> Form:
        terms, operands = self._composites(node)
        trees = [term.form(self.columns).straight for term in terms]
        for operand in operands:
            own = carried(operand)
            weight, inner = construct.split_coefficient(dropped(operand, own))
            straight, _ = placed(self.form(inner), own, node.shape, True, self.columns)
            trees.append(times([coefficient_tree(weight), straight]))
        tree = total(trees)
        return Form(tree, tree, node.ndim)

    def _composites(self, node: Tensor) -> tuple[list[Term], list[Tensor]]:
        """Find what has a name of its own among the terms of a sum; give it and what is left."""
        operands = summands(node)
        joined = concatenation(operands)
        if joined is not None:
            axis, parts, operands = joined
            made = self._concatenation(axis, parts, node)
            return [Term(sp.S.One, (), (made,))], operands
        return self._log_softmax(node, operands)

    def _concatenation(self, axis: int, parts: Sequence[Tensor], node: Tensor) -> Form:
        rows = grid(axis, parts) if node.ndim == 2 else None
        if rows is not None:
            columns = zip(*rows, strict=True)
            turned = [[construct.permute(block, (1, 0)) for block in column] for column in columns]
            return Form(self._blocks(rows), self._blocks(turned), 2)
        name = "stack" if all(is_one(part.shape[axis]) for part in parts) else "concatenate"
        if name == "stack":
            kept = [k for k in range(node.ndim) if k != axis]
            parts = [dropped_axis(part, kept) for part in parts]
        items = Items.of((self.tree(part) for part in parts), "[]")
        keywords = {"axis": axis} if axis else {}
        tree = Call.of(name, items, rank=node.ndim, **keywords)
        return unshaped(tree, node.shape, self.columns)

    def _blocks(self, rows: Sequence[Sequence[Tensor]]) -> Tree:
        written = (Items.of((self.tree(block) for block in row), "[]") for row in rows)
        return Call.of("block", Items.of(written, "[]"), rank=2)

    def _log_softmax(self, node: Tensor, operands: list[Tensor]) -> tuple[list[Term], list[Tensor]]:
        """Find x - logsumexp(x) among the terms of a sum."""
        found: list[Term] = []
        for operand in list(operands):
            if not isinstance(operand, View) or not is_logsumexp(operand.operand):
                continue
            reduced = operand.operand
            assert isinstance(reduced, Primitive)
            (axes,) = reduced.attributes
            (x,) = reduced.operands
            left_over = [k for k in operand.target if k not in operand.source]
            if len(axes) > 1 or len(left_over) != 1 or rank_of(x) != node.ndim:
                continue
            order = list(operand.source)
            order.insert(axes[0], left_over[0])
            if sorted(order) != sorted(operand.target):
                continue
            places = tuple(order.index(k) for k in operand.target)
            exponent = construct.permute(x, places)
            wanted = {t: -operand.coefficient * w for t, w in self._weights(exponent).items()}
            given = {t: w for term in operands for t, w in self._weights(term).items()}
            if not all(given.get(t) == w for t, w in wanted.items()):
                continue
            left = [t for t in operands if t is not operand]
            operands = [t for t in left if not set(self._weights(t)) & set(wanted)]
            for term in (t for t in left if t not in operands):
                rest = {t: w for t, w in self._weights(term).items() if t not in wanted}
                operands += [construct.scale(t, w) for t, w in rest.items()]
            found.append(self._softmax_term(exponent, places.index(axes[0]), -operand.coefficient))
        return found, operands

    def _weights(self, term: Tensor) -> dict[Tensor, sp.Expr]:
        """Give the terms of a sum that has no name, with their coefficients."""
        weight, base = construct.split_coefficient(term)
        core = base.operand if isinstance(base, View) else base
        return {base: weight} if {base, core} & set(self.named) else weights(term)

    def _softmax_term(self, exponent: Tensor, axis: int, weight: sp.Expr) -> Term:
        form = self.form(exponent)
        if form.rank == 1 and (form.flat or self.columns):
            form = both(lambda tree: Call.of("log_softmax", tree, rank=1), form)
        elif form.rank == 1:
            straight = Call.of("log_softmax", form.straight, rank=1, axis=0)
            turned = Call.of("log_softmax", form.turned, rank=1, axis=1)
            form = settled(straight, turned, 1, False)
        elif form.rank == 2:
            straight = Call.of("log_softmax", form.straight, rank=2, axis=axis)
            turned = Call.of("log_softmax", form.turned, rank=2, axis=1 - axis)
            form = settled(straight, turned, 2)
        else:
            tree = Call.of("log_softmax", form.straight, rank=form.rank, axis=axis)
            form = Form(tree, tree, form.rank)
        return Term(weight, (), (form,))

    # ------------------------------------------------------------------------------ maps

    def _map(self, node: Map) -> Form:
        triangle = _triangle(node)
        if triangle is not None:
            return triangle
        body = node.body
        arguments = [_distinct(*item) for item in zip(node.operands, node.labels, strict=True)]
        forms = [self.form(operand) for operand, _ in arguments]
        flat = is_flat(forms)
        straight: dict[sp.Symbol, Tree] = {}
        turned: dict[sp.Symbol, Tree] = {}
        rank = node.ndim
        for k, (operand, labels) in enumerate(arguments):
            u = placeholder(k, construct.is_positive(operand))
            own = tuple(j for j in labels if j != UNIT_AXIS)
            form = forms[k]
            weight, known = self.scaled.get(operand, (sp.S.One, None))
            root = self._norm(operand) if _has_root(body, u) else None
            if root is None and known is not None and weight == -1:
                # A named r = -u stands for u: abs(r) for abs(u).
                r = sp.Dummy(real=True, positive=False if u.is_positive else None)
                body, u, form = body.xreplace({u: -r}), r, known
            if root is not None:
                length = sp.Dummy(positive=True)
                body = body.xreplace({u: length**2})
                u, form = length, root
            straight[u], turned[u] = placed(form, own, node.shape, flat, self.columns)
        if rank == 0:
            tree = entrywise(body, straight)
            return Form(tree, tree, 0, all(form.flat for form in forms))
        if rank > 2:
            tree = entrywise(body, straight)
            return Form(tree, tree, rank)
        return settled(entrywise(body, straight), entrywise(body, turned), rank, flat)

    def _norm(self, node: Tensor) -> Form | None:
        """Write the square root of a sum of squares."""
        if not isinstance(node, Contraction) or len(node.operands) != 1:
            return None
        (square,), (labels,) = node.operands, node.labels
        if not isinstance(square, Map) or square.body not in _SQUARES or len(square.operands) > 1:
            return None
        (root,) = square.operands
        if rank_of(root) != square.ndim or rank_of(root) > 2:
            return None
        form = self.form(root)
        axes = [k for k, label in enumerate(labels) if label >= node.ndim]
        if len(axes) == form.rank:
            tree = norm(best(form.straight, form.turned))
            return Form(tree, tree, 0)
        (axis,) = axes
        tree = best(
            Call.of("norm", form.straight, rank=1, axis=axis),
            Call.of("norm", form.turned, rank=1, axis=1 - axis),
        )
        return unshaped(tree, node.shape, self.columns)


_SQUARES = (placeholder(0) ** 2, placeholder(0, True) ** 2)


def _has_root(body: sp.Expr, u: sp.Symbol) -> bool:
    return any(
        power.base == u and power.exp.is_Rational and not power.exp.is_Integer
        for power in body.atoms(sp.Pow)
    )


def _alike(terms: Sequence[Term], columns: bool) -> list[Term]:
    """Make all vectors of a sum columns where one is, and its scalars fit the vectors."""
    forms = [term.form(columns) for term in terms]
    flat = is_flat(forms)
    fitted = []
    for term, form in zip(terms, forms, strict=True):
        fit = as_column(form) if form.rank == 1 and not flat else form
        if flat and form.rank == 0 and any(other.rank == 1 for other in forms):
            fit = as_flat(form)
        fitted.append(term if fit is form or columns else Term(sp.S.One, (), (fit,)))
    return fitted


def _on_diagonal(node: Tensor) -> bool:
    """Tell whether a term is a diagonal matrix, such as the identity."""
    if not isinstance(node, View) or rank_of(node) != 2 or node.ndim != 2:
        return False
    return node.target[0] == node.target[1]


def _distinct(operand: Tensor, labels: Labels) -> tuple[Tensor, Labels]:
    """Take the diagonal of axes that have one label."""
    own = [k for k in labels if k != UNIT_AXIS]
    if len(set(own)) == len(own):
        return operand, labels
    kept = tuple(dict.fromkeys(own))
    return construct.contract([(operand, named_labels([labels])[0])], kept), kept


def _triangle(node: Map) -> Form | None:
    """Recognise the mask of a triangular matrix."""
    if not isinstance(node.body, greater_equal) or node.ndim != 2:
        return None
    if not all(isinstance(operand, Arange) for operand in node.operands):
        return None
    label = {placeholder(k): labels[0] for k, labels in enumerate(node.labels)}
    left, right = (side.as_coeff_Add() for side in node.body.args)
    if {left[1], right[1]} != set(label):
        return None
    shape = [coefficient_tree(size) for size in node.shape]
    straight, turned = Call.of("ones", *shape, rank=2), Call.of("ones", *shape[::-1], rank=2)
    lower = label[left[1]] == 0
    offset = left[0] - right[0] if lower else right[0] - left[0]

    def mask(name: str, tree: Tree, k: sp.Expr) -> Tree:
        return Call.of(name, tree, *([coefficient_tree(k)] if k != 0 else []), rank=2)

    names = ("tril", "triu") if lower else ("triu", "tril")
    return Form(mask(names[0], straight, offset), mask(names[1], turned, -offset), 2)
