"""Convolution against ``jax.lax``, and its gradients against the closed forms of the textbook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import codegen
import derive
from derive import layers
from tests.closed_forms import assert_equal, assert_identical, pulled
from tests.twins import assert_agrees, draw

b, n, h, w, c, d = derive.dims("b n h w c d")
NUMBERS = {3: ("NWC", "WIO", "NWC"), 4: ("NHWC", "HWIO", "NHWC"), 5: ("NDHWC", "DHWIO", "NDHWC")}
Array = Any


def lax_conv(
    x: Array, K: Array, stride: Any = 1, padding: Any = "VALID", dilation: Any = 1, groups: int = 1
) -> Array:
    count = K.ndim - 2
    strides, dilations = ((s,) * count if isinstance(s, int) else s for s in (stride, dilation))
    if isinstance(padding, int):
        padding = [(padding, padding)] * count
    return jax.lax.conv_general_dilated(
        x,
        K,
        strides,
        padding.upper() if isinstance(padding, str) else padding,
        rhs_dilation=dilations,
        dimension_numbers=NUMBERS[K.ndim],
        feature_group_count=groups,
    )


def lax_conv_transpose(
    y: Array, K: Array, stride: int = 1, padding: str = "valid", dilation: int = 1
) -> Array:
    count = K.ndim - 2
    return jax.lax.conv_transpose(
        y,
        K,
        (stride,) * count,
        padding.upper(),
        (dilation,) * count,
        dimension_numbers=NUMBERS[K.ndim],
        transpose_kernel=True,
    )


# The shapes of x and of the kernel, and options.
CASES: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "line": ((2, 9, 3), (3, 3, 4), {}),
    "line with everything": (
        (2, 10, 4),
        (3, 2, 6),
        {"stride": 2, "padding": [(2, 1)], "dilation": 2, "groups": 2},
    ),
    "plane, with a rest that no window reaches": ((2, 8, 7, 3), (3, 2, 3, 4), {"stride": (3, 2)}),
    "plane, padded unevenly": (
        (2, 5, 6, 3),
        (3, 3, 3, 4),
        {"padding": [(2, 0), (1, 3)], "stride": 2},
    ),
    "plane, with everything": (
        (2, 9, 8, 6),
        (3, 2, 3, 4),
        {"stride": (2, 3), "padding": [(1, 2), (0, 1)], "dilation": (2, 1), "groups": 2},
    ),
    "depthwise": ((2, 5, 6, 4), (3, 3, 1, 8), {"groups": 4, "padding": 1}),
    "one by one": ((2, 4, 5, 3), (1, 1, 3, 4), {"stride": 2}),
    "kernel of one row": ((2, 4, 5, 3), (1, 3, 3, 4), {}),
    "one image, one channel, one result": ((1, 6, 7, 1), (3, 3, 1, 1), {"padding": 1}),
    "no batch": ((6, 7, 2), (3, 3, 2, 3), {"stride": 2}),
    "two batch axes": ((2, 3, 8, 2), (3, 2, 3), {}),
    "space": ((1, 4, 5, 4, 2), (2, 3, 2, 2, 3), {"stride": (1, 2, 1)}),
}


@pytest.mark.parametrize("name", CASES)
def test_convolution(name: str) -> None:
    shape, kernel, options = CASES[name]
    lead = len(shape) - len(kernel) + 1

    def twin(x: Array, K: Array) -> Array:
        whole = x.reshape((-1, *x.shape[lead:]))
        result = lax_conv(whole, K, **options)
        return result.reshape((*x.shape[:lead], *result.shape[1:]))

    # The sizes along which the kernel slides are symbols.
    sizes = list(derive.dims("s0 s1 s2"))[: len(kernel) - 2]
    x = derive.tensor("x", *shape[:lead], *sizes, shape[-1])
    K = derive.tensor("K", *kernel)
    other = tuple(k + 3 * (lead <= axis < len(shape) - 1) for axis, k in enumerate(shape))
    points = [draw(1, x=shape, K=kernel)]
    points += [draw(2, x=other, K=kernel)] if "rest" in name else []
    assert_agrees(layers.conv(x, K, **options), twin, *points)


@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize(("stride", "width", "dilation"), [(1, 4, 1), (2, 3, 2), (3, 2, 1)])
def test_same_padding_is_that_of_jax(size: int, stride: int, width: int, dilation: int) -> None:
    x, K = derive.tensor("x", 2, size, 3), derive.tensor("K", width, 3, 2)
    options = {"stride": stride, "padding": "same", "dilation": dilation}
    values = draw(0, x=(2, size, 3), K=(width, 3, 2))
    found = codegen.to_numpy(layers.conv(x, K, **options))(**values)
    with jax.enable_x64(True):
        expected = lax_conv(values["x"], values["K"], **options)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_same_padding_of_sizes_that_are_symbols() -> None:
    K = derive.tensor("K", 3, 3, c, d)
    image = derive.tensor("x", b, h, w, c)
    assert layers.conv(image, K, padding="same").shape == (b, h, w, d)
    halved = derive.tensor("x", b, 2 * h, 2 * w, c)
    assert layers.conv(halved, K, padding="same", stride=2).shape == (b, h, w, d)
    with pytest.raises(derive.UnsupportedError, match=r"depends on h modulo 2: declare .* 2\*n"):
        layers.conv(image, K, padding="same", stride=2)


TRANSPOSED: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "line": ((2, 4, 3), (3, 2, 3), {}),
    "plane": ((2, 4, 5, 4), (3, 3, 2, 4), {"stride": 2}),
    "same": ((2, 4, 5, 4), (3, 4, 2, 4), {"stride": 2, "padding": "same"}),
    "same, stride beyond the kernel": ((2, 4, 4), (2, 3, 4), {"stride": 3, "padding": "same"}),
    "dilation": ((2, 4, 5, 4), (3, 2, 2, 4), {"dilation": 2}),
}


@pytest.mark.parametrize("name", TRANSPOSED)
def test_transposed_convolution(name: str) -> None:
    shape, kernel, options = TRANSPOSED[name]
    sizes = list(derive.dims("s0 s1"))[: len(kernel) - 2]
    y, K = derive.tensor("y", 2, *sizes, shape[-1]), derive.tensor("K", *kernel)
    twin = lambda y, K: lax_conv_transpose(y, K, **options)  # noqa: E731
    assert_agrees(layers.conv_transpose(y, K, **options), twin, draw(1, y=shape, K=kernel))


def test_transposed_convolution_in_groups_is_the_vjp_of_jax() -> None:
    options = {"stride": 2, "padding": [(1, 0), (1, 0)], "groups": 2}
    y, K = derive.tensor("y", b, h, w, 6), derive.tensor("K", 3, 3, 2, 6)

    def twin(y: Array, K: Array) -> Array:
        x = jnp.zeros((y.shape[0], 2 * y.shape[1], 2 * y.shape[2], 4))
        return jax.vjp(lambda x: lax_conv(x, K, **options), x)[1](y)[0]

    expr = layers.conv_transpose(y, K, **options)
    assert expr.shape == (b, 2 * h, 2 * w, 4)
    assert_agrees(expr, twin, draw(3, y=(2, 3, 4, 6), K=(3, 3, 2, 6)))


# ------------------------------------------------------------------------------ closed forms


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 2},
        {"padding": 1},
        {"dilation": 2},
        {"groups": 2},
        {"stride": 2, "padding": [(1, 1), (3, 1)], "dilation": (2, 1), "groups": 2},
    ],
    ids=str,
)
def test_gradient_by_the_input_is_the_transposed_convolution(options: dict[str, Any]) -> None:
    x = derive.tensor("x", b, 2 * h + 5, 2 * w + 4, 4)
    K = derive.tensor("K", 3, 2, 4 // options.get("groups", 1), 6)
    y = layers.conv(x, K, **options)
    delta = derive.tensor("delta", *y.shape)
    (derived,) = pulled(y, [x], delta)
    assert_identical(layers.conv_transpose(delta, K, **options), derived)


@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2), (3, 2)])
def test_gradient_by_the_kernel_is_the_correlation_of_input_and_cotangent(
    stride: int, dilation: int
) -> None:
    """The examples are summed as channels are, and stride and dilation change places."""
    m = 2
    x = derive.tensor("x", 2, stride * (m - 1) + 2 * dilation + 1, 3)
    K = derive.tensor("K", 3, 3, 2)
    y = layers.conv(x, K, stride=stride, dilation=dilation)
    delta = derive.tensor("delta", *y.shape)
    (derived,) = pulled(y, [K], delta)
    claim = layers.conv(
        derive.transpose(x, (2, 1, 0)),
        derive.transpose(delta, (1, 0, 2)),
        stride=dilation,
        dilation=stride,
    )
    assert_equal(derive.transpose(claim, (1, 0, 2)), derived, {})


def test_gradient_by_the_input_is_a_full_convolution_with_the_kernel_turned_round() -> None:
    x, K = derive.tensor("x", 2, 4, 4, 2), derive.tensor("K", 3, 2, 2, 3)
    y = layers.conv(x, K)
    delta = derive.tensor("delta", *y.shape)
    (derived,) = pulled(y, [x], delta)
    turned = derive.transpose(K[::-1, ::-1], (0, 1, 3, 2))
    assert_equal(layers.conv(delta, turned, padding=[(2, 2), (1, 1)]), derived, {})


def test_formulas_are_those_of_the_textbook() -> None:
    """Goodfellow, Bengio and Courville (2016), equations 9.8, 9.11 and 9.13, channels last."""
    x, K = derive.tensor("V", b, 2 * h + 1, 2 * w + 1, c), derive.tensor("K", 3, 3, c, d)
    z = layers.conv(x, K, stride=2)
    by_x, by_K = pulled(z, [x, K], derive.tensor("G", *z.shape))
    for formula, expected in (
        (z, r"\sum_{m n p} \mathbf{V}_{i,\, 2j+n-2,\, 2k+p-2,\, m} \mathbf{K}_{n p m l}"),
        (by_K, r"\sum_{m n p} \mathbf{V}_{m,\, i+2n-2,\, j+2p-2,\, k} \mathbf{G}_{m n p l}"),
        (by_x, r"\sum_{\substack{2m+p-2 = j \\ 2n+q-2 = k}} \sum_{r} \mathbf{G}_{i m n r}"),
    ):
        assert expected in formula.latex()
    assert str(by_x) == (
        'overlap_add(einsum("ijko,mnlo->ijklmn", G, K), (2 * h + 1, 2 * w + 1), axis=(1, 2), '
        "stride=2)"
    )


@pytest.mark.parametrize("kind", ["gradient", "hvp", "jvp", "jacobian"])
def test_derivatives_pass_the_check(kind: str) -> None:
    x, K = derive.tensor("x", 1, 3, 3, 2), derive.tensor("K", 2, 2, 1, 2)
    y = layers.conv(x, K, stride=2, padding=[(1, 0), (0, 1)], groups=2)
    value = derive.sum(derive.tanh(y) ** 2) if kind in ("gradient", "hvp") else y
    codegen.check(getattr(derive, kind)(value, K if kind == "hvp" else [x, K])).raise_if_failed()


def test_transposed_convolution_passes_the_check() -> None:
    y, K = derive.tensor("y", 1, 2, 2), derive.tensor("K", 3, 1, 2)
    value = derive.sum(layers.conv_transpose(y, K, stride=2, padding=1) ** 3)
    codegen.check(derive.hvp(value, y)).raise_if_failed()


# ------------------------------------------------------------------------------ generated code


def test_jax_code_calls_its_own_convolution() -> None:
    x, K = derive.tensor("x", b, h, w, 4), derive.tensor("K", 3, 3, 2, 6)
    z = layers.conv(x, K, stride=2, padding=1, groups=2)
    loss = derive.sum(derive.tanh(z) ** 2)
    source = codegen.to_jax({"loss": loss, "gradient": derive.gradient(loss, [x, K])}).source
    assert source.count("jax.lax.conv_general_dilated(") == 3
    assert "_windows" not in source
    assert "_overlap_add" not in source
    assert "x, K, (2, 2), [(1, 1), (1, 1)]" in source


def test_numpy_code_copies_the_windows_once_and_multiplies_matrices() -> None:
    x, K = derive.tensor("x", b, h, w, c), derive.tensor("K", 3, 3, c, d)
    loss = derive.sum(derive.tanh(layers.conv(x, K)) ** 2)
    source = codegen.to_numpy({"loss": loss, "gradient": derive.gradient(loss, [x, K])}).source
    assert source.count("sliding_window_view(") == 1
    assert "einsum" not in source
    assert "patches @ K.reshape(9*c, d)" in source
    assert "patches.T @ " in source


def test_single_precision_stays() -> None:
    x, K = derive.tensor("x", b, h, w, c), derive.tensor("K", 3, 3, c, d)
    g = derive.gradient(derive.sum(layers.conv(x, K, stride=2, padding=1) ** 2), [x, K])
    values = {
        name: value.astype("float32")
        for name, value in draw(0, x=(2, 5, 6, 3), K=(3, 3, 3, 2)).items()
    }
    for emit in (codegen.to_numpy, codegen.to_jax):
        assert {part.dtype for part in emit(g)(**values)} == {np.dtype("float32")}


def test_cost_counts_multiplications_and_additions() -> None:
    x, K = derive.tensor("x", b, h + 2, w + 2, c), derive.tensor("K", 3, 3, c, d)
    y = layers.conv(x, K)
    for emit in (codegen.to_numpy, codegen.to_jax):
        assert emit(y).cost.flops == 18 * b * h * w * c * d
        delta = derive.tensor("delta", *y.shape)
        by_K = derive.vjp(y, K, cotangent=delta)
        assert emit(by_K).cost.flops == 18 * b * h * w * c * d
    assert codegen.to_jax(derive.vjp(y, x)).cost.flops == 18 * b * h * w * c * d


# -------------------------------------------------------------------------------------- errors

x3, K3 = derive.tensor("x", b, n, c), derive.tensor("K", 3, c, d)
ERRORS: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "channels": (
        lambda: layers.conv(derive.tensor("x", b, n, d), K3),
        derive.ShapeError,
        r"conv: the input x: \(b, n, d\) has d channels, and the kernel K: \(3, c, d\) is for c",
    ),
    "channels in groups": (
        lambda: layers.conv(derive.tensor("x", b, n, 6), derive.tensor("K", 3, 6, 4), groups=2),
        derive.ShapeError,
        r"is for 12 \(2 groups of 6\)",
    ),
    "groups of results": (
        lambda: layers.conv(derive.tensor("x", b, n, 6), derive.tensor("K", 3, 3, 5), groups=2),
        derive.ShapeError,
        r"the 5 outputs of the kernel K: \(3, 3, 5\) cannot be cut into 2 groups",
    ),
    "rank": (
        lambda: layers.conv(derive.matrix("x", n, c), derive.tensor("K", 3, 3, c, d)),
        derive.ShapeError,
        r"slides along 2 axes, so that the input must have 3 axes or more",
    ),
    "kernel": (lambda: layers.conv(x3, derive.matrix("K", 3, c)), derive.ShapeError, "must have"),
    "too large": (
        lambda: layers.conv(derive.tensor("x", b, 4, c), derive.tensor("K", 5, c, d)),
        derive.ShapeError,
        r"conv: a window that spans 5 entries is larger than axis 1 of x: \(b, 4, c\); pad it",
    ),
    "transposed channels": (
        lambda: layers.conv_transpose(x3, K3),
        derive.ShapeError,
        r"conv_transpose: the input x: \(b, n, c\) has c channels, and the kernel .* is for d",
    ),
    "cut off": (
        lambda: layers.conv_transpose(derive.tensor("y", b, 2, d), K3, padding=2),
        derive.ShapeError,
        "of 4 entries on axis 1, the padding cuts off 4",
    ),
    "padding": (lambda: layers.conv(x3, K3, padding="full"), derive.UnsupportedError, "got 'full'"),
    "paddings": (
        lambda: layers.conv(x3, K3, padding=[(1, 1), (1, 1)]),
        derive.ShapeError,
        "is not for 1 axes",
    ),
    "negative": (
        lambda: layers.conv(x3, K3, padding=-1),
        derive.UnsupportedError,
        "must be an integer from 0",
    ),
    "stride": (
        lambda: layers.conv(x3, K3, stride=(1, 2)),
        derive.UnsupportedError,
        "conv: the stride must be a positive integer, or 1 of them",
    ),
    "groups": (
        lambda: layers.conv(x3, K3, groups=0),
        derive.UnsupportedError,
        "groups must be a positive integer",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error_says_what_and_why(name: str) -> None:
    build, kind, message = ERRORS[name]
    with pytest.raises(kind, match=message):
        build()


def test_images_that_are_too_small_are_refused_at_run_time() -> None:
    y = layers.conv(x3, K3, stride=2)
    values = {"x": np.ones((1, 2, 3)), "K": np.ones((3, 3, 2))}
    for emit in (codegen.to_numpy, codegen.to_jax):
        with pytest.raises(ValueError, match="the sizes must satisfy n - 3 >= 0"):
            emit(y)(**values)
