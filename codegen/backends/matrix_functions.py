"""How the libraries call functions of matrices: part of the tables in ``matrices``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NUMPY: Mapping[Any, str] = {
    "expm": "scipy.linalg.expm({0})",
    "logm": "_real(scipy.linalg.logm, {0})",
    "sqrtm": "_real(scipy.linalg.sqrtm, {0})",
    "matrix_power": "np.linalg.matrix_power({0}, {1})",
    "expm_frechet": "scipy.linalg.expm_frechet({0}, {1}, compute_expm=False)",
    ("expm_frechet", "batched"): "_expm_frechet({0}, {1})",
    "logm_frechet": "_logm_frechet({0}, {1})",
    "sqrtm_frechet": "_sqrtm_frechet({0}, {1})",
    "matrix_power_frechet": "_matrix_power_frechet({0}, {1}, {2})",
}

JAX: Mapping[Any, str] = {
    "expm": "jax.scipy.linalg.expm({0})",
    "logm": "_logm({0})",
    "sqrtm": "_sqrtm({0})",
    "matrix_power": "jnp.linalg.matrix_power({0}, {1})",
    "expm_frechet": "jax.scipy.linalg.expm_frechet({0}, {1}, compute_expm=False)",
    ("expm_frechet", "batched"): "jax.jvp(jax.scipy.linalg.expm, ({0},), ({1},))[1]",
    "logm_frechet": "jax.jvp(_logm, ({0},), ({1},))[1]",
    "sqrtm_frechet": "jax.jvp(_sqrtm, ({0},), ({1},))[1]",
    "matrix_power_frechet": (
        "jax.jvp(lambda a: jnp.linalg.matrix_power(a, {2}), ({0},), ({1},))[1]"
    ),
}

NUMPY_HELPERS: Mapping[str, str] = {
    "real": '''
def _real(function, a):
    """Apply a function of SciPy to every matrix; raise where the result is not real."""
    matrices = a.astype(float).reshape(-1, *a.shape[-2:])
    result = np.reshape([function(x) for x in matrices], a.shape)
    if np.iscomplexobj(result) or not np.all(np.isfinite(result)):
        raise np.linalg.LinAlgError(f"{function.__name__}: the matrix has no real, finite result")
    return result.astype(a.dtype)
''',
    "expm_frechet": '''
def _expm_frechet(a, e):
    """Give the differential of the exponential at every matrix a in the direction e."""
    pairs = zip(a.reshape(-1, *a.shape[-2:]), e.reshape(-1, *a.shape[-2:]))
    return np.reshape(
        [scipy.linalg.expm_frechet(x, y, compute_expm=False) for x, y in pairs], a.shape
    )
''',
    "logm_frechet": '''
def _logm_frechet(a, e):
    """Give the upper right block of the logarithm of [[a, e], [0, a]]."""
    n = a.shape[-1]
    above = np.concatenate([a, e], axis=-1)
    below = np.concatenate([np.zeros_like(a), a], axis=-1)
    return _real(scipy.linalg.logm, np.concatenate([above, below], axis=-2))[..., :n, n:]
''',
    "sqrtm_frechet": '''
def _sqrtm_frechet(a, e):
    """Solve x @ l + l @ x = e for every matrix, x the square root of a."""
    x = _real(scipy.linalg.sqrtm, a)
    pairs = zip(x.reshape(-1, *a.shape[-2:]), e.reshape(-1, *a.shape[-2:]))
    return np.reshape([scipy.linalg.solve_sylvester(y, y, b) for y, b in pairs], a.shape)
''',
    "matrix_power_frechet": '''
def _matrix_power_frechet(a, e, k):
    """Give the differential of a @ ... @ a, of k factors, in the direction e: dual numbers."""
    if k < 0:
        a = np.linalg.inv(a)
        e, k = -a @ e @ a, -k
    power, slope = np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape), np.zeros_like(e)
    while k:
        if k % 2:
            power, slope = power @ a, power @ e + slope @ a
        a, e, k = a @ a, a @ e + e @ a, k // 2
    return slope
''',
}

JAX_HELPERS: Mapping[str, str] = {
    "sqrtm": '''
def _sqrtm(a):
    """Give the real square root of every matrix, nan where Newton's iteration does not end.

    The product form of Denman and Beavers, scaled by determinants (Higham 2008, eq. 6.29).
    """
    n = a.shape[-1]
    eye = jnp.eye(n, dtype=a.dtype)

    def step(_, state):
        x, m = state
        size = jax.lax.stop_gradient(jnp.linalg.slogdet(m)[1])[..., None, None]
        scale = jnp.exp(-size / (2 * n))
        inverse = jnp.linalg.inv(m) / scale**2
        return scale * x @ (eye + inverse) / 2, (eye + (scale**2 * m + inverse) / 2) / 2

    x, m = jax.lax.fori_loop(0, 20, step, (a, a))
    error = jnp.max(jnp.abs(m - eye), axis=(-2, -1), keepdims=True)
    return jnp.where(error < n * jnp.sqrt(jnp.finfo(a.dtype).eps), x, jnp.nan)
''',
    "logm": '''
def _logm(a):
    """Give the real logarithm of every matrix, nan where there is none.

    The integral of (a - 1) / (1 + t (a - 1)) by Gauss's rule, which is a Padé approximant, after
    eight square roots r; r - 1 is (a - 1) divided by all r + 1 (Higham 2008, section 11.5).
    """
    eye = jnp.eye(a.shape[-1], dtype=a.dtype)

    def step(_, state):
        root, rest = state
        root = _sqrtm(root)
        return root, jnp.linalg.solve(root + eye, rest)

    _, rest = jax.lax.fori_loop(0, 8, step, (a, a - eye))
    rule = zip(*(v.tolist() for v in numpy.polynomial.legendre.leggauss(16)))
    terms = [w / 2 * jnp.linalg.solve(eye + (t + 1) / 2 * rest, rest) for t, w in rule]
    size = jnp.linalg.norm(rest @ rest, axis=(-2, -1), keepdims=True)
    return jnp.where(size < 0.5, 256 * sum(terms), jnp.nan)
''',
}
