"""Checks of a derivation by independent witnesses."""

from codegen.checking.compare import check
from codegen.checking.definition import evaluate
from codegen.checking.report import CheckError, Comparison, Report

__all__ = ["CheckError", "Comparison", "Report", "check", "evaluate"]
