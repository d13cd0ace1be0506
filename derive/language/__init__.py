"""Expressions as text: what a person types, read into tensors, and never evaluated as Python."""

from derive.language.declarations import declare
from derive.language.errors import ParseError
from derive.language.reading import Reading, interpret, parse
from derive.language.vocabulary import functions

__all__ = ["ParseError", "Reading", "declare", "functions", "interpret", "parse"]
