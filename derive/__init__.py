"""Symbolic derivatives of tensor expressions."""
from derive.tensor.dims import dims
from derive.tensor.symbols import scalar, vector, matrix, tensor
from derive.tensor.linear import *
from derive.tensor.reductions import *
from derive.tensor.structural import *
from derive.tensor.elementwise import *
from derive.tensor.operators import as_tensor, einsum, transpose
from derive.calculus import *
