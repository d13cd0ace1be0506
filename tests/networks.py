"""Functions whose backward pass courses derive: each a loss and what it is differentiated by."""

from __future__ import annotations

import sympy as sp

import derive
from derive import layers, losses
from derive.tensor.node import Symbol, Tensor

SIZES = {"n": 3, "m": 4, "k": 2, "d": 5, "b": 2, "n_q": 3, "n_k": 4}
n, m, k, d, b = derive.dims("n m k d b")
matrix, vector, tensor = derive.matrix, derive.vector, derive.tensor

Problem = tuple[Tensor, list[Symbol]]


def linear_relu() -> Problem:
    W, x, c, y = matrix("W", m, n), vector("x", n), vector("c", m), vector("y", m)
    z = derive.let("z", W @ x + c)
    a = derive.let("a", derive.relu(z))
    return derive.let("L", derive.sum((a - y) ** 2) / 2), [W, c, x]


def perceptron() -> Problem:
    """Two layers without any names, and softmax cross-entropy with integer targets."""
    X, t = matrix("X", n, d), tensor("t", n, dtype="int")
    W1, b1, W2, b2 = matrix("W1", d, m), vector("b1", m), matrix("W2", m, k), vector("b2", k)
    scores = derive.tanh(X @ W1 + b1) @ W2 + b2
    return losses.cross_entropy(scores, t), [W1, b1, W2, b2]


def softmax_cross_entropy() -> Problem:
    X, W, Y = matrix("X", n, d), matrix("W", d, k), matrix("Y", n, k, simplex=True)
    Z = derive.let("Z", X @ W)
    P = derive.let("P", derive.softmax(Z, axis=1))
    return -derive.sum(Y * derive.log(P)) / n, [W]


def naive_softmax() -> Problem:
    W, x, c, y = matrix("W", m, n), vector("x", n), vector("c", m), vector("y", m)
    z = derive.let("z", W @ x + c)
    e = derive.exp(z)
    p = derive.let("p", e / derive.sum(e))
    return derive.sum((p - y) ** 2), [W, c]


def logistic_regression() -> Problem:
    X, w, y = matrix("X", n, d), vector("w", d), vector("y", n)
    p = derive.let("p", derive.sigmoid(X @ w))
    return -derive.mean(y * derive.log(p) + (1 - y) * derive.log(1 - p)), [w]


def layer_norm() -> Problem:
    x, gamma, beta, t = (vector(name, d) for name in ("x", "gamma", "beta", "t"))
    y = derive.let("y", gamma * derive.standardize(x, derive.scalar("eps", positive=True)) + beta)
    return derive.sum((y - t) ** 2) / 2, [x, gamma, beta]


def batch_norm() -> Problem:
    X, gamma, beta, G = matrix("X", n, d), vector("gamma", d), vector("beta", d), matrix("G", n, d)
    return derive.sum(G * derive.let("Y", layers.batch_norm(X, gamma, beta))), [X, gamma, beta]


def rms_norm() -> Problem:
    X, gain, G = matrix("X", n, d), vector("gain", d), matrix("G", n, d)
    return derive.sum(G * layers.rms_norm(X, gain)), [X, gain]


def attention() -> Problem:
    # Sizes of its own: names last as long as a tensor does, and a docstring prints the same one.
    n_q, n_k = derive.dims("n_q n_k")
    Q, K = matrix("Q", n_q, d), matrix("K", n_k, d)
    V, G = matrix("V", n_k, k), matrix("G", n_q, k)
    S = derive.let("S", Q @ K.T / sp.sqrt(d))
    P = derive.let("P", derive.softmax(S, axis=1))
    O = derive.let("O", P @ V)
    return derive.sum(G * O), [Q, K, V]


def causal_attention() -> Problem:
    Q, K, V, G = matrix("Q", n, d), matrix("K", n, d), matrix("V", n, k), matrix("G", n, k)
    return derive.sum(G * layers.attention(Q, K, V, causal=True)), [Q, K, V]


def batched_attention() -> Problem:
    Q, K, V = tensor("Q", b, n, d), tensor("K", b, m, d), tensor("V", b, m, k)
    return derive.sum(tensor("G", b, n, k) * layers.attention(Q, K, V)), [Q, K, V]


def transformer_block() -> Problem:
    X, parameters = tensor("X", b, n, 4), layers.transformer_parameters(4)
    block = layers.transformer_block(X, parameters, heads=2, causal=True)
    return derive.sum(block**2) / 2, [X, *parameters.values()]


