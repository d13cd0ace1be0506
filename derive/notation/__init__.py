"""Notation: formulas as text that NumPy can read, as LaTeX, and as worked steps.

An expression becomes a tree (``tree``) of the notation that is on paper: ``matrix`` finds the
chains of products in the graph, ``text`` and ``latex`` print the tree.

==============  ==============================================================================
module          what it does
==============  ==============================================================================
tree            the notation tree and its cost
algebra         products, sums and powers as a textbook prints them
graph           the terms and factors of the expression graph, read through its views
entrywise       scalar functions, from SymPy
form, place     a matrix written both ways; vectors among the axes of an entrywise operation
network         a contraction becomes a chain of products
sums            a sum of chains, with common factors taken out
matrix          every node of the graph
naming          parts that repeat get a name
text, latex     the printers
mathematics     the printer of tables, in Unicode
steps           a derivation as a worked solution
heads           what a derivation is called on the left of its equation
markdown        for notebooks
==============  ==============================================================================
"""

from __future__ import annotations

from derive.notation.formula import latex, text

__all__ = ["latex", "text"]
