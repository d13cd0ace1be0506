"""How the libraries call decompositions and functions of matrices.

The tables have the call of each operation of ``derive.tensor.matrix_operations``, with its operands
and attributes in braces; it gives the results in the order of the operation's parts.  The key
``("qr", 1)`` is the call that gives the result 1 alone.  ``("lstsq", "batched")`` is the call for
matrices with axes before them, where it is another one.  A call that begins with an underscore is
a helper function, which stands in the generated module.  SciPy is imported where it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codegen.backends import matrix_functions
from codegen.backends.differences import written_with

NUMPY: Mapping[Any, str] = {
    **matrix_functions.NUMPY,
    "cholesky": "np.linalg.cholesky({0})",
    "qr": "np.linalg.qr({0})",
    ("qr", 1): 'np.linalg.qr({0}, mode="r")',
    "lu": "scipy.linalg.lu({0})",
    "lower_half": "_lower_half({0})",
    "solve_lower": "scipy.linalg.solve_triangular({0}, {1}, lower=True)",
    "solve_lower_transposed": "scipy.linalg.solve_triangular({0}, {1}, lower=True, trans=1)",
    "solve_r": "_solve_r({0}, {1})",
    "solve_r_transposed": "_solve_r({0}, {1}, trans=1)",
    "solve_upper": "scipy.linalg.solve_triangular({0}, {1})",
    "solve_upper_transposed": "scipy.linalg.solve_triangular({0}, {1}, trans=1)",
    "cho_solve": "scipy.linalg.cho_solve(({0}, True), {1})",
    "cho_inverse": "_cho_inverse({0})",
    "lu_factor": "_lu_factor({0})",
    "lu_solve": "scipy.linalg.lu_solve({0}, {1})",
    "lu_solve_transposed": "scipy.linalg.lu_solve({0}, {1}, trans=1)",
    "lu_det": "_lu_det({0})",
    "lu_logdet": "_lu_logdet({0})",
    "eigenpairs": "np.linalg.eigh({0})",
    ("eigenpairs", 0): "np.linalg.eigvalsh({0})",
    "eig": "_eig({0})",
    ("eig", 0): "_eigvals({0})",
    "svd_factors": "np.linalg.svd({0}, full_matrices=False)",
    ("svd_factors", 1): "np.linalg.svd({0}, compute_uv=False)",
    "full_svd": "np.linalg.svd({0}, full_matrices=True)",
    ("full_svd", 1): "np.linalg.svd({0}, compute_uv=False)",
    "pinv": "_pinv({0})",
    "lstsq": "np.linalg.lstsq({0}, {1}, rcond=None)[0]",
    ("lstsq", "batched"): "_lstsq_each({0}, {1})",
    "slogdet": "np.linalg.slogdet({0})",
}

JAX: Mapping[Any, str] = {
    **{
        key: call.replace("np.", "jnp.").replace("scipy.linalg", "jax.scipy.linalg")
        for key, call in NUMPY.items()
    },
    **matrix_functions.JAX,
    "eig": "_eig({0})",
    ("eig", 0): "_eigvals({0})",
    "cholesky": "jnp.linalg.cholesky({0})",
    "lu": "_lu({0})",
    "pinv": "jnp.linalg.pinv({0})",
    "lstsq": "jnp.linalg.lstsq({0}, {1})[0]",
    ("lstsq", "batched"): "_lstsq_each({0}, {1})",
    "lu_factor": "jax.scipy.linalg.lu_factor({0})",
}

_SHARED_HELPERS: Mapping[str, str] = {
    "lu_det": '''
def _lu_det(factors):
    """The determinant, from an LU decomposition."""
    lu, pivots = factors
    swaps = np.sum(pivots != np.arange(pivots.shape[-1]), axis=-1)
    return (1 - 2 * (swaps % 2)) * np.prod(np.diagonal(lu, axis1=-2, axis2=-1), axis=-1)
''',
    "lu_logdet": '''
def _lu_logdet(factors):
    """The logarithm of the determinant, from an LU decomposition; nan where that is negative."""
    lu, pivots = factors
    swaps = np.sum(pivots != np.arange(pivots.shape[-1]), axis=-1)
    diagonal = np.diagonal(lu, axis1=-2, axis2=-1)
    sign = (1 - 2 * (swaps % 2)) * np.prod(np.sign(diagonal), axis=-1)
    return np.where(sign < 0, np.nan, np.sum(np.log(np.abs(diagonal)), axis=-1))
''',
    "lstsq_each": '''
def _lstsq_each(a, b):
    """Least squares for each matrix of a batch; b holds vectors or matrices."""
    inverse = np.linalg.pinv(a)
    return inverse @ b if b.ndim == a.ndim else (inverse @ b[..., None])[..., 0]
''',
    "lower_half": '''
def _lower_half(x):
    """The lower triangle with half of the diagonal."""
    return (np.tril(x) + np.tril(x, -1)) / 2
''',
}
"""Those that are the same in both libraries but for the name."""

NUMPY_HELPERS: Mapping[str, str] = {
    **_SHARED_HELPERS,
    "solve_r": '''
def _solve_r(r, b, trans=0):
    """Solve with R of a QR decomposition, whose columns must not depend on one another."""
    pivots = np.abs(np.diagonal(r, axis1=-2, axis2=-1))
    rounding = 8 * pivots.shape[-1] * np.finfo(r.dtype).eps * np.max(pivots, axis=-1)
    if np.any(np.min(pivots, axis=-1) <= rounding):
        raise np.linalg.LinAlgError("the columns of a QR decomposition depend on one another")
    return scipy.linalg.solve_triangular(r, b, trans=trans)
''',
    "eig": '''
def _eig(a):
    """Real eigenvalues and their eigenvectors; of a defective matrix, vectors that are nan."""
    w, v = np.linalg.eig(a)
    if np.iscomplexobj(w):
        raise np.linalg.LinAlgError("eig: the eigenvalues are not real")
    basis = 64 * np.finfo(v.dtype).eps * np.linalg.cond(v) < 1
    return w, np.where(basis[..., None, None], v, np.nan)
''',
    "eigvals": '''
def _eigvals(a):
    """Real eigenvalues."""
    w = np.linalg.eigvals(a)
    if np.iscomplexobj(w):
        raise np.linalg.LinAlgError("eigvals: the eigenvalues are not real")
    return w
''',
    "lu_factor": '''
def _lu_factor(a):
    """The LU decomposition with partial pivoting; a singular matrix is refused."""
    lu, pivots = scipy.linalg.lu_factor(a)
    if not np.all(np.diagonal(lu, axis1=-2, axis2=-1)):
        raise np.linalg.LinAlgError("Singular matrix")
    return lu, pivots
''',
    "cho_inverse": '''
def _cho_inverse(lower):
    """The inverse of L @ L.T, for each L: LAPACK gives one triangle of it."""
    (potri,) = scipy.linalg.get_lapack_funcs(("potri",), (lower,))
    result = np.empty_like(lower)
    for k in np.ndindex(lower.shape[:-2]):
        triangle, _ = potri(lower[k].T)  # zeros below the diagonal
        result[k] = triangle + triangle.T
        np.einsum("ii->i", result[k])[...] /= 2
    return result
''',
    **matrix_functions.NUMPY_HELPERS,
    "pinv": '''
def _pinv(a):
    """Pseudo-inverse, in which singular values that are rounding count as 0."""
    return np.linalg.pinv(a, 10 * max(a.shape[-2:]) * np.finfo(a.dtype).eps)
''',
}

JAX_HELPERS: Mapping[str, str] = {
    **written_with("jnp", _SHARED_HELPERS),
    "solve_r": '''
def _solve_r(r, b, trans=0):
    """Solve with R of a QR decomposition; nan where columns depend on one another."""
    pivots = jnp.abs(jnp.diagonal(r, axis1=-2, axis2=-1))
    rounding = 8 * pivots.shape[-1] * jnp.finfo(r.dtype).eps * jnp.max(pivots, axis=-1)
    regular = jnp.min(pivots, axis=-1) > rounding
    r = jnp.where(regular[..., None, None], r, jnp.nan)
    return jax.scipy.linalg.solve_triangular(r, b, trans=trans)
''',
    "eig": '''
def _eig(a):
    """Real eigenvalues and their eigenvectors; nan where a value is not real, vectors that are
    nan of a defective matrix."""
    w, v = jax.lax.linalg.eig(a, compute_left_eigenvectors=False, enable_eigvec_derivs=True)
    real = w.imag == 0
    basis = 64 * jnp.finfo(a.dtype).eps * jnp.linalg.cond(jax.lax.stop_gradient(v)) < 1
    kept = real[..., None, :] & basis[..., None, None]
    return jnp.where(real, w.real, jnp.nan), jnp.where(kept, v.real, jnp.nan)
''',
    "eigvals": '''
def _eigvals(a):
    """Eigenvalues, not numbers where they are not real."""
    w = jnp.linalg.eigvals(a)
    return jnp.where(w.imag == 0, w.real, jnp.nan)
''',
    "cho_inverse": '''
def _cho_inverse(lower):
    """The inverse of L @ L.T, for each L."""
    identity = jnp.broadcast_to(jnp.eye(lower.shape[-1], dtype=lower.dtype), lower.shape)
    return jax.scipy.linalg.cho_solve((lower, True), identity)
''',
    **matrix_functions.JAX_HELPERS,
    "lu": '''
def _lu(a):
    """P, L and U, of each matrix: jax.scipy.linalg.lu takes one."""
    return jnp.vectorize(jax.scipy.linalg.lu, signature="(m,n)->(m,m),(m,k),(k,n)")(a)
''',
}
