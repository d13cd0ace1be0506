"""The layers of neural networks, each a definition in primitives.

A layer is a function from tensors to a tensor: parameters are arguments like any other, so that a
network is an expression, and what it is differentiated by is chosen afterwards.  Arrays follow the
convention of JAX's libraries: the batch comes first, features last, and a linear layer computes
``x @ W + b``.
"""

from derive.layers.activations import (
    elu,
    gelu,
    hard_tanh,
    leaky_relu,
    log_softmax,
    mish,
    relu,
    selu,
    sigmoid,
    silu,
    soft_sign,
    softmax,
    softplus,
    tanh,
)
from derive.layers.adapters import low_rank
from derive.layers.convolution import conv, conv_transpose
from derive.layers.dense import bias, geglu, glu, linear, swiglu
from derive.layers.dot_product import attention, multi_head_attention, rotary
from derive.layers.embedding import embedding
from derive.layers.graph import (
    graph_convolution,
    message_passing,
    normalized_adjacency,
    normalized_laplacian,
)
from derive.layers.normalization import (
    batch_norm,
    batch_norm_inference,
    group_norm,
    layer_norm,
    rms_norm,
)
from derive.layers.pooling import avg_pool, max_pool
from derive.layers.recurrent import gru, gru_cell, lstm, lstm_cell, rnn, rnn_cell
from derive.layers.residual import dropout, residual
from derive.layers.tensor_train import tensor_train_linear, tensor_train_matrix
from derive.layers.transformer import transformer_block, transformer_parameters

__all__ = [
    "attention",
    "avg_pool",
    "batch_norm",
    "batch_norm_inference",
    "bias",
    "conv",
    "conv_transpose",
    "dropout",
    "elu",
    "embedding",
    "geglu",
    "gelu",
    "glu",
    "graph_convolution",
    "group_norm",
    "gru",
    "gru_cell",
    "hard_tanh",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "low_rank",
    "lstm",
    "lstm_cell",
    "max_pool",
    "message_passing",
    "mish",
    "multi_head_attention",
    "normalized_adjacency",
    "normalized_laplacian",
    "relu",
    "residual",
    "rms_norm",
    "rnn",
    "rnn_cell",
    "rotary",
    "selu",
    "sigmoid",
    "silu",
    "soft_sign",
    "softmax",
    "softplus",
    "swiglu",
    "tanh",
    "tensor_train_linear",
    "tensor_train_matrix",
    "transformer_block",
    "transformer_parameters",
]
