"""The report of a check: a row for each comparison."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from io import StringIO

from rich.console import Console
from rich.table import Table

from codegen.display import table

NUMBERS = ("largest error", "tolerance")
HEADINGS = ("comparison", *NUMBERS, "")


class CheckError(AssertionError):
    """A witness disagrees with the derivation."""


@dataclass(frozen=True)
class Comparison:
    """One witness: what was compared, the largest error relative to the scale, and the bound."""

    name: str
    error: float
    tolerance: float
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance; nan is not."""
        return self.error <= self.tolerance

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """What the table of a report says of it."""
        mark = "ok" if self.passed else "FAILED"
        return (
            self.name,
            f"{self.error:.1e}",
            f"{self.tolerance:.0e}",
            f"{mark} {self.note}".strip(),
        )


@dataclass
class Report:
    """The comparisons of a check; prints as a table.

    Examples
    --------
    >>> import derive, codegen
    >>> x = derive.vector("x", derive.dims("n"))
    >>> report = codegen.check(derive.gradient(derive.sum(x**3), x))
    >>> report.passed
    True
    """

    title: str
    rows: list[Comparison] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every witness agrees."""
        return bool(self.rows) and all(row.passed for row in self.rows)

    @property
    def verdict(self) -> str:
        """The answer in words."""
        return "every witness agrees" if self.passed else "A WITNESS DISAGREES"

    def raise_if_failed(self) -> Report:
        """Raise a CheckError that shows the table unless every witness agrees; else give self."""
        if not self.passed:
            raise CheckError(f"\n{self}")
        return self

    def table(self) -> Table:
        """Give the report as a rich table."""
        table = Table(title=f"{self.title}: {self.verdict}", title_justify="left")
        for name in HEADINGS:
            table.add_column(name, justify="right" if name in NUMBERS else "left")
        for row in self.rows:
            table.add_row(*row.cells)
        return table

    def __rich__(self) -> Table:
        return self.table()

    def __str__(self) -> str:
        buffer = StringIO()
        console = Console(file=buffer, width=100, no_color=True, highlight=False)
        console.print(self.table())
        for hint in self.hints:
            console.print(hint, markup=False)
        return buffer.getvalue().rstrip()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = (row.cells for row in self.rows)
        hints = "".join(f"<p>{escape(hint)}</p>" for hint in self.hints)
        return table(HEADINGS, rows, f"{self.title}: {self.verdict}") + hints
