"""Races: the library and a rival are timed in turn, so that a busy machine slows both alike.

The figure of a race is our best time over the rounds divided by the rival's best, which is what
each takes when nothing disturbs it.  A target that is missed is printed as missed; it fails
nothing, since a clock is no test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import jax
import pytest
from rich.console import Console
from rich.table import Table

Work = Callable[[], Any]


@dataclass
class Result:
    """One line of the table: seconds, and the ratio to the rival where there is one."""

    what: str
    rival: str
    ours: float
    theirs: float | None
    ratio: float
    target: float | None

    def cells(self) -> tuple[str, ...]:
        target, verdict = "", ""
        if self.target is not None:
            target = f"{self.target:.3g}"
            verdict = "met" if self.ratio <= self.target else "missed"
        times = (seconds(self.ours), "" if self.theirs is None else seconds(self.theirs))
        return self.what, times[0], self.rival, times[1], f"{self.ratio:.3g}", target, verdict


RESULTS = pytest.StashKey[list[Result]]()


@pytest.fixture
def race(benchmark: Any, request: pytest.FixtureRequest) -> Callable[..., None]:
    """Time two functions in turn, or one alone, and note the result for the table.

    `target` is the largest ratio that is good enough, or the largest number of seconds where there
    is no rival.  `work` is how much more work ours does than the rival, when it is not the same.
    """

    def run(
        what: str,
        ours: Work,
        *,
        rival: tuple[str, Work] | None = None,
        target: float | None = None,
        work: float = 1.0,
        rounds: int = 41,
    ) -> None:
        times: list[float] = []

        def time_rival() -> None:
            if rival is not None:
                start = perf_counter()
                rival[1]()
                times.append(perf_counter() - start)

        benchmark.pedantic(ours, setup=time_rival, rounds=rounds, warmup_rounds=2)
        if not benchmark.stats:  # --benchmark-disable: each function ran, none was timed
            return
        best = min(benchmark.stats.stats.data)
        if rival is None:
            result = Result(what, "", best, None, best, target)
        else:
            result = Result(what, rival[0], best, min(times), best / min(times) / work, target)
            benchmark.extra_info.update(rival=rival[0], ratio=result.ratio, target=target)
        request.config.stash.setdefault(RESULTS, []).append(result)

    return run


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> Iterator[str]:
    """A precision, with JAX set to it."""
    with jax.enable_x64(request.param == "float64"):
        yield request.param


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    results = config.stash.get(RESULTS, [])
    if not results:
        return
    table = Table(title="Best time relative to the rival's (in seconds where there is none)")
    for column in ("what", "ours", "rival", "its time", "ratio", "at most", ""):
        table.add_column(column, justify="left" if column in ("what", "rival") else "right")
    for result in results:
        table.add_row(*result.cells())
    console = Console(width=132, highlight=False)
    with console.capture() as captured:
        console.print(table)
    terminalreporter.write_line("")
    terminalreporter.write(captured.get())


def seconds(value: float) -> str:
    return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.3g} s"
