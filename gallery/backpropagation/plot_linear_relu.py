"""
A linear layer and a ReLU
=========================

Backpropagation in its smallest form: a linear layer, a ReLU and a squared error. The rules for the
two layers are the table that every course begins with; here they are derived, checked, written as
code, and used to fit a curve.
"""

# %%
# The expression
# --------------

import derive

m, n = derive.dims("m n")
W, x, b = derive.matrix("W", m, n), derive.vector("x", n), derive.vector("b", m)
y = derive.vector("y", m)

z = derive.let("z", W @ x + b)
a = derive.let("a", derive.relu(z))
loss = derive.let("L", derive.sum((a - y) ** 2) / 2)
loss

# %%
# The derivation
# --------------
# A row for each operation: what it does on the way forward, and how it passes the derivative of the
# loss back to its inputs.

derive.backprop(loss, [W, b, x])

# %%
# Put together, the rules are the gradient:

gradient = derive.gradient(loss, W)
gradient.steps

# %%
# Mistakes
# --------
# Deriving by hand, one forgets the ReLU's factor, or transposes the wrong side. ``verify`` says
# what is wrong.

right = derive.outer((a - y) * (z > 0), x)
derive.verify(right, loss, W)

# %%

derive.verify(derive.outer(a - y, x), loss, W)

# %%

derive.verify(derive.outer(x, (a - y) * (z > 0)), loss, W)

# %%
# The check
# ---------

import codegen

codegen.check(gradient).raise_if_failed()

# %%
# A network of one hidden layer, for many examples at once
# --------------------------------------------------------
# With a row for each example the bias's rule becomes a sum over the examples.

from derive import layers, losses

k, h = derive.dims("k h")
X, Y = derive.matrix("X", k, n), derive.matrix("Y", k, m)
params = {
    "W1": derive.matrix("W1", n, h),
    "b1": derive.vector("b1", h),
    "W2": derive.matrix("W2", h, m),
    "b2": derive.vector("b2", m),
}
hidden = derive.let("H", derive.relu(layers.linear(X, params["W1"], params["b1"])))
output = derive.let("Z", layers.linear(hidden, params["W2"], params["b2"]))
error = derive.let("L", losses.squared_error(output, Y))
derive.backprop(error, list(params.values()))

# %%
# The code
# --------

arguments = {"params": params, "X": X, "Y": Y}
outputs = (error, derive.gradient(error, params))
network = codegen.to_numpy(outputs, name="network", inputs=arguments)
network

# %%

network_jax = codegen.to_jax(outputs, name="network", inputs=arguments)
network_jax

# %%
# A use
# -----
# Plain gradient descent fits the progression of diabetes to the body-mass index of 442 patients,
# which scikit-learn carries: a straight line with a bend where a ReLU has its kink.

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

data = load_diabetes()
index, progression = data.data[:, [2]] * 20, data.target[:, None] / 100
generator = np.random.default_rng(0)
weights = {
    "W1": generator.standard_normal((1, 16)),
    "b1": generator.standard_normal(16),
    "W2": generator.standard_normal((16, 1)) / 4,
    "b2": np.zeros(1),
}
curve = []
for _ in range(1500):
    value, slopes = network(weights, index, progression)
    curve.append(value)
    weights = {name: w - 0.02 * slopes[name] for name, w in weights.items()}

straight = LinearRegression().fit(index, progression)
missed = np.mean((straight.predict(index) - progression) ** 2)
print(f"mean squared error from {curve[0]:.3f} to {curve[-1]:.3f}; of a straight line {missed:.3f}")
assert curve[-1] < missed

# %%
# ``jax.grad`` of the definition agrees:

import jax


def definition(found):
    """The mean squared error."""
    inner = jax.nn.relu(index @ found["W1"] + found["b1"])
    return jax.numpy.mean((inner @ found["W2"] + found["b2"] - progression) ** 2)


with jax.enable_x64(True):
    slopes = jax.jit(jax.grad(definition))(weights)
for name, slope in network(weights, index, progression)[1].items():
    assert np.allclose(slope, slopes[name], atol=1e-10), name

# %%
# Each hidden unit bends the curve once, where its ReLU has its kink (the ticks below):

import matplotlib.pyplot as plt

predict = codegen.to_numpy(output, inputs={"params": params, "X": X})
grid = np.linspace(index.min(), index.max(), 200)[:, None]
kinks = -weights["b1"] / weights["W1"][0]

plt.rcParams["font.size"] = 11
figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
axes.scatter(index, progression, s=8, color="0.6", linewidth=0)
axes.plot(grid, straight.predict(grid), "--", color="black", linewidth=1, label="straight line")
axes.plot(grid, predict(weights, grid), color="C0", linewidth=3, label="16 ReLUs")
axes.plot(
    kinks, np.full(16, 0.06), "|", color="C0", markersize=10, transform=axes.get_xaxis_transform()
)
axes.set(
    xlabel="body-mass index, scaled", ylabel="progression / 100", xlim=(grid[0, 0], grid[-1, 0])
)
axes.legend(loc="upper left")
plt.show()
# sphinx_gallery_thumbnail_number = 1
