"""The derived gradient under `jax.grad`, inside training loops of other libraries."""

from __future__ import annotations

from typing import Any

import equinox
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import codegen
import derive
from tests.twins import assert_close, draw

n, d, h, v = derive.dims("n d h v")
X, T = derive.matrix("X", n, d), derive.matrix("T", n, h)
W, b, s = derive.matrix("W", d, h), derive.vector("b", h), derive.scalar("s")
PARAMS = {"dense": {"W": W, "b": b}, "scale": [s]}
LOSS = derive.mean((s * derive.tanh(X @ W + b) - T) ** 2)
VALUES = draw(0, X=(5, 3), T=(5, 2), W=(3, 2), b=(2,), s=())


def twin(params: Any, X: Any, T: Any) -> Any:
    dense, (scale,) = params["dense"], params["scale"]
    return jnp.mean((scale * jnp.tanh(X @ dense["W"] + dense["b"]) - T) ** 2)


def parameters() -> dict[str, Any]:
    array = {name: jnp.asarray(value) for name, value in VALUES.items()}
    return {"dense": {"W": array["W"], "b": array["b"]}, "scale": [array["s"]]}


def loss_function() -> codegen.GeneratedFunction:
    arguments = {"params": PARAMS, "X": X, "T": T}
    return codegen.to_jax(LOSS, name="loss", inputs=arguments, custom_vjp=True)


def assert_trees_close(found: Any, right: Any, rtol: float = 1e-12) -> None:
    assert jax.tree.structure(found) == jax.tree.structure(right)
    for mine, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(right), strict=True):
        assert_close("leaf", mine, theirs, rtol)


@pytest.fixture(autouse=True)
def _float64() -> Any:
    with jax.enable_x64(True):
        yield


def test_grad_is_the_derived_gradient_of_a_dict() -> None:
    f, params = loss_function(), parameters()
    assert f.inputs == ("params", "X", "T")
    for argnums in (0, (0, 1, 2)):
        found = jax.jit(jax.value_and_grad(f, argnums))(params, VALUES["X"], VALUES["T"])
        right = jax.value_and_grad(twin, argnums)(params, VALUES["X"], VALUES["T"])
        assert_trees_close(found, right)


def test_the_backward_pass_is_the_one_written() -> None:
    jaxpr = str(jax.make_jaxpr(loss_function())(parameters(), VALUES["X"], VALUES["T"]))
    assert "custom_vjp_call" in jaxpr
    source = loss_function().source
    forward, backward = source.split("def loss_backward")
    assert "jnp.tanh" in forward
    assert "jnp.tanh" not in backward, "what the forward pass knows is kept, not computed again"


def test_vmap_and_second_derivatives() -> None:
    f, params = loss_function(), parameters()
    xs, ts = VALUES["X"][:, None], VALUES["T"][:, None]
    found = jax.vmap(jax.grad(f), (None, 0, 0))(params, xs, ts)
    assert_trees_close(found, jax.vmap(jax.grad(twin), (None, 0, 0))(params, xs, ts))

    def slope(function: Any) -> Any:
        squares = lambda p: sum(  # noqa: E731
            jnp.sum(g**2) for g in jax.tree.leaves(jax.grad(function)(p, VALUES["X"], VALUES["T"]))
        )
        return jax.grad(squares)(params)

    assert_trees_close(slope(f), slope(twin))


def test_several_outputs_of_any_structure() -> None:
    outputs = {"a": X @ W, "rest": (LOSS, derive.sum(derive.exp(b)))}
    f = codegen.to_jax(outputs, inputs=["W", "b", "s", "X", "T"], custom_vjp=True)
    arrays = [VALUES[name] for name in f.inputs]

    def plain(W: Any, b: Any, s: Any, X: Any, T: Any) -> Any:
        loss = twin({"dense": {"W": W, "b": b}, "scale": [s]}, X, T)
        return {"a": X @ W, "rest": (loss, jnp.sum(jnp.exp(b)))}

    value, pull = jax.vjp(f, *arrays)
    expected, pull_plain = jax.vjp(plain, *arrays)
    assert_trees_close(value, expected)
    seed = jax.tree.map(lambda x: jnp.cos(jnp.arange(x.size, dtype=float)).reshape(x.shape), value)
    assert_trees_close(pull(seed), pull_plain(seed))


def test_integer_inputs_have_no_gradient() -> None:
    E, t = derive.matrix("E", v, d), derive.tensor("t", n, dtype="int")
    f = codegen.to_jax(derive.sum(derive.take(E, t) ** 3), inputs=["E", "t"], custom_vjp=True)
    table, rows = VALUES["W"], np.array([0, 2, 2])
    found = jax.grad(f)(table, rows)
    assert_close("table", found, jax.grad(lambda e: jnp.sum(e[rows] ** 3))(table), 1e-12)


def test_the_gradient_by_declared_distributions_is_not_a_number() -> None:
    P = derive.matrix("P", n, h, simplex=True)
    f = codegen.to_jax(-derive.sum(P * (X @ W)), inputs=["W", "X", "P"], custom_vjp=True)
    P0 = np.full((5, 2), 0.5)
    by_W, by_P = jax.grad(f, (0, 2))(VALUES["W"], VALUES["X"], P0)
    assert_close("W", by_W, -VALUES["X"].T @ P0, 1e-12)
    assert np.all(np.isnan(by_P))


def test_float32_stays_float32() -> None:
    params = jax.tree.map(lambda x: x.astype(jnp.float32), parameters())
    found = jax.grad(loss_function())(params, *(np.float32(VALUES[k]) for k in ("X", "T")))
    assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {jnp.dtype("float32")}


def test_a_size_that_no_input_tells_is_refused() -> None:
    x = derive.vector("x", d)
    with pytest.raises(derive.UnsupportedError, match="no input tells the size n"):
        codegen.to_jax(derive.broadcast_to(x, (n, d)), custom_vjp=True)


def test_optax_trains_with_it() -> None:
    f, params = loss_function(), parameters()
    optimizer = optax.adam(0.1)
    results = []
    for function in (f, twin):
        current, state = params, optimizer.init(params)
        for _ in range(20):
            loss, grads = jax.value_and_grad(function)(current, VALUES["X"], VALUES["T"])
            updates, state = optimizer.update(grads, state)
            current = optax.apply_updates(current, updates)
        results.append(loss)
    assert_close("loss after 20 steps", *results, 1e-10)


def test_equinox_differentiates_through_it() -> None:
    layer = codegen.to_jax(
        derive.tanh(X @ W + b), inputs=["W", "b", "X"], name="layer", custom_vjp=True
    )

    class Dense(equinox.Module):
        W: jax.Array
        b: jax.Array

        def __call__(self, x: jax.Array) -> jax.Array:
            return layer(self.W, self.b, x)

    model = Dense(jnp.asarray(VALUES["W"]), jnp.asarray(VALUES["b"]))
    found = equinox.filter_grad(lambda m, x: jnp.sum(m(x) ** 2))(model, VALUES["X"])
    right = jax.grad(lambda w, c: jnp.sum(jnp.tanh(VALUES["X"] @ w + c) ** 2), (0, 1))(
        model.W, model.b
    )
    assert_trees_close((found.W, found.b), right)
