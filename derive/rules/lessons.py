"""Lessons: how a rule follows from the equation that defines the operation.

A lesson is data: equations between expressions in symbols, each with the words that lead to it.
The tests evaluate both sides of each at random matrices, with differentials by finite differences.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from derive.tensor.node import Tensor


@dataclass(frozen=True)
class Equation:
    """One line of a lesson: what was done, and the equation that it gives."""

    words: str
    left: Tensor
    right: Tensor


@dataclass(frozen=True)
class Lesson:
    """The equations from a definition to a pullback.

    Attributes
    ----------
    operation : str
    equations : tuple of Equation
        In the operand ``A``, its differential ``dA``, the results and their differentials by the
        names of the parts, and the cotangents ``A_bar``, ``L_bar``, ...
    attributes : tuple
        Those of the operation, as in the lesson.
    names : mapping of tensors to str
        What expressions in these are called, such as the eigenvectors of ``A``.
    """

    operation: str
    equations: tuple[Equation, ...]
    attributes: tuple[Any, ...] = ()
    names: Mapping[Tensor, str] = field(default_factory=dict)
