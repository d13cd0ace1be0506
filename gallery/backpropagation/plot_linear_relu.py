"""
A linear layer and a ReLU
=========================

Backpropagation in its smallest form: a linear layer, a ReLU and a squared error. The rules for the
two layers are the table that every course begins with; here they are derived, checked, written as
code, and used to fit a curve.
"""

# %%
# The forward pass
# ----------------

import derive

m, n = derive.dims("m n")
W, x, b = derive.matrix("W", m, n), derive.vector("x", n), derive.vector("b", m)
y = derive.vector("y", m)

z = derive.let("z", W @ x + b)
a = derive.let("a", derive.relu(z))
loss = derive.let("L", derive.sum((a - y) ** 2) / 2)
print(loss)

# %%
# The backward pass
# -----------------
# A row for each operation: what it does on the way forward, and how it passes the derivative of the
# loss back to its inputs.

table = derive.backprop(loss, [W, b, x])
table

# %%
# The same as text, with the cotangents written with a bar:

print(derive.backprop(loss, [W, b, x], style="bar"))

# %%
# Put together, the rules are the gradient:

gradient = derive.gradient(loss, W)
print(gradient)

# %%
# Step by step
# ------------

gradient.steps

# %%
# Is the rule that I derived by hand right?
# -----------------------------------------
# Deriving by hand, one forgets the ReLU's factor, or transposes the wrong side. ``verify`` says
# what is wrong.

right = derive.outer((a - y) * (z > 0), x)
print(derive.verify(right, loss, W))

# %%

print(derive.verify(derive.outer(a - y, x), loss, W))

# %%

print(derive.verify(derive.outer(x, (a - y) * (z > 0)), loss, W))

# %%
# The check
# ---------

import codegen

print(codegen.check(gradient).raise_if_failed())

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
print(network.source[network.source.index("def network") :])

# %%

network_jax = codegen.to_jax(outputs, name="network", inputs=arguments)
print(network_jax.source[network_jax.source.index("def network") :])

# %%
# A use
# -----
# Plain gradient descent fits the progression of diabetes to the body-mass index of 442 patients,
# which scikit-learn carries: a straight line with a bend where a ReLU has its kink.

import numpy as np
from sklearn.datasets import load_diabetes

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
for _ in range(2000):
    value, slopes = network(weights, index, progression)
    curve.append(value)
    weights = {name: w - 0.02 * slopes[name] for name, w in weights.items()}
print(f"mean squared error from {curve[0]:.3f} to {curve[-1]:.3f}")

# %%

import matplotlib.pyplot as plt

predict = codegen.to_numpy(output, inputs={"params": params, "X": X})
grid = np.linspace(index.min(), index.max(), 200)[:, None]
figure, (left, right_axes) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
left.scatter(index, progression, s=6, alpha=0.4)
left.plot(grid, predict(weights, grid), "C1")
left.set(xlabel="body-mass index (scaled)", ylabel="progression / 100")
right_axes.semilogy(curve)
right_axes.set(xlabel="step", ylabel="mean squared error")
plt.show()
