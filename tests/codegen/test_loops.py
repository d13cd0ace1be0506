"""The code of loops: one loop forwards and one backwards, as a careful engineer writes them."""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import codegen
import derive
from derive import layers

T, n, d, m = derive.dims("T n d m")
X, h0, c0 = derive.tensor("X", T, n, d), derive.matrix("h0", n, m), derive.matrix("c0", n, m)
W, U, b = derive.matrix("W", d, m), derive.matrix("U", m, m), derive.vector("b", m)
H = derive.let("H", layers.rnn(X, h0, W, U, b))
loss = derive.sum(H**2)
gradient = derive.gradient(loss, [W, U, b, h0])
RNG = np.random.default_rng(0)
VALUES = {
    "X": RNG.normal(size=(5, 2, 3)),
    "h0": RNG.normal(size=(2, 4)),
    "W": RNG.normal(size=(3, 4)),
    "U": RNG.normal(size=(4, 4)),
    "b": RNG.normal(size=4),
}


def body(source: str) -> str:
    """The lines of the function, without the docstring and the checks."""
    return source[source.index("    # forward pass") :]


def test_numpy_source():
    source = body(codegen.to_numpy({"loss": loss, "gradient": gradient}).source)
    assert (
        """
    H = np.empty((T, n, m), dtype=dtype)
    h_before = np.empty((T, n, m), dtype=dtype)
    h_prev = h0
    for t in range(T):
        h_t = np.tanh(total[t] + h_prev @ U)  # tanh(total_t + h_prev U)
        H[t] = h_t
        h_before[t] = h_prev
        h_prev = h_t

"""
        in source
    )
    backwards = re.search(r"    for t in reversed.*?\n\n", source, re.S)
    assert backwards
    lines = [line.split("  #")[0].strip() for line in backwards[0].splitlines()]
    assert lines[1].startswith("product_t = difference[t] * (")
    assert lines[2:] == [
        "h_bar_t = product_t @ Ut",
        "product[t] = product_t",
        "h_bar_prev = h_bar_t",
        "",
    ]
    assert "total = X @ W + b" in source
    assert "np.tensordot(X, product, axes=([0, 1], [0, 1]))" in source
    assert source.count("for t in") == 2


def test_jax_source():
    source = body(codegen.to_jax({"loss": loss, "gradient": gradient}).source)
    assert (
        """
    def step(h_prev, total_t):
        h_t = jnp.tanh(total_t + h_prev @ U)  # tanh(total_t + h_prev U)
        return h_t, (h_t, h_prev)

    _, (H, h_before) = jax.lax.scan(step, h0, total)
"""
        in source
    )
    assert re.search(r"gradient_h0, product = jax\.lax\.scan\(\s+step_back, ", source)
    assert source.count("jax.lax.scan(") == 2
    assert "reverse=True" in source


def test_outputs_of_one_loop_are_written_together():
    """Both states, and what the way back needs of the way forward: one loop each way."""
    weights = [derive.matrix("W", d, 4 * m), derive.matrix("U", m, 4 * m)]
    h, c = layers.lstm(X, (h0, c0), *weights)
    f = derive.sum(h**2) + derive.sum(derive.sin(c))
    source = codegen.to_numpy({"f": f, "g": derive.gradient(f, [*weights, h0, c0])}).source
    assert source.count("for t in ") == 2
    forwards = source[source.index("for t in") : source.index("# backward pass")]
    for gate in "ifgo":
        assert re.search(rf"{gate}_t = ", forwards)
        assert re.search(rf"\b{gate}\d?\[t\] = {gate}_t", forwards)
    assert forwards.count("@") == 1


def test_what_needs_constants_alone_is_computed_before_the_loop():
    A = derive.matrix("A", m, m)
    V = derive.scan(lambda v, _: derive.tanh((A + A.T) @ v), b, length=T)
    source = codegen.to_numpy(derive.gradient(derive.sum(V), A)).source
    for loop in re.findall(r"for t in .*?\n\n", source, re.S):
        assert "A" not in loop.replace("A +", "A+") or "A + A.T" not in loop


def test_the_last_carry_alone():
    for generate in (codegen.to_numpy, codegen.to_jax):
        f = generate(H[-1])
        assert "np.empty" not in f.source
        expected = codegen.to_numpy(H)(**VALUES)[-1]
        np.testing.assert_allclose(f(**VALUES), expected, rtol=1e-5)


