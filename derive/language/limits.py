"""How large a text may be, so that any text is read or refused in about a second.

Formulas that people write are far below each of these, and so are those that derive prints.
"""

LENGTH = 40_000
"""Characters of a text."""

TOKENS = 4_000
"""Names, numbers, operators and brackets of a text; a thousand operations take half a second."""

DEPTH = 60
"""Brackets within one another."""

HEIGHT = 60
"""Functions and powers within one another, also by way of names: SymPy recurs into them."""

DIGITS = 100
"""Digits of a number as it is written, and the largest exponent after its ``e``."""

BITS = 4_096
"""Bits of a number that is computed, such as ``2 ** 100``."""

DEGREE = 4_000
"""Degree of a power of powers, ``(x ** a) ** b`` having a times b, and factors of a product."""

NAMES = 200
"""Symbols that are not declared, whose sizes have to be inferred."""

COUNT = 100
"""Parts that a function writes out one by one, such as the columns in ``vech(X)``."""

ARGUMENTS = 100
"""Arguments of a call, items of a list, and parts of an index."""

AXES = 32
"""Axes of a tensor, as in NumPy of old."""

LAMBDAS = 2
"""Functions within functions that are called: each call reads the inner ones again."""
