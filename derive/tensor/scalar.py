"""The scalar functions that maps apply entrywise: SymPy expressions in placeholders.

A body such as ``log(1 + exp(u0))`` is a SymPy expression in the placeholders ``u0, u1, ...``,
one for each operand of the map.  SymPy's own functions are used wherever SymPy has them; the
functions below are the field's that SymPy lacks.  Each states its derivative in its own terms
(``sigmoid' = sigmoid (1 - sigmoid)``), so that results read like a textbook's and stay finite.

At a kink the derivative is JAX's: 0 for ``relu`` at 0, 1 for ``abs`` at 0, one half to each side at
a tie of ``maximum`` or ``minimum``, 0 for ``sign``, comparisons, ``floor`` and ``ceiling``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, reduce
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from derive.errors import UnsupportedError

_PLACEHOLDERS: list[sp.Symbol] = []
_POSITIVE_PLACEHOLDERS: list[sp.Symbol] = []


def placeholder(position: int, positive: bool = False) -> sp.Symbol:
    """Give the symbol that stands for the operand at a position."""
    symbols = _POSITIVE_PLACEHOLDERS if positive else _PLACEHOLDERS
    while len(symbols) <= position:
        name = f"_u{len(symbols)}"
        symbols.append(sp.Symbol(name, positive=True) if positive else sp.Symbol(name, real=True))
    return symbols[position]


class _RealFunction(sp.Function):
    """A function that is real at real arguments."""

    is_real = True
    is_commutative = True


class sigmoid(_RealFunction):
    """The logistic function 1 / (1 + exp(-x)); its derivative is sigmoid (1 - sigmoid)."""

    nargs = 1
    is_positive = True

    @classmethod
    def eval(cls, x: sp.Expr) -> sp.Expr | None:
        return sp.Rational(1, 2) if x.is_zero else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return self * (1 - self)

    def _eval_rewrite_as_exp(self, x: sp.Expr, **_: Any) -> sp.Expr:
        return 1 / (1 + sp.exp(-x))

    def _eval_evalf(self, prec: int) -> sp.Expr:
        return self.rewrite(sp.exp)._eval_evalf(prec)


class softplus(_RealFunction):
    """The function log(1 + exp(x)); its derivative is sigmoid."""

    nargs = 1
    is_positive = True

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sigmoid(self.args[0])

    def _eval_rewrite_as_exp(self, x: sp.Expr, **_: Any) -> sp.Expr:
        return sp.log(1 + sp.exp(x))

    def _eval_evalf(self, prec: int) -> sp.Expr:
        return self.rewrite(sp.exp)._eval_evalf(prec)


class logaddexp(_RealFunction):
    """The function log(exp(x) + exp(y) + ...) of two or more arguments.

    The derivative in x is exp(x) / (exp(x) + exp(y)) = sigmoid(x - y).
    """

    @classmethod
    def eval(cls, *args: sp.Expr) -> sp.Expr | None:
        terms = [t for arg in args for t in (arg.args if isinstance(arg, cls) else (arg,))]
        terms = sorted((t for t in terms if t is not -sp.oo), key=sp.default_sort_key)
        number = next((t for t in terms if t.is_number), None)
        if number is not None and len(terms) > 1:
            terms.remove(number)
            return number + softplus(cls(*terms) - number)
        if len(terms) < 2:
            return terms[0] if terms else -sp.oo
        return cls(*terms) if tuple(terms) != args else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        others = [arg for k, arg in enumerate(self.args, start=1) if k != argindex]
        return sigmoid(self.args[argindex - 1] - logaddexp(*others))

    def _eval_rewrite_as_exp(self, *args: sp.Expr, **_: Any) -> sp.Expr:
        return sp.log(sp.Add(*map(sp.exp, args)))

    def _eval_evalf(self, prec: int) -> sp.Expr:
        return self.rewrite(sp.exp)._eval_evalf(prec)


class relu(_RealFunction):
    """The function max(x, 0); its derivative is (x > 0), which is 0 at 0."""

    nargs = 1

    @classmethod
    def eval(cls, x: sp.Expr) -> sp.Expr | None:
        if x.is_positive:
            return x
        return sp.S.Zero if x.is_nonpositive else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return greater(self.args[0], sp.S.Zero)


class slope_of_abs(_RealFunction):
    """The derivative of abs: -1 below 0 and 1 from 0 on, JAX's convention; printed as ``sign``."""

    nargs = 1
    is_integer = True

    @classmethod
    def eval(cls, x: sp.Expr) -> sp.Expr | None:
        if x.is_nonnegative:
            return sp.S.One
        return sp.S.NegativeOne if x.is_negative else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.S.Zero

    def _eval_power(self, exponent: sp.Expr) -> sp.Expr | None:
        return sp.S.One if exponent.is_even else None


