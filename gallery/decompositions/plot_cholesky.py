"""
The Cholesky decomposition
==========================

A positive definite matrix is the product of a lower triangular matrix and its transpose, in one way
if the diagonal is to be positive. Whoever factors a covariance and goes on with the factor needs
the derivative of the one by the other, and an optimiser that moves the entries of the factor itself
never leaves the positive definite matrices.
"""

# %%
# From the definition to the pullback
# -----------------------------------
# ``L_bar`` is the cotangent of the factor: what a loss that reads ``L`` sends back. The derivation
# starts at the equation that defines the factor, as in Murray (2016).

import derive
from derive import linalg

n = derive.dims("n")
A = derive.matrix("A", n, n, positive_definite=True)
L = derive.let("L", linalg.cholesky(A))
L_bar = derive.matrix("L_bar", n, n, lower_triangular=True)

pulled = derive.vjp(L, A, cotangent=L_bar)
print(pulled)

# %%

pulled.steps

# %%
# Why only the lower half
# -----------------------
# The other way round, a small change of ``A`` gives this change of ``L``:

dA = derive.matrix("dA", n, n, symmetric=True)
pushed = derive.jvp(L, A, tangent=dA)
print(pushed)

# %%
# The change of ``A`` has a symmetric matrix in the middle, which has to be a lower triangular
# matrix plus its transpose. There is one way to split it so: the lower triangle with half of the
# diagonal, since the diagonal is in both. That is ``lower_half``.
#
# The Jacobian in numbers, for 5 rows: the 15 entries of ``L`` by the 15 different ones of ``A``. It
# is triangular, as an entry of ``L`` is made of entries that come before, and that is why a factor
# can be computed row by row.

import matplotlib.pyplot as plt
import numpy as np

import codegen

jacobian = codegen.to_numpy(derive.jacobian(L, A), name="jacobian")
generator = np.random.default_rng(0)
samples = generator.standard_normal((40, 5))
slopes = jacobian(samples.T @ samples / 40)

rows, columns = np.tril_indices(5)
table = slopes[rows, columns][:, rows, columns]
names = [f"{i + 1}{j + 1}" for i, j in zip(rows, columns, strict=True)]
figure, axes = plt.subplots(figsize=(5, 4.2), layout="constrained")
axes.set_facecolor("0.8")
shown = np.where(np.abs(table) > 1e-12, table, np.nan)
largest = np.abs(table).max()
image = axes.imshow(shown, cmap="RdBu", vmin=-largest, vmax=largest)
axes.set_xticks(range(15), names, fontsize=7)
axes.set_yticks(range(15), names, fontsize=7)
axes.set(xlabel="entry of A", ylabel="entry of L", title="derivative; grey where it is zero")
figure.colorbar(image)
plt.show()

# %%
# The mistake: the lower triangle with all of its diagonal
# --------------------------------------------------------

from derive import inv

wrong = inv(L).T @ derive.tril(L.T @ L_bar) @ inv(L)
print(derive.verify((wrong + wrong.T) / 2, L, A, cotangent=L_bar))

# %%
# Through the factor, or around it
# --------------------------------
# The likelihood of a Gaussian, less a constant and with the sign changed, for ``m`` rows of data.
# The logarithm of the determinant is twice that of the diagonal of the factor, and the rest is one
# triangular solve.

m = derive.dims("m")
X, mu = derive.matrix("X", m, n), derive.vector("mu", n)


def gaussian(factor):
    """The negative log-likelihood of a covariance with this factor."""
    z = derive.let("Z", linalg.solve_triangular(factor, (X - mu).T, lower=True))
    return m * derive.sum(derive.log(derive.diag(factor) ** 2)) / 2 + derive.sum(z**2) / 2


through_factor = gaussian(L)
print(derive.gradient(through_factor, A))

# %%
# The textbook's gradient has no factor in it. It is the same:

R = X - mu
textbook = (m * inv(A) - inv(A) @ R.T @ R @ inv(A)) / 2
print(derive.verify(textbook, through_factor, A))

# %%
# The check
# ---------

print(codegen.check(pulled).raise_if_failed())

# %%
# The code
# --------
# No inverse is formed: each ``inv(L)`` is a triangular solve.

arguments, outputs = {"A": A, "L_bar": L_bar}, {"L": L, "A_bar": pulled}
cholesky = codegen.to_numpy(outputs, name="cholesky", inputs=arguments)
print(cholesky.source[cholesky.source.index("def cholesky") :])

# %%

cholesky_jax = codegen.to_jax(outputs, name="cholesky", inputs=arguments)
print(cholesky_jax.source[cholesky_jax.source.index("def cholesky") :])

# %%
# A covariance fitted through its factor
# --------------------------------------
# Now the factor is the unknown. Its gradient has the lower triangle alone:

F = derive.matrix("L", n, n, lower_triangular=True)
print(derive.gradient(gaussian(F), {"L": F, "mu": mu}))

