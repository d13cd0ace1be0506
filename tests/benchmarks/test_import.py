"""What `import derive` costs, each time in a fresh process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable


def test_import_against_sympy(race: Callable[..., None]) -> None:
    race(
        "import derive, fresh process",
        lambda: run("import derive"),
        rival=("import sympy", lambda: run("import sympy")),
        target=1.3,
        rounds=9,
    )


def run(statement: str) -> None:
    subprocess.run([sys.executable, "-c", statement], check=True)
