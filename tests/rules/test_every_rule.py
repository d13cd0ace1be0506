"""One generic check over every registered rule: a rule without a check cannot exist."""

from __future__ import annotations

import pytest

import codegen
import derive
import derive.linalg  # registers its rules
from codegen.checking import evaluate
from derive.rules import RULES
from derive.rules.registry import rule_for
from derive.tensor import construct
from derive.tensor.node import topological
from derive.tensor.rebuild import _MAKERS

KINDS = ["gradient", "hessian", "jvp", "vjp", "hvp", "jacobian"]

# One mechanism makes the rules of all functions of matrices. That of powers is put to every
# witness; JAX takes most of a minute to compile second derivatives of these.
LIKE_POWERS = {
    name + ending: ["gradient"] for name in ("expm", "logm", "sqrtm") for ending in ("", "_frechet")
}


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name in RULES for kind in LIKE_POWERS.get(name, KINDS)]
)
def test_rule_against_every_witness(name, kind):
    expr, wrt = RULES[name].example()
    derivation = getattr(derive, kind)(expr, wrt)
    codegen.check(derivation).raise_if_failed()


@pytest.mark.parametrize("name", RULES)
def test_example_uses_its_rule(name):
    expr, _ = RULES[name].example()
    assert RULES[name] in {rule_for(n) for n in topological([expr]) if n.operands}


@pytest.mark.parametrize("name", RULES)
def test_rule_states_formula_and_source(name):
    rule = RULES[name]
    assert rule.formula
    assert rule.source


def test_every_primitive_that_can_be_rebuilt_has_a_rule():
    assert set(_MAKERS) <= set(RULES)


def test_jvp_is_the_transpose_of_vjp():
    n, m = derive.dims("n m")
    A, x = derive.matrix("A", m, n), derive.vector("x", n)
    f = derive.tanh(A @ x) * derive.norm(x)
    u, v = derive.vector("u", m), derive.vector("v", n)
    left = derive.dot(derive.jvp(f, x, tangent=v), u)
    right = derive.dot(derive.vjp(f, x, cotangent=u), v)
    difference = left - right
    values = {"A": [[1.0, 2], [0.5, -1], [0, 3]], "x": [0.3, -0.2], "u": [1.0, 2, 3], "v": [4.0, 5]}
    assert abs(evaluate(difference, values)) < 1e-14


def test_unknown_primitive_is_refused():
    x = derive.vector("x", derive.dims("n"))
    unknown = construct.primitive("mystery", (x,), x.shape)
    with pytest.raises(derive.UnsupportedError, match="no derivative is known for 'mystery'"):
        derive.gradient(derive.sum(unknown), x)
