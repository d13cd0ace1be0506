"""
Krylov methods
==============

A blurred photograph of a hundred by a hundred pixels is a linear system whose matrix has a hundred
million entries, yet to blur an image costs next to nothing. Krylov methods solve such a system by
products with the matrix alone, and the derivative of the solution needs no more than that either.
"""

# %%
# A system that is given by its product
# -------------------------------------
# Ridge regression solves with :math:`X^\top X + \lambda I`. Conjugate gradients need what that
# makes of a vector, so the system is a function.

import derive

n, m, d = derive.dims("n m d")
X, y, lam = derive.matrix("X", n, d), derive.vector("y", n), derive.scalar("lam")


def ridge(v):
    """What the matrix of the normal equations makes of a vector."""
    return X.T @ (X @ v) + lam * v


w = derive.let("w", derive.solve(ridge, X.T @ y, method="cg"))
print(w)

# %%
# How large should the penalty be? Its gradient is that of the error on data held out. It comes from
# the equation that ``w`` solves and not from the steps that found it: one more system, with the
# same product.

X_v, y_v = derive.matrix("X_v", m, d), derive.vector("y_v", m)
error = derive.let("E", derive.sum((X_v @ w - y_v) ** 2) / 2)
gradient = derive.gradient(error, lam)
print(gradient)

# %%

gradient.steps

# %%
# For a matrix itself, the cotangent of the solution passes to both sides of the system:

A, b = derive.matrix("A", n, n, symmetric=True), derive.vector("b", n)
delta = derive.vector("delta", n)
solution = derive.let("x", derive.solve(A, b, method="cg"))
print(derive.vjp(solution, {"A": A, "b": b}, cotangent=delta))

# %%
# A mistake
# ---------
# "A larger penalty shrinks the weights, so their derivative is ``-w``." The direction in which they
# shrink is another: the inverse of the matrix acts on it. ``verify`` compares the two.

cotangent = derive.vector("delta", d)
print(derive.verify(-derive.dot(cotangent, w), w, lam, cotangent=cotangent))

# %%

adjoint = derive.solve(ridge, cotangent, method="cg")
print(derive.verify(-derive.dot(adjoint, w), w, lam, cotangent=cotangent))

# %%
# The check
# ---------

import codegen

print(codegen.check(gradient).raise_if_failed())

# %%
# The code
# --------
# The generated module has a loop for conjugate gradients, and the function calls it twice.

held_out = codegen.to_numpy((error, gradient), name="held_out_error")
print(held_out.source[held_out.source.index("def _conjugate_gradients") :])

# %%

held_out_jax = codegen.to_jax((error, gradient), name="held_out_error")
print(held_out_jax.source[held_out_jax.source.index("def held_out_error") :])

# %%
# What the loop finds
# -------------------
# After ``k`` products a method can know the matrix on the space of
# :math:`b, Ab, \dots, A^{k-1}b` and nothing else. Lanczos' method gives an orthonormal basis ``V``
# of that space and the tridiagonal matrix :math:`T = V^\top A V`.

alpha, beta, V = derive.linalg.lanczos(ridge, X.T @ y, 50)
lanczos = codegen.to_numpy((alpha, beta, V), name="lanczos", inputs=[X, y, lam])
print(lanczos.source[lanczos.source.index("def lanczos") :])

# %%
# Here for the digits of scikit-learn, which are to be told into small and large ones. The step
# ``k`` of conjugate gradients solves with the leading block of ``T``. It is compared with steepest
# descent and with Chebyshev's bound, which knows the two ends of the spectrum only.

import numpy as np
from sklearn.datasets import load_digits

digits = load_digits()
pixels, large = digits.data / 16, np.where(digits.target >= 5, 1.0, -1.0)
penalty = 1.0
matrix, right = pixels.T @ pixels + penalty * np.eye(64), pixels.T @ large
exact = np.linalg.solve(matrix, right)
diagonal, beside, basis = lanczos(pixels, large, penalty)
tridiagonal = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)


def energy(x):
    """The norm of the error in which conjugate gradients are the best of their space."""
    return np.sqrt((x - exact) @ matrix @ (x - exact))


krylov, ritz = [energy(0 * exact)], []
for k in range(1, 51):
    block = tridiagonal[:k, :k]
    first = np.linalg.norm(right) * np.eye(k)[0]
    krylov.append(energy(basis[:, :k] @ np.linalg.solve(block, first)))
    ritz.append(np.linalg.eigvalsh(block))

x, descent = 0 * exact, []
for _ in range(51):
    descent.append(energy(x))
    r = right - matrix @ x
    x = x + (r @ r) / (r @ matrix @ r) * r

eigenvalues = np.linalg.eigvalsh(matrix)
root = np.sqrt(eigenvalues[-1] / eigenvalues[0])
bound = 2 * ((root - 1) / (root + 1)) ** np.arange(51) * krylov[0]
for k in (10, 30, 50):
    print(f"error after {k} products: {krylov[k]:.1e}, steepest descent {descent[k]:.1e}")

# %%
# The eigenvalues of ``T`` say why the bound is so careful: the large ones, alone at their end, are
# found after a few steps, and from then on the iteration goes as if they were not there.

import matplotlib.pyplot as plt

