"""
An LSTM
=======

A recurrent network reads a sequence one entry after the other, and its derivative goes back
through all of the steps. In a simple network the derivative shrinks at every step; the cell of an
LSTM has a gate that lets it through.
"""

# %%
# The expression
# --------------
# The state is ``h`` and ``c``. Four gates are cut out of one product of matrices: input ``i``,
# forget ``f``, candidate ``g`` and output ``o``. The library has the same step.

import derive
from derive import layers

n, d, m = derive.dims("n d m")
x, h, c = derive.matrix("x", n, d), derive.matrix("h", n, m), derive.matrix("c", n, m)
W, U = derive.matrix("W", d, 4 * m), derive.matrix("U", m, 4 * m)
b = derive.vector("b", 4 * m)

let, sigmoid, tanh = derive.let, derive.sigmoid, derive.tanh
a = let("a", x @ W + h @ U + b)
i, f = let("i", sigmoid(a[:, :m])), let("f", sigmoid(a[:, m : 2 * m]))
g, o = let("g", tanh(a[:, 2 * m : 3 * m])), let("o", sigmoid(a[:, 3 * m :]))
new_c = let("c_new", f * c + i * g)
new_h = let("h_new", o * tanh(new_c))
assert (new_h, new_c) == layers.lstm_cell(x, (h, c), W, U, b)
new_h

# %%
# The derivation
# --------------

target = derive.matrix("t", n, m)
loss = let("L", derive.sum((new_h - target) ** 2) / 2)
derive.backprop(loss, [W, U, b, h, c])

# %%
# Why the cell remembers
# ----------------------
# From one state of the cell to the next the derivative is the forget gate, entry by entry, and no
# matrix: where the gate is open nothing is lost.

c_bar = derive.matrix("c_bar", n, m)
through_cell = derive.vjp(new_c, c, cotangent=c_bar)
through_cell.steps

# %%
# In a simple network it is multiplied with the transposed weights, and with a factor below one:

V = derive.matrix("V", m, m)
simple = let("h_new", layers.rnn_cell(x, h, derive.matrix("W", d, m), V))
h_bar = derive.matrix("h_bar", n, m)
derive.vjp(simple, h, cotangent=h_bar)

# %%
# A mistake
# ---------
# The gate has its name from what it does at zero. Who takes it for the share that is forgotten has
# it the wrong way round:

derive.verify(c_bar * (1 - f), new_c, c, cotangent=c_bar, sizes={"n": 1, "d": 1, "m": 1})

# %%
# A sequence
# ----------
# The layer is a loop over time, whatever the length ``t``; backpropagation through time is a loop
# in reverse. A linear layer makes a prediction out of each state.

from derive import losses

t = derive.dims("t")
inputs, targets = derive.tensor("inputs", t, n, d), derive.tensor("targets", t, n, d)
params = {"W": W, "U": U, "b": b, "V": derive.matrix("V", m, d)}
nothing = derive.zeros(n, m)
states, _ = layers.lstm(inputs, (nothing, nothing), W, U, b)
predictions = let("out", states @ params["V"])
error = let("L", losses.squared_error(predictions, targets))
gradient = derive.gradient(error, params)

# %%
# The check
# ---------

import codegen

codegen.check(derive.gradient(error, U), sizes={"n": 1, "d": 1, "m": 2, "t": 2}).raise_if_failed()

# %%
# The code
# --------

arguments = {"params": params, "inputs": inputs, "targets": targets}
lstm = codegen.to_numpy((error, gradient), name="lstm", inputs=arguments)
lstm

# %%
# In JAX the loops are scans:

lstm_jax = codegen.to_jax((error, gradient), name="lstm", inputs=arguments)
lstm_jax

# %%
# Continue a signal
# -----------------
# The signal is the sum of two sines that are long out of step, and the network is to say at each
# time what comes next.

import jax
import numpy as np
import optax

time = np.arange(400)
signal = 0.6 * np.sin(2 * np.pi * time / 21.3) + 0.4 * np.sin(2 * np.pi * time / 8.7)
length, width = 60, 24
generator = np.random.default_rng(0)
start = {
    "W": generator.standard_normal((1, 4 * width)) / 2,
    "U": generator.standard_normal((width, 4 * width)) / np.sqrt(width),
    "b": np.repeat([0.0, 1.0, 0.0, 0.0], width),
    "V": generator.standard_normal((width, 1)) / np.sqrt(width),
}
optimizer = optax.adam(0.01)


@jax.jit
def update(found, state, rows):
    """One step of Adam with the derived gradient."""
    loss, slopes = lstm_jax(found, rows[:-1], rows[1:])
    change, state = optimizer.update(slopes, state)
    return optax.apply_updates(found, change), state, loss


