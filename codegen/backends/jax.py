"""JAX: the table of calls; the program is the one that NumPy runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from codegen.backends.numpy import _NAMES
from codegen.backends.printer import ATOM, Printer, Text
from codegen.program import Value


class JaxPrinter(Printer):
    """Prints JAX source, which works under jit, vmap and grad."""

    module = "jnp"
    imports = ("import jax", "import jax.numpy as jnp")
    frees_memory = False
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
    helpers: ClassVar[Mapping[str, str]] = {
        "logdet": '''
def _logdet(a):
    """log(det(a)), without overflow; nan where the determinant is negative."""
    sign, value = jnp.linalg.slogdet(a)
    return jnp.where(sign < 0, jnp.nan, value)
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

    def _slope_of_abs(self, value: Value, args: list[Text]) -> str:
        self.uses_dtype = True
        return f"jnp.where({args[0].source} >= 0, 1, -1).astype(dtype)"

    def _copy(self, value: Value, args: list[Text]) -> str:
        return args[0].inside(ATOM)

    def _logsumexp(self, value: Value, args: list[Text]) -> str:
        return self._reduction("jax.nn.logsumexp", value, args, value.attributes[0])

    def _pad(self, value: Value, args: list[Text]) -> str:
        shape = f"jnp.zeros({self.shape(value.shape)}, {args[0].inside(ATOM)}.dtype)"
        return f"{shape}.at[{self._pad_key(value)}].set({args[0].source})"

    def _scatter(self, value: Value, args: list[Text]) -> str:
        zeros = f"jnp.zeros({self.shape(value.shape)}, {args[0].inside(ATOM)}.dtype)"
        key = ", ".join([":"] * value.attributes[0] + [args[1].source])
        return f"{zeros}.at[{key}].add({args[0].source})"