figure, (left, middle) = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
left.semilogy(descent, label="steepest descent")
left.semilogy(bound, "--", label="Chebyshev's bound")
left.semilogy(krylov, label="conjugate gradients")
left.set(xlabel="products with the matrix", ylabel="error in the norm of the matrix")
left.legend(fontsize=8)
for k, values in enumerate(ritz, 1):
    middle.semilogy(np.full(k, k), values, "C2.", markersize=3)
for value in eigenvalues:
    middle.axhline(value, color="C1", linewidth=0.4, zorder=0)
middle.set(
    xlabel="products with the matrix",
    ylabel="eigenvalue",
    title="of T (dots) and of the matrix (lines)",
)
plt.show()

# %%
# A photograph out of focus
# -------------------------
# A lens has blurred an image by a Gaussian of unknown width ``s``, and the sensor has added noise.
# ``G`` blurs along an axis, ``D`` takes differences of neighbours, and ``M`` says which pixels are
# seen. The sharp image is to explain what was seen and yet be smooth: it minimises this.

p, q = derive.dims("p q")
b, M, H = (derive.matrix(name, p, p) for name in "bMH")
D, u = derive.matrix("D", q, p), derive.matrix("u", p, p)
s, rho = derive.scalar("s"), derive.scalar("rho")
place = derive.arange(p)
G = derive.let("G", derive.softmax(-((place[:, None] - place) ** 2) / (2 * s**2), axis=1))
lam = derive.let("lam", derive.exp(rho))


def square(z):
    """Half the square of the norm."""
    return derive.sum(z**2) / 2


smooth = square(D @ u) + square(u @ D.T)
objective = derive.sum(M * (G @ u @ G.T - b) ** 2) / 2 + lam * smooth
print(objective)

# %%
# The gradient is linear in ``u``. Where it is zero, a linear system is solved for a whole image.

print(derive.gradient(objective, u))

# %%
# The pixels ``H``, which ``M`` hides, measure the error of the solution, and the width and the
# penalty are found by its gradient, through the solver. That is the gradient of the exact solution,
# so ``tol`` has to be small: at ``1e-4`` the optimiser's line search no longer finds a way down.


def system(v):
    """What the matrix makes of an image."""
    return G.T @ (M * (G @ v @ G.T)) @ G + lam * (D.T @ (D @ v) + (v @ D.T) @ D)


sharp = derive.let("u", derive.solve(system, G.T @ (M * b) @ G, method="cg", tol=1e-7))
error = derive.let("E", derive.sum(H * (G @ sharp @ G.T - b) ** 2) / 2)
gradient = derive.gradient(error, {"s": s, "rho": rho})
outputs = {"error": error, "gradient": gradient, "image": sharp}
deblur = codegen.to_numpy(outputs, name="deblur", inputs=[s, rho, b, M, H, D])
print(derive.gradient(error, rho))

# %%

from scipy.ndimage import gaussian_filter
from scipy.optimize import minimize
from sklearn.datasets import load_sample_image

generator = np.random.default_rng(0)
photograph = load_sample_image("china.jpg").mean(axis=2) / 255
photograph = (photograph[:-1:2, ::2] + photograph[1::2, 1::2]) / 2
window = np.s_[60:140, 100:180]
truth = photograph[window]
taken = gaussian_filter(photograph, 1.5)[window] + 0.02 * generator.standard_normal(truth.shape)

# What lies beyond the border has a share in the pixels near it, which count neither way.
seen = np.pad(np.ones((68, 68)), 6)
hidden = seen * (generator.random(truth.shape) < 0.25)
level = taken.mean()
data = {"b": taken - level, "M": seen - hidden, "H": hidden, "D": np.diff(np.eye(80), axis=0)}


def evaluate(parameters):
    """Error and gradient by the width and the logarithm of the penalty."""
    path.append(parameters.copy())
    result = deblur(*parameters, **data)
    return result["error"], np.array([result["gradient"][name] for name in ("s", "rho")])


path = []
start = np.array([0.8, -3.0])
found = minimize(evaluate, start, jac=True, method="L-BFGS-B")
restored = deblur(*found.x, **data)["image"] + level
inside = np.s_[6:-6, 6:-6]
print(f"width {found.x[0]:.2f}, penalty {np.exp(found.x[1]):.1e}, {len(path)} evaluations")
for name, image in {"taken": taken, "restored": restored}.items():
    print(f"{name}: root mean square error {np.sqrt(np.mean((image - truth)[inside] ** 2)):.3f}")

# %%

figure, axes = plt.subplots(1, 4, figsize=(9, 2.6), layout="constrained")
for panel, (name, image) in zip(
    axes, {"taken": taken, "restored": restored, "truth": truth}.items(), strict=False
):
    panel.imshow(image[inside], cmap="gray", vmin=0, vmax=1)
    panel.set_title(name)
    panel.set_axis_off()
axes[3].plot([parameters[0] for parameters in path], ".-")
axes[3].axhline(1.5, color="C1", linewidth=0.8, linestyle="--")
axes[3].set(xlabel="evaluation", title="width, and the true one")
plt.show()

# %%
# The hidden pixels are noisy judges: in eight trials with other draws, more noise or less, and more
# hidden pixels or fewer, the width came out between 1.2 and 1.8. What is finer than the noise does
# not come back.
