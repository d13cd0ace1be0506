"""
Conjugate gradients
===================

How strongly should a regression hold its weights back? The weights solve a linear system that
nobody needs to form, products with it are enough, and the derivative of the answer by the penalty
takes one more system with the same products.
"""

# %%
# A system that is given by its product
# -------------------------------------
# Ridge regression solves a system with the matrix of the normal equations. Conjugate gradients need
# only what that makes of a vector, so the system is a function.

import derive

n, m, d = derive.dims("n m d")
X, y, lam = derive.matrix("X", n, d), derive.vector("y", n), derive.scalar("lam")


def ridge(v):
    """What the matrix of the normal equations makes of a vector."""
    return X.T @ (X @ v) + lam * v


w = derive.let("w", derive.solve(ridge, X.T @ y, method="cg"))
w

# %%
# The derivative of a solution
# ----------------------------
# The penalty is judged by the error on data held out. Its derivative comes from the equation that
# ``w`` solves, not from the steps that found it.

X_v, y_v = derive.matrix("X_v", m, d), derive.vector("y_v", m)
error = derive.let("E", derive.sum((X_v @ w - y_v) ** 2) / 2)
gradient = derive.gradient(error, lam)
gradient

# %%

gradient.steps

# %%
# A mistake
# ---------
# "A larger penalty shrinks the weights, so their derivative is ``-w``." The direction in which they
# shrink is another: the inverse of the matrix acts on it.

delta = derive.vector("delta", d)
derive.verify(-derive.dot(delta, w), w, lam, cotangent=delta)

# %%

adjoint = derive.solve(ridge, delta, method="cg")
derive.verify(-derive.dot(adjoint, w), w, lam, cotangent=delta)

# %%
# Check
# -----

import codegen

codegen.check(gradient).raise_if_failed()

# %%
# The code
# --------
# The generated module has a loop for conjugate gradients, and the function calls it twice.

inputs = [lam, X, y, X_v, y_v]
held_out = codegen.to_numpy((error, gradient), name="held_out_error", inputs=inputs)
print(held_out.source[held_out.source.index("def _conjugate_gradients") :])

# %%

held_out_jax = codegen.to_jax((error, gradient), name="held_out_error", inputs=inputs)
print(held_out_jax.source[held_out_jax.source.index("def held_out_error") :])

# %%
# The penalty of the digits
# -------------------------
# The digits of scikit-learn are to be told into small and large ones. A hundred of them are to
# learn from, the others judge. The best penalty is where the derivative by it is zero, and there
# scikit-learn's ridge regression has the lowest error, too.

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from sklearn.datasets import load_digits
from sklearn.linear_model import Ridge

digits = load_digits()
pixels, large = digits.data / 16, np.where(digits.target >= 5, 1.0, -1.0)
data = pixels[:100], large[:100], pixels[100:], large[100:]
best = brentq(lambda log_lam: held_out(np.exp(log_lam), *data)[1], -3, 5)


def by_scikit_learn(log_lam):
    """The same error, by another implementation."""
    model = Ridge(np.exp(log_lam), fit_intercept=False).fit(*data[:2])
    return np.sum((model.predict(data[2]) - data[3]) ** 2) / 2


expected = minimize_scalar(
    by_scikit_learn, bounds=(-3, 5), method="bounded", options={"xatol": 1e-7}
)
print(f"best penalty {np.exp(best):.4f}, by scikit-learn {np.exp(expected.x):.4f}")
assert abs(best - expected.x) < 1e-4

# %%
# What the loop finds
# -------------------
# After ``k`` products a method can know the matrix on the space of what these products gave, and
# nothing else. Lanczos' method gives an orthonormal basis ``V``
# of that space and a tridiagonal matrix ``T``, which is the matrix on that space.

alpha, beta, V = derive.linalg.lanczos(ridge, X.T @ y, 50)
lanczos = codegen.to_numpy((alpha, beta, V), name="lanczos", inputs=[X, y, lam])

# %%
# The step ``k`` of conjugate gradients solves with the leading block of ``T``. Here for all of the
# digits, against steepest descent and Chebyshev's bound, which knows the two ends of the spectrum
# only.

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

# sphinx_gallery_thumbnail_number = 1
import matplotlib.pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
left.semilogy(descent, color="0.5", label="steepest descent")
left.semilogy(bound, "--", color="#D55E00", label="Chebyshev's bound")
left.semilogy(krylov, color="#0072B2", label="conjugate gradients")
left.set(xlabel="products with the matrix", ylabel="error in the norm of the matrix")
left.legend(fontsize=8)
for k, values in enumerate(ritz, 1):
    right.semilogy(np.full(k, k), values, ".", color="#0072B2", markersize=3)
for value in eigenvalues:
    right.axhline(value, color="0.75", linewidth=0.6, zorder=0)
right.set(
    xlabel="products with the matrix",
    ylabel="eigenvalue",
    title="of T (dots) and of the matrix (lines)",
)
plt.show()
