"""From a tree to a tensor: each node by a fixed table, without recursion."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sympy as sp
from lark import Token

from derive.errors import ShapeError, UnsupportedError
from derive.language import limits, products
from derive.language.arguments import check_argument, plain
from derive.language.errors import ParseError, Place, brief, nearest
from derive.language.growth import Growth, Growths
from derive.language.products import Refused, Row
from derive.language.scope import CONSTANTS, Scope
from derive.language.sizes import demand
from derive.language.spelling import CONSTANTS as FILLED
from derive.language.spelling import MATRIXCALCULUS, PREFIXES
from derive.language.syntax import Node, nodes, span, walk
from derive.language.vocabulary import ELSEWHERE, Function, ambiguous, functions
from derive.tensor import construct
from derive.tensor.construct.leaves import constant_value
from derive.tensor.linear import eye
from derive.tensor.node import Tensor
from derive.tensor.operators import as_tensor

Environment = Mapping[str, Any]
REFUSALS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    NotImplementedError,
    TypeError,
    ValueError,
)
"""What functions raise, besides derive's own errors, for arguments that they cannot take."""


SPREADING = ("maximum", "minimum", "power", "where", "equal", "not_equal")
"""Functions that are like operators: where vectors are columns, they do not broadcast either."""


@dataclass(frozen=True)
class Keyword:
    """An argument by name."""

    name: str
    value: Any


