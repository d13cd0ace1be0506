"""What is wrong with a result: a shape, a transpose, a sign, a factor, or a term."""

from __future__ import annotations

import numpy as np

CLOSE = 1e-9


def diagnose(given: np.ndarray, right: np.ndarray, label: str = "") -> list[str]:
    """Describe how an array differs from the right one, in sentences.

    Examples
    --------
    >>> diagnose(np.array([2.0, 4.0]), np.array([1.0, 2.0]))
    ['the result is 2 times the right one']
    """
    what = f"the result {label}".strip()
    if given.shape != right.shape:
        hints = [f"{what} has shape {given.shape}; the right one has {right.shape}"]
        if given.shape == right.shape[::-1] and _same(given.T, right):
            return [*hints, f"{what} is the transpose of the right one"]
        if given.ndim > right.ndim:
            summed = given.sum(axis=tuple(range(given.ndim - right.ndim)))
            if _same(summed, right):
                hints.append("a sum over the leading axes makes it right")
        return hints
    if not np.all(np.isfinite(given)):
        return [f"{what} has entries that are not finite"]
    if right.ndim == 2 and right.shape[0] == right.shape[1] and _same(given.T, right):
        return [f"{what} is the transpose of the right one"]
    if _same(-given, right):
        return [f"{what} has the wrong sign"]
    scale = float(np.sum(right * right))
    if scale > 0:
        factor = float(np.sum(given * right)) / scale
        if factor != 0 and _same(given / factor, right):
            return [f"{what} is {factor:.6g} times the right one"]
    worst = np.unravel_index(np.argmax(np.abs(given - right)), right.shape)
    place = ", ".join(map(str, worst))
    at = f" at [{place}]" if right.ndim else ""
    share = float(np.mean(~np.isclose(given, right, rtol=CLOSE, atol=CLOSE)))
    return [
        f"{what} differs in {share:.0%} of its entries, most{at}: "
        f"{given[worst]:.6g} instead of {right[worst]:.6g}"
    ]


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    if a.shape != b.shape:
        return False
    return bool(
        np.max(np.abs(a - b), initial=0.0) <= CLOSE * max(1.0, np.max(np.abs(b), initial=0))
    )
