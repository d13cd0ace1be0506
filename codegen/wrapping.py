"""Lines that are too long for a page, broken inside brackets."""

from __future__ import annotations

WIDTH = 96
"""The longest line of a function's body, before its indentation."""


def wrapped(line: str) -> list[str]:
    """Break a statement that is too long inside its longest pair of outer brackets.

    Examples
    --------
    >>> print(*wrapped(f"z = f({', '.join(['argument'] * 10)})"), sep=chr(10))
    z = f(
        argument, argument, argument, argument, argument, argument, argument, argument, argument,
        argument
    )
    """
    pairs = _outer_pairs(line)
    if len(line) <= WIDTH or line.lstrip().startswith("#") or not pairs:
        return [line]
    start, end, commas = max(pairs, key=lambda pair: pair[1] - pair[0])
    indent = line[: len(line) - len(line.lstrip())]
    rows = [indent + "   "]
    for first, last in zip((start, *commas), (*commas, end - 1), strict=True):
        item = line[first + 1 : last + 1].strip()
        if len(rows[-1]) + 1 + len(item) > WIDTH and rows[-1].strip():
            rows.append(indent + "   ")
        rows[-1] += f" {item}"
    return [
        line[: start + 1],
        *(part for row in rows for part in wrapped(row)),
        indent + line[end:],
    ]


def _outer_pairs(line: str) -> list[tuple[int, int, list[int]]]:
    """List the outermost brackets with the commas directly inside them."""
    pairs: list[tuple[int, int, list[int]]] = []
    depth, start = 0, 0
    commas: list[int] = []
    quoted = False
    for k, c in enumerate(line):
        if c == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif c in "([{":
            if depth == 0:
                start, commas = k, []
            depth += 1
        elif c in ")]}":
            depth -= 1
            if depth == 0:
                pairs.append((start, k, commas))
        elif c == "," and depth == 1:
            commas.append(k)
    return pairs
