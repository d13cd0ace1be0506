"""JAX: the table of calls; the program is the one that NumPy runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import sympy as sp

from codegen.backends.differences import DIFFERENCES, written_with
from codegen.backends.loops import Frame, LoopNames, tuple_of, unpacked
from codegen.backends.matrices import JAX, JAX_HELPERS
from codegen.backends.numpy import _NAMES
from codegen.backends.printer import ATOM, PRODUCT, Printer, Text
from codegen.program import Step, Value


class JaxPrinter(Printer):
    """Prints JAX source, which works under jit, vmap and grad."""

    module = "jnp"
    imports = ("import jax", "import jax.numpy as jnp")
    frees_memory = False
    native = frozenset({"einsum", "convolution"})
    calls: ClassVar[Mapping[str, str]] = {
        **{name: f"jnp.{name}" for name in _NAMES.split()},
        "inv": "jnp.linalg.inv",
        "det": "jnp.linalg.det",
        "solve": "jnp.linalg.solve",
        "sigmoid": "jax.nn.sigmoid",
        "softplus": "jax.nn.softplus",
        "relu": "jax.nn.relu",
        "erf": "jax.scipy.special.erf",
        "erfc": "jax.scipy.special.erfc",
        "gammaln": "jax.scipy.special.gammaln",
    }
    matrix_calls = JAX
    optional_imports = ("jax.scipy.linalg", "jax.scipy.sparse.linalg", "numpy.polynomial.legendre")
    helpers: ClassVar[Mapping[str, str]] = {
        **JAX_HELPERS,
        **written_with("jnp", DIFFERENCES),
        "log_cosh": '''
def _log_cosh(x):
    """log(cosh(x)), without overflow; near 0 it is log(1 + 2 sinh(x / 2)**2)."""
    a = jnp.abs(x)
    near = jnp.log1p(2 * jnp.sinh(jnp.minimum(a, 1) / 2) ** 2)
    return jnp.where(a < 1, near, a + jnp.log1p(jnp.exp(-2 * a)) - math.log(2))
''',
        "log1mexp": '''
def _log1mexp(x):
    """log(1 - exp(x)) for negative x, accurate for small and large x."""
    return jnp.where(x > -0.7, jnp.log(-jnp.expm1(x)), jnp.log1p(-jnp.exp(x)))
''',
        "peak": '''
def _peak(x, axis=None):
    """Largest entries, 0 in place of an infinite one: exp(x - peak) does not overflow."""
    top = jax.lax.stop_gradient(jnp.max(x, axis=axis))
    return jnp.where(jnp.isfinite(top), top, 0)
''',
        "softmax": '''
def _softmax(x, axis=-1):
    """exp(x) / sum(exp(x)), without overflow; 0 where every x is -inf."""
    top = jax.lax.stop_gradient(jnp.max(x, axis=axis, keepdims=True))
    e = jnp.exp(x - jnp.where(jnp.isfinite(top), top, 0))
    total = jnp.sum(e, axis=axis, keepdims=True)
    return e / jnp.where(total == 0, 1, total)
''',
        "logdet": '''
def _logdet(a):
    """log(det(a)), without overflow; nan where the determinant is negative."""
    sign, value = jnp.linalg.slogdet(a)
    return jnp.where(sign < 0, jnp.nan, value)
''',
        "windows": '''
def _windows(x, sizes, axes, strides=None, dilations=None):
    """Stack windows: entry [.., i, .., k] is x[.., i * stride + k * dilation, ..]."""
    ones = (1,) * len(axes)
    for size, axis, stride, dilation in zip(sizes, axes, strides or ones, dilations or ones):
        reach = x.shape[axis] - dilation * (size - 1)
        firsts = range(0, dilation * size, dilation)
        parts = [jax.lax.slice_in_dim(x, k, k + reach, stride, axis) for k in firsts]
        x = jnp.moveaxis(jnp.stack(parts), 0, -1)
    return x
''',
        "overlap_add": '''
def _overlap_add(x, sizes, axes, strides=None, dilations=None):
    """Add windows, the last axes of x, where they overlap on axes of those sizes."""
    ones = (1,) * len(axes)
    slides = list(zip(sizes, axes, strides or ones, dilations or ones))
    zero = jnp.zeros((), x.dtype)
    for size, axis, stride, dilation in reversed(slides):
        reach = stride * (x.shape[axis] - 1) + 1
        total = 0
        for k in range(x.shape[-1]):
            widths = [(0, 0, 0)] * (x.ndim - 1)
            widths[axis] = (k * dilation, size - reach - k * dilation, stride - 1)
            total += jax.lax.pad(x[..., k], zero, widths)
        x = total
    return x
''',
        "conjugate_gradients": '''
def _conjugate_gradients(
    product, b, dtype, axes=None, tol=None, maxiter=None, preconditioner=None
):
    """Solve product(x) = b for a positive definite product (Hestenes and Stiefel, 1952).

    The residual at the end is at most tol times b, in norm; where it is not, the solution is not a
    number.  There is a system for each place on the axes that are not given.
    """

    def inner(u, v):
        return jnp.sum(u * v, axis=axes, keepdims=True)

    tol = 10 * jnp.finfo(dtype).eps if tol is None else tol
    if maxiter is None:
        maxiter = 10 * b.size // max(jax.eval_shape(inner, b, b).size, 1)

    def solve(product, b):
        scale = jnp.max(jnp.abs(b), axis=axes, keepdims=True, initial=0)
        r = b / jnp.where(scale == 0, 1, scale)
        square = inner(r, r)
        enough = tol**2 * square

        def goes_on(state):
            steps, _, _, _, square, _ = state
            return (steps < maxiter) & jnp.any(square > enough)

        def step(state):
            steps, x, r, p, square, before = state
            z = r if preconditioner is None else preconditioner(r)
            slope = square if preconditioner is None else inner(r, z)
            p = z + slope / before * p
            image = product(p)
            curvature = inner(p, image)
            length = jnp.where((slope > 0) & (curvature > 0), slope / curvature, jnp.nan)
            length = jnp.where(square > enough, length, 0)
            r = r - length * image
            before = jnp.where(square > enough, slope, 1)
            return steps + 1, x + length * p, r, p, inner(r, r), before

        zero = jnp.zeros_like(r)
        state = 0, zero, r, zero, square, jnp.ones_like(square)
        _, x, _, _, square, _ = jax.lax.while_loop(goes_on, step, state)
        return jnp.where(square <= enough, scale * x, jnp.nan)

    return jax.lax.custom_linear_solve(product, b.astype(dtype), solve, transpose_solve=solve)
''',
        "embed": '''
def _embed(subscripts, diagonal, shape):
    """Put an array on a diagonal of zeros: _embed("i->ii", v, (n, n)) is diag(v)."""
    source, target = subscripts.split("->")
    index = {c: jax.lax.broadcasted_iota(int, shape, target.index(c)) for c in source}
    inside = True
    for axis, c in enumerate(target):
        inside &= index[c] == jax.lax.broadcasted_iota(int, shape, axis)
    first = [target.index(c) for c in source]
    order = sorted(range(len(source)), key=lambda k: first[k])
    spread = diagonal.transpose(order)
    spread = jnp.expand_dims(spread, [k for k in range(len(shape)) if k not in first])
    return jnp.where(inside, spread, 0)
''',
    }

    def slice_text(self, sequence: Text, time: str) -> Text:
        name = self.names.fresh(f"{sequence.source}_{time}")
        return Text(name, ATOM, 0, frozenset({name}))

    def name_of_last(self, before: str, wanted: str) -> str:
        return self.names.fresh(wanted)

    def frame(
        self,
        step: Step,
        names: LoopNames,
        inits: list[Text],
        sequences: list[Text],
        slices: list[Text],
    ) -> Frame:
        parts = [text.source for text in slices]
        lone = len(names.before) == 1
        carry = names.before[0] if lone else self.names.fresh("carry") if names.before else "_"
        entry = "_" if not parts else parts[0] if len(parts) == 1 else self.names.fresh("entries")
        function = self.names.fresh("step_back" if step.reverse else "step")
        after = [text.source for text in names.after]
        stored = [text.source for text in names.stored.values()]
        end = f"return {tuple_of(after)}, {tuple_of(stored) if stored else None}"
        last = [names.last.get(k, "_") for k in range(len(after))] if names.last else ["_"]
        given = tuple_of(list(names.trajectories.values())) if stored else "_"
        args = [function, tuple_of([init.source for init in inits])]
        args.append(tuple_of([s.source for s in sequences]) if sequences else "None")
        args += [] if sequences else [f"length={self.dim(step.length)}"]
        args += ["reverse=True"] if step.reverse else []
        return Frame(
            [],
            f"def {function}({carry}, {entry}):",
            [*unpacked(names.before, carry), *unpacked(parts, entry)],
            [end],
            [f"{tuple_of(last)}, {given} = jax.lax.scan({', '.join(args)})"],
        )

    def _slope_of_abs(self, value: Value, args: list[Text]) -> str:
        self.uses_dtype = True
        return f"jnp.where({args[0].source} >= 0, 1, -1).astype(dtype)"

    def _copy(self, value: Value, args: list[Text]) -> str:
        return args[0].inside(ATOM)

    def _logsumexp(self, value: Value, args: list[Text]) -> str:
        return self._reduction("jax.nn.logsumexp", value, args, value.attributes[0])

    def _log_softmax(self, value: Value, args: list[Text]) -> str:
        return self._along("jax.nn.log_softmax", value, args)

    def _windows(self, value: Value, args: list[Text]) -> str:
        return self._slide(value, args[0].source, value.shape[value.args[0].ndim :])

    def _source(self, value: Value, args: list[Text]) -> tuple[str, int]:
        if value.op == "matmul" and value.args[0].op == "transpose" and value.args[1].ndim == 1:
            # X.T @ v: XLA transposes X for it on a CPU, and takes ten times as long as for v @ X.
            (matrix,) = value.args[0].args
            if matrix.ndim == 2 and matrix in self.texts:  # a loop may know its transpose alone
                right = self.texts[matrix].inside(PRODUCT + 1)
                return f"{args[1].inside(PRODUCT)} @ {right}", PRODUCT
        return super()._source(value, args)

    def _convolution(self, value: Value, args: list[Text]) -> str:
        specs, strides, padding, spread, dilation, flipped, counts = value.attributes
        array, kernel = (arg.source for arg in args)
        if flipped:
            spatial = tuple(k for k, c in enumerate(specs[1]) if c not in "IO")
            kernel = f"jnp.flip({kernel}, {self._ints(spatial)})"
        around = '"VALID"'
        if any(width != 0 for pair in padding for width in pair):
            around = f"[{', '.join(map(self.shape, padding))}]"
        words = [array, kernel, self._ints(strides), around]
        words += [f"lhs_dilation={self._ints(spread)}"] if max(spread) > 1 else []
        words += [f"rhs_dilation={self._ints(dilation)}"] if max(dilation) > 1 else []
        words.append("dimension_numbers=(" + ", ".join(f'"{spec}"' for spec in specs) + ")")
        for name, count in zip(("feature", "batch"), counts, strict=True):
            words += [f"{name}_group_count={self.dim(count)}"] if count != 1 else []
        return f"jax.lax.conv_general_dilated({', '.join(words)})"

    def _pad(self, value: Value, args: list[Text]) -> str:
        inner = value.args[0].shape
        steps = [step for _, _, step in value.attributes]
        if min(steps) > 0:
            widths = [("0", "0", "0")] * value.ndim
            for axis, start, step in value.attributes:
                last = start + step * (inner[axis] - 1)
                behind = sp.expand(value.shape[axis] - 1 - last)
                widths[axis] = self.dim(start), self.dim(behind), str(step - 1)
            if max(steps) == 1:
                pairs = ", ".join(f"({before}, {behind})" for before, behind, _ in widths)
                return f"jnp.pad({args[0].source}, ({pairs}{',' if value.ndim == 1 else ''}))"
            triples = ", ".join(f"({', '.join(width)})" for width in widths)
            zero = f"jnp.zeros((), {args[0].inside(ATOM)}.dtype)"
            return f"jax.lax.pad({args[0].source}, {zero}, [{triples}])"
        zeros = f"jnp.zeros({self.shape(value.shape)}, {self._dtype_of(value.args[0], args[0])})"
        return f"{zeros}.at[{self._pad_key(value)}].set({args[0].source})"

    def _scatter(self, value: Value, args: list[Text]) -> str:
        zeros = f"jnp.zeros({self.shape(value.shape)}, {self._dtype_of(value.args[0], args[0])})"
        key = ", ".join([":"] * value.attributes[0] + [args[1].source])
        return f"{zeros}.at[{key}].add({args[0].source})"

    def _dtype_of(self, value: Value, text: Text) -> str:
        """Write the type of an array, whose own text is not written twice unless it is a name."""
        if text.source.isidentifier() or value.is_int or value.is_bool:
            return f"{text.inside(ATOM)}.dtype"
        return self._dtype()
