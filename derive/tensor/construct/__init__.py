"""The constructors: each brings a node into canonical form, so that equal means identical.

==============  ==============================================================================
file            what it makes
==============  ==============================================================================
leaves          symbols, constants, primitives
views           one operand with its axes moved, repeated or broadcast, and a coefficient
contractions    products, summed over shared labels
cancellation    inverses that cancel in a product, and factors that are zero outside a window
distributions   factors that are summed over all outcomes, whose sum is known
alignment       factors and terms that are functions of the same entries, merged
sums            sums, with like terms collected
maps            scalar functions applied entry by entry
logarithms      logarithms of sums of exponentials, in forms that do not overflow
quotients       quotients by them: softmax, however it is written
spectra         products of eigenvectors that are functions of their matrix
==============  ==============================================================================

Products, maps and sums make one another, so these files refer to one another as modules.
"""

from derive.tensor.construct.contractions import contract
from derive.tensor.construct.distributions import known_sum
from derive.tensor.construct.leaves import (
    ONE,
    arange,
    as_coefficient,
    constant_value,
    is_diagonal,
    is_positive,
    is_zero,
    primitive,
    symbol,
)
from derive.tensor.construct.logarithms import logsumexp, split_exponent
from derive.tensor.construct.maps import map_entries
from derive.tensor.construct.sums import add
from derive.tensor.construct.views import constant, permute, scale, split_coefficient, view
from derive.tensor.dims import same_shape

__all__ = [
    "ONE",
    "add",
    "arange",
    "as_coefficient",
    "constant",
    "constant_value",
    "contract",
    "is_diagonal",
    "is_positive",
    "is_zero",
    "logsumexp",
    "known_sum",
    "map_entries",
    "permute",
    "primitive",
    "same_shape",
    "scale",
    "split_coefficient",
    "split_exponent",
    "symbol",
    "view",
]
