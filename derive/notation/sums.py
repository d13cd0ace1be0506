"""Sums of chains, with what terms have in common taken out to the left and to the right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import sympy as sp

from derive.notation.algebra import times, total
from derive.notation.entrywise import coefficient_tree
from derive.notation.form import Form, settled, unsigned_form
from derive.notation.network import Term
from derive.notation.tree import Tree

MOST_TERMS = 16


def sum_of(terms: Sequence[Term], rank: int, columns: bool) -> Term:
    """Add terms of a rank, factored where that makes the sum shorter."""
    terms = _factored(_collected(terms), rank, columns)
    if len(terms) == 1:
        return terms[0]
    coefficient, scalars, rest = _content(terms)
    forms = [term.form(columns, positive=False) for term in rest]
    straight = total([form.straight for form in forms])
    positive = [term.form(columns) for term in rest]
    if total([form.straight for form in positive]).cost < straight.cost:
        forms = positive
        straight = total([form.straight for form in forms])
    vectors = [form for form in forms if form.rank == 1]
    if rank == 0:
        flat = all(form.flat for form in forms)
        return Term(coefficient, scalars, (Form(straight, straight, 0, flat),))
    turned = total([form.turned for form in forms])
    row = rank == 1 and bool(vectors) and vectors[0].row
    if row:
        straight, turned = turned, straight
    form = settled(straight, turned, rank, not vectors or vectors[0].flat)
    sign, form = unsigned_form(form.transposed if row else form)
    signed = tuple(replace(term, coefficient=sign * term.coefficient) for term in rest)
    return Term(sign * coefficient, scalars, (replace(form, terms=signed),))


def _collected(terms: Sequence[Term]) -> list[Term]:
    """Add up the coefficients of equal products."""
    weights: dict[object, sp.Expr] = {}
    first: dict[object, Term] = {}
    for term in terms:
        key = (frozenset(Counter(term.scalars).items()), tuple(link.key for link in term.links))
        first.setdefault(key, term)
        weights[key] = weights.get(key, sp.S.Zero) + term.coefficient
    return [
        replace(first[key], coefficient=weight)
        for key, weight in weights.items()
        if weight != 0 or len(weights) == 1
    ]


def expanded(terms: Sequence[Term]) -> list[Term]:
    """Multiply out the sums inside products; an empty list where there are none, or too many."""
    done: list[Term] = []
    pending = list(terms)
    while pending:
        term = pending.pop(0)
        at = next(
            (k for k, link in enumerate(term.links) if len(term.links) > 1 and link.terms), None
        )
        if at is None:
            done.append(term)
            continue
        before, after = term.links[:at], term.links[at + 1 :]
        for inner in term.links[at].terms:
            if not inner.links:
                return []
            coefficient = term.coefficient * inner.coefficient
            scalars = (*term.scalars, *inner.scalars)
            pending.append(Term(coefficient, scalars, (*before, *inner.links, *after)))
        if len(done) + len(pending) > MOST_TERMS:
            return []
    return done if len(done) > len(terms) else []


def _content(terms: list[Term]) -> tuple[sp.Expr, tuple[Tree, ...], list[Term]]:
    """Take out the coefficient and the scalar factors that all terms share."""
    magnitudes = {abs_of(term.coefficient) for term in terms}
    shared = magnitudes.pop() if len(magnitudes) == 1 else sp.S.One
    common = [
        tree for tree in dict.fromkeys(terms[0].scalars) if all(tree in t.scalars for t in terms)
    ]
    rest = [
        Term(term.coefficient / shared, _without(term.scalars, common), term.links)
        for term in terms
    ]
    return shared, tuple(common), rest


def abs_of(value: sp.Expr) -> sp.Expr:
    """Give the coefficient without its sign."""
    return -value if value.could_extract_minus_sign() else value


def _without(scalars: Sequence[Tree], gone: Sequence[Tree]) -> tuple[Tree, ...]:
    rest = list(scalars)
    for tree in gone:
        rest.remove(tree)
    return tuple(rest)


def _factored(terms: list[Term], rank: int, columns: bool) -> list[Term]:
    """Take common factors out of groups of terms, the one that saves most first."""
    while len(terms) > 1:
        choices = []
        for group, remove, restore in _groups(terms):
            members = [terms[k] for k in group]
            inner_rank, rests = remove(members)
            if inner_rank is None:
                inner_rank = rank
            joined = restore(sum_of(rests, inner_rank, columns))
            saved = sum(_cost(t, columns) + 2 for t in members) - 2 - _cost(joined, columns)
            if saved > 0:
                choices.append((saved, group, joined))
        if not choices:
            break
        _, group, joined = max(choices, key=lambda choice: choice[0])
        terms = [term for k, term in enumerate(terms) if k not in group] + [joined]
    return terms


def _cost(term: Term, columns: bool) -> int:
    form = term.form(columns)
    return form.straight.cost + form.turned.cost


Removal = Callable[[Sequence[Term]], tuple[int | None, list[Term]]]
Group = tuple[tuple[int, ...], Removal, Callable[[Term], Term]]


def _groups(terms: list[Term]) -> list[Group]:
    """List what two or more terms have in common: a first link, a last link, a scalar."""
    first: dict[object, list[int]] = {}
    last: dict[object, list[int]] = {}
    scalars: dict[Tree, list[int]] = {}
    for k, term in enumerate(terms):
        if len(term.links) > 1:
            first.setdefault(term.links[0].key, []).append(k)
            last.setdefault(term.links[-1].key, []).append(k)
        for tree in dict.fromkeys(term.scalars):
            scalars.setdefault(tree, []).append(k)
    groups: list[Group] = []
    for members in first.values():
        if len(members) > 1:
            groups.append(_common_link(tuple(members), terms[members[0]].links[0], True))
    for members in last.values():
        if len(members) > 1:
            groups.append(_common_link(tuple(members), terms[members[0]].links[-1], False))
    for tree, members in scalars.items():
        if len(members) > 1:
            groups.append(_common_scalar(tuple(members), tree))
    return groups


def _common_link(group: tuple[int, ...], link: Form, left: bool) -> Group:
    def remove(members: Sequence[Term]) -> tuple[int, list[Term]]:
        rests = [
            Term(t.coefficient, t.scalars, t.links[1:] if left else t.links[:-1]) for t in members
        ]
        links = rests[0].links
        return links[0].opens_left + links[-1].opens_right, rests

    def restore(inner: Term) -> Term:
        links = (link, *inner.links) if left else (*inner.links, link)
        return Term(inner.coefficient, inner.scalars, links)

    return group, remove, restore


def _common_scalar(group: tuple[int, ...], tree: Tree) -> Group:
    def remove(members: Sequence[Term]) -> tuple[None, list[Term]]:
        return None, [Term(t.coefficient, _without(t.scalars, [tree]), t.links) for t in members]

    def restore(inner: Term) -> Term:
        return Term(inner.coefficient, (*inner.scalars, tree), inner.links)

    return group, remove, restore


__all__ = ["coefficient_tree", "sum_of", "times"]
