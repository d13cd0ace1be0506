"""NumPy: the table of calls and the helper functions that a program can need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from codegen.backends.differences import DIFFERENCES
from codegen.backends.loops import Frame, LoopNames
from codegen.backends.matrices import NUMPY, NUMPY_HELPERS
from codegen.backends.printer import ATOM, Printer, Text
from codegen.program import Step, Value
from derive.tensor.windows import Slides

_NAMES = (
    "exp log sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh abs sign "
    "floor ceil sqrt log1p expm1 logaddexp maximum minimum arctan2 vdot"
)


def _assign(names: list[str], values: list[Text]) -> str:
    return f"{', '.join(names)} = {', '.join(value.source for value in values)}"


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
    matrix_calls = NUMPY
    optional_imports = ("scipy.linalg", "scipy.sparse.linalg")
    helpers: ClassVar[Mapping[str, str]] = {
        **NUMPY_HELPERS,
        "in_range": '''
def _in_range(name, index, size):
    """Check that indices count from 0 and are below the size of their axis."""
    if index.size and (index.min() < 0 or index.max() >= size):
        raise IndexError(f"{name} must hold indices from 0 to {size - 1}")
''',
        **DIFFERENCES,
        "sigmoid": '''
def _sigmoid(x):
    """1 / (1 + exp(-x)), without overflow."""
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))
''',
        "log_cosh": '''
def _log_cosh(x):
    """log(cosh(x)), without overflow; near 0 it is log(1 + 2 sinh(x / 2)**2)."""
    a = np.abs(x)
    near = np.log1p(2 * np.sinh(np.minimum(a, 1) / 2) ** 2)
    return np.where(a < 1, near, a + np.log1p(np.exp(-2 * a)) - math.log(2))
''',
        "log1mexp": '''
def _log1mexp(x):
    """log(1 - exp(x)) for negative x, accurate for small and large x."""
    return np.where(x > -0.7, np.log(-np.expm1(x)), np.log1p(-np.exp(x)))
''',
        "logdet": '''
def _logdet(a):
    """log(det(a)), without overflow; nan where the determinant is negative."""
    sign, value = np.linalg.slogdet(a)
    return np.where(sign < 0, np.nan, value)
''',
        "peak": '''
def _peak(x, axis=None):
    """Largest entries, 0 in place of an infinite one: exp(x - peak) does not overflow."""
    top = np.max(x, axis=axis)
    return np.where(np.isfinite(top), top, 0)
''',
        "softmax": '''
def _softmax(x, axis=-1):
    """exp(x) / sum(exp(x)), without overflow; 0 where every x is -inf."""
    top = np.max(x, axis=axis, keepdims=True)
    e = np.exp(x - np.where(np.isfinite(top), top, 0))
    total = np.sum(e, axis=axis, keepdims=True)
    e /= np.where(total == 0, 1, total)
    return e
''',
        "log_softmax": '''
def _log_softmax(x, axis=-1):
    """x - log(sum(exp(x))), without overflow."""
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))
''',
        "logsumexp": '''
def _logsumexp(x, axis=None):
    """log(sum(exp(x))), without overflow."""
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    return np.log(np.sum(np.exp(x - top), axis=axis)) + np.squeeze(top, axis=axis)
''',
        "erf": '''
def _erf(x):
    """The error function, entry by entry."""
    return np.vectorize(math.erf, otypes=[x.dtype])(x)
''',
        "erfc": '''
def _erfc(x):
    """1 - erf(x), entry by entry."""
    return np.vectorize(math.erfc, otypes=[x.dtype])(x)
''',
        "gammaln": '''
def _gammaln(x):
    """The logarithm of the gamma function, entry by entry."""
    return np.vectorize(math.lgamma, otypes=[x.dtype])(x)
''',
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
        "overlap_add": '''
def _overlap_add(x, sizes, axes, strides=None, dilations=None):
    """Add windows, the last axes of x, where they overlap on axes of those sizes."""
    ones = (1,) * len(axes)
    slides = list(zip(sizes, axes, strides or ones, dilations or ones))
    lead = x.ndim - len(axes)
    shape = list(x.shape[:lead])
    for size, axis, _, _ in slides:
        shape[axis] = size
    result = np.zeros(shape, x.dtype)
    for place in np.ndindex(*x.shape[lead:]):
        key = [slice(None)] * lead
        for k, (_, axis, stride, dilation) in zip(place, slides):
            first = k * dilation
            key[axis] = slice(first, first + stride * (x.shape[axis] - 1) + 1, stride)
        result[tuple(key)] += x[(..., *place)]
    return result
''',
        "conjugate_gradients": '''
def _conjugate_gradients(product, b, dtype, tol=None, maxiter=None, preconditioner=None):
    """Solve product(x) = b for a positive definite product (Hestenes and Stiefel, 1952).

    The residual at the end is at most tol times b, in norm.
    """
    tol = 10 * np.finfo(dtype).eps if tol is None else tol
    maxiter = 10 * b.size if maxiter is None else maxiter
    scale = np.max(np.abs(b), initial=0)
    if scale == 0:
        return np.zeros(b.shape, dtype)
    r = (b / scale).astype(dtype, copy=False)
    x, p, before = np.zeros_like(r), np.zeros_like(r), 1
    square = np.vdot(r, r)
    enough = tol**2 * square
    for _ in range(maxiter):
        z = r if preconditioner is None else preconditioner(r)
        slope = square if preconditioner is None else np.vdot(r, z)
        p *= slope / before
        p += z
        image = product(p)
        curvature = np.vdot(p, image)
        if not (slope > 0 and curvature > 0):
            raise np.linalg.LinAlgError("conjugate gradients: not positive definite, or not finite")
        x += slope / curvature * p
        r -= slope / curvature * image
        before, square = slope, np.vdot(r, r)
        if square <= enough:
            x *= scale
            return x
    raise np.linalg.LinAlgError(
        f"conjugate gradients: no convergence in {maxiter} steps; "
        "give more, a larger tol or a preconditioner"
    )
''',
        "conjugate_gradients_each": '''
def _conjugate_gradients_each(
    product, b, axes, dtype, tol=None, maxiter=None, preconditioner=None
):
    """Solve product(x) = b for many systems at once, the unknowns of each along the axes."""

    def inner(u, v):
        return np.sum(u * v, axis=axes, keepdims=True)

    tol = 10 * np.finfo(dtype).eps if tol is None else tol
    scale = np.max(np.abs(b), axis=axes, keepdims=True, initial=0)
    maxiter = 10 * b.size // max(scale.size, 1) if maxiter is None else maxiter
    r = (b / np.where(scale == 0, 1, scale)).astype(dtype, copy=False)
    x, p, before = np.zeros_like(r), np.zeros_like(r), 1
    square = inner(r, r)
    enough = tol**2 * square
    ongoing = scale != 0
    for _ in range(maxiter):
        if not np.any(ongoing):
            break
        z = r if preconditioner is None else preconditioner(r)
        slope = square if preconditioner is None else inner(r, z)
        p *= np.where(ongoing, slope / before, 0)
        p += z
        image = product(p)
        curvature = inner(p, image)
        if np.any(ongoing & ~((slope > 0) & (curvature > 0))):
            raise np.linalg.LinAlgError("conjugate gradients: not positive definite, or not finite")
        step = np.where(ongoing, slope, 0) / np.where(ongoing, curvature, 1)
        x += step * p
        r -= step * image
        before, square = np.where(ongoing, slope, 1), inner(r, r)
        ongoing &= ~(square <= enough)
    if np.any(ongoing):
        raise np.linalg.LinAlgError(
            f"conjugate gradients: no convergence in {maxiter} steps; "
            "give more, a larger tol or a preconditioner"
        )
    x *= scale
    return x
''',
        "scatter": '''
def _scatter(x, positions, axis, shape):
    """Add slices into zeros at positions of an axis, which can repeat."""
    result = np.zeros(shape, x.dtype)
    np.add.at(result, (slice(None),) * axis + (positions,), x)
    return result
''',
    }

    def _windows(self, value: Value, args: list[Text]) -> str:
        slides = Slides(*value.attributes)
        rank = value.args[0].ndim
        spans = [slides.span(k, width) for k, width in enumerate(value.shape[rank:])]
        size = self.dim(spans[0]) if len(spans) == 1 else self.shape(tuple(spans))
        axis = slides.axes[0] if len(spans) == 1 else self._ints(slides.axes)
        view = f"np.lib.stride_tricks.sliding_window_view({args[0].source}, {size}, axis={axis})"
        steps = dict(zip(slides.axes, slides.strides, strict=True))
        steps |= dict(enumerate(slides.dilations, start=rank))
        keys = [f"::{steps[k]}" if steps.get(k, 1) > 1 else ":" for k in range(value.ndim)]
        while keys and keys[-1] == ":":
            keys.pop()
        return f"{view}[{', '.join(keys)}]" if keys else view

    def _conjugate_gradients(self, value: Value, args: list[Text]) -> str:
        each = bool(value.attributes[0])
        name = "conjugate_gradients_each" if each else "conjugate_gradients"
        return self._iteration(name, value, args)

    def slice_text(self, sequence: Text, time: str) -> Text:
        source = f"{sequence.inside(ATOM)}[{time}]"
        return Text(source, ATOM, 0, sequence.reads | {time})

    def name_of_last(self, before: str, wanted: str) -> str:
        return before

    def frame(
        self,
        step: Step,
        names: LoopNames,
        inits: list[Text],
        sequences: list[Text],
        slices: list[Text],
    ) -> Frame:
        before = []
        for k, name in names.trajectories.items():
            shape = self.shape((step.length, *step.outputs[k].shape))
            before.append(f"{name} = np.empty({shape}, {self._dtype()})")
        if step.carries:
            before.append(_assign(names.before, inits))
        steps = f"range({self.dim(step.length)})"
        head = f"for {names.time} in {f'reversed({steps})' if step.reverse else steps}:"
        end = [
            f"{name}[{names.time}] = {names.stored[k].source}"
            for k, name in names.trajectories.items()
        ]
        end += [_assign(names.before, names.after)] if step.carries else []
        return Frame(before, head, [], end, [])

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

    def _log_softmax(self, value: Value, args: list[Text]) -> str:
        return self._along(self.helper("log_softmax"), value, args)

    def _pad(self, value: Value, args: list[Text]) -> str:
        key = f"np.s_[{self._pad_key(value)}]"
        return f"{self.helper('pad')}({args[0].source}, {self.shape(value.shape)}, {key})"

    def _scatter(self, value: Value, args: list[Text]) -> str:
        name, shape = self.helper("scatter"), self.shape(value.shape)
        return f"{name}({args[0].source}, {args[1].source}, {value.attributes[0]}, {shape})"
