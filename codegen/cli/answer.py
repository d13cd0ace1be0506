"""Answering: what is derived, emitted and checked for a request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

import derive
from codegen.cli.errors import InputError
from codegen.cli.reading import Problem, read_claim, sizes_of, symbols_wrt
from codegen.cli.request import Library, Request
from derive.derivation import Derivation
from derive.tensor.node import Symbol

if TYPE_CHECKING:
    from codegen.checking import Report
    from codegen.function import GeneratedFunction
    from derive.backpropagation import Backprop
    from derive.verification import Verdict

Stage = Callable[[str], object]
"""Tells what is being done."""

CALCULUS = {
    "gradient": derive.gradient,
    "jacobian": derive.jacobian,
    "hessian": derive.hessian,
    "vjp": derive.vjp,
    "jvp": derive.jvp,
    "hvp": derive.hvp,
}

LIBRARY_OF_FILES: Library = "numpy"
"""Of the code that ``-o name.py`` writes, when nothing else is said."""


@dataclass
class Answer:
    """What was found; the parts that were not asked for are None."""

    request: Request
    problem: Problem
    wrt: tuple[Symbol, ...] = ()
    derivation: Derivation | None = None
    table: Backprop | None = None
    code: GeneratedFunction | None = None
    library: Library | None = None
    report: Report | None = None
    verdict: Verdict | None = None

    @property
    def passed(self) -> bool:
        """Whether the check and the claim, as far as there are any, hold."""
        checked = self.report is None or self.report.passed
        return checked and (self.verdict is None or self.verdict.equal)


def answer(request: Request, problem: Problem, stage: Stage) -> Answer:
    """Derive, emit and check what was asked about an expression that was read."""
    if request.name is not None and (not request.name.isidentifier() or iskeyword(request.name)):
        raise InputError(f"--name {request.name}: a function of Python cannot have this name")
    sizes_of(request.sizes, problem)  # refuses what is no size, also where none is needed
    found = Answer(request, problem)
    ANSWERS.get(request.command, _calculus)(found, stage)
    return found


def _calculus(found: Answer, stage: Stage) -> None:
    request = found.request
    stage(f"deriving the {request.command}")
    found.derivation = _derived(request.command, found)
    library = request.emit or _implied(request)
    if library:
        stage(f"writing {library} code")
        _emit(found, found.derivation, library, request.command)
    if request.check:
        _check(found, stage)


def _only_check(found: Answer, stage: Stage) -> None:
    request, problem = found.request, found.problem
    kind = request.of or _first_derivative(problem)
    stage(f"deriving the {kind}")
    found.derivation = _derived(kind, found)
    if request.claim:
        stage("comparing the claim")
        found.verdict = _verified(found.derivation, request.claim, found)
    else:
        _check(found, stage)


def _only_emit(found: Answer, stage: Stage) -> None:
    request, problem = found.request, found.problem
    kinds = _kinds(request, problem)
    stage(f"deriving the {' and '.join(kinds)}")
    outputs: dict[str, Any] = {
        kind: problem.function if kind == "value" else _derived(kind, found) for kind in kinds
    }
    stage("writing code")
    single = outputs[kinds[0]] if len(kinds) == 1 else outputs
    found.derivation = single if isinstance(single, Derivation) else None
    name = "f" if found.derivation is None else kinds[0]
    _emit(found, single, request.emit or LIBRARY_OF_FILES, name)


def _backprop(found: Answer, stage: Stage) -> None:
    request, problem = found.request, found.problem
    stage("going backward")
    found.wrt = tuple(symbols_wrt(problem, request.wrt))
    found.table = derive.backprop(problem.function, found.wrt, style=request.style)


ANSWERS = {"check": _only_check, "emit": _only_emit, "backprop": _backprop}


# ---------------------------------------------------------------------------------------- parts


def _derived(kind: str, found: Answer) -> Derivation:
    found.wrt = tuple(symbols_wrt(found.problem, found.request.wrt))
    return CALCULUS[kind](found.problem.function, _one_or_all(found.wrt))


def _one_or_all(items: Sequence[Any]) -> Any:
    return items[0] if len(items) == 1 else items


def _first_derivative(problem: Problem) -> str:
    """Tell which first derivative an expression has: a gradient if it is a scalar."""
    return "jacobian" if problem.function.ndim else "gradient"


def _implied(request: Request) -> Library | None:
    """Tell whether a file was asked for that holds code."""
    is_code = request.output is not None and request.output.suffix == ".py"
    return LIBRARY_OF_FILES if is_code else None


def _kinds(request: Request, problem: Problem) -> list[str]:
    both = f"value,{_first_derivative(problem)}"
    text = request.of or (both if request.wrt else "value")
    kinds = list(dict.fromkeys(part.strip() for part in text.split(",")))
    for kind in kinds:
        if kind not in ("value", *CALCULUS):
            known = ", ".join(("value", *CALCULUS))
            raise InputError(f"--of: {kind!r} is none of {known}")
    return kinds


def _emit(found: Answer, outputs: Any, library: Library, name: str) -> None:
    import codegen

    request = found.request
    options: dict[str, Any] = {
        "name": request.name or name,
        "sizes": sizes_of(request.sizes, found.problem),
    }
    if request.custom_vjp:
        remedy = "leave out --wrt and --of" if library == "jax" else "add --emit jax"
        if library != "jax" or isinstance(outputs, (Derivation, dict)):
            raise InputError(f"--custom-vjp is for the value alone, as JAX code: {remedy}")
        options["custom_vjp"] = True
    found.library = library
    found.code = (codegen.to_jax if library == "jax" else codegen.to_numpy)(outputs, **options)


def _check(found: Answer, stage: Stage) -> None:
    sizes = sizes_of(found.request.sizes, found.problem)
    stage("loading JAX")
    from codegen import check

    stage("")  # the check shows its own stages
    found.report = check(found.derivation, sizes=sizes, seed=found.request.seed)


def _verified(derivation: Derivation, claims: Sequence[str], found: Answer) -> Verdict:
    problem, wrt = found.problem, list(derivation.wrt)
    if len(claims) != len(wrt):
        names = ", ".join(symbol.name for symbol in wrt)
        count = "1 claim" if len(claims) == 1 else f"{len(claims)} claims"
        raise InputError(
            f"{count} came for the {derivation.kind} in {names}: "
            "give --claim once for each, in this order"
        )
    parsed = [read_claim(text, problem) for text in claims]
    return derive.verify(
        _one_or_all(parsed),
        problem.function,
        _one_or_all(wrt),
        kind=derivation.kind,
        sizes=sizes_of(found.request.sizes, problem),
    )
