"""
Residual connections
====================

A block that adds its result to its input has a Jacobian near the identity, whatever its weights, as
long as they are small. Gradients pass twenty of such blocks almost unchanged, where twenty plain
ones scramble them.
"""

# %%
# The expression
# --------------
# Two matrices of weights with a ReLU between them, added to what came in (He, Zhang, Ren and Sun,
# 2016, Identity mappings in deep residual networks):

import derive

d, m = derive.dims("d m")
x = derive.vector("x", d)
A, B = derive.matrix("A", m, d), derive.matrix("B", d, m)
branch = B @ derive.relu(A @ x)
y = derive.let("y", x + branch)
y

# %%
# The derivation
# --------------

jacobian = derive.jacobian(y, x)
jacobian.steps

# %%
# On the way back, what arrives at the block leaves it again, with the branch's share added:

v = derive.vector("v", d)
derive.vjp(y, x, cotangent=v)

# %%
# With two blocks there are four ways for the gradient: through both branches, through either, and
# through none. With ``k`` blocks there are :math:`2^k`, most of them short (Veit, Wilber and
# Belongie, 2016, Residual networks behave like ensembles of relatively shallow networks).

C, D = derive.matrix("C", m, d), derive.matrix("D", d, m)
second = y + D @ derive.relu(C @ y)
derive.jacobian(second, x)

# %%
# A mistake
# ---------
# Who differentiates the branch alone has forgotten what a residual connection is for:

derive.verify(derive.jacobian(branch, x), y, x)

# %%
# The check
# ---------

import codegen

codegen.check(jacobian).raise_if_failed()

# %%
# The code
# --------
# A block and its backward pass, in NumPy and in JAX:

outputs = {"y": y, "backward": derive.vjp(y, {"x": x, "A": A, "B": B}, cotangent=v)}
arguments = {"x": x, "A": A, "B": B, "v": v}
block = codegen.to_numpy(outputs, name="block", inputs=arguments)
block

# %%

block_jax = codegen.to_jax(outputs, name="block", inputs=arguments)
block_jax

# %%
# Twenty blocks
# -------------
# A network for scikit-learn's handwritten digits: a linear layer, ``k`` blocks and a linear layer.
# The blocks are a loop over stacked weights, and the derived gradient is a loop in reverse.

from derive import losses

k, n, c = derive.dims("k n c")
images, labels = derive.matrix("images", n, c), derive.tensor("labels", n, dtype="int")
params = {
    "inward": derive.matrix("inward", c, d),
    "As": derive.tensor("As", k, d, m),
    "Bs": derive.tensor("Bs", k, m, d),
    "outward": derive.matrix("outward", d, 10),
}
arguments = {"params": params, "images": images, "labels": labels}
stacked = (params["As"], params["Bs"])


def network(step):
    """Loss and gradient of a network with this block, as a JAX function."""
    stream = derive.scan(step, images @ params["inward"], stacked)[-1]
    loss = losses.cross_entropy(stream @ params["outward"], labels)
    outputs = (loss, derive.gradient(loss, params))
    return codegen.to_jax(outputs, name="network", inputs=arguments)


networks = {
    "plain": network(lambda h, A, B: derive.relu(h @ A) @ B),
    "residual": network(lambda h, A, B: h + derive.relu(h @ A) @ B),
}

# %%
# Each begins with weights that suit it: the plain one such that signals keep their size, the
# residual one with branches that together add as much as there was.

import jax
import numpy as np
import optax
from sklearn.datasets import load_digits

data = load_digits()
pixels, digits = (data.data - data.data.mean(axis=0)) / data.data.std(), data.target
depth, width = 20, 32
generator = np.random.default_rng(0)


def normal(*shape):
    """Weights that keep the size of a vector on average."""
    return generator.standard_normal(shape) / np.sqrt(shape[-2])


start = {
    "inward": normal(64, width),
    "As": normal(depth, width, width) * np.sqrt(2),  # a ReLU halves the squares
    "Bs": normal(depth, width, width),
    "outward": normal(width, 10),
}
starts = {"plain": start, "residual": start | {"Bs": start["Bs"] / np.sqrt(depth)}}
optimizer = optax.adam(0.001)


def train(step, found):
    """The loss along 120 steps of Adam."""

    @jax.jit
    def update(found, state, images, labels):
        loss, slopes = step(found, images, labels)
        change, state = optimizer.update(slopes, state)
        return optax.apply_updates(found, change), state, loss

    state, curve, draws = optimizer.init(found), [], np.random.default_rng(1)
    for _ in range(120):
        rows = draws.choice(len(pixels), 64, replace=False)
        found, state, loss = update(found, state, pixels[rows], digits[rows])
        curve.append(float(loss))
    return curve


curves = {name: train(step, starts[name]) for name, step in networks.items()}
for name, curve in curves.items():
    print(f"{name:8}: cross-entropy from {curve[0]:.2f} to {np.mean(curve[-20:]):.3f}")

# %%
# JAX's derivative of the definition is the same:


def definition(found):
    """The loss of the residual network, written out."""

    def step(h, matrices):
        return h + jax.nn.relu(h @ matrices[0]) @ matrices[1], None

    h, _ = jax.lax.scan(step, pixels[:64] @ found["inward"], (found["As"], found["Bs"]))
    scores = h @ found["outward"]
    return optax.losses.softmax_cross_entropy_with_integer_labels(scores, digits[:64]).mean()


with jax.enable_x64(True):
    loss, slopes = jax.jit(jax.value_and_grad(definition))(starts["residual"])
    value, derived = jax.jit(networks["residual"])(starts["residual"], pixels[:64], digits[:64])
assert np.isclose(loss, value, rtol=1e-10)
for part, slope in slopes.items():
    assert np.allclose(slope, derived[part], rtol=1e-8, atol=1e-10), part

# %%
# On the left the eigenvalues of the Jacobians of all blocks, at the start and at one image. Those
# of a plain block lie around zero, so that every block forgets most directions; those of a residual
# block lie around one.

import matplotlib.pyplot as plt

jacobians = {
    "plain": codegen.to_numpy(derive.jacobian(branch, x), inputs=[x, A, B]),
    "residual": codegen.to_numpy(jacobian, inputs=[x, A, B]),
}
forward = codegen.to_numpy({"plain": branch, "residual": y}, inputs=[x, A, B])

plt.rcParams["font.size"] = 11
figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.2), layout="constrained")
for (name, jacobian_at), color, marker in zip(jacobians.items(), ("C1", "C0"), "x.", strict=True):
    h, spectrum = pixels[0] @ starts[name]["inward"], []
    for P, R in zip(starts[name]["As"], starts[name]["Bs"], strict=True):
        spectrum.append(np.linalg.eigvals(jacobian_at(h, P.T, R.T)))
        h = forward(h, P.T, R.T)[name]
    spectrum = np.concatenate(spectrum)
    left.scatter(spectrum.real, spectrum.imag, s=14, marker=marker, color=color, linewidth=0.8)
    right.plot(curves[name], color=color)
    right.text(115, np.mean(curves[name][-30:]) + 0.35, name, color=color, ha="right")
left.set_title("eigenvalues of the Jacobians", fontsize=11)
left.axhline(0, color="black", linewidth=0.5, zorder=0)
left.axvline(0, color="black", linewidth=0.5, zorder=0)
left.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1], aspect="equal")
right.set_title("cross-entropy", fontsize=11)
right.set(xlabel="step", ylim=(0, None), xlim=(0, 120))
plt.show()
# sphinx_gallery_thumbnail_number = 1
