"""Scalar bodies to entrywise operations, in the forms that neither overflow nor lose digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, reduce

import sympy as sp

from codegen.lowering.cancelling import CANCELLING, root_less_number
from codegen.program import Builder, Function, Program, Value
from derive.errors import UnsupportedError
from derive.tensor import scalar
from derive.tensor.dims import Shape, is_one
from derive.tensor.divided import VARIABLE, Profile, divided_difference
from derive.tensor.gaps import reciprocal_gap
from derive.tensor.scalar import is_decimal

LARGEST_DIVISOR = 2**31

UNARY = {
    sp.exp: "exp",
    sp.sin: "sin",
    sp.cos: "cos",
    sp.tan: "tan",
    sp.asin: "arcsin",
    sp.acos: "arccos",
    sp.atan: "arctan",
    sp.sinh: "sinh",
    sp.cosh: "cosh",
    sp.tanh: "tanh",
    sp.asinh: "arcsinh",
    sp.acosh: "arccosh",
    sp.atanh: "arctanh",
    sp.Abs: "abs",
    sp.sign: "sign",
    sp.floor: "floor",
    sp.ceiling: "ceil",
    sp.erf: "erf",
    sp.erfc: "erfc",
    sp.loggamma: "gammaln",
    scalar.sigmoid: "sigmoid",
    scalar.softplus: "softplus",
    scalar.relu: "relu",
    scalar.slope_of_abs: "slope_of_abs",
}
BINARY = {
    scalar.greater: "greater",
    scalar.greater_equal: "greater_equal",
    scalar.equal: "equal",
    scalar.selects: "equal",
    scalar.not_equal: "not_equal",
    scalar.maximum: "maximum",
    scalar.minimum: "minimum",
    sp.atan2: "arctan2",
    reciprocal_gap: "reciprocal_gap",
}
BY_DEFINITION = {
    sp.sec: lambda x: 1 / sp.cos(x),
    sp.csc: lambda x: 1 / sp.sin(x),
    sp.cot: lambda x: sp.cos(x) / sp.sin(x),
    sp.sech: lambda x: 1 / sp.cosh(x),
    sp.csch: lambda x: 1 / sp.sinh(x),
    sp.coth: lambda x: 1 / sp.tanh(x),
    sp.asec: lambda x: sp.acos(1 / x),
    sp.acsc: lambda x: sp.asin(1 / x),
    sp.acot: lambda x: sp.atan(1 / x),
    sp.asech: lambda x: sp.acosh(1 / x),
    sp.acsch: lambda x: sp.asinh(1 / x),
    sp.acoth: lambda x: sp.atanh(1 / x),
    sp.sinc: lambda x: sp.sin(x) / x,
}


_DIFFERENCES = ("divided_difference", "second_difference")


def entrywise_shape(values: Sequence[Value]) -> Shape:
    """Give the shape that aligned values broadcast to."""
    rank = max((v.ndim for v in values), default=0)
    shape: list[sp.Expr] = [sp.S.One] * rank
    for value in values:
        for axis, dim in enumerate(value.shape, start=rank - value.ndim):
            if not is_one(dim):
                shape[axis] = dim
    return tuple(shape)


@lru_cache(maxsize=4096)
def guarded(body: sp.Expr) -> sp.Expr:
    """Give functions a harmless argument where a choice does not take them.

    There an exponential can overflow, a logarithm or a root have no value: NumPy would warn, and
    JAX's derivative of the choice would not be a number.
    """
    return _guard(body, ()) if body.has(scalar.where) else body


def _guard(body: sp.Expr, choices: tuple[tuple[sp.Expr, bool], ...]) -> sp.Expr:
    """Guard what is computed under choices, each a condition and whether it has to hold."""
    if scalar.is_constant(body):
        return body
    if isinstance(body, scalar.where):
        condition = _guard(body.args[0], choices)
        taken, other = (
            _guard(branch, (*choices, (condition, holds)))
            for branch, holds in zip(body.args[1:], (True, False), strict=True)
        )
        return scalar.where(condition, taken, other)
    args = [_guard(arg, choices) for arg in body.args]
    safe = _harmless_argument(body)
    if safe is not None:
        for condition, holds in reversed(choices):
            pair = (args[0], safe) if holds else (safe, args[0])
            args[0] = scalar.where(condition, *pair)
    return body.func(*args) if args else body


def _harmless_argument(call: sp.Expr) -> sp.Expr | None:
    """Give an argument at which a function is finite that is not so at every finite argument."""
    if isinstance(call, (sp.exp, sp.sinh, sp.cosh)):
        return sp.S.Zero
    partial = isinstance(call, sp.Pow) and not (call.exp.is_Integer and call.exp.is_positive)
    return sp.S.One if partial or isinstance(call, sp.log) else None


def _domain(body: sp.Add) -> sp.Expr | None:
    """Give the condition of ``1 + asin(where(condition, 0, 2))``, which is 1 or not a number."""
    root = body - 1
    if isinstance(root, sp.asin) and isinstance(root.args[0], scalar.where):
        condition, inside, outside = root.args[0].args
        if (inside, outside) == (0, 2):
            return condition
    return None


class Entrywise:
    """Lowers bodies; the values that the placeholders stand for are given, already aligned."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.functions: dict[tuple[sp.Expr, tuple[Value, ...]], Value] = {}

    def emit(self, op: str, *args: Value) -> Value:
        """Emit one entrywise operation; a square takes no notice of a sign."""
        if op == "square" and args[0].op == "negative":
            args = args[0].args
        return self.builder.emit(op, args, entrywise_shape(args))

    def lower(self, body: sp.Expr, values: dict[sp.Symbol, Value]) -> Value:
        """Lower a body; recursion is as deep as one scalar formula."""
        if body.is_Symbol and body in values:
            return values[body]
        if not body.free_symbols & values.keys():
            return self.builder.number(body)
        if isinstance(body, sp.Add):
            condition = _domain(body)
            if condition is not None:
                return self.lower(scalar.where(condition, 1, sp.nan, evaluate=False), values)
            return self._sum(body, values)
        if isinstance(body, sp.Mul):
            return self._product(body, values)
        if isinstance(body, sp.Pow):
            return self._power(body, values)
        if isinstance(body, sp.log):
            return self._logarithm(body.args[0], values)
        if isinstance(body, scalar.logaddexp):
            first, *others = (self.lower(a, values) for a in body.args)
            return reduce(lambda a, b: self.emit("logaddexp", a, b), others, first)
        if isinstance(body, divided_difference):
            return self._divided_difference(body, values)
        for table in (UNARY, BINARY):
            if body.func in table:
                return self.emit(table[body.func], *(self.lower(a, values) for a in body.args))
        if isinstance(body, scalar.where):
            chosen = self.emit("where", *(self.lower(a, values) for a in body.args))
            if all(a.op == "number" for a in chosen.args[1:]):
                # Two Python numbers make an array of integers or of double precision.
                return self.emit("astype", chosen)
            return chosen
        definition: Callable[[sp.Expr], sp.Expr] | None = BY_DEFINITION.get(body.func)
        if definition is not None:
            return self.lower(definition(body.args[0]), values)
        raise UnsupportedError(
            f"no code is known for the function {body.func.__name__}; write it in elementary "
            "functions"
        )

    def _divided_difference(
        self, body: divided_difference, values: dict[sp.Symbol, Value]
    ) -> Value:
        """Call the function's divided difference with the function and its derivatives."""
        order = len(body.points) - 1
        if order > len(_DIFFERENCES):
            raise UnsupportedError(
                f"no code is known for divided differences of order {order}, as third derivatives "
                "of functions of matrices have them"
            )
        points = [self.lower(x, values) for x in body.points]
        parameters = tuple(self.lower(p, values) for p in body.parameters)
        made, slope = [], body.profile.body
        for name in ("h", "dh", "ddh")[: order + 1]:
            made.append(self._function(name, slope, body.profile, parameters))
            slope = scalar.tidy(scalar.derivative(slope, VARIABLE))
        shape = entrywise_shape([*points, *parameters])
        return self.builder.emit(_DIFFERENCES[order - 1], (*made, *points), shape)

    def _function(
        self, name: str, body: sp.Expr, profile: Profile, parameters: tuple[Value, ...]
    ) -> Value:
        """Define a function of one variable, once."""
        key = (body, parameters)
        if key not in self.functions:
            own = Entrywise(Builder())
            inputs = [
                own.builder.emit("input", (), value.shape if value else (), (str(s), "float"))
                for s, value in zip(profile.symbols, (None, *parameters), strict=True)
            ]
            result = own.lower(body, dict(zip(profile.symbols, inputs, strict=True)))
            written = [value for value in own.builder.values if value.op != "input"]
            function = Function(name, Program([], written, [result]), inputs)
            self.functions[key] = self.builder.emit("function", parameters, (), (function,))
        return self.functions[key]

    def _logarithm(self, body: sp.Expr, values: dict[sp.Symbol, Value]) -> Value:
        if isinstance(body, sp.cosh):
            return self.emit("log_cosh", self.lower(body.args[0], values))
        if not isinstance(body, sp.Add):
            return self.emit("log", self.lower(body, values))
        if isinstance(body + 1, sp.exp):
            # log(exp(x) - 1) = x + log(1 - exp(-x))
            (x,) = (body + 1).args
            complement = self.emit("log1mexp", self.lower(-x, values))
            return self.emit("add", self.lower(x, values), complement)
        if isinstance(1 - body, sp.exp):
            return self.emit("log1mexp", self.lower((1 - body).args[0], values))
        rest = body - 1
        if not isinstance(rest, sp.Add):
            return self.emit("log1p", self.lower(rest, values))
        return self.emit("log", self.lower(body, values))

    def _sum(self, body: sp.Add, values: dict[sp.Symbol, Value]) -> Value:
        terms = list(body.as_ordered_terms())
        for term in terms:
            weight, function = term.as_coeff_Mul()
            for number, name, inner, outer, power in CANCELLING.get(function.func, ()):
                if number * weight in terms:
                    terms.remove(term)
                    terms.remove(number * weight)
                    part = self.emit(name, self.lower(inner * function.args[0], values))
                    part = self.emit("square", part) if power == 2 else part
                    return self._with_part(part, outer * weight, terms, values)
        found = root_less_number(tuple(terms))
        if found is None:
            return self.add_terms([], terms, values)
        terms = [t for t in terms if t not in found.terms]
        if not found.grows:
            return self.add_terms([], [*terms, found.weight * found.quotient], values)
        log = self.lower(sp.log(1 + found.rest / found.number**2), values)
        part = self.emit("expm1", self.scale(log, sp.S.Half))
        weight = found.weight * found.number
        number, symbols = weight.as_independent(*values, as_Add=False)
        if symbols != 1:
            part = self.emit("multiply", self.lower(symbols, values), part)
        return self._with_part(part, number, terms, values)

    def _with_part(
        self, part: Value, weight: sp.Expr, terms: list[sp.Expr], values: dict[sp.Symbol, Value]
    ) -> Value:
        """Add terms and a multiple of a value: by subtraction, where the multiple is negative."""
        if terms and weight.could_extract_minus_sign():
            rest = self.add_terms([], terms, values)
            return self.emit("subtract", rest, self.scale(part, -weight))
        return self.add_terms([self.scale(part, weight)], terms, values)

    def add_terms(
        self, given: list[Value], terms: list[sp.Expr], values: dict[sp.Symbol, Value]
    ) -> Value:
        """Add values and terms, the negative ones by subtraction and not first."""
        plus = [t for t in terms if not t.could_extract_minus_sign()]
        minus = [-t for t in terms if t.could_extract_minus_sign()]
        total = [*given, *(self.lower(t, values) for t in plus)]
        result = total[0] if total else self.emit("negative", self.lower(minus.pop(0), values))
        for value in total[1:]:
            result = self.emit("add", result, value)
        for term in minus:
            result = self.emit("subtract", result, self.lower(term, values))
        return result

    def _product(self, body: sp.Mul, values: dict[sp.Symbol, Value]) -> Value:
        coefficient, rest = body.as_independent(*values, as_Add=False)
        over: list[sp.Expr] = []
        under: list[sp.Expr] = []
        for factor in sp.Mul.make_args(rest):
            base, exponent = factor.as_base_exp()
            if isinstance(factor, sp.Pow) and exponent.is_number and exponent.is_negative:
                under.append(base**-exponent)
            else:
                over.append(factor)
        upper = [self.lower(f, values) for f in over]
        result = upper[0] if upper else None
        for value in upper[1:]:
            result = self.emit("multiply", result, value)  # type: ignore[arg-type]
        if result is None:
            result = self.builder.number(coefficient)
            coefficient = sp.S.One
        for factor in under:
            result = self.emit("divide", result, self.lower(factor, values))
        return self.scale(result, coefficient)

    def scale(self, value: Value, coefficient: sp.Expr) -> Value:
        """Multiply by a number: negate, divide by an integer, or multiply."""
        if value.op == "sum":
            value, coefficient = self._mean(value, coefficient)
        if coefficient == 1:
            return value
        if value.op == "negative" and coefficient.could_extract_minus_sign():
            return self.scale(value.args[0], -coefficient)
        if coefficient == -1:
            return self.emit("negative", value)
        if value.op == "number":
            return self.builder.number(coefficient * value.attributes[0])
        if coefficient.is_number and not coefficient.is_Rational:
            return self._scale_by_root(value, coefficient)
        numerator, denominator = coefficient.as_numer_denom()
        decimal = coefficient.is_Rational and (
            denominator > LARGEST_DIVISOR or (numerator != 1 and is_decimal(coefficient))
        )
        if denominator != 1 and not decimal:
            return self.emit(
                "divide", self.scale(value, numerator), self.builder.number(denominator)
            )
        return self.emit("multiply", self.builder.number(coefficient), value)

    def _mean(self, total: Value, coefficient: sp.Expr) -> tuple[Value, sp.Expr]:
        """Read a multiple of a sum as a mean, if it is one, and what is left of the multiple."""
        (summed,) = total.args
        left = coefficient * sp.Mul(*(summed.shape[k] for k in total.attributes))
        if abs(left) != 1 and not (coefficient.free_symbols and left.is_number):
            return total, coefficient
        return self.builder.emit("mean", (summed,), total.shape, total.attributes), left

    def _scale_by_root(self, value: Value, coefficient: sp.Expr) -> Value:
        """Multiply by an irrational number, or divide by its reciprocal if that is simpler."""
        if coefficient.could_extract_minus_sign():
            value, coefficient = self.emit("negative", value), -coefficient
        inverse = 1 / coefficient
        if inverse.count_ops() < coefficient.count_ops():
            return self.emit("divide", value, self.builder.number(inverse))
        return self.emit("multiply", self.builder.number(coefficient), value)

    def _power(self, body: sp.Pow, values: dict[sp.Symbol, Value]) -> Value:
        base, exponent = body.args
        if exponent.is_number and exponent.is_negative:
            one = self.builder.number(sp.S.One)
            return self.emit("divide", one, self.lower(base**-exponent, values))
        if exponent == sp.Rational(1, 2):
            return self.emit("sqrt", self.lower(base, values))
        if exponent == 2:
            return self.emit("square", self.lower(base, values))
        if exponent.is_Integer and 2 < exponent <= 8:
            # NumPy's general power is many times slower than products.
            squared = self.emit("square", self.lower(base ** (exponent // 2), values))
            if exponent % 2 == 0:
                return squared
            return self.emit("multiply", squared, self.lower(base, values))
        if exponent.is_Rational and exponent.q == 2:
            whole = self.lower(base ** (exponent.p // 2), values)
            return self.emit("multiply", whole, self.emit("sqrt", self.lower(base, values)))
        return self.emit("power", self.lower(base, values), self.lower(exponent, values))
