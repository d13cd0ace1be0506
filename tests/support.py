"""What the tests share: a formula is text, which NumPy and `derive` both read.

The same text is evaluated on arrays (the ground truth), evaluated on symbols (the question put to
the engine), counted (is the answer as short as the textbook's?) and compared with finite
differences (is the textbook right?).
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

import derive

Array = npt.NDArray[np.float64]
Values = Mapping[str, Any]
Kind = Literal["gradient", "jacobian", "hessian", "jvp", "tied"]

# All sizes differ, so that a transposed or misplaced axis cannot go unseen; m > n > k.
SIZES = {"m": 4, "n": 3, "k": 2, "p": 5, "q": 6}


# Formulas as text -----------------------------------------------------------------------------


def evaluate(text: str, values: Values) -> Array:
    """The value of a printed formula, with NumPy's meaning of every name.

    `text` is one expression, then any number of lines `where name = expression`; an earlier line
    may use the names of later ones. `values` holds arrays by symbol and integers by dimension.
    """
    formula, *definitions = text.strip().splitlines()
    names = NumPyNames({**NUMPY, **values})
    for definition in reversed(definitions):
        name, expression = parse_definition(definition)
        value = evaluate_expression(expression, names)
        if "," in name:
            names.update(zip(map(str.strip, name.split(",")), value, strict=True))
        else:
            names[name] = value
    return np.asarray(evaluate_expression(formula, names))


def evaluate_expression(expression: str, names: Mapping[str, Any]) -> Any:
    return eval(expression.strip(), {"__builtins__": {}}, names)


def parse_definition(line: str) -> tuple[str, str]:
    """`where p = softmax(z)` as `("p", "softmax(z)")`."""
    name, _, expression = line.strip().removeprefix("where ").partition("=")
    return name.strip(), expression.strip()


def count_operations(text: str) -> int:
    """How long a formula is: operators, minus signs, transposes, indexings and calls, one each.

    An `einsum` counts its operands, so that it is no way to make a matrix formula look short.
    """
    formula, *definitions = text.strip().splitlines()
    expressions = [formula, *(parse_definition(line)[1] for line in definitions)]
    return sum(
        count_node(node)
        for expression in expressions
        for node in ast.walk(ast.parse(expression.strip()))
    )


def count_node(node: ast.AST) -> int:
    match node:
        case ast.Call(func=ast.Name(id="einsum"), args=[_, *operands]):
            return len(operands)
        case ast.BinOp() | ast.Call() | ast.Compare() | ast.Subscript():
            return 1
        case ast.UnaryOp(op=ast.USub()):
            return 1
        case ast.Attribute(attr="T"):
            return 1
        case _:
            return 0


# Symbols and their random values --------------------------------------------------------------


@dataclass(frozen=True)
class Symbol:
    """A symbol as a test declares it: its name, its dimensions' names and its structure."""

    name: str
    dims: tuple[str, ...]
    structure: tuple[str, ...] = ()

    def shape(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        return tuple(sizes[dim] if dim in sizes else int(dim) for dim in self.dims)


# How an array is given each structure.
IMPOSE: dict[str, Callable[[Array], Array]] = {
    "symmetric": lambda x: (x + x.T) / 2,
    "diagonal": lambda x: np.diag(np.diag(x)),
    "lower_triangular": np.tril,
    "upper_triangular": np.triu,
    "positive_definite": lambda x: x @ x.T,
    "orthogonal": lambda x: np.linalg.qr(x)[0],
    "positive": lambda x: 0.5 + np.abs(x),
}


def declare(text: str) -> list[Symbol]:
    """Symbols from their declaration: `"X: m n; a b: n; W: n n symmetric; t:"`."""
    symbols = []
    for group in filter(None, map(str.strip, text.split(";"))):
        names, _, words = group.partition(":")
        dims = tuple(word for word in words.split() if word not in IMPOSE)
        structure = tuple(word for word in words.split() if word in IMPOSE)
        symbols += [Symbol(name, dims, structure) for name in names.split()]
    return symbols


def random_values(
    symbols: Sequence[Symbol], sizes: Mapping[str, int] = SIZES, seed: int = 0
) -> dict[str, Any]:
    """An array for every symbol, and the size of every dimension.

    A square matrix is well conditioned and has a positive determinant.
    """
    random = np.random.default_rng(seed)
    return {**sizes, **{s.name: random_value(s, sizes, random) for s in symbols}}


def random_value(symbol: Symbol, sizes: Mapping[str, int], random: np.random.Generator) -> Array:
    shape = symbol.shape(sizes)
    value = np.asarray(random.standard_normal(shape))
    if len(shape) == 2 and shape[0] == shape[1]:
        # The perturbation's norm is below one: all eigenvalues have a positive real part.
        value = np.eye(shape[0]) + value / (1.5 * np.linalg.norm(value, 2))
    for structure in symbol.structure:
        value = IMPOSE[structure](value)
    return value


# Finite differences ---------------------------------------------------------------------------

# Central differences of order 8: the truncation error is O(step^8).
STENCIL = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}


