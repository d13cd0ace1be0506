"""Scalar formulas in exponentials, rewritten in functions that neither overflow nor lose digits.

=============================================  =====================================
what people write                              what it becomes
=============================================  =====================================
``log(1 + exp(x))``                            ``softplus(x)``
``log(exp(x) + exp(y))``                       ``logaddexp(x, y)``
``log(exp(x) + exp(-x))``                      ``log(cosh(x)) + log(2)``
``log(sigmoid(x))``                            ``-softplus(-x)``
``log(1 - sigmoid(x))``                        ``-softplus(x)``
``log(1 - tanh(x)**2)``                        ``-2 log(cosh(x))``
``log(y * exp(x))``                            ``log(y) + x``
``1 / (1 + exp(-x))``                          ``sigmoid(x)``
``exp(x) / (1 + exp(x))``                      ``sigmoid(x)``
``exp(x) / (1 + exp(x))**2``                   ``sigmoid(x) * (1 - sigmoid(x))``
``exp(x) / (exp(x) - 1)``                      ``1 / (1 - exp(-x))``
``(exp(x) - exp(-x)) / (exp(x) + exp(-x))``    ``tanh(x)``
``(exp(x) - 1) / (exp(x) + 1)``                ``tanh(x / 2)``
``sinh(x) / cosh(x)``                          ``tanh(x)``
``exp(-softplus(x))``                          ``sigmoid(-x)``
=============================================  =====================================

Positive constants may stand wherever a 1 does.  Each is an identity for every real x and y; where
the right-hand side has a value at more points, it is because the left-hand side is real there.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import sympy as sp

from derive.tensor.scalar import is_constant, logaddexp, sigmoid, softplus, where

MOST_DISTRIBUTED = 4


@lru_cache(maxsize=16384)
def recognise(body: sp.Expr) -> sp.Expr:
    """Rewrite the quotients in a formula, innermost parts first."""
    if not body.args or not body.has(sp.exp, sp.cosh, sigmoid, softplus):
        return body
    args = [recognise(arg) for arg in body.args]
    if any(new is not old for new, old in zip(args, body.args, strict=True)):
        body = body.func(*args)
    if isinstance(body, sp.exp):
        return _exponential(body)
    if isinstance(body, (sp.Mul, sp.Pow)):
        return _quotient(body)
    return body


# ---------------------------------------------------------------------------------- logarithms


class Leaves(Protocol):
    """What is known of the tensors that the placeholders of a formula stand for."""

    def log(self, symbol: sp.Symbol) -> sp.Expr | None:
        """Give the logarithm of a placeholder, where that is made of exponentials."""

    def split(self, symbol: sp.Symbol) -> tuple[sp.Expr, sp.Expr] | None:
        """Give the logarithm of what has one in a product, and the rest of the product."""

    def is_probability(self, term: sp.Expr) -> bool:
        """Tell whether a term is at most 1, so that it needs no care beside a constant."""


def log_of(expr: sp.Expr, leaves: Leaves) -> sp.Expr | None:
    """Give the logarithm of a product with exponentials, or None for one without.

    ``log(y exp(x))`` is ``log(y) + x``, whatever the sign of y: where it is negative, neither has a
    value.
    """
    log, rest = split_log(expr, leaves)
    for symbol in sp.Mul.make_args(rest):
        parts = leaves.split(symbol) if symbol.is_Symbol else None
        if parts is not None:
            log, rest = (log or sp.S.Zero) + parts[0], rest / symbol * parts[1]
    if log is None:
        return None
    if not is_constant(rest):
        return log + sp.log(rest)
    return log + log_of_constant(rest) if rest.is_positive else None


def split_log(expr: sp.Expr, leaves: Leaves) -> tuple[sp.Expr | None, sp.Expr]:
    """Give the logarithm of the factors that have exponentials, and the product of the others."""
    logs: list[sp.Expr] = []
    others: list[sp.Expr] = []
    for factor in sp.Mul.make_args(expr):
        log = _log_of_factor(factor, leaves)
        if log is None:
            others.append(factor)
        else:
            logs.append(log)
    return (sp.Add(*logs) if logs else None), sp.Mul(*others)


def log_of_constant(number: sp.Expr) -> sp.Expr:
    """Give the logarithm of a positive number."""
    log = sp.log(number)
    return log if number.is_Rational else sp.expand_log(log)


def _log_of_factor(expr: sp.Expr, leaves: Leaves) -> sp.Expr | None:
    if isinstance(expr, sp.exp):
        return expr.args[0]
    if expr.is_Symbol:
        return leaves.log(expr)
    if isinstance(expr, sp.Pow):
        log = _log_of_factor(expr.base, leaves)
        return None if log is None else expr.exp * log
    if isinstance(expr, sigmoid):
        return -softplus(-expr.args[0])
    if isinstance(expr, sp.Add):
        log = _log_of_complement(expr)
        return _log_of_sum(expr, leaves) if log is None else log
    if isinstance(expr, where):
        return _log_of_choice(expr, leaves)
    return None


def _log_of_choice(expr: where, leaves: Leaves) -> sp.Expr | None:
    """Give the logarithm of a choice between exponentials, one of which can be 0."""
    condition, *branches = expr.args
    logs = [log_of_positive(branch, leaves) for branch in branches]
    if all(log is None for log in logs):
        return None
    for k, branch in enumerate(branches):
        if branch.is_number and branch.is_nonnegative:
            logs[k] = sp.log(branch) if branch.is_positive else -sp.oo
    return None if None in logs else where(condition, *logs)


def log_of_positive(expr: sp.Expr, leaves: Leaves) -> sp.Expr | None:
    """Give the logarithm of a product of exponentials and positive constants, or None."""
    log, rest = split_log(expr, leaves)
    if log is None or not is_constant(rest) or not rest.is_positive:
        return None
    return log + log_of_constant(rest)


def _log_of_complement(expr: sp.Add) -> sp.Expr | None:
    """Give log(1 - sigmoid(x)), and log(1 - tanh(x)**2), a density under tanh."""
    number, rest = expr.as_coeff_Add()
    weight, power = rest.as_coeff_Mul()
    if not number.is_positive or weight != -number:
        return None
    base, exponent = power.as_base_exp()
    if isinstance(base, sigmoid) and exponent == 1:
        return log_of_constant(number) - softplus(base.args[0])
    if isinstance(base, sp.tanh) and exponent == 2:
        return log_of_constant(number) - 2 * sp.log(sp.cosh(base.args[0]))
    return None


def _log_of_sum(expr: sp.Add, leaves: Leaves) -> sp.Expr | None:
    logs: list[tuple[sp.Expr, sp.Expr]] = []
    constant = sp.S.Zero
    careless = False
    for term in expr.args:
        if is_constant(term):
            constant = constant + term
            continue
        log, weight = split_log(term, leaves)
        if log is None or not is_constant(weight) or not weight.is_positive:
            return None
        careless = careless or not leaves.is_probability(term / weight)
        logs.append((weight, log))
    if constant == 0:
        return _log_add_exp([log + log_of_constant(weight) for weight, log in logs])
    if not constant.is_positive or not careless:
        return None  # log(p + 1e-9): nothing in it overflows
    relative = [log + log_of_constant(weight / constant) for weight, log in logs]
    return log_of_constant(constant) + softplus(_log_add_exp(relative))


def _log_add_exp(logs: list[sp.Expr]) -> sp.Expr:
    """Give log(exp(a) + exp(b) + ...), which is log(2 cosh(a)) for b = -a."""
    if len(logs) == 1:
        return logs[0]
    if len(logs) == 2:
        middle = sp.expand((logs[0] + logs[1]) / 2)
        if is_constant(middle):
            half = sp.expand(logs[0] - middle)
            return sp.log(sp.cosh(half)) + sp.expand_log(sp.log(2)) + middle
    return logaddexp(*logs)


# ----------------------------------------------------------------------------------- quotients


def _exponential(body: sp.exp) -> sp.Expr:
    """Rewrite exp(y - softplus(x)) as exp(y) sigmoid(-x)."""
    rest: list[sp.Expr] = []
    factors: list[sp.Expr] = []
    for term in sp.Add.make_args(body.args[0]):
        weight, call = term.as_coeff_Mul()
        if isinstance(call, softplus) and weight.is_Integer and weight < 0:
            factors.append(sigmoid(-call.args[0]) ** -weight)
        else:
            rest.append(term)
    return _merged(sp.Mul(sp.exp(sp.Add(*rest)), *factors)) if factors else body


def _quotient(body: sp.Expr) -> sp.Expr:
    """Rewrite quotients by sums of two exponentials, then merge what meets."""
    factors = list(sp.Mul.make_args(body))
    for k, factor in enumerate(factors):
        terms = _two_exponentials(factor.base) if factor.is_Pow else None
        if terms is None or not factor.exp.is_negative:
            continue
        exponent = sp.Add(*(f.args[0] for f in factors if isinstance(f, sp.exp)))
        made = _reciprocal(terms, -factor.exp, exponent)
        if made is not None:
            factors = list(sp.Mul.make_args(sp.Mul(*factors[:k], made, *factors[k + 1 :])))
    return _with_numerator(_merged(sp.Mul(*factors)))


def _two_exponentials(expr: sp.Expr) -> list[tuple[sp.Expr, sp.Expr]] | None:
    """Read a exp(x) + b exp(y) as pairs of a coefficient and an exponent, 0 for a constant."""
    if not isinstance(expr, sp.Add) or len(expr.args) != 2:
        return None
    pairs = []
    for term in expr.args:
        weight, exponent = sp.S.One, sp.S.Zero
        for factor in sp.Mul.make_args(term):
            if isinstance(factor, sp.exp):
                exponent = factor.args[0]
            else:
                weight = weight * factor
        if not is_constant(weight):
            return None
        pairs.append((weight, exponent))
    pairs.sort(key=lambda pair: pair[1] != 0)
    return pairs if pairs[1][1] != 0 else None


def _reciprocal(
    terms: list[tuple[sp.Expr, sp.Expr]], power: sp.Expr, exponent: sp.Expr
) -> sp.Expr | None:
    """Give (a exp(x) + b exp(y)) ** -power, beside an exponential of the exponent given."""
    (a, x), (b, y) = terms
    if not (a.is_positive and b.is_positive):
        if x == 0 and _shortens(exponent, power * y):
            return sp.exp(-power * y) * (a * sp.exp(-y) + b) ** -power
        return None
    if a == b and x == -y:
        return (2 * a * sp.cosh(x)) ** -power
    for (c, here), (d, there) in ((terms[0], terms[1]), (terms[1], terms[0])):
        if here == 0 or _shortens(exponent, power * here):
            odds = here - there + log_of_constant(c / d)
            return sp.exp(-power * here) * c**-power * sigmoid(odds) ** power
    return None


def _shortens(exponent: sp.Expr, part: sp.Expr) -> bool:
    """Tell whether an exponent has a part, so that their difference is shorter or a constant."""
    if is_constant(exponent):
        return False
    rest = exponent - part
    return is_constant(rest) or bool(rest.count_ops() < exponent.count_ops())


def _with_numerator(body: sp.Expr) -> sp.Expr:
    """Write a numerator of exponentials as tanh, or multiply term by term where that merges."""
    if not isinstance(body, sp.Mul) or not body.has(sigmoid, sp.cosh):
        return body
    for factor in body.args:
        if not isinstance(factor, sp.Add) or not factor.has(sp.exp):
            continue
        rest = body / factor
        terms = _two_exponentials(factor)
        if terms is not None:
            (a, x), (b, y) = terms
            if a == -b and x == -y and rest.has(sp.cosh(x)):
                return _merged(rest * 2 * a * sp.sinh(x))
            if a == -b and x == 0 and sigmoid(-y) in sp.Mul.make_args(rest):
                return rest / sigmoid(-y) * b * sp.tanh(y / 2)
        if len(factor.args) <= MOST_DISTRIBUTED:
            spread = sp.Add(*(_merged(term * rest) for term in factor.args))
            if not spread.has(sp.exp):
                return spread
    return body


def _merged(body: sp.Expr) -> sp.Expr:
    """Merge exp(x) sigmoid(-x), exp(x) / cosh(x), sigmoid(x) sigmoid(-x) and sinh(x) / cosh(x)."""
    if not isinstance(body, sp.Mul) or not body.has(sigmoid, sp.cosh):
        return body
    exponent = sp.S.Zero
    powers: dict[sp.Expr, sp.Expr] = {}
    others: list[sp.Expr] = []
    for factor in body.args:
        if isinstance(factor, sp.exp):
            exponent = exponent + factor.args[0]
            continue
        base, power = (factor.base, factor.exp) if factor.is_Pow else (factor, sp.S.One)
        if isinstance(base, (sigmoid, sp.sinh, sp.cosh)) and power.is_Integer:
            powers[base] = powers.get(base, sp.S.Zero) + power
        else:
            others.append(factor)

    def move(call: sp.Expr, by: int, other: sp.Expr) -> None:
        powers[call] += by
        powers[other] = powers.get(other, sp.S.Zero) - by

    for call in [c for c in powers if isinstance(c, sp.cosh)]:
        for x in (call.args[0], -call.args[0]):
            while powers[call] < 0 and _shortens(exponent, x):
                exponent = exponent - x
                powers[call] += 1
                powers[sigmoid(2 * x)] = powers.get(sigmoid(2 * x), sp.S.Zero) + 1
                others.append(sp.Integer(2))
    for call in [c for c in powers if isinstance(c, sigmoid)]:
        (x,) = call.args
        while powers[call] > 0 and _shortens(exponent, -x):
            exponent = exponent + x
            move(call, -1, sigmoid(-x))
    for call in [c for c in powers if isinstance(c, sp.sinh)]:
        below = sp.cosh(call.args[0])
        both = min(powers[call], -powers.get(below, sp.S.Zero))
        if both > 0:
            others.append(sp.tanh(call.args[0]) ** both)
            move(call, -both, below)
    for call in [c for c in powers if isinstance(c, sigmoid)]:
        (x,) = call.args
        if not x.could_extract_minus_sign() and powers[call] > 0 and powers.get(sigmoid(-x), 0) > 0:
            others.append((1 - call) ** powers.pop(sigmoid(-x)))
    return sp.Mul(sp.exp(exponent), *others, *(base**power for base, power in powers.items()))
