"""Recurrent layers: the simple network of Elman, gated units, and long short-term memory.

A cell gives the state after one entry of a sequence, a layer the states after all of them.  The
gates of a cell stand side by side in one matrix, so that a step is one product of matrices.  A
layer is a loop (``derive.scan``), whose derivative is backpropagation through time; what the step
does with the input alone is computed for the whole sequence at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from derive.errors import ShapeError
from derive.layers.shapes import require_rank, require_shape
from derive.tensor.dims import as_dim
from derive.tensor.elementwise import sigmoid, tanh
from derive.tensor.names import let
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, as_tensor, describe
from derive.tensor.scan import scan
from derive.tensor.structural import stack

Naming = Callable[[str, Tensor], Tensor]


def rnn_cell(
    x: TensorLike, h: TensorLike, W: TensorLike, U: TensorLike, b: TensorLike | None = None
) -> Tensor:
    """Give the next state of a simple recurrent network, ``tanh(x @ W + h @ U + b)``.

    Parameters
    ----------
    x : (..., d)
    h : (..., m)
    W : (d, m)
    U : (m, m)
    b : (m,), optional

    Returns
    -------
    tensor of shape (..., m)

    Raises
    ------
    ShapeError
        When the shapes do not fit.

    Notes
    -----
    Elman (1990), Finding structure in time, Cognitive Science 14.

    Examples
    --------
    >>> import derive
    >>> n, d, m = derive.dims("n d m")
    >>> x, h = derive.matrix("x", n, d), derive.matrix("h", n, m)
    >>> W, U, b = derive.matrix("W", d, m), derive.matrix("U", m, m), derive.vector("b", m)
    >>> print(derive.layers.rnn_cell(x, h, W, U, b))
    tanh(h @ U + x @ W + b)
    """
    state = as_tensor(h)
    return tanh(_preactivation("rnn_cell", as_tensor(x), state, W, U, b, 1))


def gru_cell(
    x: TensorLike, h: TensorLike, W: TensorLike, U: TensorLike, b: TensorLike | None = None
) -> Tensor:
    """Give the next state of a gated recurrent unit.

    With the gates ``r = sigmoid(x @ Wr + h @ Ur + br)``, which resets, and ``z`` alike, which
    updates, the candidate is ``n = tanh(x @ Wn + (r * h) @ Un + bn)`` and the next state
    ``z * h + (1 - z) * n``.

    Parameters
    ----------
    x : (..., d)
    h : (..., m)
    W : (d, 3 m)
        The columns of r, of z and of n, in this order.
    U : (m, 3 m)
    b : (3 m,), optional

    Returns
    -------
    tensor of shape (..., m)

    Raises
    ------
    ShapeError
        When the shapes do not fit.

    Notes
    -----
    Cho, van Merrienboer, Gulcehre, Bahdanau, Bougares, Schwenk and Bengio (2014), Learning phrase
    representations using RNN encoder-decoder for statistical machine translation, section 2.3.
    The state is reset before the product with ``Un``, as there.

    Examples
    --------
    >>> import derive
    >>> n, d, m = derive.dims("n d m")
    >>> x, h = derive.matrix("x", n, d), derive.matrix("h", n, m)
    >>> W, U = derive.matrix("W", d, 3 * m), derive.matrix("U", m, 3 * m)
    >>> derive.layers.gru_cell(x, h, W, U).shape
    (n, m)
    """
    return _gru("gru_cell", as_tensor(x), as_tensor(h), W, U, b, _unnamed)


def lstm_cell(
    x: TensorLike,
    state: tuple[TensorLike, TensorLike],
    W: TensorLike,
    U: TensorLike,
    b: TensorLike | None = None,
) -> tuple[Tensor, Tensor]:
    """Give the next state (h, c) of a cell with long short-term memory.

    With ``a = x @ W + h @ U + b`` cut into four parts, the gates are ``i = sigmoid(a1)`` (input),
    ``f = sigmoid(a2)`` (forget) and ``o = sigmoid(a4)`` (output), and ``g = tanh(a3)``; the next
    state is ``c = f * c + i * g`` and ``h = o * tanh(c)``.

    Parameters
    ----------
    x : (..., d)
    state : tuple of h and c, (..., m) each
    W : (d, 4 m)
        The columns of i, f, g and o, in this order.
    U : (m, 4 m)
    b : (4 m,), optional

    Returns
    -------
    tuple of h and c, of shape (..., m) each

    Raises
    ------
    ShapeError
        When the shapes do not fit.

    Notes
    -----
    Hochreiter and Schmidhuber (1997), Long short-term memory, Neural Computation 9, with the forget
    gate of Gers, Schmidhuber and Cummins (2000), Learning to forget, Neural Computation 12.

    Examples
    --------
    >>> import derive
    >>> n, d, m = derive.dims("n d m")
    >>> x, h, c = derive.matrix("x", n, d), derive.matrix("h", n, m), derive.matrix("c", n, m)
    >>> W, U = derive.matrix("W", d, 4 * m), derive.matrix("U", m, 4 * m)
    >>> h, c = derive.layers.lstm_cell(x, (h, c), W, U)
    >>> h.shape
    (n, m)
    """
    h, c = map(as_tensor, state)
    return _lstm("lstm_cell", as_tensor(x), h, c, W, U, b, _unnamed)


def rnn(
    x: TensorLike,
    h0: TensorLike,
    W: TensorLike,
    U: TensorLike,
    b: TensorLike | None = None,
    *,
    reverse: bool = False,
    unroll: bool = False,
) -> Tensor:
    """Give the states of a simple recurrent network along a sequence.

    Parameters
    ----------
    x : (time, ..., d)
    h0 : (..., m)
        The state before the first entry.
    W, U, b : as for ``rnn_cell``
    reverse : bool
        Whether the sequence is read from its end.
    unroll : bool
        Whether the expression has a copy of the cell for every entry, instead of a loop; the
        length must be a number.

    Returns
    -------
    tensor of shape (time, ..., m)
        Entry t is the state after the entry t of x was read.

    Raises
    ------
    ShapeError
        When the shapes do not fit, or the length is not a number and ``unroll`` is asked for.

    Examples
    --------
    >>> import derive
    >>> t, n, d, m = derive.dims("t n d m")
    >>> x, h0 = derive.tensor("x", t, n, d), derive.matrix("h0", n, m)
    >>> W, U, b = derive.matrix("W", d, m), derive.matrix("U", m, m), derive.vector("b", m)
    >>> derive.layers.rnn(x, h0, W, U, b).shape
    (t, n, m)
    """

    def step(h: Tensor, entry: Tensor) -> Tensor:
        return tanh(_preactivation("rnn", entry, h, W, U, b, 1))

    sequence, state = as_tensor(x), as_tensor(h0)
    _require_states("rnn", sequence, {"h0": state})
    found: Tensor = _along("rnn", step, state, sequence, reverse, unroll)
    return found


def gru(
    x: TensorLike,
    h0: TensorLike,
    W: TensorLike,
    U: TensorLike,
    b: TensorLike | None = None,
    *,
    reverse: bool = False,
    unroll: bool = False,
) -> Tensor:
    """Give the states of a gated recurrent unit along a sequence.

    Parameters
    ----------
    x : (time, ..., d)
    h0 : (..., m)
        The state before the first entry.
    W, U, b : as for ``gru_cell``
    reverse, unroll : bool
        As for ``rnn``.

    Returns
    -------
    tensor of shape (time, ..., m)
        Entry t is the state after the entry t of x was read.

    Raises
    ------
    ShapeError
        When the shapes do not fit, or the length is not a number and ``unroll`` is asked for.

    Examples
    --------
    >>> import derive
    >>> t, n, d, m = derive.dims("t n d m")
    >>> x, h0 = derive.tensor("x", t, n, d), derive.matrix("h0", n, m)
    >>> W, U = derive.matrix("W", d, 3 * m), derive.matrix("U", m, 3 * m)
    >>> derive.layers.gru(x, h0, W, U).shape
    (t, n, m)
    """
    name = _unnamed if unroll else let

    def step(h: Tensor, entry: Tensor) -> Tensor:
        return _gru("gru", entry, h, W, U, b, name)

    sequence, state = as_tensor(x), as_tensor(h0)
    _require_states("gru", sequence, {"h0": state})
    found: Tensor = _along("gru", step, state, sequence, reverse, unroll)
    return found


def lstm(
    x: TensorLike,
    state0: tuple[TensorLike, TensorLike],
    W: TensorLike,
    U: TensorLike,
    b: TensorLike | None = None,
    *,
    reverse: bool = False,
    unroll: bool = False,
) -> tuple[Tensor, Tensor]:
    """Give the states of cells with long short-term memory along a sequence.

    Parameters
    ----------
    x : (time, ..., d)
    state0 : tuple of h and c, (..., m) each
        The state before the first entry.
    W, U, b : as for ``lstm_cell``
    reverse, unroll : bool
        As for ``rnn``.

    Returns
    -------
    tuple of h and c, of shape (time, ..., m) each
        Entry t is the state after the entry t of x was read.

    Raises
    ------
    ShapeError
        When the shapes do not fit, or the length is not a number and ``unroll`` is asked for.

    Examples
    --------
    >>> import derive
    >>> t, n, d, m = derive.dims("t n d m")
    >>> x, h0, c0 = derive.tensor("x", t, n, d), derive.matrix("h0", n, m), derive.zeros(n, m)
    >>> W, U, b = derive.matrix("W", d, 4 * m), derive.matrix("U", m, 4 * m), derive.zeros(4 * m)
    >>> h, c = derive.layers.lstm(x, (h0, c0), W, U, b)
    >>> h.shape
    (t, n, m)
    """
    name = _unnamed if unroll else let

    def step(state: tuple[Tensor, Tensor], entry: Tensor) -> tuple[Tensor, Tensor]:
        new_h, new_c = _lstm("lstm", entry, *state, W, U, b, name)
        return name("h", new_h), name("c", new_c)

    sequence = as_tensor(x)
    h, c = map(as_tensor, state0)
    _require_states("lstm", sequence, {"h0": h, "c0": c})
    found: tuple[Tensor, Tensor] = _along("lstm", step, (h, c), sequence, reverse, unroll)
    return found


# -------------------------------------------------------------------------------------- parts


def _unnamed(name: str, tensor: Tensor) -> Tensor:
    return tensor


def _preactivation(
    layer: str,
    x: Tensor,
    h: Tensor,
    W: TensorLike,
    U: TensorLike,
    b: TensorLike | None,
    gates: int,
) -> Tensor:
    """Give x @ W + h @ U + b, once the shapes are known to fit."""
    weights, recurrent = as_tensor(W), as_tensor(U)
    for name, tensor in (("x", x), ("h", h)):
        if tensor.ndim == 0:
            require_rank(layer, name, tensor, 1, "(..., features)")
    m = h.shape[-1]
    width = as_dim(gates * m)
    columns = (
        f"{gates} times that of h, {describe(h)}" if gates > 1 else f"that of h, {describe(h)}"
    )
    what = f"the last axis of x, {describe(x)}, by {columns}"
    require_shape(layer, "W", weights, (x.shape[-1], width), what)
    require_shape(layer, "U", recurrent, (m, width), f"that of h, {describe(h)}, by {columns}")
    total = x @ weights + h @ recurrent
    if b is None:
        return total
    bias = as_tensor(b)
    require_shape(layer, "b", bias, (width,), columns)
    return total + bias


def _lstm(
    layer: str,
    x: Tensor,
    h: Tensor,
    c: Tensor,
    W: TensorLike,
    U: TensorLike,
    b: TensorLike | None,
    name: Naming,
) -> tuple[Tensor, Tensor]:
    require_shape(layer, "c", c, h.shape, f"that of h, {describe(h)}")
    m = h.shape[-1]
    a = name("a", _preactivation(layer, x, h, W, U, b, 4))
    i = name("i", sigmoid(a[..., :m]))
    f = name("f", sigmoid(a[..., m : 2 * m]))
    g = name("g", tanh(a[..., 2 * m : 3 * m]))
    o = name("o", sigmoid(a[..., 3 * m :]))
    new = f * c + i * g
    return o * tanh(new), new


def _gru(
    layer: str,
    x: Tensor,
    h: Tensor,
    W: TensorLike,
    U: TensorLike,
    b: TensorLike | None,
    name: Naming,
) -> Tensor:
    weights, recurrent = as_tensor(W), as_tensor(U)
    # The shapes are checked by the whole product; the candidate has a product of its own.
    _preactivation(layer, x, h, weights, recurrent, b, 3)
    m = h.shape[-1]
    bias = None if b is None else as_tensor(b)
    first = None if bias is None else bias[: 2 * m]
    last = None if bias is None else bias[2 * m :]
    a = _preactivation(layer, x, h, weights[:, : 2 * m], recurrent[:, : 2 * m], first, 2)
    a = name("a", a)
    r = name("r", sigmoid(a[..., :m]))
    z = name("z", sigmoid(a[..., m:]))
    n = _preactivation(layer, x, r * h, weights[:, 2 * m :], recurrent[:, 2 * m :], last, 1)
    n = name("n", tanh(n))
    return z * h + (1 - z) * n


def _require_states(layer: str, x: Tensor, states: dict[str, Tensor]) -> None:
    if x.ndim < 2:
        require_rank(layer, "x", x, 2, "(time, ..., features)")
    for name, state in states.items():
        batch = state.shape[:-1]
        wanted = (*x.shape[1:-1], state.shape[-1]) if state.ndim else ()
        if len(batch) != x.ndim - 2:
            axes = "(..., features), with the axes of x between the time and the features"
            require_rank(layer, name, state, x.ndim - 1, axes)
        require_shape(layer, name, state, wanted, f"the axes of x, {describe(x)}, but the time")


def _along(
    layer: str,
    step: Callable[[Any, Tensor], Any],
    state: Any,
    x: Tensor,
    reverse: bool,
    unroll: bool,
) -> Any:
    """Take the state through the sequence, in a loop or one entry after the other."""
    if not unroll:
        return scan(step, state, x, reverse=reverse)
    length = x.shape[0]
    if not length.is_Integer:
        raise ShapeError(
            f"{layer}: a sequence of the length {length} cannot be unrolled, since this is not a "
            "number; leave unroll out"
        )
    states: dict[int, Any] = {}
    for t in range(int(length))[:: -1 if reverse else 1]:
        states[t] = state = step(state, x[t])
    ordered = [states[t] for t in range(int(length))]
    if isinstance(state, tuple):
        return tuple(stack(parts) for parts in zip(*ordered, strict=True))
    return stack(ordered)
