"""One request from the first word to the last: answer it, write it, print it."""

from __future__ import annotations

from codegen.cli import printing
from codegen.cli.answer import answer
from codegen.cli.document import document, print_json
from codegen.cli.files import require_writable, write
from codegen.cli.progress import Stages
from codegen.cli.reading import described, read
from codegen.cli.request import Request
from codegen.cli.sections import sections
from derive.errors import ShapeError


def answered(request: Request) -> bool:
    """Answer a request on the standard streams; tell whether every check and claim holds."""
    if request.output is not None:
        require_writable(request.command, request.output, request.force)
    problem = read(request)
    told = not request.quiet and printing.show_reading(problem)
    with Stages(printing.console(stderr=True)) as stage:
        try:
            found = answer(request, problem, stage)
        except ShapeError as error:
            if told or not problem.undeclared:
                raise
            names = ", ".join(map(described, problem.undeclared))
            raise ShapeError(f"{error}\nread as {names}; --let declares otherwise") from None
        stage("writing it down")
        parts = [] if request.json else sections(found)
        left = parts if request.output is None else write(found, parts, request.output)
    if request.json and request.output is None:
        print_json(document(found))
    else:
        printing.show(left)
    if request.output is not None and not request.quiet:
        printing.tell(f"wrote {request.output}")
    return found.passed
