"""Helper functions that are the same in every library but for its name: divided differences."""

from __future__ import annotations

from collections.abc import Mapping

DIFFERENCES: Mapping[str, str] = {
    "reciprocal_gap": '''
def _reciprocal_gap(x, y, scale):
    """1 / (x - y), not a number where the difference is rounding, of numbers up to scale."""
    gap = x - y
    known = np.abs(gap) > 64 * np.finfo(gap.dtype).eps * scale
    return 1 / np.where(known, gap, np.nan)
''',
    "divided_difference": '''
_FOUR_NODES = [
    (0.0694318442029737, 0.1739274225687269),
    (0.3300094782075719, 0.3260725774312731),
    (0.6699905217924281, 0.3260725774312731),
    (0.9305681557970263, 0.1739274225687269),
]
_THREE_NODES = [(0.1127016653792583, 5 / 18), (0.5, 4 / 9), (0.8872983346207417, 5 / 18)]


def _divided_difference(h, dh, x, y):
    """(h(x) - h(y)) / (x - y); where x and y are close, the mean of dh between them.

    The mean is that by Gauss quadrature of four nodes, and close is where three nodes agree.
    """
    gap = x - y
    slopes = [weight * dh(y + t * gap) for t, weight in _FOUR_NODES]
    mean, size = sum(slopes), sum(map(np.abs, slopes))
    error = np.abs(mean - sum(weight * dh(y + t * gap) for t, weight in _THREE_NODES))
    close = (error < np.finfo(gap.dtype).eps ** 0.75 * size) | (gap == 0)
    return np.where(close, mean, (h(x) - h(y)) / np.where(gap == 0, 1, gap))
''',
    "second_difference": '''
def _second_difference(h, dh, ddh, x, y, z):
    """The slope of _divided_difference(h, dh, x, y) from x to z, which is symmetric in all three.

    Where the three are close, it is a mean of ddh among them (Hermite and Genocchi).
    """
    low, high = np.minimum(np.minimum(x, y), z), np.maximum(np.maximum(x, y), z)
    middle = np.maximum(np.minimum(x, y), np.minimum(np.maximum(x, y), z))
    gap = high - low

    def means(nodes):
        mean = size = 0
        for s, outer in nodes:
            for t, inner in nodes:
                value = outer * inner * s * ddh(low + s * (middle - low + t * (high - middle)))
                mean, size = mean + value, size + np.abs(value)
        return mean, size

    mean, size = means(_FOUR_NODES)
    error = np.abs(mean - means(_THREE_NODES)[0])
    close = (error < np.finfo(gap.dtype).eps ** 0.75 * size) | (gap == 0)
    above = _divided_difference(h, dh, high, middle)
    below = _divided_difference(h, dh, middle, low)
    return np.where(close, mean, (above - below) / np.where(gap == 0, 1, gap))
''',
}


def written_with(module: str, helpers: Mapping[str, str]) -> dict[str, str]:
    """Give helper functions that are written with ``np`` as another library calls them."""
    return {name: source.replace("np.", f"{module}.") for name, source in helpers.items()}