# %%
# Where both are zero, the best covariance of a Gaussian is that of the data, which needs no
# optimiser. Other distributions have no such formula: Student's t, which forgives single points
# that are far away, and which is the Gaussian again as ``nu`` grows. The change in the expression
# is one line, and the derivative follows.

nu = derive.scalar("nu")
Z = derive.let("Z", linalg.solve_triangular(F, (X - mu).T, lower=True))
q = derive.let("q", derive.sum(Z**2, axis=0))
student = m * derive.sum(derive.log(derive.diag(F) ** 2)) / 2 + (nu + n) / 2 * derive.sum(
    derive.log(1 + q / nu)
)
slope = derive.gradient(student, {"L": F, "mu": mu})
print(slope)

# %%

inputs = {"params": {"L": F, "mu": mu}, "nu": nu, "X": X}
negative = codegen.to_numpy((student, slope), name="student", inputs=inputs)
print(negative.source[negative.source.index("def student") :])

# %%
# Five features of tumours that scikit-learn carries, each a deviation, and far from Gaussian. Half
# of the tumours are to fit, half to judge the fit by their density.

from scipy.optimize import minimize
from scipy.special import gammaln
from sklearn.datasets import load_breast_cancer

data = load_breast_cancer()
chosen = [10, 11, 12, 14, 15]
features = data.data[:, chosen]
features = (features - features.mean(axis=0)) / features.std(axis=0)
order = generator.permutation(len(features))
seen, not_seen = features[order[::2]], features[order[1::2]]
triangle = np.tril_indices(5)


def unpack(flat):
    """The parameters in a vector: the lower triangle of the factor, and the mean."""
    factor = np.zeros((5, 5))
    factor[triangle] = flat[:15]
    return {"L": factor, "mu": flat[15:]}


def fit(freedom):
    """The factor and the mean that make the data likeliest."""

    def objective(flat):
        value, slopes = negative(unpack(flat), freedom, seen)
        slopes = np.concatenate([slopes["L"][triangle], slopes["mu"]])
        return value / len(seen), slopes / len(seen)

    start = np.concatenate([np.eye(5)[triangle], np.zeros(5)])
    options = {"maxiter": 500, "gtol": 1e-8, "ftol": 1e-15}
    return unpack(minimize(objective, start, jac=True, method="L-BFGS-B", options=options).x)


def log_density(found, freedom, points):
    """The mean of the logarithm of the density, with its constant."""
    constant = gammaln((freedom + 5) / 2) - gammaln(freedom / 2) - 2.5 * np.log(freedom * np.pi)
    return constant - negative(found, freedom, points)[0] / len(points)


freedoms = [2, 4, 8, 16, 32, 1e8]
fits = {freedom: fit(freedom) for freedom in freedoms}
for freedom, found in fits.items():
    densities = [log_density(found, freedom, points) for points in (seen, not_seen)]
    print(f"nu = {freedom:g}: {densities[0]:.3f} per tumour, {densities[1]:.3f} if not seen")

nearly_gaussian = fits[1e8]["L"] @ fits[1e8]["L"].T
difference = np.abs(nearly_gaussian - np.cov(seen.T, bias=True)).max()
print(f"nu = 1e+08 against the covariance of the data: largest difference {difference:.1e}")
if difference > 1e-5:
    raise SystemExit(1)

# %%
# On the left, the ellipses that hold half of each fitted distribution, for two of the features. The
# Gaussian is wide for the sake of a few tumours, and two thirds of them are in its half.

from scipy.stats import f

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
left.plot(*not_seen[:, [0, 1]].T, ".", color="0.6", markersize=3)
angle = np.linspace(0, 2 * np.pi, 200)
circle = np.array([np.cos(angle), np.sin(angle)])
for freedom, name, color in ((4, "Student's t, nu = 4", "C1"), (1e8, "Gaussian", "C0")):
    factor, center = fits[freedom]["L"][:2, :2], fits[freedom]["mu"][:2, None]
    square = 2 * f.ppf(0.5, 2, freedom)
    left.plot(*(center + factor @ circle * np.sqrt(square)), color=color, label=name)
    distances = np.sum(np.linalg.solve(factor, not_seen[:, [0, 1]].T - center) ** 2, axis=0)
    print(f"{name}: {np.mean(distances < square):.2f} of the tumours not seen are inside")
left.set(xlabel=data.feature_names[chosen[0]], ylabel=data.feature_names[chosen[1]])
left.set(xlim=(-2, 4), ylim=(-2.5, 4))
left.legend(loc="upper right")
for name, points in {"seen": seen, "not seen": not_seen}.items():
    right.plot([log_density(found, nu, points) for nu, found in fits.items()], "o-", label=name)
right.set_xticks(range(len(freedoms)), [*(f"{nu}" for nu in freedoms[:-1]), "Gaussian"])
right.set(xlabel="nu", ylabel="log density per tumour")
right.legend()
plt.show()
