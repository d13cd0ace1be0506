"""What the backward pass needs by itself is not computed again within a product."""

from __future__ import annotations

import numpy as np

import codegen
import derive
from codegen.lowering.reuse import reuse
from derive import layers
from derive.tensor import construct
from derive.tensor.node import Contraction, View, topological

b, n = derive.dims("b n")


def residual_network(depth: int) -> dict[str, object]:
    x = derive.tensor("x", b, n, 4)
    stream, wrt = x, []
    for k in range(depth):
        W, V = derive.matrix(f"W{k}", 4, 3), derive.matrix(f"V{k}", 3, 4)
        gain, c = derive.vector(f"gain{k}", 4), derive.vector(f"c{k}", 4)
        hidden = layers.gelu(layers.layer_norm(stream, gain, c) @ W, approximate=True)
        stream = stream + hidden @ V + c
        wrt += [W, V, gain, c]
    loss = derive.sum(stream**2)
    return {"loss": loss, "gradient": derive.gradient(loss, wrt)}


def test_forward_and_backward_pass_share_every_block() -> None:
    for depth in (1, 2, 4):
        source = codegen.to_numpy(residual_network(depth)).source
        code = "\n".join(line.split("  # ")[0] for line in source.splitlines())
        assert code.count(" = np.tanh(") == depth
        assert code.count("np.sqrt(np.mean(") == depth


def test_a_known_pair_is_used() -> None:
    A, B, C = (derive.matrix(name, n, n) for name in "ABC")
    known = A * B
    whole = construct.contract([(A, (0, 1)), (B, (0, 1)), (C, (1, 2))], (0, 2))
    first, second = reuse([known, whole], {})
    assert first is known
    assert isinstance(second, Contraction)
    assert known in second.operands
    assert len(second.operands) == 2


def test_a_known_pair_is_left_where_another_order_is_cheaper() -> None:
    """A (B v) takes fewer multiplications than (A B) v where the matrices are flat."""
    k = derive.dims("k")
    A, B, v = derive.matrix("A", n, k), derive.matrix("B", k, n), derive.vector("v", n)
    known = construct.split_coefficient(A @ B)[1]
    known = known.operand if isinstance(known, View) else known
    whole = construct.contract([(A, (0, 1)), (B, (1, 2)), (v, (2,))], (0,))
    _, kept = reuse([known, whole], {n: 64, k: 2})
    assert known not in topological([kept])
    _, shared = reuse([known, whole], {n: 64, k: 40})
    assert known in topological([shared])


def test_values() -> None:
    generator = np.random.default_rng(0)
    outputs = residual_network(2)
    f = codegen.to_numpy(outputs)
    shapes = {"x": (2, 3, 4)}
    for k in range(2):
        shapes |= {f"W{k}": (4, 3), f"V{k}": (3, 4), f"gain{k}": (4,), f"c{k}": (4,)}
    values = {name: generator.normal(size=shape) for name, shape in shapes.items()}
    found = f(**values)
    h = 1e-6
    for name, slope in zip(
        [s.name for s in outputs["gradient"].wrt], found["gradient"], strict=True
    ):
        direction = generator.normal(size=shapes[name])
        ends = [f(**{**values, name: values[name] + t * direction})["loss"] for t in (h, -h)]
        np.testing.assert_allclose(
            np.sum(slope * direction), (ends[0] - ends[1]) / (2 * h), rtol=1e-6, atol=1e-5
        )
