"""Attention against jax.nn.dot_product_attention and against twins written by hand."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

import codegen
import derive
from codegen.checking import evaluate
from derive import layers
from tests.closed_forms import assert_equal
from tests.twins import assert_agrees, draw

b, n, m, d, k = derive.dims("b n m d k")
Array = Any


def twin_attention(
    Q: Array, K: Array, V: Array, mask: Array = None, causal: bool = False, scale: Array = None
) -> Array:
    scores = jnp.einsum("...nd,...md->...nm", Q, K) / np.sqrt(Q.shape[-1])
    if scale is not None:
        scores = scores * np.sqrt(Q.shape[-1]) * scale
    if causal:
        scores = jnp.where(jnp.tril(jnp.ones(scores.shape[-2:], bool)), scores, -jnp.inf)
    if mask is not None and mask.dtype == bool:
        scores = jnp.where(mask, scores, -jnp.inf)
    elif mask is not None:
        scores = scores + mask
    return jnp.einsum("...nm,...mk->...nk", jax.nn.softmax(scores, axis=-1), V)


def inputs(seed: int, lead: tuple[int, ...], queries: int, keys: int, size: int, out: int) -> Any:
    Q, K, V = (*lead, queries, size), (*lead, keys, size), (*lead, keys, out)
    return draw(seed, Q=Q, K=K, V=V)


SINGLE = 1e-6
"""The tolerance for jax.nn.dot_product_attention, which computes the scores in single precision."""

MATRICES = [derive.matrix("Q", n, d), derive.matrix("K", m, d), derive.matrix("V", m, k)]
POINTS = [inputs(0, (), 4, 3, 2, 5), inputs(1, (), 2, 5, 3, 1), inputs(2, (), 1, 1, 4, 2)]


@pytest.mark.parametrize("causal", [False, True])
def test_matrices(causal: bool) -> None:
    assert_agrees(
        layers.attention(*MATRICES, causal=causal),
        lambda Q, K, V: twin_attention(Q, K, V, causal=causal),
        *POINTS,
    )


@pytest.mark.parametrize("causal", [False, True])
def test_mask_of_truth_values(causal: bool) -> None:
    mask = derive.tensor("mask", n, m, dtype="bool")
    points = []
    for point in POINTS:
        shape = (point["Q"].shape[0], point["K"].shape[0])
        given = np.random.default_rng(5).random(shape) < 0.6
        given[:, 0] = True  # every query may attend to something
        points.append({**point, "mask": given})
    assert_agrees(
        layers.attention(*MATRICES, mask=mask, causal=causal),
        lambda Q, K, V, mask: twin_attention(Q, K, V, mask, causal),
        *points,
    )


def test_mask_that_is_added() -> None:
    mask = derive.matrix("mask", n, m)
    points = [{**p, **draw(7, mask=(len(p["Q"]), len(p["K"])))} for p in POINTS]
    assert_agrees(layers.attention(*MATRICES, mask=mask), twin_attention, *points)


def test_mask_by_comparison_and_product() -> None:
    """A window of neighbours, and what is not padding."""
    length = derive.scalar("length")
    i, j = derive.arange(n)[:, None], derive.arange(m)
    near = (i - j < 1.5) * (length > j)
    points = [{**POINTS[0], "length": 2.5}, {**inputs(3, (), 3, 3, 2, 2), "length": 2.0}]

    def twin(Q: Array, K: Array, V: Array, length: float) -> Array:
        i, j = np.arange(len(Q))[:, None], np.arange(len(K))
        return twin_attention(Q, K, V, (i - j < 1.5) & (j < length))

    names = ["Q", "K", "V"]
    assert_agrees(layers.attention(*MATRICES, mask=near), twin, *points, wrt=names)


def test_scale() -> None:
    t = derive.scalar("t")
    points = [{**p, "t": 0.3 + s} for s, p in enumerate(POINTS)]
    assert_agrees(
        layers.attention(*MATRICES, scale=t),
        lambda Q, K, V, t: twin_attention(Q, K, V, scale=t),
        *points,
    )


@pytest.mark.parametrize("causal", [False, True])
def test_leading_axes_against_jax_nn(causal: bool) -> None:
    """JAX's own has the heads behind the positions."""
    h = 3
    Q, K, V = (derive.tensor(name, b, h, n, d) for name in "QKV")

    def twin(Q: Array, K: Array, V: Array) -> Array:
        swapped = [x.transpose(0, 2, 1, 3) for x in (Q, K, V)]
        found = jax.nn.dot_product_attention(*swapped, is_causal=causal)
        return found.transpose(0, 2, 1, 3)

    points = [inputs(s, (size, h), 4, 4, 2, 2) for s, size in enumerate((2, 1))]
    assert_agrees(layers.attention(Q, K, V, causal=causal), twin, *points, rtol=SINGLE)