found, state, curve = start, optimizer.init(start), []
for _ in range(300):
    begins = generator.integers(0, 300 - length, 16)
    rows = signal[begins + np.arange(length + 1)[:, None]][..., None]
    found, state, value = update(found, state, rows)
    curve.append(float(value))
print(f"squared error from {curve[0]:.4f} to {np.mean(curve[-20:]):.6f}")

# %%
# From time 300 on it has seen nothing: it reads the 60 entries before, then its own predictions.

trained = {name: np.asarray(value) for name, value in found.items()}
names = {"params": params, "inputs": inputs}
predict = codegen.to_numpy(predictions, name="predict", inputs=names)
read = list(signal[300 - length : 300])
for _ in range(100):
    read.append(predict(trained, np.array(read)[:, None, None])[-1, 0, 0])
continued = np.array(read[length:])
miss = np.abs(continued - signal[300:400])[:50].max()
print(f"largest error of the first 50 predictions {miss:.3f}")
assert miss < 0.3

# %%
# JAX agrees about the gradient of the loop, with the cell of Flax:

from flax import linen

cell = linen.OptimizedLSTMCell(width)


def definition(found, rows):
    """The loss, with the cell of Flax: its weights are those here, a gate after the other."""
    gates = {}
    for number, gate in enumerate("ifgo"):
        own = slice(number * width, (number + 1) * width)
        gates |= {f"i{gate}": {"kernel": found["W"][:, own]}}
        gates |= {f"h{gate}": {"kernel": found["U"][:, own], "bias": found["b"][own]}}
    zero = jax.numpy.zeros((rows.shape[1], width))
    step = lambda carry, x: cell.apply({"params": gates}, carry, x)  # noqa: E731
    _, states = jax.lax.scan(step, (zero, zero), rows[:-1])
    return jax.numpy.mean((states @ found["V"] - rows[1:]) ** 2)


few = rows[:10]
with jax.enable_x64(True):
    slopes = jax.jit(jax.grad(definition))(start, few)
for name, slope in lstm(start, few[:-1], few[1:])[1].items():
    assert np.allclose(slope, slopes[name], atol=1e-9), name

# %%
# How far the derivative reaches
# ------------------------------
# The derivative of the last state by what was read before, in networks with random weights. That of
# the simple network vanishes. In the LSTM the bias of the forget gate decides: a bias of 3 keeps
# the gate open (Gers, Schmidhuber and Cummins, 2000, Learning to forget; Jozefowicz, Zaremba and
# Sutskever, 2015, An empirical exploration of recurrent network architectures).

import matplotlib.pyplot as plt

Wr, Vr = derive.matrix("W", d, m), derive.matrix("U", m, m)
recurrent = layers.rnn(inputs, nothing, Wr, Vr)
last = derive.matrix("last", n, m)
order = ["W", "U", "inputs", "last"]
through_simple = codegen.to_numpy(derive.vjp(recurrent[-1], inputs, cotangent=last), inputs=order)
through_lstm = codegen.to_numpy(
    derive.vjp(states[-1], inputs, cotangent=last), inputs=["b", *order]
)
noise, ones = generator.standard_normal((length, 16, 1)), np.ones((16, width)) / width


def sizes(derivative):
    """Mean size of a derivative at each lag, the last entry first."""
    return np.abs(derivative).mean(axis=(1, 2))[::-1]


reach = {
    "simple": sizes(through_simple(start["W"][:, :width], start["U"][:, :width] / 2, noise, ones))
}
for forget in (0.0, 1.0, 3.0):
    shift = np.repeat([0.0, forget, 0.0, 0.0], width)
    derivative = through_lstm(shift, start["W"], start["U"] / 2, noise, ones)
    reach[f"LSTM, forget bias {forget:g}"] = sizes(derivative)

plt.rcParams["font.size"] = 11
figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
for (name, lags), color in zip(reach.items(), ("black", "C1", "C2", "C0"), strict=True):
    axes.semilogy(lags, color=color, linewidth=2)
    axes.text(40, lags[40] * 2, name, color=color)
axes.set(xlabel="steps back", ylabel="size of the derivative", xlim=(0, 59))
plt.show()

# %%
# The signal, and what the network says without seeing it:

figure, axes = plt.subplots(figsize=(6.4, 2.6), layout="constrained")
axes.plot(time[280:400], signal[280:400], color="0.7", linewidth=5, label="signal")
axes.plot(time[300:400], continued, color="C0", label="continued")
axes.set(xlabel="time")
axes.legend(loc="lower left")
plt.show()
# sphinx_gallery_thumbnail_number = 1