def finite_difference(fn: Callable[[float], npt.ArrayLike], step: float = 1e-3) -> Array:
    """The derivative at 0 of an array-valued function of one real variable."""
    total = sum(
        weight * (np.asarray(fn(i * step)) - np.asarray(fn(-i * step)))
        for i, weight in STENCIL.items()
    )
    return np.asarray(total / step)


def finite_difference_gradient(
    fn: Callable[[Array], npt.ArrayLike], value: npt.ArrayLike, step: float = 1e-3
) -> Array:
    """The Jacobian of `fn` at `value`, of shape `fn.shape + value.shape`; a scalar's gradient."""
    value = np.asarray(value, dtype=np.float64)

    def along(unit: Array) -> Array:
        return finite_difference(lambda h: fn(value + h * unit), step)

    columns = [along(unit) for unit in units(value.shape)]
    return np.stack(columns, axis=-1).reshape(columns[0].shape + value.shape)


def finite_difference_hessian(fn: Callable[[Array], npt.ArrayLike], value: npt.ArrayLike) -> Array:
    """The Hessian of a scalar function, of shape `value.shape + value.shape`."""
    # Two nested differences: the longer step keeps the rounding error near 1e-10.
    step = 2e-2
    return finite_difference_gradient(
        lambda x: finite_difference_gradient(fn, x, step), value, step
    )


def units(shape: tuple[int, ...]) -> Iterator[Array]:
    """The single-entry arrays of a shape, in row-major order."""
    for row in np.eye(math.prod(shape)):
        yield row.reshape(shape)


# Identities: a function, and what a textbook says of its derivative ---------------------------


@dataclass(frozen=True)
class Identity:
    """A row of a table of derivatives: `f`, differentiated by `wrt`, is `rhs`.

    `f` and `rhs` are text in the notation that `derive` prints. A `jvp` names the tangents of `wrt`
    in the same order; both may then be several names. A `tied` gradient is by the independent
    entries of a structured matrix. A `misprint` is what the textbook itself says, where it is
    wrong, and `longer` says that the engine's formula is longer than the textbook's.
    """

    number: str
    f: str
    wrt: str
    rhs: str
    symbols: str
    kind: Kind = "gradient"
    tangent: str = ""
    misprint: str = ""
    note: str = ""
    longer: bool = False

    def __str__(self) -> str:
        return f"eq_{self.number}"

    @property
    def values(self) -> dict[str, Any]:
        return random_values(declare(self.symbols))

    def check_by_finite_differences(self) -> None:
        """The textbook is right: NumPy's `f`, differenced, is NumPy's `rhs` (and no misprint)."""
        values = self.values

        def f(**changed: Array) -> Array:
            return evaluate(self.f, {**values, **changed})

        match self.kind:
            case "gradient" | "jacobian":
                expected = finite_difference_gradient(
                    lambda x: f(**{self.wrt: x}), values[self.wrt]
                )
            case "tied":
                expected = self.by_independent_entries(f)
            case "hessian":
                expected = finite_difference_hessian(lambda x: f(**{self.wrt: x}), values[self.wrt])
            case "jvp":
                pairs = list(zip(self.wrt.split(), self.tangent.split(), strict=True))
                expected = finite_difference(
                    lambda h: f(
                        **{name: values[name] + h * values[tangent] for name, tangent in pairs}
                    )
                )
        assert_same(evaluate(self.rhs, values), expected, rtol=1e-7)
        if self.misprint:
            assert not np.allclose(evaluate(self.misprint, values), expected, rtol=1e-2)

    def by_independent_entries(self, f: Callable[..., npt.ArrayLike]) -> Array:
        """The derivative by each entry, which changes those that are the same number, too."""
        (wrt,) = (symbol for symbol in declare(self.symbols) if symbol.name == self.wrt)
        (structure,) = wrt.structure
        value = self.values[self.wrt]

        def along(unit: Array) -> Array:
            moved = IMPOSE[structure](unit) != 0
            return finite_difference(lambda h: f(**{self.wrt: value + h * moved}))

        return np.stack([along(unit) for unit in units(value.shape)]).reshape(value.shape)

    def check_derivation(self) -> None:
        """The engine agrees with the textbook, in a formula that is no longer if not said so."""
        printed = str(derive_text(self))
        assert_same(
            evaluate(printed, self.values), evaluate(self.rhs, self.values), rtol=1e-9, told=printed
        )
        length, textbook = count_operations(printed), count_operations(self.rhs)
        told = f"{length} operations in {printed}\n{textbook} in {self.rhs}"
        assert (length > textbook) == self.longer, told


