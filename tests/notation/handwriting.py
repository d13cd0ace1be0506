"""Reads mathematics as ``derive.notation.mathematics`` writes it, and evaluates it with NumPy.

Vectors are columns of shape (n, 1).  A vector of ones 𝟏 has shape (1, 1): it broadcasts, as
``v 𝟏ᵀ`` does on paper.  Nothing of the package is used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import special

SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
WORD = rf"[^\W\dᵀ{SUPERSCRIPTS}](?:[^\Wᵀ{SUPERSCRIPTS}]|[\u0302\u0304])*"  # with a hat or a bar
TOKEN = re.compile(
    rf"\s*(∂{WORD}/∂{WORD}|[0-9]+\.[0-9]+|10⁻?[{SUPERSCRIPTS}]+|[0-9]+|⁻¹|⁻ᵀ|ᵀ|[{SUPERSCRIPTS}]+"
    rf"|log det|{WORD}|[-𝟏∞+⊙·/()\[\],:|‖√^=≥>≠])"
)
DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


def rows(x: Any) -> np.ndarray:
    """A flat array as a column; anything else as it is."""
    array = np.asarray(x, dtype=float)
    return array[:, None] if array.ndim == 1 else array


def column(x: np.ndarray) -> np.ndarray:
    return np.asarray(x).reshape(-1, 1)


def softmax(x: np.ndarray) -> np.ndarray:
    return special.softmax(x, axis=0 if x.shape[1] == 1 else 1)


def diag(x: np.ndarray) -> np.ndarray:
    return np.diag(x[:, 0]) if x.shape[1] == 1 else column(np.diag(x))


def standardize(x: np.ndarray, eps: float) -> np.ndarray:
    return (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + eps)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "max": lambda *x: np.maximum(*x) if len(x) == 2 else np.max(x[0]),
    "min": lambda *x: np.minimum(*x) if len(x) == 2 else np.min(x[0]),
    "σ": special.expit,
    "erf": special.erf,
    "softplus": lambda x: np.logaddexp(0, x),
    "softmax": softmax,
    "log_softmax": lambda x: np.log(softmax(x)),
    "logsumexp": lambda x: special.logsumexp(x),
    "standardize": lambda x, eps: standardize(x if x.shape[1] > 1 else x.T, eps).reshape(x.shape),
    "rowsum": lambda x: np.sum(x, axis=1, keepdims=True),
    "colsum": lambda x: np.sum(x, axis=0)[:, None],
    "rowmean": lambda x: np.mean(x, axis=1, keepdims=True),
    "colmean": lambda x: np.mean(x, axis=0)[:, None],
    "rowvar": lambda x: np.var(x, axis=1, keepdims=True),
    "colvar": lambda x: np.var(x, axis=0)[:, None],
    "var": np.var,
    "sum": np.sum,
    "mean": np.mean,
    "diag": diag,
    "tr": np.trace,
    "log det": lambda x: np.linalg.slogdet(x)[1],
    "det": np.linalg.det,
    "tril": np.tril,
    "triu": np.triu,
    **{name: getattr(np, name) for name in ("exp", "log", "tanh", "sin", "cos", "sign", "where")},
}


class Identity:
    """A multiple of the identity matrix, whose size the other operand tells."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def like(self, other: np.ndarray) -> np.ndarray:
        return self.scale * np.eye(len(other))


