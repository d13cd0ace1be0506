"""Identifiers of the generated code: the user's names, made valid and unique.

Whatever text a user chose as a name, what is written into the source is an identifier of letters,
digits and underscores that is no keyword, no builtin and nothing that the source imports.
"""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from functools import lru_cache

RESERVED = frozenset(
    {
        *keyword.kwlist,
        *keyword.softkwlist,
        *dir(builtins),
        "np",
        "jnp",
        "jax",
        "math",
        "self",
        "cls",
    }
)

_PRIME = re.compile("['’′]")


@lru_cache(maxsize=65536)
def identifier(name: str) -> str:
    """Give a valid identifier that resembles a name.

    Examples
    --------
    >>> (
    ...     identifier("x'"),
    ...     identifier("lambda"),
    ...     identifier("α"),
    ...     identifier("1 + 1"),
    ...     identifier("np"),
    ... )
    ('x_prime', 'lambda_', 'alpha', 'v1_1', 'np_')
    """
    text = _PRIME.sub("_prime", name)
    text = "".join(_letters(c) for c in unicodedata.normalize("NFKC", text))
    text = re.sub(r"[^0-9A-Za-z_]+", "_", text).strip("_")
    if not text or text[0].isdigit():
        text = "v" + text
    return text + "_" if text in RESERVED else text


def _letters(character: str) -> str:
    """Spell a letter in ASCII: a Greek one by its name, an accented one without its accent."""
    if character.isascii():
        return character
    described = unicodedata.name(character, "")
    if described.startswith("GREEK"):
        spelled = described.split(" LETTER ")[-1].split(" WITH ")[0].split()[-1]
        return spelled.capitalize() if "CAPITAL" in described else spelled.lower()
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return plain or "_"


class Names:
    """Gives out identifiers, each once."""

    def __init__(self, taken: frozenset[str] = frozenset()) -> None:
        self._taken = set(taken)
        self._counts: dict[str, int] = {}

    def fresh(self, wanted: str) -> str:
        """Give the identifier for a name, with a number behind it when it is taken."""
        base = identifier(wanted)
        name, count = base, self._counts.get(base, 1)
        while name in self._taken:
            count += 1
            name = f"{base}_{count}" if base[-1].isdigit() else f"{base}{count}"
        self._counts[base] = count
        self._taken.add(name)
        return name