def test_keys_that_heads_share_against_jax_nn() -> None:
    heads, shared = 4, 2
    x = derive.tensor("x", b, n, 3)
    W_Q, W_O = derive.matrix("W_Q", 3, 2 * heads), derive.matrix("W_O", 2 * heads, 3)
    W_K, W_V = (derive.matrix(f"W_{c}", 3, 2 * shared) for c in "KV")
    mask = derive.tensor("mask", b, 1, n, n, dtype="bool")
    given = np.random.default_rng(0).random((2, 1, 5, 5)) < 0.7
    given |= np.eye(5, dtype=bool)

    def twin(x: Array, W_Q: Array, W_K: Array, W_V: Array, W_O: Array, mask: Array) -> Array:
        q, k, v = (
            (x @ W).reshape(*x.shape[:2], count, -1)
            for W, count in ((W_Q, heads), (W_K, shared), (W_V, shared))
        )
        out = jax.nn.dot_product_attention(q, k, v, mask=mask)
        return out.reshape(*x.shape[:2], -1) @ W_O

    point = draw(1, x=(2, 5, 3), W_Q=(3, 8), W_K=(3, 4), W_V=(3, 4), W_O=(8, 3))
    expr = layers.multi_head_attention(
        x, W_Q, W_K, W_V, W_O, heads=heads, kv_heads=shared, mask=mask
    )
    assert_agrees(expr, twin, {**point, "mask": given}, rtol=SINGLE)


def by_hand(
    x: Array,
    W_Q: Array,
    W_K: Array,
    W_V: Array,
    W_O: Array,
    *,
    heads: int,
    context: Array = None,
    causal: bool = False,
    turn: bool = False,
) -> Array:
    """Head after head, in loops."""
    source = x if context is None else context
    q, k, v = x @ W_Q, source @ W_K, source @ W_V
    size, groups = q.shape[-1] // heads, heads
    groups = k.shape[-1] // size
    outs = []
    for head in range(heads):
        own, shared = head, head * groups // heads
        Q = q[..., own * size : (own + 1) * size]
        K = k[..., shared * size : (shared + 1) * size]
        width = v.shape[-1] // groups
        V = v[..., shared * width : (shared + 1) * width]
        if turn:
            Q, K = turned_by_hand(Q), turned_by_hand(K)
        outs.append(twin_attention(Q, K, V, causal=causal))
    return jnp.concatenate(outs, axis=-1) @ W_O


