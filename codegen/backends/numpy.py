"""NumPy: the table of calls and the helper functions that a program can need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from codegen.backends.printer import ATOM, Printer, Text
from codegen.program import Value

_NAMES = (
    "exp log sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh abs sign "
    "floor ceil sqrt log1p expm1 maximum minimum arctan2 vdot"
)


class NumpyPrinter(Printer):
    """Prints NumPy source that needs nothing but NumPy."""

    module = "np"
    imports = ("import numpy as np",)
    calls: ClassVar[Mapping[str, str]] = {
        **{name: f"np.{name}" for name in _NAMES.split()},
        "inv": "np.linalg.inv",
        "det": "np.linalg.det",
        "solve": "np.linalg.solve",
    }
    helpers: ClassVar[Mapping[str, str]] = {
        "in_range": '''
def _in_range(name, index, size):
    """Check that indices count from 0 and are below the size of their axis."""
    if index.size and (index.min() < 0 or index.max() >= size):
        raise IndexError(f"{name} must hold indices from 0 to {size - 1}")
''',
        "sigmoid": '''
def _sigmoid(x):
    """1 / (1 + exp(-x)), without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)
''',
        "logdet": '''
def _logdet(a):
    """log(det(a)), without overflow; nan where the determinant is negative."""
    sign, value = np.linalg.slogdet(a)
    return np.where(sign < 0, np.nan, value)
''',
        "logsumexp": '''
def _logsumexp(x, axis=None):
    """log(sum(exp(x))), without overflow."""
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    return np.log(np.sum(np.exp(x - top), axis=axis)) + np.squeeze(top, axis=axis)
''',
        "erf": """
_erf = np.vectorize(math.erf, otypes=[float])
""",
        "erfc": """
_erfc = np.vectorize(math.erfc, otypes=[float])
""",
        "gammaln": """
_gammaln = np.vectorize(math.lgamma, otypes=[float])
""",
        "embed": '''
def _embed(subscripts, diagonal, shape):
    """Put an array on a diagonal of zeros: _embed("i->ii", v, (n, n)) is diag(v)."""
    source, target = subscripts.split("->")
    result = np.zeros(shape, diagonal.dtype)
    np.einsum(f"{target}->{source}", result)[...] = diagonal
    return result
''',
        "pad": '''
def _pad(x, shape, key):
    """Put an array into zeros."""
    result = np.zeros(shape, x.dtype)
    result[key] = x
    return result
''',
        "scatter": '''
def _scatter(x, positions, axis, shape):
    """Add slices into zeros at positions of an axis, which can repeat."""
    result = np.zeros(shape, x.dtype)
    np.add.at(result, (slice(None),) * axis + (positions,), x)
    return result
''',
    }

    def _softplus(self, value: Value, args: list[Text]) -> str:
        return f"np.logaddexp(0, {args[0].source})"

    def _relu(self, value: Value, args: list[Text]) -> str:
        return f"np.maximum({args[0].source}, 0)"

    def _slope_of_abs(self, value: Value, args: list[Text]) -> str:
        return f"np.copysign(1, {args[0].source} + 0)"  # adding 0 makes -0.0 positive

    def _copy(self, value: Value, args: list[Text]) -> str:
        return f"{args[0].inside(ATOM)}.copy()"

    def _logsumexp(self, value: Value, args: list[Text]) -> str:
        return self._reduction(self.helper("logsumexp"), value, args, value.attributes[0])

    def _pad(self, value: Value, args: list[Text]) -> str:
        key = f"np.s_[{self._pad_key(value)}]"
        return f"{self.helper('pad')}({args[0].source}, {self.shape(value.shape)}, {key})"

    def _scatter(self, value: Value, args: list[Text]) -> str:
        name, shape = self.helper("scatter"), self.shape(value.shape)
        return f"{name}({args[0].source}, {args[1].source}, {value.attributes[0]}, {shape})"
