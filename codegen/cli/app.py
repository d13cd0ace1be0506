"""The application: how arguments reach a command, and how a command ends.

Every ending is decided in one place, ``Group.main``: exit codes, errors as text or as JSON, no
traceback for what is the user's to mend.
"""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from codegen.cli.errors import BROKEN, DONE, MISUNDERSTOOD, InputError
from codegen.cli.examples import EXAMPLES, epilog


class Command(TyperCommand):
    """A command whose expression may begin with a minus: ``derive gradient "-x'*A*x"``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        params = [param for param in self.get_params(ctx) if isinstance(param, TyperOption)]
        known = {name: param for param in params for name in param.opts}
        if ctx.resilient_parsing:  # the shell completes what is not whole yet
            awaits_value = args and args[-1] in known and not known[args[-1]].is_flag
            return super().parse_args(ctx, args[:-1] if awaits_value else args)
        options, words = self._parted(ctx, args, known)
        if len(words) > 1:
            raise InputError(_too_many(words, known))
        # Behind "--" nothing is an option.
        return super().parse_args(ctx, [*options, *(["--", *words] if words else [])])

    def _parted(
        self, ctx: Any, args: Sequence[str], known: Mapping[str, TyperOption]
    ) -> tuple[list[str], list[str]]:
        """Part the options, each with its value, from what is none: the expression."""
        options: list[str] = []
        words: list[str] = []
        rest = iter(args)
        for arg in rest:
            name, equals, _ = arg.partition("=")
            if arg == "--":
                words += rest
            elif arg.startswith("--") and name not in known:
                super().parse_args(ctx, [arg])  # raises, with what is near
            elif arg in known and not known[arg].is_flag:
                options += [arg, *self._value_of(arg, rest, known)]
            elif arg in known or (equals and arg.startswith("--")):
                options.append(arg)
            else:
                words.append(arg)
        return options, words

    def _value_of(self, option: str, rest: Iterator[str], known: Container[str]) -> Iterator[str]:
        value = next(rest, None)
        if value is None or value in known:
            raise InputError(f"{option} needs a value\nTry: derive {self.name} --help")
        yield value


def _too_many(words: Sequence[str], known: Container[str]) -> str:
    shown = " ".join(map(repr, words))
    meant = [option for word in words if (option := f"--{word.lstrip('-')}") in known]
    hint = f"Did you mean {meant[0]}?" if meant else "Put the expression in double quotes."
    return f"one expression is wanted, but {len(words)} arguments came: {shown}\n{hint}"


class Group(TyperGroup):
    """The commands; calling it ends the process with the exit code."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if not ctx.resilient_parsing and not args[0].isidentifier():
            raise InputError(
                f"{args[0]!r} is no command; say what to do with it, as in\n"
                f'  derive gradient "{args[0]}"'
            )
        return super().resolve_command(ctx, args)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        given = list(sys.argv[1:] if args is None else args) or ["--help"]
        try:
            code = super().main(given, "derive", complete_var, False, windows_expand_args, **extra)
        except typer.TyperException as error:
            code = _refused(given, InputError(_usage(error)))
        except ValueError as error:
            if not _is_answerable(error):
                raise
            code = _refused(given, error)
        sys.exit(code if isinstance(code, int) else DONE)


def _is_answerable(error: ValueError) -> bool:
    """Tell whether an error is about what was typed: the others are bugs."""
    from derive import ShapeError, UnsupportedError
    from derive.language import ParseError

    return isinstance(error, (InputError, ParseError, ShapeError, UnsupportedError))


def _usage(error: typer.TyperException) -> str:
    message = error.format_message().replace("Value error, ", "")
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else "derive"
    return f"{message}\nTry: {where} --help"


def _refused(args: Sequence[str], error: ValueError) -> int:
    """Say what is wrong with the input."""
    from codegen.cli.printing import complain

    if "--json" in args:
        from codegen.cli.document import failure, print_json

        command = next((arg for arg in args if arg in EXAMPLES), None)
        print_json(failure(command, error))
    else:
        complain(str(error))
    return MISUNDERSTOOD


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"derive {version('derive-codegen')}")
        raise typer.Exit


app = typer.Typer(
    name="derive",
    cls=Group,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    epilog=epilog("derive"),
)


@app.callback()
def _derive(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Derivatives of formulas with vectors and matrices: in matrix notation, checked, as code."""


def run() -> None:
    """Run the command line of this process, and end it."""
    if hasattr(signal, "SIGPIPE"):
        # A reader such as head that has enough ends this process without a word.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        # A terminal without Unicode gets escapes in the place of symbols.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    from codegen.cli import commands

    try:
        commands.app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception:
        traceback.print_exc()
        print(
            "derive: this is a bug; please report it with the command and the lines above.",
            file=sys.stderr,
        )
        sys.exit(BROKEN)
