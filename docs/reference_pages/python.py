"""The page on the Python API: every public name with its docstring."""

from __future__ import annotations

import inspect

import unitsearch
from reference_pages.markdown import page, paragraphs, section

GROUPS = {
    "Searching": ("run", "verify", "load_study", "Study"),
    "Networks": ("load_architecture", "Architecture", "count", "Cost", "build", "load_network"),
    "Files": ("export",),
    "The papers' tables": ("reproduce_costs", "reproduce_metrics"),
    "Errors": ("UnitSearchError",),
}


def pages() -> dict[str, str]:
    """Return the page on the Python API.

    Raises:
        LookupError: If a public name has no place in ``GROUPS``, or one has no docstring.
    """
    named = [name for some in GROUPS.values() for name in some]
    if missing := set(unitsearch.__all__) ^ set(named):
        raise LookupError(f"reference_pages/python.py, GROUPS: {sorted(missing)}")
    parts = paragraphs("python").copy()
    for title, some in GROUPS.items():
        parts += [section(title), *(_directive(name) for name in some)]
    return {"python": page("Python names", *parts)}


def _directive(name: str) -> str:
    thing = getattr(unitsearch, name)
    if not inspect.getdoc(thing):
        raise LookupError(f"unitsearch.{name} has no docstring")
    if not inspect.isclass(thing):
        directive = f".. autofunction:: unitsearch.{name}"
    elif issubclass(thing, Exception):
        directive = f".. autoexception:: unitsearch.{name}\n   :show-inheritance:"
    else:
        directive = f".. autoclass:: unitsearch.{name}\n   :members:"
    return f"```{{eval-rst}}\n{directive}\n```"
