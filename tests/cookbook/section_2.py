"""The Matrix Cookbook (Petersen and Pedersen, version of 15 November 2012), section 2, as data.

The tests check every row, and the documentation's page shows it beside what the library derives.
"""

from tests.cookbook.tables import (
    determinants,
    differentials,
    eigenvalues,
    forms,
    inverses,
    norms,
    structured,
    traces,
)
from tests.support import Identity

SUBSECTIONS: dict[str, list[Identity]] = {
    "2": differentials.DIFFERENTIALS,
    "2.1.1": determinants.GENERAL_FORM,
    "2.1.2": determinants.LINEAR_FORMS,
    "2.1.3": determinants.SQUARE_FORMS,
    "2.1.4": determinants.OTHER_FORMS,
    "2.2": inverses.INVERSES,
    "2.3": eigenvalues.EIGENVALUES,
    "2.4.1": forms.FIRST_ORDER,
    "2.4.2": forms.SECOND_ORDER,
    "2.4.3": forms.HIGHER_ORDER,
    "2.4.4": forms.GRADIENT_AND_HESSIAN,
    "2.5.1": traces.FIRST_ORDER,
    "2.5.2": traces.SECOND_ORDER,
    "2.5.3": traces.HIGHER_ORDER,
    "2.5.4": traces.OTHER,
    "2.6.1": norms.VECTOR_NORMS,
    "2.7.1": norms.MATRIX_NORMS,
    "2.8": structured.STRUCTURE_MATRICES,
    "2.8.2": structured.SYMMETRIC,
    "2.8.3": structured.DIAGONAL,
}

IDENTITIES = [identity for rows in SUBSECTIONS.values() for identity in rows]

# Those that are no row of a table, and why.
ELSEWHERE = {
    45: "The Hermitian transpose differs from 44 for complex matrices only; all is real here.",
    47: "The gradient of 49, multiplied; worked out above.",
    50: "The same equation as 47, printed twice.",
    68: "Has another pseudoinverse for each eigenvector; worked out above.",
    94: "Names the function that 95 differentiates.",
    96: "Names the function that 97 and 98 differentiate.",
    135: "Names the derivative that 136 and 137 give.",
    136: "The chain rule, which needs a function to act on; worked out above.",
    137: "The chain rule once more, as a trace.",
    143: "By the free entries of a Toeplitz matrix; worked out above.",
    144: "By those of a symmetric Toeplitz matrix; worked out above.",
}
