"""The commands: each says which options it has, and hands them on as a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any, Literal

import typer

from codegen.cli import options as o
from codegen.cli.app import Command, app
from codegen.cli.completion import function_names
from codegen.cli.errors import FAILED
from codegen.cli.examples import epilog
from codegen.cli.request import Request

DERIVATIVES = {
    "gradient": "Derive the gradient of a scalar expression.",
    "jacobian": "Derive the Jacobian of an expression of any shape.",
    "hessian": "Derive the Hessian of a scalar expression.",
    "vjp": "Derive a cotangent times the Jacobian: the pullback.",
    "jvp": "Derive the Jacobian times a tangent: the differential.",
    "hvp": "Derive the Hessian of a scalar expression times a vector.",
}


def _command(name: str, words: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return app.command(name, help=words, epilog=epilog(name), cls=Command)


def _derivative(kind: str) -> Callable[..., None]:
    """Make the command of one kind of derivative; they have all options in common."""

    def derivative(
        expression: o.Expression = None,
        wrt: o.Wrt = None,
        let: o.Let = None,
        spelling: o.SpellingOption = None,
        emit: o.Emit = None,
        latex: o.Latex = False,
        steps: o.Steps = False,
        check: o.Check = False,
        output: o.Output = None,
        force: o.Force = False,
        json: o.Json = False,
        name: o.Name = None,
        sizes: o.Sizes = None,
        seed: o.Seed = 0,
        quiet: o.Quiet = False,
    ) -> None:
        _run(kind, locals())

    return derivative


for _kind, _words in DERIVATIVES.items():
    _command(_kind, _words)(_derivative(_kind))


@_command("backprop", "Print the backward pass, a row for each operation.")
def _backprop(
    expression: o.Expression = None,
    wrt: o.Wrt = None,
    let: o.Let = None,
    spelling: o.SpellingOption = None,
    style: Annotated[
        Literal["partial", "delta", "bar"],
        typer.Option("--style", help="How cotangents are written: ∂L/∂z, δ_z or z̄."),
    ] = "partial",
    latex: o.Latex = False,
    output: o.Output = None,
    force: o.Force = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    _run("backprop", locals())


@_command("check", "Check a derivative, or a formula that was derived by hand.")
def _check(
    expression: o.Expression = None,
    wrt: o.Wrt = None,
    claim: o.Claim = None,
    of: Annotated[
        Literal["gradient", "jacobian", "hessian"] | None,
        typer.Option(
            "--of",
            show_default=False,
            help="What to check. Default: the gradient of a scalar, else the Jacobian.",
        ),
    ] = None,
    let: o.Let = None,
    spelling: o.SpellingOption = None,
    output: o.Output = None,
    force: o.Force = False,
    json: o.Json = False,
    sizes: o.Sizes = None,
    seed: o.Seed = 0,
    quiet: o.Quiet = False,
) -> None:
    _run("check", locals())


@_command("emit", "Write code for an expression and its derivatives.")
def _emit(
    expression: o.Expression = None,
    wrt: o.Wrt = None,
    of: o.Of = None,
    emit: o.Emit = "numpy",
    name: o.Name = None,
    custom_vjp: o.CustomVjp = False,
    let: o.Let = None,
    spelling: o.SpellingOption = None,
    output: o.Output = None,
    force: o.Force = False,
    json: o.Json = False,
    sizes: o.Sizes = None,
    quiet: o.Quiet = False,
) -> None:
    _run("emit", locals())


@app.command(
    "functions",
    help="List the functions that an expression can call.",
    epilog=epilog("functions"),
)
def _functions(
    word: Annotated[
        str | None,
        typer.Argument(
            metavar="WORD",
            show_default=False,
            autocompletion=function_names,
            help="Only those with this word in their name or description.",
        ),
    ] = None,
    json: o.Json = False,
) -> None:
    from codegen.cli.functions import show_functions

    show_functions(word, json)


def _run(command: str, given: dict[str, Any]) -> None:
    """Answer a request, print and write what was found, and end with what a check says."""
    from codegen.cli.session import answered

    options = {field.name: given[field.name] for field in fields(Request) if field.name in given}
    if not answered(Request(command, **options)):
        raise typer.Exit(FAILED)
