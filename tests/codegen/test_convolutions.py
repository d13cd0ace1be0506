"""Every product with windows that JAX's convolution can compute, and some that it cannot."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import codegen
import derive
from derive.tensor.node import symbols_of
from derive.tensor.windows import overlap_add, windows
from tests import support

SIZES = {"b": 2, "c": 3, "o": 4, "g": 2, "k": 2, "l": 3, "i": 3, "j": 2}
STRIDES, DILATIONS = (2, 3), (1, 2)
HEIGHT, WIDTH = 7, 10  # a row and two columns more than the windows reach

# Windows of x have the axes b i j c k l; the other factor and the result are told.
PRODUCTS = {
    "bijckl,klco->bijo": True,  # a convolution
    "bijckl,bijo->klco": True,  # its gradient by the kernel
    "bijckl,klc->bijc": True,  # depthwise
    "bijckl,bijc->klc": True,
    "bijckl,kl->bijc": True,  # one kernel for all channels
    "bijckl,bij->ckl": True,
    "bijckl,bklc->bij": True,  # a kernel for each example
    "bijckl,bklco->oijb": True,
    "bijckl,bijo->bklco": True,
    "bijckl,il->bcjk": True,  # positions of one axis, places of the other
    "bijckl,klo->obijc": True,
    "bijckl,ijl->bck": False,  # both parts of the second axis are summed
    "bijckl,ckl->bijkl": False,  # both parts stay
    "bijckl,kkllo->bijo": False,  # a diagonal
}

# Products that are added where they overlap: the axes b i j c k l again, as far as there are any.
OVERLAPS = {
    "bijo,klco->bijckl": True,  # the gradient of a convolution by its input
    "bijc,klc->bijckl": True,  # of a depthwise one
    "bij,kl->bijkl": True,
    "bijo,bklo->bijkl": True,
    "ijo,bklo->bijkl": True,
    "klo,bijco->bijckl": True,
    "ijl,bk->bijkl": False,
    "ijkl,b->bijkl": False,
}


def expression(spec: str) -> derive.Tensor:
    if spec in PRODUCTS:
        x = derive.tensor("x", SIZES["b"], HEIGHT, WIDTH, SIZES["c"])
        around = windows(
            x, (SIZES["k"], SIZES["l"]), axis=(1, 2), stride=STRIDES, dilation=DILATIONS
        )
        other = derive.tensor("y", *(SIZES[k] for k in spec.split("->")[0].split(",")[1]))
        return derive.einsum(spec, around, other)
    left, right = (
        derive.tensor(name, *(SIZES[k] for k in letters))
        for name, letters in zip("xy", spec.split("->")[0].split(","), strict=True)
    )
    product = derive.einsum(spec, left, right)
    return overlap_add(product, (HEIGHT, WIDTH), axis=(1, 2), stride=STRIDES, dilation=DILATIONS)


def by_numpy(spec: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if spec in PRODUCTS:
        (s, t), (d, e) = STRIDES, DILATIONS
        spans = ((SIZES["k"] - 1) * d + 1, (SIZES["l"] - 1) * e + 1)
        around = sliding_window_view(x, spans, axis=(1, 2))[:, ::s, ::t, :, ::d, ::e]
        return np.asarray(np.einsum(spec, around, y))
    product = np.einsum(spec, x, y)
    return support.overlap_add(product, (HEIGHT, WIDTH), (1, 2), STRIDES, DILATIONS)


def draw(spec: str) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {
        symbol.name: generator.standard_normal([int(size) for size in symbol.shape])
        for symbol in sorted(symbols_of(expression(spec)), key=lambda symbol: symbol.name)
    }


@pytest.mark.parametrize("spec", [*PRODUCTS, *OVERLAPS])
def test_numpy(spec: str) -> None:
    values = draw(spec)
    found = codegen.to_numpy(expression(spec))(**values)
    np.testing.assert_allclose(found, by_numpy(spec, **values), rtol=1e-12, atol=1e-13)


def test_jax() -> None:
    values = {spec: draw(spec) for spec in (*PRODUCTS, *OVERLAPS)}
    functions = {spec: codegen.to_jax(expression(spec)) for spec in values}
    for spec, function in functions.items():
        recognised = (PRODUCTS | OVERLAPS)[spec]
        assert ("conv_general_dilated" in function.source) is recognised, function.source
    with jax.enable_x64(True):
        found = jax.jit(lambda: {spec: functions[spec](**values[spec]) for spec in values})()
    for spec, given in values.items():
        right = by_numpy(spec, **given)
        np.testing.assert_allclose(found[spec], right, rtol=1e-12, atol=1e-13, err_msg=spec)
