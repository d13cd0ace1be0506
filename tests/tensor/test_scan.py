"""``scan``: loops as expressions, their canonical form, what leaves them, and their derivatives."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import codegen
import derive
from codegen.checking import evaluate
from derive.tensor.loops import Loop
from derive.tensor.node import Primitive, Tensor, topological
from derive.tensor.rebuild import substitute
from tests.notation.interpreter import interpret
from tests.support import NUMPY, NumPyNames, parse_definition

T, d, m = derive.dims("T d m")
X, W, U = derive.matrix("X", T, d), derive.matrix("W", d, m), derive.matrix("U", m, m)
b, h0, c0 = derive.vector("b", m), derive.vector("h0", m), derive.vector("c0", m)
Y = derive.matrix("Y", T, m)
SIZES = {"T": 3, "d": 2, "m": 2}


def rnn(h: Tensor, x: Tensor) -> Tensor:
    return derive.tanh(x @ W + b + h @ U)


def loops_in(*roots: Tensor) -> list[Loop]:
    """The distinct loops that code for these expressions runs."""
    nodes = [n for n in topological(list(roots)) if isinstance(n, Primitive) and n.name == "scan"]
    return list({Loop.of(node).recurrence: Loop.of(node) for node in nodes}.values())


def values(seed: int = 0, length: int = 3) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {"X": (length, 2), "W": (2, 2), "U": (2, 2), "b": (2,), "h0": (2,), "c0": (2,)}
    return {k: rng.normal(size=s) for k, s in shapes.items()} | {"Y": rng.normal(size=(length, 2))}


# ----------------------------------------------------------------------------------- values


@pytest.mark.parametrize("length", [1, 2, 5])
@pytest.mark.parametrize("reverse", [False, True])
def test_the_trajectory(length, reverse):
    H = derive.scan(rnn, h0, X, reverse=reverse)
    assert H.shape == (T, m)
    given = values(length=length)
    h, expected = given["h0"], np.empty((length, 2))
    for t in range(length)[:: -1 if reverse else 1]:
        expected[t] = h = np.tanh(given["X"][t] @ given["W"] + given["b"] + h @ given["U"])
    np.testing.assert_allclose(evaluate(H, given), expected, rtol=1e-13)
    for generate in (codegen.to_numpy, codegen.to_jax):
        f = generate(H)
        found = f(**{name: given[name] for name in f.inputs})
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_length_that_is_one_is_no_loop():
    x = derive.matrix("X", 1, d)
    H = derive.scan(rnn, h0, x)
    assert not loops_in(H)
    given = values(length=1)
    np.testing.assert_allclose(evaluate(H, given), evaluate(rnn(h0, x[0])[None], given))


def test_a_loop_without_a_sequence():
    """The power method, with a number of steps that is given when the function is called."""
    A, v = derive.matrix("A", m, m), derive.vector("v", m)
    V = derive.scan(lambda u, _: (A @ u) / derive.norm(A @ u), v, length=T)
    f = codegen.to_numpy(V[-1])
    assert f.inputs == ("A", "v", "T")
    rng = np.random.default_rng(0)
    S = rng.normal(size=(4, 4))
    S = S @ S.T
    top = np.linalg.eigh(S)[1][:, -1]
    found = f(S, rng.normal(size=4), 300)
    assert abs(abs(found @ top) - 1) < 1e-10
    codegen.check(derive.gradient(derive.sum(V[-1] ** 3), A)).raise_if_failed()


def test_a_tuple_of_carries_and_of_sequences():
    def step(state, entry):
        h, c = state
        x, y = entry
        return derive.tanh(h @ U + x @ W) * c, c + y * h

    H, C = derive.scan(step, (h0, c0), (X, Y))
    given = values()
    h, c, expected = given["h0"], given["c0"], []
    for x, y in zip(given["X"], given["Y"], strict=True):
        h, c = np.tanh(h @ given["U"] + x @ given["W"]) * c, c + y * h
        expected.append((h, c))
    found = codegen.to_numpy((H, C))(**{k: given[k] for k in ("U", "W", "X", "Y", "h0", "c0")})
    np.testing.assert_allclose(found, np.swapaxes(expected, 0, 1), rtol=1e-13)


def test_a_step_may_take_tuples_apart():
    def nested(state, x):
        return state[0] @ U + x @ W, state[0] * state[1]

    nodes = derive.scan(nested, (h0, c0), X)
    assert derive.scan(lambda h, c, x: (h @ U + x @ W, h * c), (h0, c0), X) == nodes


def test_integers_and_truth_values_as_sequences():
    E, t = derive.matrix("E", d, m), derive.tensor("t", T, dtype="int")
    mask = derive.tensor("mask", T, dtype="bool")

    def step(h, entry):
        token, keep = entry
        return derive.where(keep, derive.tanh(h @ U + derive.take(E, token)), h)

    H = derive.scan(step, h0, (t, mask))
    (loop,) = loops_in(H)
    assert derive.take(E, t) in loop.sequences  # looked up at once
    g = derive.gradient(derive.sum(H**2), [E, U, h0])
    codegen.check(g, sizes=SIZES).raise_if_failed()


def test_an_index_that_needs_the_carry_stays_in_the_loop_and_is_checked():
    """A table that changes with time is looked up in the loop, and so is its cotangent."""
    t = derive.tensor("t", T, 2, dtype="int")

    def step(h, entry):
        x, tokens = entry
        return derive.tanh(h + derive.take(derive.outer(x, h) @ U, tokens)[0])

    H = derive.scan(step, h0, (X, t))
    codegen.check(derive.gradient(derive.sum(H**2), [U, h0, X]), sizes=SIZES).raise_if_failed()
    f = codegen.to_numpy(H)
    given = values() | {"t": np.array([[0, 1], [1, 2], [0, 0]])}
    with pytest.raises(IndexError, match="t must hold indices from 0 to 1"):
        f(**{name: given[name] for name in f.inputs})


# ----------------------------------------------------------------------------- canonical form


def test_equal_loops_are_one_node():
    H = derive.scan(rnn, h0, X)
    again = derive.scan(lambda g, y: derive.tanh(g @ U + (y @ W + b)), h0, X)
    assert again is H
    assert derive.scan(rnn, h0, X, reverse=True) is not H
    assert derive.scan(rnn, c0, X) is not H


def test_the_digest_does_not_depend_on_the_process():
    code = """
