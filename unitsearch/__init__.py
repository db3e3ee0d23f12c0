"""Neural-architecture search over hybrid unit combinations.

``run`` searches; ``verify`` trains a front again; ``load_study`` reads a study; ``export`` writes
networks for other programs; ``load_architecture``, ``count``, ``build`` and ``load_network`` work
with single ones; ``reproduce_costs`` and ``reproduce_metrics`` compute the papers' tables again.
Importing this package imports no torch.
"""

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
from unitsearch.architecture import Architecture
from unitsearch.costs import Cost
from unitsearch.errors import UnitSearchError

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
