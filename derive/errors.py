"""The two errors of the package: shapes that do not fit, and what is not supported."""

from __future__ import annotations


class ShapeError(ValueError):
    """Shapes, or axes, of the operands of an operation do not fit together."""


class UnsupportedError(ValueError):
    """The operation, or its derivative, is not supported; nothing was computed."""
