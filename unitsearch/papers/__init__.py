"""The papers' printed tables, with each row computed again.

``costs.csv`` and ``metrics.csv`` hold what TissueNet and BUnit-Net print, never a computed number;
a row's network is a point of a space, or in ``networks.yaml``. Verdicts are computed when asked.
"""

from unitsearch.papers.reproduced_costs import ReproducedCost, reproduce_costs
from unitsearch.papers.reproduced_metrics import ReproducedMetric, reproduce_metrics
from unitsearch.papers.verdicts import Verdict, contradictions, tally

__all__ = [
    "ReproducedCost",
    "ReproducedMetric",
    "Verdict",
    "contradictions",
    "reproduce_costs",
    "reproduce_metrics",
    "tally",
]
