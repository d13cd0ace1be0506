"""The stage of long work, on a terminal's standard error once it has taken a second."""

from __future__ import annotations

from threading import Lock, Timer
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

DELAY = 1.0
"""Seconds that work may take unseen."""


class Stages:
    """Shows the present stage beside a spinner; what is quicker than the delay shows nothing.

    Parameters
    ----------
    console : rich console
        On which to show it; nothing is shown where it is no terminal.
    delay : float
        Seconds.
    """

    def __init__(self, console: Console, delay: float = DELAY) -> None:
        self._console = console
        self._stage = ""
        self._status: Status | None = None
        self._lock = Lock()
        self._due = False
        self._timer = Timer(delay, self._begin)
        self._timer.daemon = True

    def __enter__(self) -> Stages:
        if self._console.is_terminal:
            self._timer.start()
        return self

    def __call__(self, stage: str) -> None:
        """Begin a stage; an empty one shows nothing, for work that shows its own progress."""
        with self._lock:
            self._stage = stage
            self._show()

    def _begin(self) -> None:
        with self._lock:
            self._due = True
            self._show()

    def _show(self) -> None:
        if not self._stage:
            self._hide()
        elif self._status is not None:
            self._status.update(self._stage)
        elif self._due:
            self._status = self._console.status(self._stage)
            self._status.start()

    def _hide(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._due = False
            self._hide()
