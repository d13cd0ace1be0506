"""The generated functions: structure, names, types, errors, and use under JAX's transformations."""

from __future__ import annotations

import ast
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import codegen
import derive
from codegen.naming import RESERVED, identifier

n, d = derive.dims("n d")
X, w, y = derive.matrix("X", n, d), derive.vector("w", d), derive.vector("y", n)
loss = derive.sum(derive.softplus(-y * (X @ w)))
RNG = np.random.default_rng(0)
VALUES = {"X": RNG.normal(size=(6, 3)), "w": RNG.normal(size=3), "y": RNG.normal(size=6)}


def test_structure_of_outputs():
    g = derive.gradient(loss, w)
    as_dict = codegen.to_numpy({"loss": loss, "gradient": g})(**VALUES)
    assert list(as_dict) == ["loss", "gradient"]
    as_tuple = codegen.to_numpy([loss, g])(**VALUES)
    assert isinstance(as_tuple, tuple)
    alone = codegen.to_numpy(g)(**VALUES)
    nested = codegen.to_numpy({"a": (loss, {"b": g})})(**VALUES)
    for found in (as_dict["gradient"], as_tuple[1], alone, nested["a"][1]["b"]):
        np.testing.assert_array_equal(found, as_dict["gradient"])
    several = codegen.to_numpy(derive.gradient(loss, [w, X]))(**VALUES)
    assert [part.shape for part in several] == [(3,), (6, 3)]


def test_inputs_by_position_and_name():
    f = codegen.to_numpy(derive.gradient(loss, w))
    assert f.inputs == ("w", "X", "y")
    np.testing.assert_array_equal(f(VALUES["w"], VALUES["X"], VALUES["y"]), f(**VALUES))
    ordered = codegen.to_numpy(loss, inputs=["y", X, "w"])
    assert ordered.inputs == ("y", "X", "w")
    with pytest.raises(derive.UnsupportedError, match="also use w"):
        codegen.to_numpy(loss, inputs=["y", "X"])
    with pytest.raises(derive.UnsupportedError, match="'z' is not a symbol"):
        codegen.to_numpy(loss, inputs=["y", "X", "w", "z"])


def test_inputs_that_only_lend_their_shape_stay_inputs():
    f = codegen.to_numpy(derive.gradient(derive.sum(X @ w), X))
    assert f.inputs == ("X", "w")
    np.testing.assert_array_equal(f(VALUES["X"], VALUES["w"]), np.tile(VALUES["w"], (6, 1)))


@pytest.mark.parametrize("generate", [codegen.to_numpy, codegen.to_jax])
def test_shapes_are_checked(generate):
    f = generate(loss)
    with pytest.raises(ValueError, match=r"w must have shape \(d,\), got \(4,\)"):
        f(**{**VALUES, "w": np.ones(4)})
    with pytest.raises(ValueError, match=r"X must have shape \(n, d\), got \(3,\)"):
        f(**{**VALUES, "X": np.ones(3)})
    square = generate(derive.trace(derive.matrix("A", n, n)))
    with pytest.raises(ValueError, match=r"A must have shape \(n, n\), got \(2, 3\)"):
        square(np.ones((2, 3)))
    indices = generate(derive.take(w, derive.tensor("i", n, dtype="int")))
    with pytest.raises(TypeError, match="i must hold integers"):
        indices(i=np.ones(3), w=np.ones(3))


def test_indices_are_checked():
    i = derive.tensor("i", n, dtype="int")
    taken = codegen.to_numpy(derive.take(w, i))
    picked = codegen.to_numpy(derive.take_along_axis(X, i[:, None], axis=1))
    for index in ([0, 3], [-1, 0]):
        with pytest.raises(IndexError, match="i must hold indices from 0 to 2"):
            taken(i=index, w=np.ones(3))
        with pytest.raises(IndexError, match="i must hold indices from 0 to 2"):
            picked(i=index, X=np.ones((2, 3)))


@pytest.mark.parametrize("generate", [codegen.to_numpy, codegen.to_jax])
def test_slices_must_lie_within_their_axis(generate):
    """NumPy would shorten the slice and go on; a sum of it would be a wrong number."""
    x = derive.vector("x", n)
    for part in (x[:3], x[-3:], x[2:5]):
        f = generate(derive.sum(part))
        assert float(f(np.ones(6))) == 3
        with pytest.raises(ValueError, match=r"the sizes must satisfy n - [35] >= 0"):
            f(np.ones(2))


