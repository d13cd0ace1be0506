"""
Vanishing and exploding gradients
=================================

On its way back through a deep network a gradient is multiplied by the Jacobian of every layer.
A product of fifty matrices shrinks to nothing or grows without bounds, unless each of them nearly
keeps lengths.
"""

# %%
# The expression
# --------------
# Three layers of ``d`` units, without biases; any further ones only repeat the pattern.

import derive

d = derive.dims("d")
x = derive.vector("x", d)
weights = [derive.matrix(f"W{number}", d, d) for number in (1, 2, 3)]

h = x
for number, W in enumerate(weights, start=1):
    h = derive.let(f"h{number}", derive.tanh(W @ h))

# %%
# The derivation
# --------------
# What goes back: given the cotangent ``v`` of the last layer, that of the input.

v = derive.vector("v", d)
derive.vjp(h, x, cotangent=v).steps

# %%
# The network's Jacobian is a product, with a matrix of weights and a diagonal matrix for each
# layer. The entries of the diagonals are at most one, so that they can only shrink what passes; the
# weights have to make up for it.

derive.jacobian(h, x)

# %%
# A mistake
# ---------
# The derivative of ``tanh`` is one less the square of its *result*. One that takes the square of
# its argument is right as long as all signals are small, and is not noticed:

z = weights[0] @ x
layer = derive.tanh(z)
derive.verify(derive.diag(1 - z**2) @ weights[0], layer, x)

# %%
# The check
# ---------

import codegen

jacobian = derive.jacobian(layer, x)
codegen.check(jacobian).raise_if_failed()

# %%
# The code
# --------
# One layer and its Jacobian, in NumPy and in JAX:

arguments = {"W": weights[0], "x": x}
outputs = {"h": layer, "jacobian": jacobian}
tanh_layer = codegen.to_numpy(outputs, name="tanh_layer", inputs=arguments)
tanh_layer

# %%

tanh_layer_jax = codegen.to_jax(outputs, name="tanh_layer", inputs=arguments)
tanh_layer_jax

# %%
# Fifty layers, four ways to begin
# --------------------------------
# Images of scikit-learn's handwritten digits go through fifty layers with random weights. From
# layer to layer the Jacobian is multiplied up, and the sizes of its 64 singular values tell what
# becomes of a change in the input, or of a gradient on its way back.

import numpy as np
from sklearn.datasets import load_digits

images = load_digits().data[:4] / 8 - 1
depth, width = 50, 64
generator = np.random.default_rng(0)


def gaussian(gain):
    """Weights with normal entries, such that a vector is stretched by the gain on average."""
    return gain * generator.standard_normal((depth, width, width)) / np.sqrt(width)


starts = {
    "normal, gain 0.7": gaussian(0.7),
    "normal, gain 1": gaussian(1),
    "normal, gain 2.5": gaussian(2.5),
    "orthogonal": np.linalg.qr(gaussian(1))[0],
}


def jacobians(matrices, signal):
    """The Jacobian of the first layers, for each number of layers."""
    product, found = np.eye(width), []
    for matrix in matrices:
        out = tanh_layer(matrix, signal)
        signal, product = out["h"], out["jacobian"] @ product
        found.append(product)
    return np.array(found)


products = {
    name: np.array([jacobians(matrices, image) for image in images])
    for name, matrices in starts.items()
}
stretch = {name: np.linalg.svd(found, compute_uv=False) for name, found in products.items()}
for name, values in stretch.items():
    kept = np.mean((values[:, -1] > 0.01) & (values[:, -1] < 100))
    print(f"{name}: {kept:.0%} of the singular values are between 1/100 and 100 after 50 layers")

# %%
# JAX's Jacobian of the whole network is the same:

import jax


def network(signal, matrices):
    """The fifty layers."""
    return jax.lax.scan(lambda h, W: (jax.numpy.tanh(W @ h), None), signal, matrices)[0]


with jax.enable_x64(True):
    jacobian_of = jax.jit(jax.jacobian(network))
    for name, matrices in starts.items():
        whole = jacobian_of(images[0], matrices)
        product = products[name][0, -1]
        assert np.allclose(whole, product, rtol=1e-8, atol=1e-10 * np.abs(product).max())

# %%
# The lines are quantiles of the singular values, the widest band from the smallest to the largest.
# A gain below one lets all directions vanish. With a gain of one the largest survive, but the
# others fan out over orders of magnitude: most directions are lost although the mean is not. A
# large gain makes the units saturate, and the two factors fight until the whole spectrum is torn
# apart. Orthogonal weights keep all lengths, and only the diagonals shrink them, all alike (Saxe,
# McClelland and Ganguli, 2014, Exact solutions to the nonlinear dynamics of learning in deep linear
# neural networks; Pennington, Schoenholz and Ganguli, 2017, Resurrecting the sigmoid in deep
# learning).

import matplotlib.pyplot as plt

plt.rcParams["font.size"] = 11
figure, panels = plt.subplots(
    2, 2, sharex=True, sharey=True, figsize=(6.4, 5), layout="constrained"
)
layers = np.arange(1, depth + 1)
for axes, (name, values) in zip(panels.flat, stretch.items(), strict=True):
    by_layer = values.transpose(1, 0, 2).reshape(depth, -1)
    for share in (0, 10, 25):
        low, high = np.percentile(by_layer, [share, 100 - share], axis=1)
        axes.fill_between(layers, low, high, color="C0", alpha=0.25, linewidth=0)
    axes.semilogy(layers, np.median(by_layer, axis=1), color="C0", linewidth=2)
    axes.axhline(1, color="black", linewidth=0.8, linestyle=":")
    axes.set_title(name, fontsize=11)
panels[0, 0].set(ylim=(1e-10, 1e4), xlim=(1, depth))
figure.supxlabel("layers", fontsize=11)
figure.supylabel("singular values of the Jacobian", fontsize=11)
plt.show()
# sphinx_gallery_thumbnail_number = 1