class Evaluator:
    """Evaluates the nodes of a text.

    While sizes are being inferred, every result is replaced by a symbol of its shape: that is all
    that later operations look at, and shapes can still change.
    """

    def __init__(self, text: str, spelling: str, scope: Scope) -> None:
        self.text = text
        self.columns = spelling == MATRIXCALCULUS
        self.scope = scope
        self.inferring = False
        self.within = 0
        self.growths = Growths()
        self.fillings: dict[int, tuple[sp.Symbol, ...]] = {}

    def infer(self, root: Node) -> None:
        """Find out the sizes that are open."""
        if not self.scope.sizes.open and not any(map(_is_filling, walk(root))):
            return
        self.inferring = True
        try:
            self.run(root)
        except (ShapeError, UnsupportedError, ParseError):
            pass  # what is wrong is said when the text is read, in sizes that have names
        finally:
            self.inferring = False

    def run(self, root: Node) -> Any:
        """Evaluate an expression and the definitions behind it, the last of which comes first."""
        expression, *definitions = nodes(root)
        environment: dict[str, Any] = {}
        for definition in reversed(definitions):
            names = [str(child) for child in definition.children if isinstance(child, Token)]
            value = self.value(nodes(definition)[0], environment)
            values = value if isinstance(value, tuple) and len(names) > 1 else (value,)
            defined = [name for name in names if name in self.scope.declared or name in environment]
            if defined and defined != ["_"]:
                raise self.error(f"{defined[0]} has a meaning already; rename one", definition)
            if len(names) != len(values):
                reason = f"{len(names)} names for {len(values)} values"
                raise self.error(reason, nodes(definition)[0])
            environment.update(zip(names, values, strict=True))
        return self.value(expression, environment)

    def value(self, root: Node, environment: Environment) -> Any:
        """Evaluate a node, after those inside it."""
        values: dict[int, Any] = {}
        stack = [(root, False)]
        while stack:
            node, expanded = stack.pop()
            inner = _operands(node)
            if not expanded:
                stack.append((node, True))
                stack += [(child, False) for child in reversed(inner)]
                continue
            with self.placed(node):
                if len(inner) > limits.ARGUMENTS:
                    raise Refused(f"at most {limits.ARGUMENTS} items are taken together")
                found = [self._current(values.pop(id(child))) for child in inner]
                values[id(node)] = getattr(self, f"_{node.data}")(node, found, environment)
        return values[id(root)]

    @contextmanager
    def placed(self, node: Node) -> Iterator[None]:
        """Say where an error comes from, with its class as it is."""
        try:
            yield
        except ParseError:
            raise
        except (ShapeError, UnsupportedError) as error:
            if hasattr(error, "place"):
                raise
            place = Place(self.text, *span(node))
            located = type(error)(f"{brief(str(error))}\n{place.show()}")
            located.place = place  # type: ignore[union-attr]
            raise located from error
        except RecursionError:
            raise self.error("this is nested too deeply", node) from None
        except REFUSALS as error:
            raise self.error(str(error), node) from error

    def error(self, reason: str, node: Node | Token) -> ParseError:
        """Make an error that shows where a node is."""
        return ParseError(reason, Place(self.text, *span(node)))

    # values ---------------------------------------------------------------------------------

    def _current(self, value: Any) -> Any:
        """Give a value with the sizes as they are known by now."""
        if isinstance(value, Row):
            return Row(self._current(value.tensor))
        if isinstance(value, Keyword):
            return Keyword(value.name, self._current(value.value))
        return self.scope.sizes.current(value) if self.inferring else value

    def _grown(self, value: Any, growth: Growth) -> Any:
        """Give the result of an operation, and note how large it is."""
        if products.rank(value) > limits.AXES:
            raise Refused(f"a tensor has at most {limits.AXES} axes")
        value = self._settled(value)
        self.growths.record(value, growth)
        return value

    def _settled(self, value: Any) -> Any:
        """Give the result of an operation, or while inferring a symbol in its place."""
        if isinstance(value, Row):
            return Row(self._settled(value.tensor))
        if isinstance(value, (tuple, list)):
            return type(value)(map(self._settled, value))
        if self.within or not (self.inferring and isinstance(value, Tensor) and value.operands):
            return value
        if not value.ndim and constant_value(value) is not None:
            return value
        return self.scope.sizes.stand_in(value.shape, value.dtype)

    # leaves ---------------------------------------------------------------------------------

    def _number(self, node: Node, values: list[Any], environment: Environment) -> Any:
        text = str(node.children[0])
        digits, _, exponent = text.lower().partition("e")
        longest = max(len(digits), len(exponent))
        if longest > limits.DIGITS or abs(int(exponent or 0)) > limits.DIGITS:
            raise Refused(f"numbers have at most {limits.DIGITS} digits")
        return sp.Rational(text)

    def _string(self, node: Node, values: list[Any], environment: Environment) -> Any:
        return str(node.children[0])[1:-1]

    def _name(self, node: Node, values: list[Any], environment: Environment) -> Any:
        name = str(node.children[0])
        if name in environment:
            return environment[name]
        symbol = self.scope.symbol(name)
        if symbol is not None:
            return symbol
        if name in self.scope.dims:
            return self.scope.dims[name]
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name == "eye" and self.columns:
            return eye(*self._filling(node, 1))
        if name in functions():
            return functions()[name]
        raise Refused(f"unknown name {name!r}")

    def _filling(self, node: Node, rank: int) -> tuple[sp.Expr, ...]:
        """Give the sizes, to be inferred, of a constant such as ``vector(1)``."""
        sizes = self.scope.sizes
        if id(node) not in self.fillings:
            self.fillings[id(node)] = tuple(sizes.fresh() for _ in range(rank))
        return tuple(map(sizes.resolve, self.fillings[id(node)]))

    # operators ------------------------------------------------------------------------------

    def _group(self, node: Node, values: list[Any], environment: Environment) -> Any:
        return values[0]

    def _sign(self, node: Node, values: list[Any], environment: Environment) -> Any:
        value = self._operand(values[0])
        if node.children[0] == "+":
            return value
        negated = Row(-value.tensor) if isinstance(value, Row) else -value
        return self._grown(negated, self.growths.of([value]))

    def _binary(self, node: Node, values: list[Any], environment: Environment) -> Any:
        left, right = map(self._operand, values)
        sign = str(node.children[1])
        _check_associativity(node, sign)
        growth = self.growths.operator(sign, left, right)
        return self._grown(
            products.binary(sign, left, right, self.scope.sizes, self.columns), growth
        )

    def _transpose(self, node: Node, values: list[Any], environment: Environment) -> Any:
        value = self._operand(values[0])
        return self._grown(products.transpose(value, self.columns), self.growths.of([value]))

    def _operand(self, value: Any) -> Any:
        if isinstance(value, Function):
            raise Refused(f"{value.name} is a function; write {value.name}(...)")
        if isinstance(value, (tuple, list)):
            raise Refused(f"an operand is one tensor, and these are {len(value)}; take one by [0]")
        if callable(value):
            raise Refused("a lambda is an argument, no operand")
        if isinstance(value, bool):
            return sp.Integer(value)
        if not isinstance(value, (Tensor, Row, sp.Expr)):
            raise Refused(f"{value!r} is no operand")
        return value

    def _result(self, value: Any) -> Any:
        """Give a result of a lambda, which is an operand: no text, which SymPy would evaluate."""
        return plain(self._operand(value))

    def _index(self, node: Node, values: list[Any], environment: Environment) -> Any:
        owner, *key = values
        if any(isinstance(part, str) for part in key):
            raise Refused("a text is no index")
        if isinstance(owner, tuple):
            place, *key = key
            if not isinstance(place, sp.Integer) or not -len(owner) <= place < len(owner):
                raise Refused(f"these are {len(owner)} values; take one by [0]")
            owner = owner[int(place)]
            if not key:
                return owner
        tensor = as_tensor(self._operand(owner))
        return self._grown(tensor[tuple(plain(part) for part in key)], self.growths.of([owner]))

    def _slice(self, node: Node, values: list[Any], environment: Environment) -> Any:
        parts: list[Any] = [None]
        given = iter(values)
        for child in node.children:
            if isinstance(child, Token):
                parts.append(None)
            elif child is not None:
                parts[-1] = plain(next(given))
                if not isinstance(parts[-1], (int, sp.Expr, type(None))):
                    raise Refused("a slice is between integers or sizes")
        return slice(*parts[:3]) if len(parts) > 1 else slice(parts[0])

    def _ellipsis(self, node: Node, values: list[Any], environment: Environment) -> Any:
        return Ellipsis

    def _tuple(self, node: Node, values: list[Any], environment: Environment) -> Any:
        return tuple(values)

    def _list(self, node: Node, values: list[Any], environment: Environment) -> Any:
        return list(values)

    # functions ------------------------------------------------------------------------------

    def _lambda(self, node: Node, values: list[Any], environment: Environment) -> Any:
        names = [str(child) for child in node.children if isinstance(child, Token)]
        body = nodes(node)[0]

        def function(*arguments: Any) -> Any:
            if self.within >= limits.LAMBDAS:
                raise self.error(f"a lambda is within at most {limits.LAMBDAS} others", node)
            known = dict(zip(names, arguments, strict=True))
            self.within += 1
            try:
                found = self.value(body, {**environment, **known})
                return (
                    tuple(map(self._result, found))
                    if isinstance(found, tuple)
                    else (self._result(found))
                )
            finally:
                self.within -= 1

        positional = inspect.Parameter.POSITIONAL_ONLY
        parameters = [inspect.Parameter(name, positional) for name in names]
        function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return function

    def _keyword(self, node: Node, values: list[Any], environment: Environment) -> Any:
        return Keyword(str(node.children[0]), values[0])

    def _attribute(self, node: Node, values: list[Any], environment: Environment) -> Any:
        name = _path(node)
        if name in functions():
            return functions()[name]
        raise self._unknown(node, name)

    def _call(self, node: Node, values: list[Any], environment: Environment) -> Any:
        callee = nodes(node)[0]
        name = _path(callee)
        if name in FILLED:
            return self._filled(node, name, values)
        if name in environment or self.scope.symbol(name) is not None:
            raise self.error(
                f"{name} is no function; write a product with * or, in NumPy's spelling, @", callee
            )
        if name not in functions():
            raise self._unknown(callee, name)
        return self._called(functions()[name], values)

    def _unknown(self, node: Node, name: str) -> ParseError:
        """Say that there is no such function, and what was meant."""
        if name in ambiguous():
            return self.error(f"{name} is short for {' and '.join(ambiguous()[name])}", node)
        owner, _, last = name.rpartition(".")
        known = functions()
        if owner and (self.scope.symbol(owner) is not None or len(owner) == 1):
            instead = f"{last}({owner})" if last in known else ".T for a transpose"
            return self.error(f"a tensor has no attribute {last!r}; write {instead}", node)
        hint = nearest(name, known) or (owner and nearest(last, known))
        if last in ELSEWHERE:
            hint = f"; write {ELSEWHERE[last]}"
        return self.error(
            f"unknown function {name!r}{hint or '; a product is written with an operator'}", node
        )

    def _filled(self, node: Node, name: str, values: list[Any]) -> Any:
        if len(values) != 1 or not (isinstance(values[0], sp.Expr) and values[0].is_number):
            raise Refused(f"{name}(c) takes a number, such as {name}(1); its size is inferred")
        return construct.constant(values[0], self._filling(node, 1 if name == "vector" else 2))

    def _called(self, function: Function, values: list[Any]) -> Any:
        rows = [isinstance(v, Row) for v in values if products.rank(v) == 1]
        if any(rows) and not all(rows):
            raise Refused(f"{function.name}: some arguments are rows and others columns")
        arguments = [plain(v) for v in values if not isinstance(v, Keyword)]
        keywords = {v.name: plain(v.value) for v in values if isinstance(v, Keyword)}
        try:
            bound = inspect.signature(function.call).bind(*arguments, **keywords)
        except TypeError as error:
            raise Refused(f"{function.name}: {error}; it is {function.signature}") from None
        for parameter, value in bound.arguments.items():
            check_argument(function, parameter, value)
        if self.columns and function.name in SPREADING:
            products.check_spread(function.name, values)
        growth = self.growths.call(function.name.rpartition(".")[2], arguments)
        if self.inferring:
            demand(self.scope.sizes, function.name, arguments, bound.arguments)
            arguments = [self._current(value) for value in arguments]
        result = function.call(*arguments, **keywords)
        if isinstance(result, tuple):
            result = tuple(result)
        elif any(rows) and isinstance(result, Tensor) and result.ndim == 1:
            result = Row(result)
        return self._grown(result, growth)