def test_sizes_that_no_input_tells_are_parameters():
    u, A = derive.vector("u", m), derive.matrix("A", m, m)
    steps = derive.scan(lambda v, _: A @ v, u, length=T)
    f = codegen.to_jax(steps)
    assert f.inputs == ("A", "u", "T")
    np.testing.assert_allclose(f(np.eye(2) * 2, np.ones(2), 3)[:, 0], [2, 4, 8])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_precision_is_that_of_the_inputs(dtype):
    given = {name: value.astype(dtype) for name, value in VALUES.items()}
    outputs = {"loss": loss, "gradient": gradient}
    with jax.enable_x64(True):
        for generate in (codegen.to_numpy, codegen.to_jax):
            found = generate(outputs)(**given)
            assert {np.asarray(v).dtype.name for v in [found["loss"], *found["gradient"]]} == {
                dtype
            }


def test_jax_transformations():
    f = codegen.to_jax(loss)
    g = codegen.to_jax(gradient)
    order = [VALUES[name] for name in f.inputs]
    with jax.enable_x64(True):
        ours = dict(zip("WUb", g(**VALUES)[:3], strict=True))
        for name in "WUb":
            theirs = jax.jit(jax.grad(f.__call__, argnums=f.inputs.index(name)))(*order)
            np.testing.assert_allclose(ours[name], theirs, rtol=1e-10)
        position = f.inputs.index("b")
        several = jnp.stack([VALUES["b"], VALUES["b"] + 1])
        axes = [0 if k == position else None for k in range(len(order))]
        stacked = [several if k == position else value for k, value in enumerate(order)]
        mapped = jax.vmap(f.__call__, in_axes=axes)(*stacked)
        np.testing.assert_allclose(mapped[0], f(*order), rtol=1e-12)


def test_custom_vjp():
    f = codegen.to_jax(loss, custom_vjp=True)
    order = [VALUES[name] for name in f.inputs]
    with jax.enable_x64(True):
        found = jax.grad(f.__call__, argnums=f.inputs.index("U"))(*order)
        expected = codegen.to_numpy(derive.gradient(loss, U))(**VALUES)
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_cost_counts_every_step():
    cost = codegen.to_numpy(H).cost
    product = 2 * T * n * m * d + 2 * T * n * m**2
    assert cost.flops.coeff(T).expand().has(m**2)
    assert (cost.flops - product).expand() == 3 * T * m * n  # two sums and tanh
    assert cost.bytes.coeff(T) != 0


def test_names_of_the_user_that_loops_would_take():
    """t, step, carry and the names of the carries are all taken."""
    step, t = derive.matrix("step", T, m), derive.matrix("t", m, m)
    h_prev = derive.vector("h_prev", m)
    S = derive.scan(lambda h, x: derive.tanh(h @ t + x), h_prev, step)
    rng = np.random.default_rng(0)
    given = {"step": rng.normal(size=(3, 2)), "t": rng.normal(size=(2, 2)), "h_prev": np.ones(2)}
    g = derive.gradient(derive.sum(S**2), t)
    codegen.check(g, values=given).raise_if_failed()


def test_a_loop_within_a_loop():
    Y = derive.matrix("Y", T, m)

    def outer(v, y):
        inner = derive.scan(lambda u, x: derive.tanh(u @ U + x * v), y, Y)
        return derive.tanh(inner[-1] + v)

    source = codegen.to_numpy(derive.scan(outer, b, Y)).source
    assert re.search(r"\n    for t in range\(T\):\n(.*\n)*?        for t2 in range\(T\):\n", source)


def test_outputs_do_not_share_memory_with_inputs():
    late, latest = derive.scan(lambda u, v, x: (derive.tanh(u @ U + x), u), (b, b), X[:, 0, :] @ W)
    values = {name: VALUES[name] for name in ("U", "W", "X", "b")}
    f = codegen.to_numpy((late[-1], latest[-1]))
    one = {**values, "X": VALUES["X"][:1]}
    for result in f(**one):
        assert not np.shares_memory(result, values["b"])
    np.testing.assert_array_equal(f(**one)[1], values["b"])
