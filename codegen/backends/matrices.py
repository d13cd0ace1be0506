"""How the libraries call decompositions and functions of matrices.

The tables have the call of each operation of ``derive.tensor.matrix_operations``, with its operands
and attributes in braces; it gives the results in the order of the operation's parts.  The key
``("svd", 1)`` is the call that gives the result 1 alone.  A call that begins with an underscore is
a helper function, which stands in the generated module.  SciPy is imported where it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NUMPY: Mapping[Any, str] = {
    "cholesky": "np.linalg.cholesky({0})",
}

JAX: Mapping[Any, str] = {
    **{key: call.replace("np.", "jnp.") for key, call in NUMPY.items() if "np." in call},
    "cholesky": "jnp.linalg.cholesky({0})",
}

NUMPY_HELPERS: Mapping[str, str] = {}

JAX_HELPERS: Mapping[str, str] = {}
