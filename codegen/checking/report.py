"""The report of a check: a row for each comparison."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import StringIO

from rich.console import Console
from rich.table import Table


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

    def raise_if_failed(self) -> Report:
        """Raise a CheckError that shows the table unless every witness agrees; else give self."""
        if not self.passed:
            raise CheckError(f"\n{self}")
        return self

    def table(self) -> Table:
        """Give the report as a rich table."""
        verdict = "every witness agrees" if self.passed else "A WITNESS DISAGREES"
        table = Table(title=f"{self.title}: {verdict}", title_justify="left")
        table.add_column("comparison")
        table.add_column("largest error", justify="right")
        table.add_column("tolerance", justify="right")
        table.add_column("")
        for row in self.rows:
            mark = "ok" if row.passed else "FAILED"
            table.add_row(
                row.name, f"{row.error:.1e}", f"{row.tolerance:.0e}", f"{mark} {row.note}".strip()
            )
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
        console = Console(record=True, file=StringIO(), width=100)
        console.print(self.table())
        return console.export_html(inline_styles=True, code_format="<pre>{code}</pre>")