class _Comparison(_RealFunction):
    """A comparison, as a number: 1 where it holds and 0 where it does not."""

    nargs = 2
    is_nonnegative = True
    is_integer = True

    @classmethod
    def eval(cls, a: sp.Expr, b: sp.Expr) -> sp.Expr | None:
        if a.is_number and b.is_number and a.is_extended_real and b.is_extended_real:
            return sp.Integer(bool(cls.holds(a, b)))
        return None

    @staticmethod
    def holds(a: sp.Expr, b: sp.Expr) -> Any:
        raise NotImplementedError

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.S.Zero

    def _eval_power(self, exponent: sp.Expr) -> sp.Expr | None:
        return self if exponent.is_positive else None


class greater(_Comparison):
    """1 where a > b, else 0."""

    @staticmethod
    def holds(a: sp.Expr, b: sp.Expr) -> Any:
        return a > b


class greater_equal(_Comparison):
    """1 where a >= b, else 0."""

    @staticmethod
    def holds(a: sp.Expr, b: sp.Expr) -> Any:
        return a >= b


class equal(_Comparison):
    """1 where a == b, else 0."""

    @staticmethod
    def holds(a: sp.Expr, b: sp.Expr) -> Any:
        return sp.Eq(a, b)


class selects(_Comparison):
    """1 where the index a is the position b, for an index that is in range, else 0."""

    @staticmethod
    def holds(a: sp.Expr, b: sp.Expr) -> Any:
        return sp.Eq(a, b)


class not_equal(_Comparison):
    """1 where a != b, else 0."""

    @staticmethod
    def holds(a: sp.Expr, b: sp.Expr) -> Any:
        return sp.Ne(a, b)


class where(_RealFunction):
    """The value a where the condition is not 0, else b."""

    nargs = 3

    @classmethod
    def eval(cls, condition: sp.Expr, a: sp.Expr, b: sp.Expr) -> sp.Expr | None:
        if a == b:
            return a
        if condition.is_number:
            return b if condition.is_zero else a
        if isinstance(condition, _Comparison) and (a, b) == (sp.S.One, sp.S.Zero):
            return condition
        if b.is_zero and a != 1 and a.is_finite and is_constant(a):
            return a * where(condition, sp.S.One, sp.S.Zero)
        if isinstance(a, where) and a.args[0] == condition:
            return where(condition, a.args[1], b)
        if isinstance(b, where) and b.args[0] == condition:
            return where(condition, a, b.args[2])
        return None


def is_constant(expr: sp.Expr) -> bool:
    """Tell whether an expression holds numbers and sizes alone."""
    return all(s.is_integer and s.is_positive for s in expr.free_symbols)


class maximum(_RealFunction):
    """The larger of two values."""

    nargs = 2

    @classmethod
    def eval(cls, a: sp.Expr, b: sp.Expr) -> sp.Expr | None:
        if a == b:
            return a
        if a.is_number and b.is_number:
            return sp.Max(a, b)
        return None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        a, b = self.args if argindex == 1 else self.args[::-1]
        return where(equal(a, b), sp.Rational(1, 2), greater(a, b))


class minimum(_RealFunction):
    """The smaller of two values."""

    nargs = 2

    @classmethod
    def eval(cls, a: sp.Expr, b: sp.Expr) -> sp.Expr | None:
        if a == b:
            return a
        if a.is_number and b.is_number:
            return sp.Min(a, b)
        return None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        a, b = self.args if argindex == 1 else self.args[::-1]
        return where(equal(a, b), sp.Rational(1, 2), greater(b, a))


def is_decimal(number: sp.Expr) -> bool:
    """Tell whether a number is written as a decimal, as 0.044715 is; 1/2 and 1/3 are fractions."""
    return bool(
        number.is_Rational
        and number.q >= 100
        and number.q % 10 == 0
        and sp.Rational(repr(float(number))) == number
    )