def turned_by_hand(x: Array, base: float = 10000.0, positions: Array = None) -> Array:
    """Pairs of features as complex numbers, as in Su et al. (2021), section 3.2."""
    size = x.shape[-1]
    place = np.arange(x.shape[-2]) if positions is None else positions
    angle = place[..., None] * base ** (-2 * np.arange(size // 2) / size)
    whole = (x[..., 0::2] + 1j * x[..., 1::2]) * jnp.exp(1j * angle)
    return jnp.stack([whole.real, whole.imag], axis=-1).reshape(x.shape)


@pytest.mark.parametrize(
    ("heads", "shared", "causal", "turn"),
    [(1, 1, False, False), (2, 2, True, False), (4, 2, True, True), (2, 1, False, True)],
)
def test_heads(heads: int, shared: int, causal: bool, turn: bool) -> None:
    wide, narrow = 2 * heads, 2 * shared
    x = derive.tensor("x", b, n, d)
    W_Q, W_O = derive.matrix("W_Q", d, wide), derive.matrix("W_O", wide, d)
    W_K, W_V = (derive.matrix(f"W_{c}", d, narrow) for c in "KV")
    expr = layers.multi_head_attention(
        x, W_Q, W_K, W_V, W_O, heads=heads, kv_heads=shared, causal=causal, rotary=turn
    )
    points = [
        draw(s, x=(s + 1, 4, 3), W_Q=(3, wide), W_K=(3, narrow), W_V=(3, narrow), W_O=(wide, 3))
        for s in range(2)
    ]

    def twin(**given: Array) -> Array:
        return by_hand(**given, heads=heads, causal=causal, turn=turn)

    assert_agrees(expr, twin, *points)


def test_context_and_values_of_another_width() -> None:
    x, y = derive.matrix("x", n, d), derive.matrix("y", m, k)
    W_Q, W_K = derive.matrix("W_Q", d, 6), derive.matrix("W_K", k, 6)
    W_V, W_O = derive.matrix("W_V", k, 4), derive.matrix("W_O", 4, 5)
    expr = layers.multi_head_attention(x, W_Q, W_K, W_V, W_O, heads=2, context=y)
    point = draw(0, x=(3, 2), y=(4, 3), W_Q=(2, 6), W_K=(3, 6), W_V=(3, 4), W_O=(4, 5))
    assert_agrees(expr, lambda y, **given: by_hand(**given, heads=2, context=y), point)


def test_rotary() -> None:
    x = derive.tensor("x", b, n, 4)
    points = [draw(0, x=(2, 3, 4)), draw(1, x=(1, 5, 4))]
    assert_agrees(layers.rotary(x), lambda x: turned_by_hand(x), *points)
    assert_agrees(layers.rotary(x, base=100), lambda x: turned_by_hand(x, 100.0), *points)


def test_rotary_at_given_positions() -> None:
    x, place = derive.matrix("x", n, 6), derive.tensor("place", n, dtype="int")
    point = {**draw(0, x=(3, 6)), "place": np.array([7, 0, 2])}
    assert_agrees(
        layers.rotary(x, place), lambda x, place: turned_by_hand(x, positions=place), point
    )


def test_rotary_scores_depend_on_distance() -> None:
    q, key, place = derive.vector("q", 4), derive.vector("key", 4), derive.scalar("t")
    pair = derive.stack([q, key])
    turned = layers.rotary(pair, derive.stack([place, place + 3]))
    score = codegen.to_numpy(turned[0] @ turned[1])
    point = draw(0, q=(4,), key=(4,))
    found = [float(score(**point, t=t)) for t in (0.0, 5.0, 11.5)]
    np.testing.assert_allclose(found, found[0], rtol=1e-12)


def test_precision_is_kept() -> None:
    """Angles are computed from integers; what is single precision stays so."""
    x = derive.matrix("x", n, 4)
    f = codegen.to_numpy(layers.attention(layers.rotary(x), x, x, causal=True))
    assert f(x=np.ones((3, 4), "float32")).dtype == np.float32


# ------------------------------------------------------------------------------ masked rows


def masked_functions() -> tuple[Any, Any]:
    mask = derive.tensor("mask", n, m, dtype="bool")
    O = layers.attention(*MATRICES, mask=mask)
    outputs = {"value": O, "pulled": derive.vjp(O, MATRICES, cotangent=derive.matrix("dO", n, k))}
    return codegen.to_numpy(outputs), codegen.to_jax(outputs)


def test_a_query_that_may_attend_to_nothing() -> None:
    """Its result and its share of the cotangents are 0; the other queries do not notice."""
    point = {**inputs(0, (), 4, 3, 2, 5), **draw(1, dO=(4, 5))}
    mask = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]], bool)
    others = [0, 2, 3]
    for f in masked_functions():
        with jax.enable_x64(True):
            found = f(**point, mask=mask)
            fewer = {**point, "Q": point["Q"][others], "dO": point["dO"][others]}
            right = f(**fewer, mask=mask[others])
        assert np.all(np.asarray(found["value"])[1] == 0)
        assert np.all(np.asarray(found["pulled"][0])[1] == 0)
        np.testing.assert_allclose(np.asarray(found["value"])[others], right["value"], rtol=1e-13)
        np.testing.assert_allclose(
            np.asarray(found["pulled"][0])[others], right["pulled"][0], rtol=1e-13, atol=1e-15
        )
        for mine, expected in zip(found["pulled"][1:], right["pulled"][1:], strict=True):
            np.testing.assert_allclose(mine, expected, rtol=1e-13, atol=1e-15)


