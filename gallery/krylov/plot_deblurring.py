"""
A photograph out of focus
=========================

A lens has blurred a photograph by an unknown width, and the sensor has added noise. The sharp image
solves a linear system for all pixels at once, and the width is found by the derivative of that
solution, which is one more system.
"""

# %%
# What a sharp image should be
# ----------------------------
# ``G`` blurs along an axis by a Gaussian of the unknown width ``s``, ``D`` takes differences of
# neighbours, and ``M`` says which pixels of the photograph ``b`` are seen. The sharp image is to
# explain what was seen and yet be smooth.

import derive

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
objective

# %%
# The gradient is a linear system
# -------------------------------
# How far the blurred image is from the photograph, step by step, for any blur ``B``:

B = derive.matrix("B", p, p)
misfit = derive.sum(M * (B @ u @ B.T - b) ** 2) / 2
derive.gradient(misfit, u).steps

# %%
# With the smoothness it is linear in ``u``, and where it is zero, a system is solved for a whole
# image.

by_image = derive.gradient(objective, u)
by_image

# %%
# A mistake: an error is pulled back by the transposed blur, not by the blur itself.

derive.verify(B @ (M * (B @ u @ B.T - b)) @ B.T, misfit, u)

# %%
# The derivative of the solution
# ------------------------------
# The pixels ``H``, which ``M`` hides, measure the error of the solution. The width and the
# penalty are found by its gradient, through the solver. That is the gradient of the exact
# solution, so ``tol`` has to be small, or the optimiser's line search no longer finds a way down.


def system(v):
    """What the matrix makes of an image."""
    return G.T @ (M * (G @ v @ G.T)) @ G + lam * (D.T @ (D @ v) + (v @ D.T) @ D)


sharp = derive.let("u", derive.solve(system, G.T @ (M * b) @ G, method="cg", tol=1e-6))
error = derive.let("E", derive.sum(H * (G @ sharp @ G.T - b) ** 2) / 2)
parameters = {"s": s, "rho": rho}
gradient = derive.gradient(error, parameters)
derive.gradient(error, rho)

# %%
# Check
# -----

import codegen

codegen.check(derive.gradient(misfit, u)).raise_if_failed()

# %%
# The code
# --------
# A hundred lines by hand, with room for mistakes; the image is solved for once, and so is its
# adjoint.

outputs = {"error": error, "gradient": gradient, "image": sharp}
inputs = [s, rho, b, M, H, D]
deblur = codegen.to_numpy(outputs, name="deblur", inputs=inputs)
print(deblur.source[deblur.source.index("def deblur") :])

# %%

deblur_jax = codegen.to_jax(outputs, name="deblur", inputs=inputs)
print(deblur_jax.source[deblur_jax.source.index("def deblur") :])

# %%
# The temple
# ----------
# A quarter of the pixels is hidden. What lies beyond the border has a share in the pixels near it,
# which count neither way.

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.optimize import minimize
from scipy.sparse.linalg import LinearOperator, cg
from sklearn.datasets import load_sample_image

generator = np.random.default_rng(0)
photograph = load_sample_image("china.jpg").mean(axis=2) / 255
photograph = (photograph[:-1:2, ::2] + photograph[1::2, 1::2]) / 2
window = np.s_[60:140, 100:180]
truth = photograph[window]
taken = gaussian_filter(photograph, 1.5)[window] + 0.02 * generator.standard_normal(truth.shape)

seen = np.pad(np.ones((68, 68)), 6)
hidden = seen * (generator.random(truth.shape) < 0.25)
level = taken.mean()
data = {"b": taken - level, "M": seen - hidden, "H": hidden, "D": np.diff(np.eye(80), axis=0)}


def evaluate(point):
    """Error and gradient by the width and the logarithm of the penalty."""
    path.append(point.copy())
    result = deblur(*point, **data)
    return result["error"], np.array([result["gradient"][name] for name in parameters])


path = []
found = minimize(
    evaluate, np.array([0.8, -3.0]), jac=True, method="L-BFGS-B", options={"ftol": 1e-5}
)
restored = deblur(*found.x, **data)["image"]
inside = np.s_[6:-6, 6:-6]
print(f"width {found.x[0]:.2f}, penalty {np.exp(found.x[1]):.1e}, {len(path)} evaluations")
for name, image in {"taken": taken, "restored": restored + level}.items():
    print(f"{name}: root mean square error {np.sqrt(np.mean((image - truth)[inside] ** 2)):.3f}")

# %%
# SciPy's conjugate gradients, with the system written by hand at the width and penalty found:

distance = np.arange(80)[:, None] - np.arange(80)
blur = np.exp(-(distance**2) / (2 * found.x[0] ** 2))
blur /= blur.sum(axis=1, keepdims=True)
second = data["D"].T @ data["D"]


def by_hand(pixels):
    """The system on the pixels of an image in one vector."""
    v = pixels.reshape(80, 80)
    fit = blur.T @ (data["M"] * (blur @ v @ blur.T)) @ blur
    return (fit + np.exp(found.x[1]) * (second @ v + v @ second)).ravel()


right = (blur.T @ (data["M"] * data["b"]) @ blur).ravel()
expected, _ = cg(LinearOperator((6400, 6400), matvec=by_hand), right, rtol=1e-6)
difference = np.abs(restored.ravel() - expected).max()
print(f"largest difference of a pixel from scipy.sparse.linalg.cg {difference:.1e}")
assert difference < 1e-4

# %%
# The width comes near to the true one, dashed, which no one has told. What is finer than the
# noise does not come back.

# sphinx_gallery_thumbnail_number = 1
import matplotlib.pyplot as plt

figure, panels = plt.subplots(1, 4, figsize=(9, 2.6), layout="constrained")
images = {"taken": taken, "restored": restored + level, "truth": truth}
for panel, (name, image) in zip(panels, images.items(), strict=False):
    panel.imshow(image[inside], cmap="gray", vmin=0, vmax=1)
    panel.set_title(name)
    panel.set_axis_off()
panels[3].plot([point[0] for point in path], ".-", color="#0072B2")
panels[3].axhline(1.5, color="#D55E00", linestyle="--")
panels[3].set(xlabel="evaluation", title="width found", ylim=(0.6, 1.8))
panels[3].spines[["top", "right"]].set_visible(False)
plt.show()