COMPARISONS = (greater, greater_equal, equal, selects, not_equal)
PIECEWISE_CONSTANT = (sp.sign, slope_of_abs, sp.floor, sp.ceiling, _Comparison)


def adopt(expr: sp.Expr) -> sp.Expr:
    """Rewrite SymPy's own kinked functions as ours, whose value and slope at a kink are stated."""
    if not expr.has(sp.Max, sp.Min, sp.Piecewise, sp.Heaviside, sp.cbrt):
        return expr
    if expr.args:
        args = [adopt(arg) if isinstance(arg, sp.Expr) else arg for arg in expr.args]
        if isinstance(expr, sp.Piecewise):
            return _piecewise(expr)
        if isinstance(expr, sp.Max):
            return reduce(maximum, args)
        if isinstance(expr, sp.Min):
            return reduce(minimum, args)
        if isinstance(expr, sp.Heaviside):
            return where(equal(args[0], 0), args[1], greater(args[0], sp.S.Zero))
        return expr.func(*args)
    return expr


def _piecewise(expr: sp.Piecewise) -> sp.Expr:
    if expr.args[-1].cond is not sp.S.true and expr.args[-1].cond != True:  # noqa: E712
        raise UnsupportedError(
            f"{expr}: a Piecewise needs a last branch (value, True), else it has no value there"
        )
    value = adopt(expr.args[-1].expr)
    for branch in reversed(expr.args[:-1]):
        value = where(_condition(branch.cond), adopt(branch.expr), value)
    return value


def _condition(cond: sp.Basic) -> sp.Expr:
    if cond in (sp.S.true, sp.S.false):
        return sp.Integer(cond == sp.S.true)
    if isinstance(cond, sp.And):
        return sp.Mul(*map(_condition, cond.args))
    if isinstance(cond, sp.Or):
        return reduce(maximum, map(_condition, cond.args))
    if isinstance(cond, sp.Not):
        return 1 - _condition(cond.args[0])
    table: dict[Any, Callable[[sp.Expr, sp.Expr], sp.Expr]] = {
        sp.StrictGreaterThan: greater,
        sp.GreaterThan: greater_equal,
        sp.StrictLessThan: lambda a, b: greater(b, a),
        sp.LessThan: lambda a, b: greater_equal(b, a),
        sp.Equality: equal,
        sp.Unequality: not_equal,
    }
    for relation, function in table.items():
        if isinstance(cond, relation):
            return function(adopt(cond.args[0]), adopt(cond.args[1]))
    raise UnsupportedError(f"the condition {cond} is not a comparison of real values")


@lru_cache(maxsize=16384)
def derivative(body: sp.Expr, u: sp.Symbol) -> sp.Expr:
    """Differentiate a body with respect to one placeholder.

    Raises UnsupportedError where a function has no stated derivative: nothing unevaluated leaves.
    """
    if body == u:
        return sp.S.One
    if u not in body.free_symbols or isinstance(body, PIECEWISE_CONSTANT):
        return sp.S.Zero
    if isinstance(body, sp.Add):
        return sp.Add(*(derivative(term, u) for term in body.args))
    if isinstance(body, sp.Mul):
        shortest = _simple_quotient(body, u)
        if shortest is not None:
            return shortest
        return sp.Add(
            *(
                sp.Mul(*body.args[:k], slope, *body.args[k + 1 :])
                for k, factor in enumerate(body.args)
                if (slope := derivative(factor, u)) != 0
            )
        )
    if isinstance(body, sp.Pow):
        base, exponent = body.args
        if base.is_nonpositive and exponent.has(u):
            raise UnsupportedError(f"{base} to a variable power is not real; use a positive base")
        return exponent * base ** (exponent - 1) * derivative(base, u) + (
            body * sp.log(base) * derivative(exponent, u) if exponent.has(u) else 0
        )
    if isinstance(body, where):
        condition, a, b = body.args
        return where(condition, derivative(a, u), derivative(b, u))
    if not isinstance(body, sp.Function) or isinstance(body, AppliedUndef):
        raise UnsupportedError(f"no derivative is known for {body}; write it in known functions")
    return sp.Add(
        *(
            _partial(body, k) * slope
            for k, arg in enumerate(body.args)
            if (slope := derivative(arg, u)) != 0
        )
    )