def test_a_mask_of_minus_infinity_that_is_added() -> None:
    mask = derive.matrix("mask", n, m)
    O = layers.attention(*MATRICES, mask=mask)
    outputs = {"value": O, "pulled": derive.vjp(O, MATRICES, cotangent=derive.matrix("dO", n, k))}
    point = {**inputs(0, (), 4, 3, 2, 5), **draw(1, dO=(4, 5))}
    allowed = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]], bool)
    added = np.where(allowed, 0.0, -np.inf)
    both = codegen.to_numpy(outputs), codegen.to_jax(outputs)
    for f, g in zip(both, masked_functions(), strict=True):
        with jax.enable_x64(True):
            found, right = f(**point, mask=added), g(**point, mask=allowed)
        np.testing.assert_allclose(found["value"], right["value"], rtol=1e-13)
        for mine, expected in zip(found["pulled"], right["pulled"], strict=True):
            np.testing.assert_allclose(mine, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("single", "rtol"), [(False, 1e-12), (True, 1e-5)])
def test_accuracy_at_scores_of_ten_thousand(single: bool, rtol: float) -> None:
    """Against the definition in 30 digits; the scores are numbers that both precisions hold.

    Some keys are close rivals, others lose by 2e4, one query may attend to nothing.
    """
    generator = np.random.default_rng(0)
    Q = np.array([[100, 0, 1, 0], [-100, 2, 0, 0], [0, 100, 0, 0], [100, 100, 0, 1]], float)
    K = np.array([[200, 0, 3, 0], [200, 0, 1, -2], [-200, 4, 0, 0]], float)
    point = {"Q": Q, "K": K, "V": generator.normal(size=(3, 2)).astype("float32").astype(float)}
    point["dO"] = generator.normal(size=(4, 2)).astype("float32").astype(float)
    point["mask"] = np.array([[1, 1, 1], [1, 1, 1], [0, 0, 0], [1, 0, 1]], bool)
    mask = derive.tensor("mask", n, m, dtype="bool")
    Q, K, V = (
        derive.matrix(name, rows, size)
        for name, rows, size in zip("QKV", (n, m, m), (4, 4, k), strict=True)
    )
    O = layers.attention(Q, K, V, mask=mask)
    exprs = [O, *derive.vjp(O, [Q, K, V], cotangent=derive.matrix("dO", n, k)).expr]
    given = {
        name: a if a.dtype == bool or not single else a.astype("float32")
        for name, a in point.items()
    }
    for f in (codegen.to_numpy(exprs), codegen.to_jax(exprs)):
        with jax.enable_x64(not single):
            found = f(**given)
        for mine, expr in zip(found, exprs, strict=True):
            right = evaluate(expr, point)
            assert np.all(np.isfinite(mine))
            np.testing.assert_allclose(mine, right, rtol=rtol, atol=rtol * np.max(np.abs(right)))


