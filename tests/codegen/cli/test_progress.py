"""The stage of long work is shown on a terminal, after a second, and leaves nothing behind."""

from __future__ import annotations

import io
import time

from rich.console import Console

from codegen.cli.progress import DELAY, Stages


def terminal() -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, force_terminal=True, width=60), file


def wait_for(text: str, file: io.StringIO) -> None:
    """Wait until a text was shown; a test that waits in vain fails where it is told so."""
    end = time.monotonic() + 20
    while text not in file.getvalue():
        assert time.monotonic() < end, f"{text!r} was never shown"
        time.sleep(0.01)


def test_the_delay_is_a_second() -> None:
    assert DELAY == 1.0


def test_the_stage_is_shown_and_changes() -> None:
    console, file = terminal()
    with Stages(console, delay=0) as stage:
        stage("deriving the gradient")
        wait_for("deriving the gradient", file)
        stage("writing numpy code")
        wait_for("writing numpy code", file)
    assert file.getvalue().endswith("\x1b[?25h\r\x1b[1A\x1b[2K")  # the cursor, and a clean line


def test_what_is_quick_shows_nothing() -> None:
    console, file = terminal()
    with Stages(console, delay=60) as stage:
        stage("deriving the gradient")
    assert file.getvalue() == ""


def test_a_stage_that_shows_itself_is_left_alone() -> None:
    console, file = terminal()
    with Stages(console, delay=0) as stage:
        stage("loading JAX")
        wait_for("loading JAX", file)
        stage("")
        shown = file.getvalue()
        time.sleep(0.3)  # a spinner that still ran would turn
        assert file.getvalue() == shown


def test_nothing_is_shown_where_there_is_no_terminal() -> None:
    file = io.StringIO()
    console = Console(file=file)
    with Stages(console, delay=0) as stage:
        stage("deriving the gradient")
        time.sleep(0.2)
    assert file.getvalue() == ""


def test_an_error_ends_the_display() -> None:
    console, file = terminal()
    try:
        with Stages(console, delay=0) as stage:
            stage("deriving the gradient")
            wait_for("deriving", file)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    shown = file.getvalue()
    time.sleep(0.2)
    assert file.getvalue() == shown
