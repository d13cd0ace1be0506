"""``check``: a derivation, or a function written by hand, against its witnesses."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from codegen.checking.definition import evaluate
from codegen.checking.diagnosis import Inquiry, diagnose
from codegen.checking.progress import Stages
from codegen.checking.report import Comparison, Report
from codegen.checking.sampling import choose_sizes, sample
from codegen.checking.witnesses import difference_jacobian, jax_hessian, jax_jacobian
from codegen.function import GeneratedFunction, to_jax, to_numpy
from codegen.outputs import signature
from derive import Derivation, as_tensor, pytrees
from derive.errors import UnsupportedError
from derive.tensor.node import Symbol

PER_SYMBOL = ("gradient", "jacobian", "vjp", "hvp")

TOLERANCE = 1e-9
"""Of two exact methods in float64, relative to the largest entry."""

DIFFERENCE_TOLERANCE = 1e-6
"""Of finite differences, besides their own estimate of their error."""


def check(
    derivation: Any,
    *,
    against: Callable[..., Any] | None = None,
    sizes: Mapping[Any, int] | None = None,
    seed: int = 0,
    values: Mapping[str, Any] | None = None,
) -> Report:
    """Check a derivation, or a function written by hand against it, with independent witnesses.

    The witnesses are central finite differences, JAX's own derivative of the generated function,
    NumPy against JAX, and the definition of every operation evaluated with 30 digits.

    Parameters
    ----------
    derivation : Derivation, or a tensor, of which only the value is checked
    against : callable, optional
        A function written by hand.  Its parameters are the inputs, by name where the names agree
        and else in the order of ``to_numpy(derivation).inputs``; it must give what the derivation
        gives.
    sizes : dict from dims (or their names) to int, optional
    seed : int
        Of the random inputs.
    values : dict from names to arrays, optional
        Inputs to use instead of random ones.

    Returns
    -------
    Report
        It prints as a table; ``raise_if_failed()`` raises when a witness disagrees.

    Raises
    ------
    UnsupportedError
        When no random inputs are in the domain of the function.

    Examples
    --------
    >>> import derive, codegen
    >>> x = derive.vector("x", derive.dims("n"))
    >>> g = derive.gradient(derive.logsumexp(x), x)
    >>> codegen.check(g).raise_if_failed().passed
    True
    >>> codegen.check(g, against=lambda x: x).passed
    False
    """
    with jax.enable_x64(True), Stages(8) as stage, np.errstate(all="ignore"):
        return _Check(derivation, sizes, seed, values, stage).run(against)


class _Check:
    """One check: the generated functions, the inputs and the rows so far."""

    def __init__(
        self,
        derivation: Any,
        sizes: Mapping[Any, int] | None,
        seed: int,
        values: Mapping[str, Any] | None,
        stage: Stages,
    ) -> None:
        self.stage = stage
        self.derivation = derivation if isinstance(derivation, Derivation) else None
        self.results = list(
            pytrees.leaves(derivation.expr if self.derivation else as_tensor(derivation))
        )
        derivations = [self.derivation] if self.derivation else []
        roots = [*self.results, *(d.function for d in derivations)]
        self.symbols = signature(roots, derivations, None)
        self.names = [s.name for s in self.symbols]
        stage("generating code")
        self.numpy = to_numpy(self.results, inputs=self.symbols)
        self.jax = to_jax(self.results, inputs=self.symbols)
        self.forward = (
            to_numpy(self.derivation.function, inputs=self.symbols) if self.derivation else None
        )
        self.fixed, self.given_sizes = values is not None, sizes
        self.sizes = choose_sizes([*roots, *self.symbols], sizes)
        if values is None:
            stage("drawing inputs")
            self.values = sample(self.symbols, roots, self.sizes, seed, self._is_finite)
        else:
            self.values = self._given(values)
        self.found = [np.asarray(r) for r in self._call(self.numpy, self.values)]
        self.rows: list[Comparison] = []

    def _call(self, function: GeneratedFunction, values: Mapping[str, Any]) -> Any:
        """Call a generated function, with the sizes that no input tells."""
        named = {d.name: size for d, size in self.sizes.items()}
        extra = {name: named[name] for name in function.inputs[len(self.names) :]}
        return function(*(values[name] for name in self.names), **extra)

    def _compiled(self, values: Mapping[str, Any]) -> Any:
        """Call the generated JAX function as one program: op by op, each would be compiled."""
        call = jax.jit(lambda *v: self._call(self.jax, dict(zip(self.names, v, strict=True))))
        return call(*(values[name] for name in self.names))

    def _given(self, values: Mapping[str, Any]) -> dict[str, np.ndarray]:
        missing = [name for name in self.names if name not in values]
        if missing:
            raise UnsupportedError(f"values: {', '.join(missing)} is missing")
        given = {name: np.asarray(values[name]) for name in self.names}
        for symbol in self.symbols:
            for dim, size in zip(symbol.shape, given[symbol.name].shape, strict=True):
                if dim.is_Symbol:
                    self.sizes[dim] = size
        return given

    def _is_finite(self, values: dict[str, np.ndarray]) -> bool:
        try:
            # 1 / x is finite where log(x), whose gradient it is, is not.
            found = [*self._call(self.numpy, values)]
            found += [self._call(self.forward, values)] if self.forward else []
            return all(bool(np.all(np.isfinite(r))) for r in found)
        except np.linalg.LinAlgError:
            return False

    # --------------------------------------------------------------------------- comparisons

    def run(self, against: Callable[..., Any] | None) -> Report:
        """Compare everything that applies."""
        what = self.derivation.kind if self.derivation else "value"
        report = Report(f"check of the {what}", self.rows)
        if against is not None:
            report.title = f"{getattr(against, '__name__', 'function')} against the {what}"
            self._against(against, report)
        self.stage("NumPy against JAX")
        other = [np.asarray(r) for r in self._compiled(self.values)]
        self._compare("NumPy against JAX", self.found, other, TOLERANCE)
        self.stage("the definition, 30 digits")
        exact = [evaluate(r, self.values, self.sizes) for r in self.results]
        self._compare("NumPy against the definition (30 digits)", self.found, exact, TOLERANCE)
        if self.derivation is not None and self.forward is not None:
            self._derivative(self.derivation, self.forward)
        return report

    def _derivative(self, derivation: Derivation, forward: GeneratedFunction) -> None:
        function = derivation.function
        jax_forward = to_jax(function, inputs=self.symbols)
        self.stage("the function by its definition")
        exact = [evaluate(function, self.values, self.sizes)]
        self._compare(
            "function: NumPy against the definition",
            [self._call(forward, self.values)],
            exact,
            TOLERANCE,
        )

        def forward_at(values: Mapping[str, np.ndarray]) -> np.ndarray:
            return np.asarray(self._call(forward, values))

        def with_extra(*a: Any) -> Any:
            return self._call(jax_forward, dict(zip(self.names, a, strict=True)))

        self.stage("jax")
        if derivation.kind in ("hessian", "hvp"):
            self._second(derivation, with_extra)
            return
        by_jax = [jax_jacobian(with_extra, self.names, self.values, s) for s in derivation.wrt]
        expected = self._assemble(derivation, by_jax)
        self._compare(f"{derivation.kind}: against JAX", self.found, expected, TOLERANCE)
        self.stage("finite differences")
        pairs = [difference_jacobian(forward_at, self.values, s) for s in derivation.wrt]
        expected = self._assemble(derivation, [slope for slope, _ in pairs])
        self._differences(derivation, expected, pairs)

    def _second(self, derivation: Derivation, with_extra: Callable[..., Any]) -> None:
        wrt = derivation.wrt
        blocks = [
            [jax_hessian(with_extra, self.names, self.values, a, b) for b in wrt] for a in wrt
        ]
        expected = self._assemble_second(derivation, blocks)
        self._compare(f"{derivation.kind}: against JAX", self.found, expected, TOLERANCE)
        self.stage("finite differences of jax.grad")
        rows, pairs = [], []
        for a in wrt:
            first = jax.jit(
                jax.grad(lambda *v: with_extra(*v).reshape(()), argnums=self.names.index(a.name))
            )

            def slope(values: Mapping[str, np.ndarray], first: Any = first, a: Symbol = a) -> Any:
                from codegen.checking.sampling import project

                return project(a, np.asarray(first(*[values[name] for name in self.names])))

            row = [difference_jacobian(slope, self.values, b) for b in wrt]
            pairs += row
            rows.append([value for value, _ in row])
        self._differences(derivation, self._assemble_second(derivation, rows), pairs)
        if derivation.kind == "hessian":
            self._symmetry(wrt)

    def _symmetry(self, wrt: Sequence[Symbol]) -> None:
        count = len(wrt)
        transposed = []
        for k, m in np.ndindex(count, count):
            block = self.found[m * count + k]
            rank = wrt[m].ndim
            transposed.append(np.moveaxis(block, range(rank), range(-rank, 0)) if rank else block)
        self._compare("Hessian against its transpose", self.found, transposed, TOLERANCE)

    def _differences(
        self,
        derivation: Derivation,
        expected: list[np.ndarray],
        pairs: list[tuple[np.ndarray, np.ndarray]],
    ) -> None:
        scale = max((float(np.max(np.abs(e), initial=0.0)) for e in expected), default=0.0)
        estimate = max((float(np.max(e, initial=0.0)) for _, e in pairs), default=0.0)
        own = 10 * estimate / max(scale, 1.0)
        if own > 1e-4:
            note = f"(differences are only good to {own:.0e} here)"
            own = 1e-4
        else:
            note = ""
        name = f"{derivation.kind}: against finite differences"
        self._compare(name, self.found, expected, max(DIFFERENCE_TOLERANCE, own), note)

    def _assemble(self, derivation: Derivation, slopes: list[np.ndarray]) -> list[np.ndarray]:
        """Make of Jacobians what the derivation gives."""
        if derivation.kind in ("gradient", "jacobian"):
            if derivation.kind == "jacobian":
                return slopes
            shapes = [self.values[w.name].shape for w in derivation.wrt]
            return [s.reshape(shape) for s, shape in zip(slopes, shapes, strict=True)]
        directions = self._directions(derivation)
        if derivation.kind == "vjp":
            rank = directions[0].ndim
            return [np.tensordot(directions[0], s, axes=rank) for s in slopes]
        return [
            np.asarray(
                sum(
                    np.tensordot(s, d, axes=d.ndim) for s, d in zip(slopes, directions, strict=True)
                )
            )
        ]

    def _assemble_second(
        self, derivation: Derivation, blocks: list[list[np.ndarray]]
    ) -> list[np.ndarray]:
        if derivation.kind == "hessian":
            return [block for row in blocks for block in row]
        directions = self._directions(derivation)
        return [
            np.asarray(
                sum(np.tensordot(b, d, axes=d.ndim) for b, d in zip(row, directions, strict=True))
            )
            for row in blocks
        ]

    def _directions(self, derivation: Derivation) -> list[np.ndarray]:
        return [evaluate(t, self.values, self.sizes) for t in derivation.trace.directions]

    def _compare(
        self,
        name: str,
        found: Sequence[Any],
        expected: Sequence[Any],
        tolerance: float,
        note: str = "",
    ) -> None:
        error = max(relative_error(a, b) for a, b in zip(found, expected, strict=True))
        self.rows.append(Comparison(name, error, tolerance, note))

    def _against(self, function: Callable[..., Any], report: Report) -> None:
        parts = self._by_hand(function, self.values)
        if len(parts) != len(self.found):
            report.hints.append(f"it gives {len(parts)} results; the derivation {len(self.found)}")
            self.rows.append(Comparison("function by hand", float("inf"), TOLERANCE))
            return
        wrt = self._by_symbol()
        for k, (part, found) in enumerate(zip(parts, self.found, strict=True)):
            label = f" ({wrt[k].name})" if wrt else ""
            error = relative_error(np.asarray(part), found)
            self.rows.append(Comparison(f"function by hand{label}", error, TOLERANCE))
            if not error <= TOLERANCE:
                inquiry = None if self.fixed else self._inquiry(function, k)
                report.hints += diagnose(np.asarray(part), found, label.strip(), inquiry)

    def _by_hand(self, function: Callable[..., Any], values: Mapping[str, Any]) -> Sequence[Any]:
        """Call a function by hand, and list its results."""
        args = [values[name] for name in self.names]
        given = _call_by_hand(function, self.names, self.numpy.inputs, args)
        return given if isinstance(given, (tuple, list)) and len(self.found) > 1 else [given]

    def _inquiry(self, function: Callable[..., Any], k: int) -> Inquiry:
        """Tell how to ask for one result at other inputs."""
        first = [self.derivation.function] if self.derivation else [self.results[k]]
        return Inquiry(
            lambda values: self._by_hand(function, values)[k],
            self.symbols,
            self.results[k],
            [*first, *self.results, *self.symbols],
            self.derivation.kind if self.derivation else "value",
            {str(dim): size for dim, size in (self.given_sizes or {}).items()},
        )

    def _by_symbol(self) -> tuple[Symbol, ...]:
        """Give the symbols that the results belong to, one by one, if they do."""
        if self.derivation is None or len(self.found) == 1:
            return ()
        return self.derivation.wrt if self.derivation.kind in PER_SYMBOL else ()


def relative_error(a: Any, b: Any) -> float:
    """Give the largest difference, relative to the largest entry where that is above 1."""
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if x.shape != y.shape or not np.all(np.isfinite(x) == np.isfinite(y)):
        return float("inf")
    if x.size == 0:
        return 0.0
    return float(np.max(np.abs(x - y)) / max(1.0, float(np.max(np.abs(y)))))


def _call_by_hand(
    function: Callable[..., Any], names: Sequence[str], inputs: Sequence[str], args: Sequence[Any]
) -> Any:
    """Call by name where the parameters are named as the inputs, else by position."""
    try:
        parameters = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        parameters = []
    known = {**dict(zip(inputs, args, strict=False)), **dict(zip(names, args, strict=False))}
    if parameters and all(p in known for p in parameters):
        return function(**{p: known[p] for p in parameters})
    return function(*args)
