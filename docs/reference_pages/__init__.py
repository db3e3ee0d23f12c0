"""The reference pages of the documentation, made from the code that they describe.

Types, defaults, names, options and formulas come from declared fields, the JSON Schema, the table
of metrics and the command line; other texts lie in ``texts/``. A test compares the two.
"""

from reference_pages.write import pages, write

__all__ = ["pages", "write"]
