"""Measure all, print a table, and write `docs/comparison.json`, which the comparison page shows.

`python -m tests.benchmarks.comparison [part ...]` measures some parts anew: coverage, deriving,
speed, documented.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from datetime import date
from importlib.metadata import version
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.comparison import named_tensors
from tests.benchmarks.comparison.named_tensors import RESULTS

PARTS = ["coverage", "deriving", "speed", "documented"]
PACKAGES = ["sympy", "jax", "numpy", "pytensor", "tensorgrad", "torch"]


def main(parts: list[str]) -> None:
    """Measure the parts, and keep what is there of the others."""
    measured = {
        part: importlib.import_module(f"tests.benchmarks.comparison.{part}").measure()
        for part in parts or PARTS
    }
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    results: dict[str, Any] = {"named_tensors": [], **known, **measured}
    results["machine"] = {
        "date": date.today().isoformat(),
        "processor": platform.machine(),
        "cores used": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    named_tensors.main()
    if results.keys() >= set(PARTS):
        show(results)


def show(results: dict[str, Any]) -> None:
    """Print how many answers of each tool are right, and the races."""
    console = Console()
    table = Table("tool", "right", "of", title="Derivatives")
    tools = results["coverage"][0]["answers"]
    for tool in tools:
        right = sum(row["answers"][tool]["verdict"] == "right" for row in results["coverage"])
        table.add_row(tool, str(right), str(len(results["coverage"])))
    console.print(table)
    rivals = results["speed"][0]["rivals"]
    table = Table("race", *rivals, title="Best time, in that of jit(jax)")
    for row in results["speed"]:
        ratios = [f"{row['rivals'][name]['ratio']:.3g}" for name in rivals]
        table.add_row(f"{row['name']}, {row['kind']}", *ratios)
    console.print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