def test_integers_and_lists_count_as_floats():
    x = derive.vector("x", n)
    f = codegen.to_numpy(derive.gradient(derive.sum(1 / x), x))
    np.testing.assert_array_equal(f([1, 2, 4]), [-1, -0.25, -0.0625])


@pytest.mark.parametrize("generate", [codegen.to_numpy, codegen.to_jax])
def test_single_precision_stays_single(generate):
    A = derive.matrix("A", d, d)
    exprs = {
        "hessian": derive.hessian(loss, w),
        "abs": derive.gradient(derive.norm(w, 1), w),
        "max": derive.gradient(derive.max(X @ w), w),
        "logdet": derive.gradient(derive.logdet(A @ A.T + 3 * derive.eye(d)), A),
        "softmax": derive.hessian(derive.logsumexp(w), w),
        "where": derive.gradient(derive.sum(derive.where(w > 0, w**2, 0.5 * w)), w),
        "prod": derive.gradient(derive.prod(w), w),
        "mean": derive.mean(X, axis=0),
    }
    values = {**VALUES, "A": RNG.normal(size=(3, 3))}
    single = {k: v.astype(np.float32) for k, v in values.items()}
    for name, expr in exprs.items():
        f = generate(expr)
        assert f(**{k: single[k] for k in f.inputs}).dtype == np.float32, name


def test_jax_transformations():
    f = codegen.to_jax({"loss": loss, "gradient": derive.gradient(loss, w)}, inputs=["w", "X", "y"])
    args = VALUES["w"], VALUES["X"], VALUES["y"]
    with jax.enable_x64(True):
        plain, compiled = f(*args), jax.jit(f)(*args)
        np.testing.assert_allclose(compiled["gradient"], plain["gradient"], rtol=1e-12)
        slope = jax.grad(lambda *a: f(*a)["loss"])(*args)
        np.testing.assert_allclose(slope, plain["gradient"], rtol=1e-12)
        many = jax.vmap(f, in_axes=(0, None, None))(jnp.stack([args[0], 2 * args[0]]), *args[1:])
        np.testing.assert_allclose(many["gradient"][0], plain["gradient"], rtol=1e-12)


NASTY = [
    "x'",
    "lambda",
    "α",
    "np",
    "self",
    "jax",
    "print",
    "1x",
    "a b",
    "__import__('os').system('true')",
    'x"""\nimport os\n"""',
    "x\n    raise SystemExit",
    "日本",
    "f",
    "dtype",
    "_checked",
    "array",
    "result",
    "None",
    "d_z",
    "math",
]


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("generate", [codegen.to_numpy, codegen.to_jax])
def test_names_can_neither_inject_nor_clash(name, generate):
    a, other = derive.vector(name, n), derive.vector("np_", n)
    expr = derive.sum(derive.abs(a) * derive.sigmoid(other) + derive.erf(a) ** 3)
    f = generate({name: expr, "slope": derive.gradient(expr, a)}, name=name)
    tree = ast.parse(f.source)
    assert f.inputs[0].isidentifier()
    assert f.inputs[0] not in RESERVED
    assert sum(isinstance(node, (ast.Import, ast.ImportFrom)) for node in ast.walk(tree)) <= 3
    got = f(np.array([0.5, -1.0]), np.array([0.0, 1.0]))
    assert set(got) == {name, "slope"}
    codegen.check(derive.gradient(expr, a)).raise_if_failed()


def test_dim_names_are_safe_too():
    size = derive.dims("lambda")
    a = derive.vector("a", size)
    assert float(codegen.to_numpy(derive.mean(a))([1.0, 3.0])) == 2.0


def test_equal_identifiers_stay_apart():
    a, b = derive.scalar("x'"), derive.scalar("x_prime")
    f = codegen.to_numpy(a - b, inputs=[a, b])
    assert f.inputs == ("x_prime", "x_prime2")
    assert float(f(3.0, 1.0)) == 2.0


def test_identifiers():
    assert [identifier(name) for name in ("x'", "lambda", "α", "é", "", "β₁")] == [
        "x_prime",
        "lambda_",
        "alpha",
        "e",
        "v",
        "beta1",
    ]


