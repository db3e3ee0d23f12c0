"""Neural-architecture search over hybrid unit combinations.

``run`` searches; ``verify`` trains a front again; ``load_study`` reads a study; ``export`` writes
networks for other programs; ``load_architecture``, ``count``, ``build`` and ``load_network`` work
with single ones; ``reproduce_costs`` and ``reproduce_metrics`` compute the papers' tables again.
Importing this package imports no torch, and little of itself: workers need neither figures nor
exports.
"""

from typing import TYPE_CHECKING

from unitsearch.architecture import Architecture
from unitsearch.costs import Cost
from unitsearch.errors import UnitSearchError

if TYPE_CHECKING:
    from unitsearch.api import (
        Study,
        build,
        count,
        export,
        load_architecture,
        load_network,
        load_study,
        reproduce_costs,
        reproduce_metrics,
        run,
        verify,
    )
else:

    def __getattr__(name: str) -> object:
        """Return a name of ``__all__`` or a module, imported when it is first asked for."""
        from importlib import import_module
        from importlib.util import find_spec

        if name in __all__:
            value = globals()[name] = getattr(import_module("unitsearch.api"), name)
            return value
        if not name.startswith("_") and find_spec(f"unitsearch.{name}"):
            return import_module(f"unitsearch.{name}")
        raise AttributeError(f"module 'unitsearch' has no attribute {name!r}")

    def __dir__() -> list[str]:
        """Return the names, those of ``__all__`` included, that are not imported yet."""
        return sorted({*globals(), *__all__})


__all__ = [
    "Architecture",
    "Cost",
    "Study",
    "UnitSearchError",
    "build",
    "count",
    "export",
    "load_architecture",
    "load_network",
    "load_study",
    "reproduce_costs",
    "reproduce_metrics",
    "run",
    "verify",
]