class Reader:
    """Evaluates one formula.

    ``values`` are arrays by name, sizes among them; the number of classes of ``t`` is ``"|t|"``.
    """

    def __init__(self, text: str, values: Mapping[str, Any]) -> None:
        self.values = values
        self.tokens: list[str] = []
        at = 0
        while text[at:].strip():
            match = TOKEN.match(text, at)
            assert match, f"cannot read {text[at:]!r} of {text!r}"
            self.tokens.append(match[1])
            at = match.end()
        self.at = 0
        self.open: list[str] = []  # the brackets that are open

    def read(self) -> Any:
        value = self.compared()
        assert self.at == len(self.tokens), (self.tokens, self.at)
        return value

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        token = self.peek()
        assert not wanted or token == wanted, (wanted, token, self.tokens)
        self.at += 1
        return token

    def compared(self) -> Any:
        left = self.summed()
        if self.peek() in ("=", "≥", ">", "≠"):
            sign, right = self.take(), self.summed()
            holds = {"=": np.equal, "≥": np.greater_equal, ">": np.greater, "≠": np.not_equal}
            return 1.0 * holds[sign](left, right)
        return left

    def summed(self) -> Any:
        sign = -1 if self.peek() == "-" else 1
        if sign < 0:
            self.take()
        total = times(sign, self.multiplied())
        while self.peek() in ("+", "-"):
            sign = 1 if self.take() == "+" else -1
            total = plus(total, times(sign, self.multiplied()))
        return total

    def multiplied(self) -> Any:
        left = self.powered()
        while self.peek() not in ("", "+", "-", ")", "]", ",", "=", "≥", ">", "≠", ":"):
            if self.open and self.peek() == self.open[-1]:
                break
            if self.peek() == "/":
                self.take()
                left = left / self.powered()
            elif self.peek() == "⊙":
                self.take()
                left = entrywise(left, self.powered())
            else:
                if self.peek() == "·":
                    self.take()
                left = times(left, self.powered())
        return left

    def powered(self) -> Any:
        value = self.atom()
        while self.peek() in ("ᵀ", "⁻¹", "⁻ᵀ", "^") or self.peek().translate(DIGITS) != self.peek():
            token = self.take()
            if token == "ᵀ":
                value = value.T
            elif token == "⁻¹":
                value = np.linalg.inv(value)
            elif token == "⁻ᵀ":
                value = np.linalg.inv(value).T
            elif token == "^":
                value = value ** self.atom()
            else:
                value = value ** int(token.translate(DIGITS))
        return value

    def atom(self) -> Any:
        token = self.take()
        if token == "(":
            return self.until(")")
        if token == "‖":
            return np.sqrt(np.sum(np.square(self.until("‖"))))
        if token == "|":
            return np.abs(self.until("|"))
        if token == "√":
            return np.sqrt(self.atom())
        if re.fullmatch(rf"10⁻?[{SUPERSCRIPTS}]+", token):
            return 10.0 ** int(token[2:].translate(DIGITS))
        if re.fullmatch(r"[0-9]+(\.[0-9]+)?", token):
            return float(token)
        if token in ("𝟏", "I", "∞", "π"):
            return {"𝟏": np.ones((1, 1)), "I": Identity(), "∞": np.inf, "π": math.pi}[token]
        if token == "onehot":
            self.take("(")
            name = self.take()
            self.take(")")
            return np.eye(self.values[f"|{name}|"])[np.asarray(self.values[name]).astype(int)]
        if self.peek() == "(" and token in FUNCTIONS:
            return self.called(token)
        value = rows(self.values[token])
        if self.peek() == "[":
            return self.entry(value)
        return value

    def until(self, closing: str) -> Any:
        """One formula, or several after commas, and the bracket behind."""
        self.open.append(closing)
        values = [self.compared()]
        while self.peek() == ",":
            self.take()
            values.append(self.compared())
        self.take(closing)
        self.open.pop()
        return values[0] if len(values) == 1 else values

    def called(self, name: str) -> Any:
        self.take("(")
        args = self.until(")")
        return FUNCTIONS[name](*args) if isinstance(args, list) else FUNCTIONS[name](args)

    def entry(self, value: np.ndarray) -> np.ndarray:
        self.take("[")
        key = self.until("]")
        positions = np.asarray(key).astype(int)
        return column(value[int(positions)]) if positions.ndim == 0 else value[positions[:, 0]]


def plus(left: Any, right: Any) -> Any:
    if isinstance(left, Identity):
        return left.like(right) + right
    return left + (right.like(left) if isinstance(right, Identity) else right)


def entrywise(left: Any, right: Any) -> Any:
    assert np.shape(left) == np.shape(right), "an entrywise product is of equal shapes"
    return left * right


def times(left: Any, right: Any) -> Any:
    """A product of matrices, or with a number."""
    if isinstance(right, Identity):
        return Identity(left * right.scale)
    scalar = np.ndim(left) == 0 or np.ndim(right) == 0
    if not scalar and left.shape[1] != right.shape[0]:
        scalar = (1, 1) in (left.shape, right.shape)  # xᵀ y is a number
    return left * right if scalar else left @ right