def test_hessian_through_a_named_difference():
    """A name on a multiple of a node, whose cotangents in a Hessian have axes of an output."""
    M, v, u = derive.matrix("M", n, d), derive.vector("v", d), derive.vector("u", n)
    r = derive.let("r", M @ v - u)
    hessian = derive.hessian(derive.sum(derive.sqrt(1 + r**2)), v)
    assert "r = M @ v - u" in codegen.to_numpy(hessian).source
    codegen.check(hessian).raise_if_failed()


def test_comment_says_which_product_comes_first():
    A, B = derive.matrix("A", n, n), derive.matrix("B", n, n)
    source = codegen.to_numpy({"C": (A * B) @ A, "D": (A @ B) * B}).source
    assert "# (A ⊙ B) A" in source
    assert "# (A B) ⊙ B" in source


def test_same_name_twice_is_refused():
    with pytest.raises(derive.ShapeError, match="w is declared twice"):
        codegen.to_numpy(derive.sum(w) + derive.sum(derive.vector("w", n)))


def test_source_stands_alone(tmp_path):
    f = codegen.to_numpy(derive.gradient(loss, w), name="slope")
    path = f.write(tmp_path / "generated.py")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import generated, numpy as np;"
        "print(generated.slope(np.ones(2), np.ones((3, 2)), np.ones(3)));"
        "assert 'sympy' not in sys.modules and 'derive' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, str(path.parent)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("[-0.3576")


def test_results_do_not_share_memory_with_inputs():
    A = derive.matrix("A", n, n)
    given = np.ones((2, 2))
    for expr in (A.T, A, A[:1], derive.reshape(A, (-1,)), derive.ones(n, n) * A[:, :1]):
        result = codegen.to_numpy(expr, inputs=[A])(given)
        result[...] = 7.0
    np.testing.assert_array_equal(given, 1.0)


def test_dims_that_no_input_tells_are_inputs():
    f = codegen.to_numpy(derive.eye(n) * 2)
    assert f.inputs == ("n",)
    np.testing.assert_array_equal(f(2), 2 * np.eye(2))


def test_no_inverse_where_a_solve_will_do():
    A, b = derive.matrix("A", n, n), derive.vector("b", n)
    source = codegen.to_numpy(derive.solve(A, b) * b).source
    assert "np.linalg.solve(A, b)" in source
    assert "np.linalg.inv" not in source


def test_shared_work_is_done_once():
    source = codegen.to_numpy(
        {"loss": loss, "g": derive.gradient(loss, w), "H": derive.hessian(loss, w)}
    ).source
    assert source.count("X @ w") == 1
    assert source.count("= _sigmoid(") == 1


def test_bool_arithmetic_counts():
    x, z = derive.vector("x", n), derive.vector("z", n)
    f = codegen.to_numpy(
        {"sum": (x > 0) + (z > 0), "dot": derive.dot(x > 0, z > 0), "not": 1 - (x > 0)}
    )
    got = f(x=np.array([1.0, 1.0, -1.0]), z=np.array([1.0, -1.0, -1.0]))
    np.testing.assert_array_equal(got["sum"], [2, 1, 0])
    np.testing.assert_array_equal(got["not"], [0, 0, 1])
    assert got["dot"] == 1


def test_cost():
    cost = codegen.to_numpy(X @ w).cost
    assert cost.flops == 2 * n * d
    assert cost.bytes == 8 * (n * d + n + d)


def test_write_gives_the_source(tmp_path):
    f = codegen.to_numpy(loss, name="loss")
    assert f.write(tmp_path / "loss.py").read_text() == f.source


@pytest.mark.parametrize("value", [1e4, -1e4, 710.0, -745.0, 40.0, 0.0])
def test_extreme_arguments_are_finite_and_accurate(value):
    import mpmath

    x = derive.scalar("x")
    with mpmath.workdps(50):
        exact = {
            "sigmoid": 1 / (1 + mpmath.exp(-mpmath.mpf(value))),
            "softplus": mpmath.log1p(mpmath.exp(mpmath.mpf(value))),
        }
    for name, expected in exact.items():
        f = codegen.to_numpy(getattr(derive, name)(x))
        with np.errstate(over="raise", under="ignore"):
            assert float(f(value)) == pytest.approx(float(expected), rel=1e-12, abs=1e-300)
