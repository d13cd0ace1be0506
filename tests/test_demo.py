"""`make demo` ends in the agreement with scikit-learn, by the numbers that it prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_demo_agrees_with_scikit_learn() -> None:
    command = [sys.executable, "gallery/optimisation_and_statistics/plot_logistic_regression.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    found = re.findall(r"(\S+): largest difference from scikit-learn's \w+ (\S+)", run.stdout)
    assert [name for name, _ in found] == ["NumPy", "JAX"]
    assert all(float(difference) <= 1e-5 for _, difference in found)
    assert "They agree to 1e-5." in run.stdout
    assert run.stdout.count("every witness agrees") == 2
