"""
The eigenproblem with repeated eigenvalues
==========================================

A graph, a molecule or a grid of pixels with a symmetry has eigenvalues that coincide. The
derivative of an eigenvector divides by the gaps between eigenvalues, and automatic differentiation
gives nan there. Most of what is computed from eigenvectors does have a derivative all the same.
"""

# %%
# What divides by a gap
# ---------------------
# The derivation starts at ``A @ V = V @ diag(w)``. The cotangent of the eigenvectors is divided by
# the gaps, since the derivative of ``V`` itself is:

import derive
from derive import linalg

n = derive.dims("n")
A = derive.matrix("A", n, n, symmetric=True)
w, V = linalg.eigh(A)
V_bar = derive.matrix("V_bar", n, n)

pulled = derive.vjp(V, A, cotangent=V_bar)
print(pulled)

# %%

pulled.steps

# %%
# Where two eigenvalues coincide, any rotation of their two eigenvectors gives eigenvectors again. A
# small change of ``A`` picks one of them, another change another: there is no derivative.

# %%
# What does not
# -------------
# Sums over all eigenvalues are functions of the matrix. What is written in eigenvalues comes back
# without them where it can, and never with a gap:

for f in (w**2, derive.log(w), derive.exp(w), -w * derive.log(w)):
    print(derive.gradient(derive.sum(f), A))

# %%
# So are matrices ``V @ diag(h(w)) @ V.T``, in which a rotation of eigenvectors cancels. The rule of
# Daleckii and Krein (1965) has divided differences, ``(h(x) - h(y)) / (x - y)``, which are
# ``h'(x)`` where ``x`` and ``y`` coincide.

B = derive.matrix("B", n, n, symmetric=True)
logarithm = derive.let("Y", V @ derive.diag(derive.log(w)) @ V.T)
print(logarithm)

# %%

pulled = derive.vjp(logarithm, A, cotangent=B)
pulled.steps

# %%
# And so is the projector on the space of the last two eigenvectors. It has gaps, but none between
# the two: only from one of the two to one of the others.

projector = V[:, -2:] @ V[:, -2:].T
print(derive.vjp(projector, A, cotangent=B))

# %%
# The mistake: it is not the logarithm of a number
# ------------------------------------------------
# The derivative of ``log(x)`` is ``1 / x``, and for the trace of the logarithm that carries over.
# For the matrix it does not, since ``A`` and its change do not commute:

from derive import inv

print(derive.verify(inv(A), derive.trace(logarithm), A))

# %%

print(derive.verify((inv(A) @ B + B @ inv(A)) / 2, logarithm, A, cotangent=B))

# %%
# Branches that cross
# -------------------
# The eigenvalues of a matrix that moves on a line. Sorted, they have kinks where they meet, and
# their slopes, here by the derived rule, jump. The slope of a sum over all of them does not.

import matplotlib.pyplot as plt
import numpy as np

import codegen

dA = derive.matrix("dA", n, n, symmetric=True)
total = derive.sum(derive.log(w))
outputs = {name: derive.jvp(value, A, tangent=dA) for name, value in (("w", w), ("sum", total))}
slopes_at = codegen.to_numpy({"values": w, **outputs}, name="slopes", inputs=[A, dA])

generator = np.random.default_rng(0)
basis = np.linalg.qr(generator.standard_normal((3, 3)))[0]
start = basis @ np.diag([1.0, 2.0, 3.0]) @ basis.T
move = basis @ np.diag([1.5, 0.0, -1.0]) @ basis.T
places = np.linspace(0, 2, 201)
along = [slopes_at(start + t * move, move) for t in places]

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
left.plot(places, [at["values"] for at in along])
left.set(xlabel="t", ylabel="eigenvalues of A + t dA")
right.plot(places, [at["w"] for at in along])
right.plot(places, [at["sum"] for at in along], "k--")
right.plot([], [], "k--", label="sum of the logarithms")
right.set(xlabel="t", ylabel="slopes", ylim=(-1.2, 2.1))
right.legend(loc="upper right")
plt.show()

# %%
# Against automatic differentiation
# ---------------------------------
# The logarithm of a matrix by its eigenvectors in JAX, and the derived code, which JAX runs too.

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)
derived = codegen.to_jax({"Y": logarithm, "A_bar": pulled}, name="logarithm", inputs=[A, B])
print(derived.source[derived.source.index("def _divided_difference") :])


@jax.jit
@jax.grad
def traced(matrix, weight):
    w, V = jnp.linalg.eigh(matrix)
    return jnp.sum(weight * ((V * jnp.log(w)) @ V.T))


weight = generator.standard_normal((3, 3))
weight = weight + weight.T
print(traced(jnp.eye(3), weight))
print(derived(jnp.eye(3), weight)["A_bar"] - weight)

# %%
# At the identity the derivative is the weight itself. How near is too near? For the eigenvalues 1,
# 2 and 2 + gap, the error of both derivatives, against the rule in the basis that is known here:


def exact(gap):
    """The matrix with the eigenvalues 1, 2, 2 + gap, and the derivative there."""
    x = np.array([1.0, 2.0, 2.0 + gap])
    ratio = (x - x[:, None]) / x[:, None]
    quotient = np.where(ratio == 0, 1, np.log1p(ratio) / np.where(ratio == 0, 1, ratio))
    differences = quotient / x[:, None]
    return (basis * x) @ basis.T, basis @ (differences * (basis.T @ weight @ basis)) @ basis.T


