"""
Least squares is a projection
=============================

442 patients have ten measurements each, and a number that says how their diabetes went on a year
later. Which combination of the measurements comes nearest to those numbers, and how much does the
answer for one patient lean on that very patient?
"""

# %%
# The loss, and where it is flat
# ------------------------------
# ``X`` has a row for each of ``n`` patients, and a column for each measurement.

import derive

n, d = derive.dims("n d")
X = derive.matrix("X", n, d)
y, w = derive.vector("y", n), derive.vector("w", d)
loss = derive.sum((X @ w - y) ** 2) / 2
loss

# %%

gradient = derive.gradient(loss, w)
gradient

# %%
# Each entry is the dot product of a column of ``X`` with the residual. At the minimum all of them
# are zero: the residual is at a right angle to every column.

gradient.steps

# %%
# A sign that slipped
# -------------------
# The residual has two signs in use, and the gradient one:

derive.verify(X.T @ (y - X @ w), loss, w)

# %%
# The projection
# --------------
# Where the gradient is zero stand the normal equations. Their solution, and what it predicts:

beta = derive.let("beta", derive.solve(X.T @ X, X.T @ y))
fit = derive.let("fit", X @ beta)
fit

# %%
# The Jacobian of the predictions by the observations is the matrix that projects on the columns of
# ``X``. Its diagonal, the *leverage*, says how far each prediction follows its own observation.

projection = derive.jacobian(fit, y)
projection

# %%
# To have the diagonal alone, which spares the ``n`` by ``n`` matrix:

leverage = derive.sum(X * derive.solve(X.T @ X, X.T).T, axis=1)
leverage

# %%
# The check
# ---------

import codegen

sizes = {"n": 5, "d": 2}
codegen.check(gradient).raise_if_failed()

# %%

codegen.check(projection, sizes=sizes).raise_if_failed()

# %%
# The code
# --------
# No inverse is formed, but a system is solved.

outputs = {"beta": beta, "residual": y - fit, "leverage": leverage}
least_squares = codegen.to_numpy(outputs, name="least_squares", inputs=[X, y])
least_squares

# %%

codegen.to_jax(outputs, name="least_squares", inputs=[X, y])

# %%
# Leaving a patient out, without doing so
# ---------------------------------------
# A fit without patient ``i`` would miss that patient by the residual over one less the leverage.
# One fit therefore gives the errors of all 442 fits, which scikit-learn makes one by one.

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import LeaveOneOut, cross_val_predict

data = load_diabetes()
features, target = data.data, data.target - data.target.mean()
found = least_squares(features, target)
without = found["residual"] / (1 - found["leverage"])

model = LinearRegression(fit_intercept=False)
predicted = cross_val_predict(model, features, target, cv=LeaveOneOut())
np.testing.assert_allclose(found["beta"], model.fit(features, target).coef_)
np.testing.assert_allclose(without, target - predicted)

rms = {"seen": found["residual"], "left out": without}
for name, errors in rms.items():
    print(f"root mean square error of patients {name}: {np.sqrt(np.mean(errors**2)):.2f}")
print(f"the columns times the residual: at most {np.abs(features.T @ found['residual']).max():.1e}")
print(f"sum of the leverages, which is the number of columns: {found['leverage'].sum():.6f}")

# %%
# A true picture of 442 dimensions
# --------------------------------
# Two of the columns and the observations span a space of three dimensions, in which their lengths
# and angles can be drawn as they are. The columns lie in the floor; all are drawn with length one.
# Body mass and blood pressure together reach the foot of the plumb line, and no point of the floor
# is nearer to ``y``.

import matplotlib.pyplot as plt

chosen = [data.feature_names.index(name) for name in ("bmi", "bp")]
pair = features[:, chosen]
vectors = np.column_stack([pair / np.linalg.norm(pair, axis=0), target / np.linalg.norm(target)])
_, corners = np.linalg.qr(vectors)
bmi, pressure, observed = (corners * np.sign(np.diag(corners))[:, None]).T
foot = observed * [1, 1, 0]
share = least_squares(pair, target / np.linalg.norm(target))["residual"]
np.testing.assert_allclose(np.linalg.norm(share), observed[2])


def drawn(*points):
    """The points of space as seen from above the floor: their places on paper, a row each."""
    turn, lift = np.radians(-35), np.radians(34)
    right = [np.cos(turn), np.sin(turn), 0]
    up = [-np.sin(turn) * np.sin(lift), np.cos(turn) * np.sin(lift), np.cos(lift)]
    return np.array(points) @ np.transpose([right, up])


def arrow(tip, color, name, offset, **place):
    """An arrow from the origin, with its name beside the tip."""
    style = {"arrowstyle": "-|>", "color": color, "lw": 2.5, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", *drawn(tip, 0 * tip), arrowprops={**style, "mutation_scale": 18})
    axes.annotate(name, drawn(tip)[0], offset, textcoords="offset points", color=color, **place)


plt.rcParams["font.size"] = 12
figure, axes = plt.subplots(figsize=(5.6, 4), layout="constrained")
floor = np.array([[-0.25, -0.3, 0], [1.15, -0.3, 0], [1.15, 1.05, 0], [-0.25, 1.05, 0]])
axes.fill(*drawn(*floor).T, color="0.92")
arrow(bmi, "0.3", "body mass", (4, -14))
arrow(pressure, "0.3", "blood pressure", (-6, 6), ha="center")
arrow(foot, "#0072B2", "prediction", (6, 3))
arrow(observed, "black", "y", (-4, 8))
axes.plot(*drawn(observed, foot).T, color="#D55E00", linewidth=2.5)
axes.annotate(
    "residual", drawn((observed + foot) / 2)[0], (8, 0), textcoords="offset points", color="#D55E00"
)
side, rise = 0.07 * foot / np.linalg.norm(foot), np.array([0, 0, 0.07])
axes.plot(*drawn(foot - side, foot - side + rise, foot + rise).T, color="0.3", linewidth=1)
axes.set_aspect("equal")
axes.set_axis_off()
plt.show()
