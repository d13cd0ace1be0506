"""Is my formula right?  A claimed derivative is proved, or told what is wrong with it.

==============  ==============================================================================
module          what it does
==============  ==============================================================================
verify          the public function: what is asked, and of which inputs
question        one claim: proved, equal at points, or wrong, and then why
verdict         the answer, which prints as a report
proof, small    equality for every size, by multiplying out; at small sizes, entry by entry
arithmetic      fractions, decimals of many digits, and the scalar functions on them
entries         evaluation by definition, on Python lists
primitives      the definitions of the primitives
points          sizes and values at which expressions are compared
structure       random matrices of a structure
arrays          arrays of numbers: equal, proportional, summed
factors         which factor a number is
findings        the data of a diagnosis
diagnosis       all that follow, in order
whole           axes that are moved or summed, a sign, a factor
terms           a term that is missing, surplus or wrong
edits, changes  one change to the claim that makes it right
assumptions     what has to hold for the claim to be right
conventions     gradients in structured matrices, as others define them
parting         the step of the derivation at which the claim parts from it
==============  ==============================================================================

``findings``, ``whole``, ``terms`` and ``assumptions`` need nothing but values of the claim, so that
``codegen.check`` asks a function of arrays in the same way.
"""

from derive.verification.findings import Finding
from derive.verification.verdict import Counterexample, Verdict
from derive.verification.verify import verify

__all__ = ["Counterexample", "Finding", "Verdict", "verify"]