def assert_same(actual: Array, expected: Array, *, rtol: float, told: str = "") -> None:
    """Equal shapes, and entries equal to `rtol` of their size or of the largest one's hundredth."""
    assert np.shape(actual) == np.shape(expected), (
        f"{np.shape(actual)} != {np.shape(expected)}: {told}"
    )
    atol = rtol * max(1e-3, 1e-2 * float(np.max(np.abs(expected), initial=0.0)))
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol, err_msg=told)


def derive_text(identity: Identity) -> Any:
    """The engine's derivation of an identity's left-hand side."""
    names = DeriveNames(declare(identity.symbols))
    f = evaluate_expression(identity.f, names)
    wrt = [names[name] for name in identity.wrt.split()]
    if identity.kind == "tied":
        return derive.tie_entries(derive.gradient(f, wrt[0]), wrt[0])
    if identity.kind != "jvp":
        return getattr(derive, identity.kind)(f, wrt[0])
    tangent = [names[name] for name in identity.tangent.split()]
    if len(wrt) == 1:
        return derive.jvp(f, wrt[0], tangent=tangent[0])
    return derive.jvp(f, tuple(wrt), tangent=tuple(tangent))


class DeriveNames(dict[str, Any]):
    """The names of a formula as `derive` means them: symbols, dimensions, then its functions."""

    def __init__(self, symbols: Sequence[Symbol]) -> None:
        dims = {
            dim: int(dim) if dim.isdigit() else derive.dims(dim) for s in symbols for dim in s.dims
        }
        super().__init__(dims)
        for symbol in symbols:
            shape = [dims[dim] for dim in symbol.dims]
            structure: dict[str, Any] = dict.fromkeys(symbol.structure, True)
            self[symbol.name] = derive.tensor(symbol.name, *shape, **structure)

    def __missing__(self, name: str) -> Any:
        for module in (derive, derive.linalg):
            if hasattr(module, name):
                return getattr(module, name)
        raise KeyError(name)


# NumPy's meaning of the names that formulas use -----------------------------------------------


def log_sum_exp(
    x: Array, axis: int | tuple[int, ...] | None = None, keepdims: bool = False
) -> Array:
    top = np.max(x, axis=axis, keepdims=True)
    result = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return result if keepdims else np.squeeze(result, axis=axis)


def softmax(x: Array, axis: int = -1) -> Array:
    return np.exp(x - log_sum_exp(x, axis=axis, keepdims=True))


def standardize(
    x: Array, eps: float = 0, axis: int | tuple[int, ...] = -1, centre: bool = True
) -> Array:
    x = x - np.mean(x, axis=axis, keepdims=True) if centre else x
    return x / np.sqrt(np.mean(x * x, axis=axis, keepdims=True) + eps)


def filled(make: Callable[[tuple[int, ...]], Array]) -> Callable[..., Array]:
    """`ones(m, n)` and `ones((m, n))` alike."""
    return lambda *shape: make(
        shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
    )


class NumPyNames(dict[str, Any]):
    """The names of a formula as NumPy means them: those given, then NumPy's own."""

    def __missing__(self, name: str) -> Any:
        try:
            return getattr(np, name)
        except AttributeError:
            raise KeyError(name) from None


