"""This library: the formula, emitted as NumPy code and run."""

from __future__ import annotations

from typing import Any

import codegen
import derive
from tests.benchmarks.comparison.judge import Verdict, agrees, truth, values
from tests.benchmarks.comparison.tasks import Task
from tests.support import DeriveNames, declare, evaluate_expression

NAME = "derive"


def derivation(task: Task) -> Any:
    """Ask for the derivative."""
    names = DeriveNames(declare(task.symbols))
    f = evaluate_expression(task.text, names)
    return getattr(derive, task.kind)(f, names[task.wrt])


def answer(task: Task) -> Verdict:
    """Derive, and run the code."""
    found = derivation(task)
    function = codegen.to_numpy(found)
    for seed in range(2):
        at = values(task, seed)
        if not agrees(function(**{name: at[name] for name in function.inputs}), truth(task, at)):
            return Verdict("wrong", str(found))
    return Verdict("right", str(found))
