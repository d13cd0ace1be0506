"""The structure of Hessians: diagonal, blocks, Kronecker products, low rank."""

from derive.structures.recognise import structured
from derive.structures.structure import Structure, Term

__all__ = ["Structure", "Term", "structured"]
