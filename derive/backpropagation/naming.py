"""Names for the values of a table: the user's, and z1, a1, ... for what has none."""

from __future__ import annotations

from collections.abc import Collection

from derive.backpropagation.graph import Graph
from derive.tensor.node import Tensor, symbols_of


class Names:
    """Gives each value a name of its own."""

    def __init__(self, loss: Tensor, graph: Graph) -> None:
        symbols = symbols_of(loss)
        self.values = {s.name for s in symbols}
        self.others = {name for names in graph.named.values() for name, _ in names}
        self.others |= {d.name for s in symbols for size in s.shape for d in size.free_symbols}

    def given(self, name: str) -> str:
        """Take the name that the user gave, with a number where it is given twice."""
        stem = f"{name}_" if name[-1].isdigit() else name
        return self._take(name if name not in self.values else _free(stem, self.values))

    def plain(self, name: str) -> str:
        """Take a name, with a number behind where it is taken."""
        return self._take(self.free(name))

    def free(self, name: str) -> str:
        """Find a name, with a number behind where it is taken, without taking it."""
        taken = self.values | self.others
        return name if name not in taken else _free(name, taken)

    def numbered(self, stem: str) -> str:
        """Take a letter with the next number."""
        return self._take(_free(stem, self.values | self.others, 1))

    def loss(self) -> str:
        """Take the name of the result."""
        taken = self.values | self.others
        return self.plain(next((n for n in ("L", "J") if n not in taken), "loss"))

    def _take(self, name: str) -> str:
        self.values.add(name)
        return name


def _free(stem: str, taken: Collection[str], number: int = 2) -> str:
    """Number a name so that it is not taken."""
    while f"{stem}{number}" in taken:
        number += 1
    return f"{stem}{number}"
