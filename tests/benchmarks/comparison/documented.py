"""The examples that matrixcalculus.org documents, typed as they stand there into the command line.

The site is a closed web page, so that there is nothing to run beside it: what can be measured is
whether its examples come out right.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.codegen.cli.test_matrixcalculus import VERBATIM
from tests.support import assert_same, evaluate
from tests.test_matrixcalculus_examples import EXAMPLES


def measure() -> list[dict[str, Any]]:
    """Run every example; a wrong answer raises."""
    rows = []
    for identity in EXAMPLES:
        command = [identity.kind, VERBATIM[identity.f], "--wrt", identity.wrt]
        command += ["--let", "A: symmetric(n)"] if "symmetric" in identity.symbols else []
        said = run(command)
        values = dict(identity.values)
        for symbol in json.loads(run([*command, "--json"]))["symbols"]:
            values |= dict(zip(symbol["shape"], values[symbol["name"]].shape, strict=True))
        assert_same(evaluate(said, values), evaluate(identity.rhs, values), rtol=1e-9, told=said)
        rows.append({"command": command, "said": said})
    print(f"matrixcalculus.org: {len(rows)} derivatives, all right", flush=True)
    return rows


def run(command: list[str]) -> str:
    """What the command line prints."""
    main = "from codegen.cli import main; main()"
    called = [sys.executable, "-X", "utf8", "-c", main, *command]
    done = subprocess.run(called, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip()
