"""Which PyTorch tensorgrad works with: it evaluates with named tensors, which PyTorch has dropped.

`python -m tests.benchmarks.comparison.named_tensors` adds what happens with the PyTorch that is
installed to the results.  It needs nothing else but tensorgrad.
"""

from __future__ import annotations

import json
import traceback
import warnings
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parents[3] / "docs" / "comparison.json"


def attempt() -> str:
    """Evaluate the gradient of least squares; give the error if there is one."""
    import tensorgrad as tg
    import tensorgrad.functions as F
    import torch
    from tensorgrad.compiler import compile_to_callable

    n, d = tg.symbols("n d")
    X, w, y = tg.Variable("X", n=n, d=d), tg.Variable("w", d=d), tg.Variable("y", n=n)
    loss = F.frobenius2(X @ w - y)
    arrays = {X: torch.ones(3, 2), w: torch.ones(2), y: torch.zeros(3)}
    try:
        for variable, array in list(arrays.items()):
            if hasattr(array, "rename"):
                arrays[variable] = array.rename(*variable.edges)
        found = compile_to_callable(loss.grad(w))(arrays, {n: 3, d: 2})
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).parent.name}/{Path(place.filename).name}"
        return f"{type(error).__name__}: {error} ({where}, line {place.lineno}: {place.line})"
    return f"works: {found.rename(None).tolist()}"


def main() -> None:
    """Note the outcome."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said = attempt()
    torch, tensorgrad = version("torch"), version("tensorgrad")
    print(f"tensorgrad {tensorgrad} with PyTorch {torch}: {said}")
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    row = {"torch": torch, "tensorgrad": tensorgrad, "said": said}
    kept = [old for old in results["named_tensors"] if old["torch"] != torch]
    results["named_tensors"] = sorted([*kept, row], key=lambda r: r["torch"])
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
