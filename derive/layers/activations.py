"""Activations: the scalar functions of neural networks, entry by entry, and the softmax.

Each is an ordinary scalar formula, so that its derivative is one too.  At a kink the slope is that
of ``jax.nn``.
"""

from __future__ import annotations

import sympy as sp

from derive.tensor.elementwise import erf, expm1, relu, sigmoid, sign, softplus, tanh, where
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, abs, as_tensor
from derive.tensor.reductions import log_softmax, softmax

__all__ = [
    "elu",
    "gelu",
    "hard_tanh",
    "leaky_relu",
    "log_softmax",
    "mish",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "soft_sign",
    "softmax",
    "softplus",
    "tanh",
]

SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772


def leaky_relu(x: TensorLike, slope: TensorLike = 0.01) -> Tensor:
    """Give x where it is at least 0, and ``slope * x`` below.

    Parameters
    ----------
    x : tensor of any shape
    slope : number or tensor that broadcasts with x
        A tensor makes it the parametric unit of He, Zhang, Ren and Sun (2015).

    Notes
    -----
    Maas, Hannun and Ng (2013), Rectifier nonlinearities improve neural network acoustic models.

    Examples
    --------
    >>> import derive
    >>> x = derive.vector("x", derive.dims("n"))
    >>> print(derive.gradient(derive.sum(derive.layers.leaky_relu(x)), x))
    where(x >= 0, 1, 0.01)
    """
    tensor = as_tensor(x)
    return where(tensor >= 0, tensor, slope * tensor)


def elu(x: TensorLike, alpha: TensorLike = 1) -> Tensor:
    """Give the exponential linear unit: x above 0, and ``alpha * (exp(x) - 1)`` elsewhere.

    Parameters
    ----------
    x : tensor of any shape
    alpha : number or tensor that broadcasts with x

    Notes
    -----
    Clevert, Unterthiner and Hochreiter (2016), Fast and accurate deep network learning by
    exponential linear units.

    Examples
    --------
    >>> import derive
    >>> x = derive.vector("x", derive.dims("n"))
    >>> print(derive.gradient(derive.sum(derive.layers.elu(x)), x))
    where(x > 0, 1, exp(x))
    """
    tensor = as_tensor(x)
    return where(tensor > 0, tensor, alpha * expm1(tensor))


def selu(x: TensorLike) -> Tensor:
    """Give ``1.0507 * elu(x, 1.6733)``, whose fixed point has mean 0 and variance 1.

    Parameters
    ----------
    x : tensor of any shape

    Notes
    -----
    Klambauer, Unterthiner, Mayr and Hochreiter (2017), Self-normalizing neural networks.

    Examples
    --------
    >>> import derive
    >>> x = derive.vector("x", derive.dims("n"))
    >>> derive.layers.selu(x).shape
    (n,)
    """
    return SELU_SCALE * elu(x, SELU_ALPHA)


def gelu(x: TensorLike, approximate: bool = False) -> Tensor:
    """Give the Gaussian error linear unit: x times the standard normal distribution function at x.

    Parameters
    ----------
    x : tensor of any shape
    approximate : bool
        Whether to write tanh for the error function, as Hendrycks and Gimpel propose.

    Notes
    -----
    Hendrycks and Gimpel (2016), Gaussian error linear units, section 2.

    Examples
    --------
    >>> import derive
    >>> x = derive.vector("x", derive.dims("n"))
    >>> derive.layers.gelu(x)
    x * (erf(x / sqrt(2)) + 1) / 2
    """
    tensor = as_tensor(x)
    if approximate:
        inner = sp.sqrt(2 / sp.pi) * (tensor + 0.044715 * tensor**3)
        return tensor * (1 + tanh(inner)) / 2
    return tensor * (1 + erf(tensor / sp.sqrt(2))) / 2


def silu(x: TensorLike) -> Tensor:
    """Give ``x * sigmoid(x)``, also known as swish.

    Parameters
    ----------
    x : tensor of any shape

    Notes
    -----
    Elfwing, Uchibe and Doya (2018), Sigmoid-weighted linear units for neural network function
    approximation in reinforcement learning.

    Examples
    --------
    >>> import derive
    >>> x = derive.vector("x", derive.dims("n"))
    >>> derive.layers.silu(x)
    x * sigmoid(x)
    """
    tensor = as_tensor(x)
    return tensor * sigmoid(tensor)


def mish(x: TensorLike) -> Tensor:
    """Give ``x * tanh(softplus(x))``.

    Parameters
    ----------
    x : tensor of any shape

    Notes
    -----
    Misra (2020), Mish: a self regularized non-monotonic activation function.

    Examples
    --------
    >>> import derive
    >>> x = derive.vector("x", derive.dims("n"))
    >>> derive.layers.mish(x)
    x * tanh(softplus(x))
    """
    tensor = as_tensor(x)
    return tensor * tanh(softplus(tensor))


def hard_tanh(x: TensorLike) -> Tensor:
    """Give x between -1 and 1, and the nearer of the two outside.

    Parameters
    ----------
    x : tensor of any shape

    Notes
    -----
    Collobert (2004), Large scale machine learning, doctoral thesis.

    Examples
    --------
    >>> import derive
    >>> x = derive.vector("x", derive.dims("n"))
    >>> print(derive.gradient(derive.sum(derive.layers.hard_tanh(x)), x))
    abs(x) <= 1
    """
    tensor = as_tensor(x)
    return where(abs(tensor) <= 1, tensor, sign(tensor))


def soft_sign(x: TensorLike) -> Tensor:
    """Give ``x / (1 + abs(x))``.

    Parameters
    ----------
    x : tensor of any shape

    Notes
    -----
    Turian, Bergstra and Bengio (2009), Quadratic features and deep architectures for chunking.

    Examples
    --------
    >>> import derive
    >>> x = derive.vector("x", derive.dims("n"))
    >>> print(derive.gradient(derive.sum(derive.layers.soft_sign(x)), x))
    1 / (abs(x) + 1) ** 2
    """
    tensor = as_tensor(x)
    return tensor / (1 + abs(tensor))