def recurrent() -> Problem:
    W, U, c, X = matrix("W", m, m), matrix("U", m, d), vector("c", m), matrix("X", 3, d)
    h = vector("h0", m)
    for step in range(3):
        h = derive.let(f"h{step + 1}", derive.tanh(W @ h + U @ X[step] + c))
    return derive.sum((h - vector("y", m)) ** 2) / 2, [W, U, c]


def gated_unit() -> Problem:
    x, h0 = vector("x", d), vector("h0", m)
    gates = {q: (matrix(f"W{q}", m, d), matrix(f"U{q}", m, m)) for q in "zrc"}
    z, r = (derive.let(q, derive.sigmoid(gates[q][0] @ x + gates[q][1] @ h0)) for q in ("z", "r"))
    c = derive.let("c", derive.tanh(gates["c"][0] @ x + gates["c"][1] @ (r * h0)))
    h = derive.let("h", (1 - z) * h0 + z * c)
    return derive.sum(h**2) / 2, [weight for pair in gates.values() for weight in pair]


def residual() -> Problem:
    x, W1, W2 = vector("x", d), matrix("W1", m, d), matrix("W2", d, m)
    h = derive.let("h", derive.tanh(x))
    return derive.sum((h + W2 @ derive.relu(W1 @ h)) ** 2) / 2, [x, W1, W2]


def embedding() -> Problem:
    E, t, W = matrix("E", m, d), tensor("t", n, dtype="int"), matrix("W", d, k)
    return derive.sum((derive.take(E, t) @ W - matrix("Y", n, k)) ** 2) / 2, [E, W]


def product_chain() -> Problem:
    A, B, C = matrix("A", n, m), matrix("B", m, k), matrix("C", k, d)
    return derive.sum((A @ B @ C) ** 2), [A, B, C]


def penalised() -> Problem:
    X, w, y, strength = matrix("X", n, d), vector("w", d), vector("y", n), derive.scalar("lambda")
    return derive.sum((X @ w - y) ** 2) / 2 + strength / 2 * derive.sum(w**2), [w]


def autoencoder() -> Problem:
    """A variational autoencoder: the reparametrisation, and the divergence in the loss."""
    X, noise = matrix("X", n, d), matrix("noise", n, k)
    A, B, C = matrix("A", d, k), matrix("B", d, k), matrix("C", k, d)
    mu, s = derive.let("mu", X @ A), derive.let("s", X @ B)
    Z = derive.let("Z", mu + derive.exp(s / 2) * noise)
    divergence = -derive.sum(1 + s - mu**2 - derive.exp(s)) / 2
    return derive.sum((derive.sigmoid(Z @ C) - X) ** 2) / 2 + divergence, [A, B, C]


def graph_convolution() -> Problem:
    A, X, t = matrix("A", n, n), matrix("X", n, d), tensor("t", n, dtype="int")
    W1, W2 = matrix("W1", d, m), matrix("W2", m, k)
    return losses.cross_entropy(A @ derive.relu(A @ X @ W1) @ W2, t), [W1, W2]


def structured() -> Problem:
    x, S, D = vector("x", n), matrix("S", n, n, symmetric=True), matrix("D", n, n, diagonal=True)
    T = matrix("T", n, n, lower_triangular=True)
    return derive.sum((T @ D @ S @ x) ** 2) + derive.logdet(S @ S + derive.eye(n)), [x, S, D, T]


def columns() -> Problem:
    """SymPy's columns, and a loss of shape (1, 1)."""
    A, x = matrix("A", n, n), matrix("x", n, 1)
    return x.T @ derive.let("Ax", A @ x) + 1, [A, x]


def scaled_names() -> Problem:
    """Names on multiples of one product, and on a multiple of a function."""
    Q, K = matrix("Q1", n, d), matrix("K1", m, d)
    S = derive.let("S", Q @ K.T)
    A = derive.let("A", S / sp.sqrt(d))
    B = derive.let("B", 2 * derive.sigmoid(A))
    return derive.sum(derive.tanh(B) * derive.exp(S)), [Q, K]


def convolution() -> Problem:
    X, K = tensor("X", b, 7, 3), tensor("K", 3, 3, k)
    return derive.mean(layers.conv(X, K) ** 2), [X, K]


FLAT = [
    linear_relu,
    perceptron,
    softmax_cross_entropy,
    naive_softmax,
    logistic_regression,
    layer_norm,
    batch_norm,
    rms_norm,
    attention,
    causal_attention,
    recurrent,
    gated_unit,
    residual,
    embedding,
    product_chain,
    penalised,
    autoencoder,
    graph_convolution,
    structured,
    columns,
    scaled_names,
]
ALL = [*FLAT, batched_attention, transformer_block, convolution]
