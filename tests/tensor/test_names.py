"""Names of intermediates, those of multiples and transposes too, which what uses them absorbs."""

from __future__ import annotations

import derive
from derive.tensor.names import named_since, names_on
from derive.tensor.node import Map, View, topological

n, m, d = derive.dims("n_named m_named d_named")  # names last as long as a tensor of them


def test_the_name_of_a_multiple_is_kept_with_what_it_is_a_multiple_of() -> None:
    Q, K = derive.matrix("Q", n, d), derive.matrix("K", m, d)
    scores = derive.let("scores", Q @ K.T / 2)
    assert isinstance(scores, View)
    core = scores.operand
    assert names_on(core) == [("scores", scores)]
    del scores
    ((name, found),) = names_on(core)
    assert name == "scores"
    assert found == Q @ K.T / 2


def test_a_name_stands_for_the_last_multiple_that_it_was_given_to() -> None:
    A, B = derive.matrix("A", n, m), derive.matrix("B", m, n)
    first = derive.let("P", A @ B)
    core = first.operand if isinstance(first, View) else first
    half = derive.let("P", A @ B / 2)
    assert names_on(core) == [("P", half)]
    whole = derive.let("P", A @ B)
    assert names_on(core) == [("P", whole)]
    turned = derive.let("T", (A @ B).T)
    assert sorted(name for name, _ in names_on(core)) == ["P", "T"]
    assert ("T", turned) in names_on(core)


def test_names_are_ordered_by_when_they_were_given() -> None:
    x = derive.vector("x", n)
    first, second = derive.let("first", derive.exp(x)), derive.let("second", derive.sin(x))
    assert named_since(first) < named_since(second)
    derive.let("first", first)
    assert named_since(first) > named_since(second)
    assert named_since(derive.cos(x)) == -1


def test_a_multiple_of_a_function_stays_whole_when_it_has_a_name() -> None:
    """Else tanh(a) for a = 2 sigmoid(x) would be one function of x, without a."""
    x = derive.vector("x", n)
    a = derive.let("a", 2 * derive.sigmoid(x))
    maps = [node for node in topological([derive.tanh(a)]) if isinstance(node, Map)]
    assert len(maps) == 2
    assert (
        len([n for n in topological([derive.tanh(2 * derive.cos(x))]) if isinstance(n, Map)]) == 1
    )
