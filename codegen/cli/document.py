"""The JSON of an answer: one document whose keys are always the same."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy as sp

from codegen.cli.answer import Answer
from codegen.cli.reading import kind_of, structure_of
from codegen.cli.sections import result_of
from derive.derivation import Derivation

if TYPE_CHECKING:
    from codegen.checking import Report
    from codegen.function import GeneratedFunction
    from derive.backpropagation import Backprop
    from derive.notation.steps import Steps
    from derive.verification import Counterexample, Verdict

Document = dict[str, Any]


def as_json(document: Any, *, ensure_ascii: bool = False) -> str:
    """Write a document; what is not a finite number becomes a text."""
    return json.dumps(document, indent=2, ensure_ascii=ensure_ascii, allow_nan=False)


def print_json(document: Any) -> None:
    """Print a document, with JSON's own escapes where the stream cannot hold every character."""
    encoding = (sys.stdout.encoding or "").lower()
    print(as_json(document, ensure_ascii=not encoding.startswith("utf")))


def document(answer: Answer) -> Document:
    """Give all that is known of an answer; what was not asked for is null."""
    derivation = answer.derivation
    steps = derivation.steps if derivation is not None and answer.request.steps else None
    return {
        "command": answer.request.command,
        "expression": answer.problem.text,
        "symbols": [
            {
                "name": symbol.name,
                "kind": kind_of(symbol),
                "shape": _sizes(symbol.shape),
                "structure": structure_of(symbol),
                "dtype": symbol.dtype,
            }
            for symbol in answer.problem.symbols
        ],
        "kind": derivation and derivation.kind,
        "wrt": [symbol.name for symbol in answer.wrt],
        "result": _or_null(_result, derivation),
        "steps": _or_null(_steps, steps),
        "table": _or_null(_table, answer.table),
        "code": _or_null(_code, answer.code, answer.library),
        "check": _or_null(_check, answer.report),
        "claim": _or_null(_claim, answer.verdict),
        "error": None,
    }


def failure(command: str | None, error: Exception) -> Document:
    """Give the document of an error: the keys of an answer, all null, and the error."""
    described = {"type": type(error).__name__, "message": str(error)}
    return {**dict.fromkeys(KEYS), "command": command, "error": described}


KEYS = (
    *("command", "expression", "symbols", "kind", "wrt", "result", "steps", "table", "code"),
    *("check", "claim", "error"),
)


def _or_null(write: Callable[..., Any], part: Any, *more: Any) -> Any:
    return None if part is None else write(part, *more)


def _sizes(shape: Iterable[sp.Expr]) -> list[int | str]:
    """Give numbers as such, and sizes with a name as text."""
    return [int(dim) if dim.is_Integer else str(dim) for dim in shape]


def _result(derivation: Derivation) -> Document:
    result = result_of(derivation)
    return {
        "text": str(result),
        "latex": derivation.latex(),
        "parts": [
            {"wrt": list(part.wrt), "text": part.text, "shape": _sizes(part.shape)}
            for part in result.parts
        ],
        "where": [{"name": name, "text": text} for name, text in result.where],
    }


def _steps(steps: Steps) -> list[Document]:
    return [
        {
            "kind": step.kind,
            "name": step.name,
            "text": step.formula_text,
            "latex": step.formula_latex,
            "rule": step.rule or None,
            "words": step.words or None,
        }
        for step in steps
    ]


def _table(table: Backprop) -> Document:
    rows = [
        {
            "operation": row.operation,
            "name": row.name,
            "forward": str(row.forward),
            "backward": {
                table.cotangent_of(name): str(share) for name, share in row.backward.items()
            },
            "shapes": {name: _sizes(shape) for name, shape in row.shapes.items()},
        }
        for row in table.rows
    ]
    return {"text": str(table), "latex": table.latex(), "rows": rows}


def _code(code: GeneratedFunction, library: str) -> Document:
    return {
        "library": library,
        "name": code.__name__,
        "inputs": list(code.inputs),
        "source": code.source,
    }


def _check(report: Report) -> Document:
    rows = [
        {
            "comparison": row.name,
            "error": _number(row.error),
            "tolerance": row.tolerance,
            "passed": row.passed,
            "note": row.note or None,
        }
        for row in report.rows
    ]
    return {"passed": report.passed, "rows": rows}


def _claim(verdict: Verdict) -> Document:
    findings = [
        {
            "kind": finding.kind,
            "sentence": finding.sentence,
            "formula": None if finding.formula is None else str(finding.formula),
        }
        for part in verdict.parts or (verdict,)
        for finding in part.findings
    ]
    examples = [part.counterexample for part in (verdict.parts or (verdict,))]
    return {
        "right": verdict.equal,
        "proved": verdict.proved,
        "how": verdict.how,
        "text": str(verdict),
        "findings": findings,
        "counterexamples": [_example(example) for example in examples if example],
    }


def _example(example: Counterexample) -> Document:
    return {
        "sizes": example.sizes,
        "values": {name: _number(value) for name, value in example.values.items()},
        "claimed": _number(example.claimed),
        "right": _number(example.right),
    }


def _number(value: Any) -> Any:
    """Give a number, or nested lists of them, as JSON has them."""
    if isinstance(value, list):
        return [_number(item) for item in value]
    if isinstance(value, Fraction):
        value = float(value)
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
