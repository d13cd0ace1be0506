"""Functions of real matrices in multiple precision, by what defines them: for the checks.

mpmath's own square root can be one of another branch, so that both are computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath

GUARD = 15
"""Digits more than those of the result."""

NEAR = mpmath.mpf(1) / 16


def sqrtm(a: Any) -> Any:
    """Give the principal square root, not a number where there is no real one.

    Newton's iteration in the form of Denman and Beavers, scaled by determinants (Higham 2008,
    Functions of Matrices, section 6.5).
    """
    with mpmath.extradps(GUARD):
        n, y, z = a.rows, a, mpmath.eye(a.rows)
        for _ in range(60):
            size = abs(mpmath.det(y) * mpmath.det(z))
            scale = size ** (-mpmath.mpf(1) / (2 * n)) if size else mpmath.mpf(1)
            try:
                above, below = mpmath.inverse(z), mpmath.inverse(y)
            except ZeroDivisionError:
                break
            new = (scale * y + above / scale) / 2
            z = (scale * z + below / scale) / 2
            if mpmath.mnorm(new - y, 1) <= mpmath.mnorm(new, 1) * mpmath.eps * 2**20:
                return new
            y = new
    return a * mpmath.nan


def logm(a: Any) -> Any:
    """Give the principal logarithm: 2 artanh of (r - 1) / (r + 1), after square roots r."""
    with mpmath.extradps(GUARD):
        one, root, count = mpmath.eye(a.rows), a, 0
        while mpmath.mnorm(root - one, 1) > NEAR:
            root, count = sqrtm(root), count + 1
        if mpmath.isnan(root[0, 0]):
            return root
        power = z = (root - one) * mpmath.inverse(root + one)
        square, total, k = z * z, z, 1
        while mpmath.mnorm(power, 1) > mpmath.eps * mpmath.mnorm(total, 1):
            power, k = power * square, k + 2
            total = total + power / k
        return total * 2 ** (count + 1)


def matrix_power(a: Any, k: Any) -> Any:
    """Give an integer power."""
    return a ** int(k)


def value(function: Callable[..., Any]) -> Callable[..., Sequence[Any]]:
    """Define the operation that gives f(A)."""
    return lambda a, *attributes: [function(a, *attributes)]


def differential(function: Callable[..., Any]) -> Callable[..., Sequence[Any]]:
    """Define the operation that gives the upper right block of f of ``[[A, E], [0, A]]``."""

    def block(a: Any, e: Any, *attributes: Any) -> Sequence[Any]:
        n = a.rows
        both = mpmath.zeros(2 * n)
        both[:n, :n] = both[n:, n:] = a
        both[:n, n:] = e
        return [function(both, *attributes)[:n, n:]]

    return block
