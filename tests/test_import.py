"""`import derive` loads SymPy alone, so that it is light and runs in a browser's Python too."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["codegen", "jax", "jaxlib", "numpy", "opt_einsum", "rich"])
def test_import_derive_leaves_out(module: str) -> None:
    assert module not in loaded_by("import derive")


def test_deriving_and_printing_leave_out_numpy_and_jax() -> None:
    statements = """
import derive
n = derive.dims("n")
x, A = derive.vector("x", n), derive.matrix("A", n, n)
hessian = derive.hessian(derive.logsumexp(A @ x), x)
str(hessian), hessian.latex()
"""
    assert not {"codegen", "jax", "numpy"} & loaded_by(statements)


def loaded_by(statements: str) -> set[str]:
    report = f"import sys\n{statements}\nprint(*sys.modules)"
    command = [sys.executable, "-c", report]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