gaps = 10.0 ** np.arange(-15, 0.5, 0.5)
errors = {"jax.grad through eigh": [], "derived": []}
for gap in gaps:
    matrix, right = exact(gap)
    found = traced(matrix, weight), derived(matrix, weight)["A_bar"]
    for error, slope in zip(errors.values(), found, strict=True):
        error.append(np.abs((slope + slope.T) / 2 - right).max())
figure, axes = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
for name, error in errors.items():
    axes.loglog(gaps, error, "o-", markersize=4, label=name)
axes.set(xlabel="gap between two eigenvalues", ylabel="largest error of the derivative")
axes.legend()
plt.show()

# %%
# The exponent of natural images
# ------------------------------
# Photographs look alike at every scale: their power falls as a power of the frequency, which is
# near :math:`1 / f^2` (Field, 1987). On a grid of pixels, with ``H`` the Laplacian along its rows
# and ``U`` that along its columns, such a Gaussian field has the inverse covariance
# ``A**alpha``, where ``A = kappa * I + a * H + b * U``, and ``alpha = 1`` is the exponent 2. The
# likelihood of patches asks for their covariance ``C``.

H, U = (derive.matrix(name, n, n, symmetric=True) for name in "HU")
C = derive.matrix("C", n, n, symmetric=True)
params = {name: derive.scalar(name, positive=True) for name in ("kappa", "a", "b", "alpha")}
kappa, a, b, alpha = params.values()

A = derive.let("A", kappa * derive.eye(n) + a * H + b * U)
power = linalg.spectral_function(lambda t, exponent: t**exponent, A, alpha)
log_det = derive.sum(derive.log(linalg.eigvalsh(A)))
loss = derive.let("f", (derive.trace(power @ C) - alpha * log_det) / 2)
gradient = derive.gradient(loss, params)
print(gradient)

# %%

print(codegen.check(gradient).raise_if_failed())

# %%

inputs = {"params": params, "H": H, "U": U, "C": C}
field = codegen.to_numpy((loss, gradient), name="field", inputs=inputs)
print(field.source[field.source.index("def field") :])

# %%
# Rows and columns of a square grid are alike, so that for ``a = b``, where a fit begins, most of
# the eigenvalues come twice.

side = 10
line = 2 * np.eye(side) - np.eye(side, k=1) - np.eye(side, k=-1)
line[0, 0] = line[-1, -1] = 1
along_rows, along_columns = np.kron(np.eye(side), line), np.kron(line, np.eye(side))
grid = np.eye(side**2) + along_rows + along_columns
print(f"{np.sum(np.diff(np.linalg.eigvalsh(grid)) < 1e-9)} of {side**2 - 1} gaps are zero")
print("jax.grad through its eigenvectors:", traced(grid, np.eye(side**2)).ravel()[:4])

# %%
# The patches are cut from a photograph that scikit-learn carries.

from scipy.optimize import minimize
from sklearn.datasets import load_sample_image
from sklearn.feature_extraction.image import extract_patches_2d

photograph = load_sample_image("china.jpg").mean(axis=2) / 255
patches = extract_patches_2d(photograph, (side, side), max_patches=4000, random_state=0)
patches = patches.reshape(len(patches), -1) - patches.mean()
covariance = patches.T @ patches / len(patches)


def objective(logarithms):
    found = dict(zip(params, np.exp(logarithms), strict=True))
    value, slopes = field(found, along_rows, along_columns, covariance)
    return value, np.array([slopes[name] * found[name] for name in params])


ones = dict.fromkeys(params, 1.0)
slopes = field(ones, along_rows, along_columns, covariance)[1]
print("gradient at the start:", {name: round(float(v), 3) for name, v in slopes.items()})
result = minimize(objective, np.zeros(4), jac=True, method="L-BFGS-B")
found = dict(zip(params, np.exp(result.x), strict=True))
print(f"after {result.nit} iterations:", {name: round(float(v), 3) for name, v in found.items()})
print(f"the power falls as 1 / f ** {2 * found['alpha']:.2f}")

# %%
# On the left, the correlation of pixels by their distance, in the patches (dots) and in the fitted
# field (lines): this photograph is smoother along its columns, and ``b`` is larger. Far along its
# rows it is no such field. On the right, the variance of the patches along each eigenvector of
# ``A``, and what the field has there: a straight line of slope ``-alpha``.

values, vectors = np.linalg.eigh(
    found["kappa"] * np.eye(side**2) + found["a"] * along_rows + found["b"] * along_columns
)
model = (vectors * values ** -found["alpha"]) @ vectors.T
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
for name, color, turn in (("rows", "C0", (0, 1, 2, 3)), ("columns", "C1", (1, 0, 3, 2))):
    for table, style, label in ((covariance, "o", None), (model, "-", f"along {name}")):
        cube = table.reshape(side, side, side, side).transpose(turn)
        same_line = np.mean([cube[i, :, i, :] for i in range(side)], axis=0)
        apart = np.array([np.mean(np.diagonal(same_line, k)) for k in range(side)])
        left.plot(apart / apart[0], style, color=color, label=label)
left.set(xlabel="distance in pixels", ylabel="correlation")
left.legend()
variances = np.sum(vectors * (covariance @ vectors), axis=0)
right.loglog(values, variances, "C2o", markersize=4, label="patches")
right.loglog(values, values ** -found["alpha"], "k-", label="field")
right.set(xlabel="eigenvalue of A", ylabel="variance")
right.legend()
plt.show()
