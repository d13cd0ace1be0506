"""The arguments and options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codegen.cli.completion import kinds, names_in_expression
from codegen.cli.request import Library, Spelling

READING = "How it is read"
WRITING = "What is written"
FLAG = ""
"""What the help shows behind an option that takes no value: typer would write ``<bool>``."""

Expression = Annotated[
    str | None,
    typer.Argument(
        metavar="EXPR",
        show_default=False,
        help="The expression, in quotes; - or none reads the standard input.",
    ),
]
Wrt = Annotated[
    list[str] | None,
    typer.Option(
        "--wrt",
        metavar="NAMES",
        autocompletion=names_in_expression,
        show_default=False,
        rich_help_panel=READING,
        help="By what to differentiate: x, or W,b. Default: the only vector or matrix there is.",
    ),
]
Let = Annotated[
    list[str] | None,
    typer.Option(
        "--let",
        metavar="DECLARATIONS",
        show_default=False,
        rich_help_panel=READING,
        help='What names are: "X: matrix(n, d), S: symmetric(n)". Without: a to g are scalars, '
        "h to z vectors, capitals matrices.",
    ),
]
SpellingOption = Annotated[
    Spelling | None,
    typer.Option(
        "--spelling",
        show_default=False,
        rich_help_panel=READING,
        help="How * and ^ are meant, where both spellings would be possible.",
    ),
]
Emit = Annotated[
    Library | None,
    typer.Option(
        "--emit",
        show_default=False,
        rich_help_panel=WRITING,
        help="Write code for the result, too.",
    ),
]
Latex = Annotated[
    bool,
    typer.Option(
        "--latex",
        metavar=FLAG,
        rich_help_panel=WRITING,
        help="Write formulas in LaTeX, vectors as columns.",
    ),
]
Steps = Annotated[
    bool,
    typer.Option(
        "--steps",
        metavar=FLAG,
        rich_help_panel=WRITING,
        help="Write the worked solution, too.",
    ),
]
Check = Annotated[
    bool,
    typer.Option(
        "--check",
        metavar=FLAG,
        rich_help_panel=WRITING,
        help="Check the result with finite differences and JAX, too.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        show_default=False,
        rich_help_panel=WRITING,
        help="Write to a file: code if it ends in .py, LaTeX in .tex, JSON in .json, else text.",
    ),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        metavar=FLAG,
        rich_help_panel=WRITING,
        help="Replace the file if it exists.",
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        metavar=FLAG,
        rich_help_panel=WRITING,
        help="Write one JSON document, errors too.",
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        show_default=False,
        rich_help_panel=WRITING,
        help="The name of the function in the code.",
    ),
]
Sizes = Annotated[
    list[str] | None,
    typer.Option(
        "--sizes",
        metavar="SIZES",
        show_default=False,
        help="Sizes to check at, and to choose the order of multiplication by: n=4,d=3.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="Of the random inputs of a check.")]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        metavar=FLAG,
        help="Do not tell on a terminal how the names were read.",
    ),
]
Of = Annotated[
    str | None,
    typer.Option(
        "--of",
        metavar="KINDS",
        autocompletion=kinds,
        show_default=False,
        help="What to compute: value, gradient, jacobian, hessian, or several: value,gradient.",
    ),
]
CustomVjp = Annotated[
    bool,
    typer.Option(
        "--custom-vjp",
        metavar=FLAG,
        help="JAX code of the value alone, with the derived gradient under jax.grad.",
    ),
]
Claim = Annotated[
    list[str] | None,
    typer.Option(
        "--claim",
        metavar="FORMULA",
        show_default=False,
        help="A formula derived by hand: say whether it is right, and else what is wrong.",
    ),
]