def test_check_agrees_with_masks() -> None:
    """Every witness of the check, the definition in 30 digits among them."""
    mask = derive.tensor("mask", n, n, dtype="bool")
    X = derive.matrix("X", n, d)
    O = layers.attention(X, X, X, mask=mask, causal=True)
    for seed in range(4):
        codegen.check(derive.gradient(derive.sum(O**2), X), seed=seed).raise_if_failed()


# ------------------------------------------------------------------------------- closed forms


def backward(P: derive.Tensor, factor: Any) -> tuple[derive.Tensor, ...]:
    """The cotangents of Q, K and V, given the weights."""
    Q, K, V = MATRICES
    dO = derive.matrix("dO", n, k)
    dP = dO @ V.T
    dS = P * (dP - derive.sum(P * dP, axis=1, keepdims=True))
    return factor * dS @ K, factor * dS.T @ Q, P.T @ dO


@pytest.mark.parametrize("masked", ["not", "causal", "mask"])
def test_closed_form_of_the_backward_pass(masked: str) -> None:
    """Dao et al. (2022), appendix B.2: whatever is masked, the weights alone know of it.

    The sums of the rows of P * dP are written as those of dO * O, as in that paper.
    """
    Q, K, V = MATRICES
    mask = derive.tensor("mask", n, m, dtype="bool")
    scores = Q @ K.T / sp.sqrt(d)
    allowed = mask if masked == "mask" else derive.arange(n)[:, None] >= derive.arange(m)
    if masked != "not":
        scores = derive.where(allowed, scores, -sp.oo)
    O = layers.attention(
        Q, K, V, causal=masked == "causal", mask=mask if masked == "mask" else None
    )
    pulled = derive.vjp(O, MATRICES, cotangent=derive.matrix("dO", n, k))
    sizes = {n: 4, m: 3, d: 2, k: 3}
    truth = {"mask": np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 1]], bool)}
    closed = backward(derive.softmax(scores, axis=1), 1 / sp.sqrt(d))
    for claim, derived in zip(closed, pulled.expr, strict=True):
        assert_equal(claim, derived, sizes, truth)
    written = {
        "not": "Q @ K.T / r",
        "causal": "where(arange(n)[:, None] >= arange(m), Q @ K.T / r, -inf)",
        "mask": "where(mask != 0, Q @ K.T / r, -inf)",
    }
    assert str(pulled) == (
        "(R @ K / r, R.T @ Q / r, P.T @ dO)\n"
        "where R = P * (dO @ V.T - sum(dO * (P @ V), axis=1)[:, None])\n"
        f"where P = softmax({written[masked]}, axis=1)\n"
        "where r = sqrt(d)"
    )


# ------------------------------------------------------------------------------------- errors


def test_errors() -> None:
    Q, K, V = MATRICES
    with pytest.raises(derive.ShapeError, match="last axes, d and k, must agree"):
        layers.attention(Q, V, V)
    with pytest.raises(derive.ShapeError, match="one value for each key"):
        layers.attention(Q, K, derive.matrix("V", n, k))
    with pytest.raises(derive.UnsupportedError, match="holds integers"):
        layers.attention(Q, K, V, mask=derive.tensor("mask", n, m, dtype="int"))
    with pytest.raises(derive.ShapeError, match="W_Q has d columns, which is no multiple of the 3"):
        layers.multi_head_attention(Q, *[derive.matrix("W", d, d)] * 4, heads=3)
    with pytest.raises(derive.ShapeError, match="kv_heads must divide heads"):
        layers.multi_head_attention(Q, *[derive.matrix("W", d, d)] * 4, heads=3, kv_heads=2)
    with pytest.raises(derive.ShapeError, match="even"):
        layers.rotary(Q)
    with pytest.raises(derive.ShapeError, match="even"):
        layers.rotary(derive.matrix("x", n, 3))