def _simple_quotient(body: sp.Mul, u: sp.Symbol) -> sp.Expr | None:
    """Differentiate a / b**p as (a' b - p a b') / b**(p + 1) where that numerator is no sum.

    The product rule would write the slopes of x / (1 + |x|) and of x / sqrt(1 + x**2) as
    differences that cancel.
    """
    below = [f for f in body.args if f.is_Pow and f.exp.is_Rational and f.exp < 0 and f.has(u)]
    if len(below) == 1:
        base, power = below[0].base, -below[0].exp
    else:
        base, power = 1 / sp.Mul(*below), sp.S.One
    over = body * base**power
    if not below or not over.has(u):
        return None
    top = derivative(over, u) * base - power * over * derivative(base, u)
    top = tidy(sp.expand(top))
    return None if isinstance(top, sp.Add) and top.has(u) else top / base ** (power + 1)


def _partial(call: sp.Function, position: int) -> sp.Expr:
    """Give the partial derivative of a function call in one argument."""
    if isinstance(call, sp.Abs):
        return slope_of_abs(call.args[0])
    if isinstance(call, _RealFunction):
        return call.fdiff(position + 1)
    dummies = [sp.Dummy(real=True) for _ in call.args]
    slope = call.func(*dummies).diff(dummies[position])
    unevaluated = (sp.Derivative, sp.Subs, sp.DiracDelta, sp.Integral, sp.Heaviside, sp.re, sp.im)
    if slope.has(*unevaluated) or slope.has(sp.I):
        raise UnsupportedError(
            f"no derivative is known for {call.func.__name__} in argument {position + 1}; "
            "write it in functions whose derivative SymPy knows"
        )
    return slope.xreplace(dict(zip(dummies, call.args, strict=True)))


@lru_cache(maxsize=16384)
def tidy(body: sp.Expr) -> sp.Expr:
    """Write a body in shorter functions, those of ``derive.tensor.exponentials`` among them."""
    from derive.tensor.exponentials import recognise

    if body.has(relu):
        body = body.replace(lambda e: isinstance(e, sp.Mul), _merge_relu)
    if body.has(slope_of_abs):
        body = body.replace(lambda e: isinstance(e, sp.Mul) and e.has(slope_of_abs), _merge_abs)
    body = recognise(body)
    if body.has(sigmoid, softplus):
        body = body.replace(lambda e: isinstance(e, sp.Add), _merge_reflected)
    return body


def _merge_abs(product: sp.Mul) -> sp.Expr:
    """Rewrite sign(w) |w|**k as w**k, and sign(w) w**k as |w|**k, for an odd k."""
    factors = list(product.args)
    for slope in [f for f in factors if isinstance(f, slope_of_abs)]:
        (w,) = slope.args
        for size in factors:
            base, exponent = size.as_base_exp()
            if base in (w, sp.Abs(w)) and exponent.is_odd:
                factors.remove(slope)
                factors[factors.index(size)] = (sp.Abs(w) if base == w else w) ** exponent
                break
    return sp.Mul(*factors)


def _merge_relu(product: sp.Mul) -> sp.Expr:
    """Leave out (w > 0) beside relu(w), which is 0 elsewhere."""
    rectified = {f.as_base_exp()[0].args[0] for f in product.args if _is_relu_power(f)}
    masks = [greater(w, sp.S.Zero) for w in rectified]
    return sp.Mul(*(f for f in product.args if f not in masks))


def _merge_reflected(total: sp.Add) -> sp.Expr:
    """Rewrite sigmoid(-w) as 1 - sigmoid(w), and softplus(-w) as softplus(w) - w, beside the other.

    Only where less is left than was there: one term of the logistic loss's slope in the logit,
    which is ``(1 - y) sigmoid(z) - y sigmoid(-z) = sigmoid(z) - y``, and none of its slope in y.
    """
    for call in sorted(total.atoms(sigmoid, softplus), key=sp.default_sort_key):
        w = call.args[0]
        if not w.could_extract_minus_sign() or not total.has(call.func(-w)):
            continue
        other = 1 - sigmoid(-w) if isinstance(call, sigmoid) else softplus(-w) + w
        merged = sp.expand(total.xreplace({call: other}))
        gone = isinstance(call, sigmoid) or not merged.has(softplus(-w))
        if gone and merged.count_ops() < total.count_ops():
            total = merged
    return total


def _is_relu_power(factor: sp.Expr) -> bool:
    base, exponent = factor.as_base_exp()
    return isinstance(base, relu) and bool(exponent.is_positive)
