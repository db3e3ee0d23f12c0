"""Figures by name: each takes a record and gives a plotly figure."""

from __future__ import annotations

from unitsearch.views.figures.compare import compare_fronts, compare_hypervolume
from unitsearch.views.figures.curves import convergence, curves
from unitsearch.views.figures.definition import DrawnFigure
from unitsearch.views.figures.effects import effects
from unitsearch.views.figures.front3d import front3d
from unitsearch.views.figures.history import hypervolume
from unitsearch.views.figures.options import OPTIONS
from unitsearch.views.figures.parallel import parallel
from unitsearch.views.figures.pareto import pareto
from unitsearch.views.figures.printed_accuracies import printed
from unitsearch.views.figures.tradeoff import tradeoff
from unitsearch.views.figures.units import units

FIGURES: dict[str, DrawnFigure[...]] = {
    "pareto": pareto,
    "front3d": front3d,
    "tradeoff": tradeoff,
    "units": units,
    "effects": effects,
    "parallel": parallel,
    "convergence": convergence,
    "curves": curves,
    "hypervolume": hypervolume,
    "printed": printed,
    "compare_fronts": compare_fronts,
    "compare_hypervolume": compare_hypervolume,
}
# These take one record or several; the others take one.
COMPARISONS = ("printed", "compare_fronts", "compare_hypervolume")

__all__ = [
    "COMPARISONS",
    "FIGURES",
    "OPTIONS",
    "compare_fronts",
    "compare_hypervolume",
    "convergence",
    "curves",
    "effects",
    "front3d",
    "hypervolume",
    "parallel",
    "pareto",
    "printed",
    "tradeoff",
    "units",
]
