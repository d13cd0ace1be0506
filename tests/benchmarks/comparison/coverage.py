"""Every tool is asked for every derivative, and its answer judged."""

from __future__ import annotations

import importlib
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.benchmarks.comparison.judge import Verdict
from tests.benchmarks.comparison.tasks import TASKS, Task

TOOLS = {
    "derive": "ours",
    "SymPy": "with_sympy",
    "tensorgrad": "with_tensorgrad",
    "PyTensor": "with_pytensor",
}
SECONDS = 60


def measure() -> list[dict[str, Any]]:
    """Ask all; give a row for each task."""
    tools = {
        name: importlib.import_module(f"tests.benchmarks.comparison.{module}")
        for name, module in TOOLS.items()
    }
    rows = []
    for task in TASKS:
        answers = {name: vars(ask(tool, task)) for name, tool in tools.items()}
        told = ", ".join(f"{name} {answer['verdict']}" for name, answer in answers.items())
        print(f"{task.name} ({task.kind} by {task.wrt}): {told}", flush=True)
        row = {"name": task.name, "kind": task.kind, "wrt": task.wrt, "text": task.text}
        rows.append({**row, "answers": answers})
    return rows


def ask(tool: Any, task: Task) -> Verdict:
    """Give a tool's answer; an error is an answer, in its own words."""
    try:
        with limit(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return tool.answer(task)
    except TimeoutError:
        return Verdict("too slow", f"more than {SECONDS} s")
    except Exception as error:
        lines = str(error).splitlines() or [""]
        return Verdict("raises", f"{type(error).__name__}: {lines[0][:200]}")


@contextmanager
def limit(seconds: int) -> Iterator[None]:
    """Raise TimeoutError when it takes longer, again and again where something swallows it."""

    def stop(*_: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
