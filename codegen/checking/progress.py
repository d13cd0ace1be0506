"""Progress of a check, shown on the terminal when it takes more than a second."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

DELAY = 1.0


class Stages:
    """Counts the stages of a check; the bar appears after a second and goes when it ends."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._started = time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> Stages:
        return self

    def __call__(self, what: str) -> None:
        """Begin a stage."""
        if self._bar is None and time.monotonic() - self._started > DELAY:
            console = Console(stderr=True)
            self._bar = Progress(
                TextColumn("checking: {task.description}"),
                BarColumn(),
                console=console,
                transient=True,
                disable=not console.is_terminal,
            )
            self._bar.add_task(what, total=self._total, completed=self._done)
            self._bar.start()
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], description=what, completed=self._done)
        self._done += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