import derive
T, d, m = derive.dims("T d m")
X, W, U = derive.matrix("X", T, d), derive.matrix("W", d, m), derive.matrix("U", m, m)
h0 = derive.vector("h0", m)
H = derive.scan(lambda h, x: derive.tanh(x @ W + h @ U) * h, h0, X)
print(derive.gradient(derive.sum(H**2), U).expr.digest.hex())
"""
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout
    assert len(runs[0].stdout.strip()) == 32


def test_a_loop_is_made_again_with_other_operands():
    H = derive.scan(rnn, h0, X)
    V = derive.matrix("V", m, m)
    assert substitute(H, {U: V}) is derive.scan(lambda h, x: derive.tanh(x @ W + b + h @ V), h0, X)
    assert substitute(H, {U: derive.zeros(m, m)}) is derive.tanh(X @ W + b)


def test_structure_is_known_within_a_step():
    S, D = derive.matrix("S", m, m, symmetric=True), derive.matrix("D", m, m, diagonal=True)
    H = derive.scan(lambda h, x: derive.tanh(h @ S + x @ W) @ D, h0, X)
    assert H is derive.scan(lambda h, x: derive.tanh(S @ h + x @ W) @ D.T, h0, X)
    codegen.check(derive.gradient(derive.sum(H**2), [S, D]), sizes=SIZES).raise_if_failed()


# ----------------------------------------------------------------------------------- hoisting


def test_what_needs_no_carry_leaves_the_loop():
    (loop,) = loops_in(derive.scan(rnn, h0, X))
    assert loop.sequences == (X @ W + b,)
    assert loop.constants == (U,)


def test_views_stay_in_the_step():
    """A transpose or a broadcast costs a step nothing, and memory outside."""
    (loop,) = loops_in(derive.scan(lambda h, x: h @ U.T + 2 * x.T @ W * b, h0, X))
    assert loop.constants == (U,)
    constant = derive.broadcast_to(b, (T, m))
    (loop,) = loops_in(derive.scan(lambda h, x: derive.sin(h) * x, h0, constant))
    assert (loop.sequences, loop.constants) == ((), (b,))


def test_products_of_matrices_that_would_grow_stay_apart():
    """h U V with a narrow U takes two products with vectors, not one with a square matrix."""
    r = derive.dims("r")
    P, Q = derive.matrix("P", m, r), derive.matrix("Q", r, m)
    (loop,) = loops_in(derive.scan(lambda h, x: derive.tanh(h @ P @ Q + x @ W), h0, X))
    assert set(loop.constants) == {P, Q}
    K = derive.tensor("K", d, m, m)
    (loop,) = loops_in(derive.scan(lambda h, x: derive.einsum("i,ijk,j->k", x, K, h), h0, X))
    assert loop.constants == (K,)


def test_a_carry_without_a_recurrence_is_no_loop():
    H = derive.scan(lambda h, x: derive.sin(x @ W), h0, X)
    assert H is derive.sin(X @ W)
    same = derive.scan(lambda h, x: h, h0, X)
    assert same is derive.broadcast_to(h0, (T, m))
    late, latest = derive.scan(lambda h, c, x: (x @ W, h), (h0, c0), X)
    assert not loops_in(late, latest)
    given = values()
    expected = np.concatenate([given["h0"][None], (given["X"] @ given["W"])[:-1]])
    np.testing.assert_allclose(evaluate(latest, given), expected, rtol=1e-13)


def test_loops_within_loops():
    """The inner loop captures the outer carry; the symbols of both are kept apart."""

    def outer(h, x):
        inner = derive.scan(lambda g, y: derive.tanh(g @ U + y * h), h, Y)
        return derive.tanh(inner[-1] + x @ W)

    H = derive.scan(outer, h0, X)
    assert len(loops_in(H)) == 1
    given = values()
    h = given["h0"]
    expected = []
    for x in given["X"]:
        g = h
        for y in given["Y"]:
            g = np.tanh(g @ given["U"] + y * h)
        h = np.tanh(g + x @ given["W"])
        expected.append(h)
    np.testing.assert_allclose(evaluate(H, given), expected, rtol=1e-13)
    codegen.check(derive.gradient(derive.sum(H**2), [U, W, h0]), sizes=SIZES).raise_if_failed()


def test_an_inner_loop_of_the_input_alone_runs_once_for_all_times():
    K = derive.tensor("K", T, 4, m)

    def outer(h, k):
        inner = derive.scan(lambda g, y: derive.tanh(g @ U + y), k[0], k)
        return derive.tanh(h @ U + inner[-1])

    H = derive.scan(outer, h0, K)
    assert {loop.length for loop in loops_in(H)} == {T, 4}
    codegen.check(
        derive.gradient(derive.sum(H**2), [U, K]), sizes={"T": 3, "m": 2}
    ).raise_if_failed()


# -------------------------------------------------------------------------------- derivatives

FUNCTIONS = {
    "all states": lambda H: derive.sum(H**2),
    "last state": lambda H: derive.sum(derive.sin(H[-1])),
    "weighted": lambda H: derive.sum(Y * H) + derive.sum(H[0] ** 3),
    "shifted": lambda H: derive.sum(H[1:] * H[:-1] ** 2),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradient(name):
    """Other derivatives are checked with those of every rule, in tests/rules."""
    H = derive.scan(rnn, h0, X, reverse=name in ("weighted", "shifted"))
    g = derive.gradient(FUNCTIONS[name](H), [W, U, b, h0, X])
    assert len(loops_in(*g.expr)) == 2  # one forwards, one backwards
    codegen.check(g, sizes=SIZES).raise_if_failed()


def test_two_carries_of_which_both_reach_the_function_have_one_loop_backwards():
    H, C = derive.scan(
        lambda h, c, x: (derive.tanh(h @ U + c * (x @ W)), c * derive.sigmoid(h)), (h0, c0), X
    )
    f = derive.sum(H**2) + derive.sum(Y * C)
    g = derive.gradient(f, [U, W, h0, c0, X])
    assert len(loops_in(f)) == 1
    assert len(loops_in(*g.expr)) == 2
    codegen.check(g, sizes=SIZES).raise_if_failed()


def test_the_textbook_backpropagation_through_time():
    """δ_t = (1 - h_t²) ⊙ (ȳ_t + U δ_{t+1}): Werbos (1990); the slope is that of the kept state."""
    H = derive.scan(rnn, h0, X)
    pulled = derive.vjp(H, [W, U, b, h0, X], cotangent=Y)
    back = derive.scan(
        lambda mu, y, s: U @ (s * (y + mu)), derive.zeros(m), (Y, 1 - H**2), reverse=True
    )
    later = derive.concatenate([back[1:], derive.zeros(1, m)])
    delta = (1 - H**2) * (Y + later)
    before = derive.concatenate([h0[None], H[:-1]])
    textbook = (X.T @ delta, before.T @ delta, derive.sum(delta, axis=0), back[0], delta @ W.T)
    given = values()
    for found, right in zip(pulled.expr, textbook, strict=True):
        np.testing.assert_allclose(evaluate(found, given), evaluate(right, given), rtol=1e-12)
    steps = [loop.body for loop in loops_in(*pulled.expr) if loop.reverse]
    assert len(steps) == 1
    assert len(steps[0].results) == 1


def test_the_slope_is_recalled_from_the_state():
    """1 - tanh(a)² is 1 - h², for which a need not be computed again."""
    H = derive.scan(rnn, h0, X)
    g = derive.gradient(derive.sum(H**2), U)
    backwards = next(loop for loop in loops_in(g.expr) if loop.reverse)
    assert 1 - H**2 in backwards.sequences


def test_a_cotangent_of_the_last_state_is_where_the_loop_backwards_begins():
    H = derive.scan(rnn, h0, X)
    u = derive.vector("u", m)
    backwards = next(loop for loop in loops_in(derive.gradient(H[-1] @ u, U).expr) if loop.reverse)
    assert backwards.inits == (u,)
    assert len(backwards.sequences) == 1


def test_derivatives_within_a_step():
    """A step of gradient descent is a step like any other, and is differentiated in turn."""
    w, eta = derive.vector("w", d), derive.scalar("eta")
    x, y = derive.vector("x", d), derive.scalar("y")
    slope = derive.gradient(derive.softplus(-y * (x @ w)), w).expr
    labels = derive.vector("labels", T)

    def step(v, entry):
        given, label = entry
        known = {w: v, x: given, y: label}
        return v - eta * substitute(slope, known)

    fitted = derive.scan(step, w, (X, labels))[-1]
    g = derive.gradient(derive.sum(fitted**2), [eta, w])
    codegen.check(g, sizes={"T": 3, "d": 2}).raise_if_failed()
    inside = derive.scan(
        lambda v, row: v - eta * derive.gradient(derive.sum(derive.sin(v) * row), v).expr, w, X
    )
    g = derive.gradient(derive.sum(inside), [eta, w])
    codegen.check(g, sizes={"T": 3, "d": 2}).raise_if_failed()


def test_deriving_and_emitting_does_not_depend_on_the_length():
    sources = []
    for length in (3, 3000):
        x = derive.matrix("X", length, d)
        g = derive.gradient(derive.sum(derive.scan(rnn, h0, x) ** 2), [W, U, b, h0])
        sources.append(codegen.to_jax(g).source.replace(str(length), "LENGTH"))
    lines = [source.count("\n") for source in sources]
    assert lines[0] == lines[1]
    assert lines[0] < 100


# -------------------------------------------------------------------------------------- errors

LEAKED: list[Tensor] = []


def leaking(h, x):
    LEAKED.append(h @ U)
    return derive.tanh(h @ U + x @ W)


k = derive.tensor("k", m, dtype="int")
ERRORS = {
    "shape": (
        lambda: derive.scan(lambda h, x: x, h0, X),
        r"scan: the carry has shape \(m,\) before the step and \(d,\) after it; begin with",
    ),
    "tuple": (
        lambda: derive.scan(lambda s, x: s[0], (h0, c0), X),
        "scan: the carry is a tuple of 2, and the step gives one tensor",
    ),
    "count": (
        lambda: derive.scan(lambda s, x: (s[0],), (h0, c0), X),
        "the carry is a tuple of 2, and the step gives a tuple of 1",
    ),
    "lengths": (
        lambda: derive.scan(lambda h, x: h, h0, (X, W)),
        r"scan: the sequences X: \(T, d\), W: \(d, m\) have the lengths T and d along their first",
    ),
    "length": (lambda: derive.scan(lambda h, x: h, h0, X, length=d), "do not have the length d"),
    "no length": (lambda: derive.scan(lambda h, x: h, h0), "give the number of steps as length="),
    "scalar": (lambda: derive.scan(lambda h, x: h, h0, b[0]), "a scalar is no sequence"),
    "integers": (lambda: derive.scan(lambda h, x: h, k, X), "k: \\(m,\\) must hold real numbers"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_name_the_shapes_and_the_remedy(name):
    make, message = ERRORS[name]
    with pytest.raises(ValueError, match=message):
        make()


def test_a_value_of_one_step_in_another_is_refused():
    derive.scan(leaking, h0, X)
    with pytest.raises(derive.UnsupportedError, match="the step uses a value of another step"):
        derive.scan(lambda h, x: h + LEAKED[0], h0, X)
    with pytest.raises(derive.UnsupportedError, match="a value from within a step"):
        codegen.to_numpy(LEAKED[0])


def test_there_is_no_sympy_form():
    with pytest.raises(derive.UnsupportedError, match="a loop has no SymPy form"):
        derive.scan(rnn, h0, X).to_sympy()


# ------------------------------------------------------------------------------------ notation


def test_text():
    H = derive.scan(rnn, h0, X)
    assert str(H) == "scan(lambda h, x: tanh(U.T @ h + x), h0, X @ W + b)"
    back = derive.scan(lambda h, x: derive.tanh(h @ U + x), h0, Y, reverse=True)
    assert str(back) == "scan(lambda h, y: tanh(U.T @ h + y), h0, Y, reverse=True)"
    steps = derive.scan(lambda u, _: U @ u, h0, length=T)
    assert str(steps) == "scan(lambda u, _: U @ u, h0, length=T)"


def test_names_in_a_step_avoid_those_around_it():
    x, h = derive.vector("x", m), derive.vector("h", m)
    H = derive.scan(lambda h, y: derive.tanh(h * x + y), h, X @ W)
    assert str(H) == "scan(lambda h1, y: tanh(h1 * x + y), h, X @ W)"


def test_latex_is_a_recurrence():
    latex = derive.scan(rnn, h0, X).latex()
    assert latex == (
        r"\left[\mathbf{h}_{t}\right]_{t} \;\text{ with }\; "
        r"\mathbf{h}_{t} = \tanh\left(\mathbf{U}^{\top} \mathbf{h}_{t-1} + \mathbf{x}_{t}\right)"
        r",\; \mathbf{h}_{0} = \mathbf{h}_{0},\; \mathbf{x}_{t} = \left(\mathbf{X} \mathbf{W} + "
        r"\mathbf{1} \mathbf{b}^{\top}\right)_{[t]},\; t = 1, \dots, T"
    )


def test_named_parts_of_a_step_are_equations_of_their_own():
    def step(h, x):
        gate = derive.let("z", derive.sigmoid(h @ U + x @ W))
        return gate * h + (1 - gate) * (x @ W)

    latex = derive.scan(step, h0, X).latex()
    assert r"\mathbf{z}_{t} = \sigma\left(\mathbf{U}^{\top} \mathbf{h}_{t-1}" in latex
    _, recurrence = latex.split(r"\mathbf{h}_{t} = ")
    assert recurrence.count(r"\mathbf{z}_{t}") == 2
    assert r"\sigma" not in recurrence


TEXTS = {
    "one": lambda: derive.scan(rnn, h0, X),
    "reverse": lambda: derive.scan(rnn, h0, X, reverse=True)[0],
    "pair": lambda: derive.scan(lambda h, c, x: (derive.tanh(h @ U) * c, c + x @ W), (h0, c0), X)[
        0
    ],
    "gradient": lambda: derive.gradient(derive.sum(derive.scan(rnn, h0, X) ** 2), U).expr,
    "gradient by the start": lambda: (
        derive.gradient(derive.sum(derive.scan(rnn, h0, X)[-1]), h0).expr
    ),
}


def numpy_scan(step, init, xs=None, length=None, reverse=False):
    """The meaning of ``scan`` in a printed formula."""
    carries = list(init) if isinstance(init, tuple) else [init]
    sequences = list(xs) if isinstance(xs, tuple) else [] if xs is None else [xs]
    count = len(sequences[0]) if sequences else length
    found = [np.empty((count, *np.shape(c))) for c in carries]
    for t in range(count)[:: -1 if reverse else 1]:
        new = step(*carries, *([s[t] for s in sequences] or [None]))
        carries = list(new) if isinstance(init, tuple) else [new]
        for whole, carry in zip(found, carries, strict=True):
            whole[t] = carry
    return tuple(found) if isinstance(init, tuple) else found[0]


def evaluate_text(text: str, given: dict[str, object]) -> np.ndarray:
    """The value of a printed formula, whose lambdas read the same names as what is around them."""
    formula, *definitions = text.splitlines()
    names = NumPyNames({**NUMPY, "scan": numpy_scan, **given, "__builtins__": {}})
    for definition in reversed(definitions):
        name, expression = parse_definition(definition)
        names[name] = eval(expression, names)
    return np.asarray(eval(formula, names))


@pytest.mark.parametrize("name", TEXTS)
def test_text_is_what_numpy_computes(name):
    expr = TEXTS[name]()
    given = values()
    found = evaluate_text(str(expr), {**given, "T": 3, "d": 2, "m": 2})
    sizes = {"T": 3, "d": 2, "m": 2}
    np.testing.assert_allclose(found, interpret(expr, {**given, **sizes}), rtol=1e-12)


def test_steps_show_the_recurrence_and_that_of_the_cotangent():
    H = derive.let("H", derive.scan(rnn, h0, X))
    steps = str(derive.gradient(derive.sum(H**2), U).steps)
    assert "H = scan(lambda h, x: tanh(U.T @ h + x), h0, " in steps
    assert "reverse=True" in steps
    assert "Werbos (1990)" in steps
