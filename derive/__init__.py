"""Symbolic derivatives of tensor expressions."""
from derive.errors import ShapeError, UnsupportedError
from derive.tensor.dims import dims
from derive.tensor.symbols import scalar, vector, matrix, tensor
from derive.tensor.linear import *
from derive.tensor.reductions import *
from derive.tensor.structural import *
from derive.tensor.elementwise import *
from derive.tensor.operators import as_tensor, einsum, transpose, broadcast_to, abs
from derive.calculus import *
from derive.derivation import Derivation