def positions(
    shape: Sequence[int], count: int, axis: Any, stride: Any, dilation: Any
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """For each entry of windows of a shape, the last `count` axes within them: where it is from."""
    axes, strides, dilations = (
        tuple(v) if isinstance(v, (tuple, list)) else (v,) * count for v in (axis, stride, dilation)
    )
    rank = len(shape) - count
    for index in np.ndindex(*shape):
        at = list(index[:rank])
        for k, (a, s, d) in enumerate(zip(axes, strides, dilations, strict=True)):
            at[a] = index[a % rank] * s + index[rank + k] * d
        yield index, tuple(at)


def windows(x: Array, size: Any, axis: Any = -1, stride: Any = 1, dilation: Any = 1) -> Array:
    sizes = list(size) if isinstance(size, (tuple, list)) else [size]
    axes = list(axis) if isinstance(axis, (tuple, list)) else [axis]
    steps = [v if isinstance(v, (tuple, list)) else [v] * len(sizes) for v in (stride, dilation)]
    shape = [*x.shape, *sizes]
    for a, k, s, d in zip(axes, sizes, *steps, strict=True):
        shape[a % x.ndim] = (x.shape[a] - d * (k - 1) - 1) // s + 1
    result = np.empty(shape)
    for index, at in positions(shape, len(sizes), axis, stride, dilation):
        result[index] = x[at]
    return result


def overlap_add(x: Array, size: Any, axis: Any = 0, stride: Any = 1, dilation: Any = 1) -> Array:
    sizes = list(size) if isinstance(size, (tuple, list)) else [size]
    shape = list(x.shape[: x.ndim - len(sizes)])
    for a, n in zip(axis if isinstance(axis, (tuple, list)) else [axis], sizes, strict=True):
        shape[a] = n
    result = np.zeros(shape)
    for index, at in positions(x.shape, len(sizes), axis, stride, dilation):
        result[at] += x[index]
    return result


def solve(a: Any, b: Array, method: str = "direct", **options: Any) -> Array:
    """The solution with a matrix, or with a function that gives its product."""
    if not callable(a):
        return np.linalg.solve(a, b)
    columns = [np.asarray(a(unit)).ravel() for unit in np.eye(b.size).reshape(-1, *b.shape)]
    return np.linalg.solve(np.stack(columns, axis=1), b.ravel()).reshape(b.shape)


def divided_difference(h: Callable[[Array], Array], x: Array, y: Array) -> Array:
    """The slope of a function between points that are apart, and its derivative where they meet."""
    gap = x - y
    slope = (h(x + 1e-5) - h(x - 1e-5)) / 2e-5
    return np.where(gap == 0, slope, (h(x) - h(y)) / np.where(gap == 0, 1, gap))


# What NumPy lacks or keeps in a submodule.
NUMPY: dict[str, Any] = {
    "inv": np.linalg.inv,
    "det": np.linalg.det,
    "logdet": lambda x: np.linalg.slogdet(x)[1],
    "solve": solve,
    "cholesky": np.linalg.cholesky,
    "eig": np.linalg.eig,
    "divided_difference": divided_difference,
    "qr": np.linalg.qr,
    "eigh": np.linalg.eigh,
    "eigvals": np.linalg.eigvals,
    "eigvalsh": np.linalg.eigvalsh,
    "svd": lambda x: np.linalg.svd(x, full_matrices=False),
    "pinv": np.linalg.pinv,
    "lstsq": lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0],
    "slogdet": np.linalg.slogdet,
    "Min": min,
    "norm": np.linalg.norm,
    "ones": filled(np.ones),
    "zeros": filled(np.zeros),
    "sigmoid": lambda x: 0.5 * (1 + np.tanh(0.5 * x)),
    "softplus": lambda x: np.logaddexp(0, x),
    "logaddexp": np.logaddexp,
    "relu": lambda x: np.maximum(x, 0),
    "erf": np.vectorize(math.erf, otypes=[np.float64]),
    "logsumexp": log_sum_exp,
    "softmax": softmax,
    "standardize": standardize,
    "windows": windows,
    "overlap_add": overlap_add,
    "log_softmax": lambda x, axis=-1: x - log_sum_exp(x, axis=axis, keepdims=True),
}