def _is_filling(node: Node) -> bool:
    """Tell whether a node is ``eye``, or the name in ``vector(1)`` and ``matrix(1)``."""
    return node.data == "name" and node.children[0] in ("eye", *FILLED)


def _operands(node: Node) -> list[Node]:
    """List the nodes to evaluate before a node."""
    if node.data in ("lambda", "attribute"):
        return []
    return nodes(node)[1:] if node.data == "call" else nodes(node)


def _path(node: Node) -> str:
    """Give the dotted name that is called, without a prefix such as ``np.``."""
    names: list[str] = []
    while node.data == "attribute":
        names.append(str(node.children[-1]))
        node = nodes(node)[0]
    if node.data == "number":
        raise Refused(f"a product needs an operator, as in {node.children[0]}*(...)")
    if node.data != "name":
        raise Refused("only functions by name are called, as in sum(x)")
    names.append(str(node.children[0]))
    names.reverse()
    if len(names) > 1 and names[0] in PREFIXES:
        names = names[1:]
        if len(names) > 1 and names[0] == "linalg" and ".".join(names) not in functions():
            names = names[1:]
    return ".".join(names)


def _check_associativity(node: Node, sign: str) -> None:
    """Refuse exponents that MATLAB and Python read in different ways: ``a^b^c`` and ``A^2'``."""
    if sign not in ("^", ".^"):
        return
    exponent = nodes(node)[1]
    while exponent.data == "sign":
        (exponent,) = nodes(exponent)
    if exponent.data == "transpose":
        raise Refused("a transpose behind a power is of either; write (A^k)' or A^(k')")
    if exponent.data == "binary":
        raise Refused(f"a power of a power; write (a{sign}b){sign}c or a{sign}(b{sign}c)")
