"""
Compressing an image with few singular values
=============================================

A photograph is a matrix of grey levels, and the rows of most photographs look alike. A matrix of
rank ``r`` keeps ``r (m + n)`` numbers instead of ``m n``: which one is nearest, and how does what
is lost depend on the picture?
"""

# %%
# The nearest matrix of a rank
# ----------------------------
# It keeps the largest singular values, and the squares of the others add up to the squared error
# (Eckart and Young, 1936).

import derive
from derive import linalg

m, n, r = derive.dims("m n r")
A = derive.matrix("A", m, n)
B = derive.let("B", linalg.low_rank(A, r))
B

# %%

error = derive.let("E", linalg.low_rank_error(A, r))
error

# %%
# Its derivative
# --------------
# The error goes through a singular value decomposition, and yet its gradient is short. The steps
# begin with the equation that defines the decomposition, and at the end the singular vectors have
# dropped out.

gradient = derive.gradient(error, A)
gradient

# %%

gradient.steps

# %%
# It is twice what is left over, as if ``B`` did not depend on ``A``: where ``B`` is the best, a
# small change of it changes nothing.

sizes = {"m": 4, "n": 3, "r": 2}
derive.verify(2 * (A - B), error, A, sizes=sizes)

# %%
# For another function of ``B`` it does depend. To hold the singular vectors fixed in the backward
# pass, which projects the cotangent on them, is the mistake of a program that truncates.

C, C_bar = derive.matrix("C", 4, 3), derive.matrix("C_bar", 4, 3)
U, _, Vt = linalg.svd(C)
fixed = U[:, :2] @ U[:, :2].T @ C_bar @ Vt[:2].T @ Vt[:2]
derive.verify(fixed, linalg.low_rank(C, 2), C, cotangent=C_bar)

# %%
# The check
# ---------

import codegen

codegen.check(gradient, sizes=sizes).raise_if_failed()

# %%
# The code
# --------
# The rank becomes an argument, and one decomposition serves for all three results.

outputs = {"image": B, "error": error, "gradient": gradient}
truncate = codegen.to_numpy(outputs, name="truncate", inputs=[A])
truncate

# %%

codegen.to_jax(outputs, name="truncate", inputs=[A])

# %%
# A photograph, and noise
# -----------------------
# Every second pixel of scikit-learn's pagoda, and noise, in which there is little to save. The
# independent witness is scikit-learn's truncated decomposition, which multiplies with the picture
# and never decomposes the whole of it.

import numpy as np
from sklearn.datasets import load_sample_image
from sklearn.decomposition import TruncatedSVD

pagoda = load_sample_image("china.jpg").mean(axis=2)[::2, ::2] / 255
height, width = pagoda.shape
noise = np.random.default_rng(0).random(pagoda.shape)
kept = {rank: truncate(pagoda, rank) for rank in (5, 20, 60)}

for rank, found in kept.items():
    model = TruncatedSVD(rank, algorithm="arpack", random_state=0)
    expected = model.inverse_transform(model.fit_transform(pagoda))
    np.testing.assert_allclose(found["image"], expected, atol=1e-8)
    np.testing.assert_allclose(found["error"], np.sum((pagoda - expected) ** 2))

    share = rank * (height + width) / pagoda.size
    pictures = {"pagoda": pagoda, "noise": noise}
    errors = {name: truncate(picture, rank)["error"] for name, picture in pictures.items()}
    lost = {name: np.sqrt(errors[name] / pictures[name].var() / pagoda.size) for name in errors}
    shown = ", ".join(f"{part:.0%} of the {name}" for name, part in lost.items())
    print(f"rank {rank} keeps {share:.0%} of the numbers and loses {shown}")

# %%
# The gradient says by how much the error changes with each pixel. It is drawn with the pictures: at
# rank 5 whole parts of the roof are missing, at rank 60 little else than noise.

import matplotlib.pyplot as plt

plt.rcParams["font.size"] = 12
figure, axes = plt.subplots(2, 3, figsize=(7.2, 3.8), layout="constrained")
for (above, below), (rank, found) in zip(axes.T, kept.items(), strict=True):
    above.imshow(found["image"], cmap="gray", vmin=0, vmax=1)
    above.set_title(f"rank {rank}")
    below.imshow(found["gradient"], cmap="RdBu", vmin=-0.6, vmax=0.6)
    for panel in (above, below):
        panel.set(xticks=[], yticks=[])
axes[0, 0].set_ylabel("image")
axes[1, 0].set_ylabel("gradient")
plt.show()
