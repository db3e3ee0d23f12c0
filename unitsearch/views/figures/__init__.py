"""Figures by name: each is a function of a record that returns a plotly figure."""

from __future__ import annotations

from unitsearch.views.figures.calibration import calibration
from unitsearch.views.figures.compare import compare_fronts, compare_hypervolume
from unitsearch.views.figures.curves import convergence, curves
from unitsearch.views.figures.definition import DrawnFigure
from unitsearch.views.figures.effects import effects
from unitsearch.views.figures.front3d import front3d
from unitsearch.views.figures.front_belief import front_belief
from unitsearch.views.figures.growth import hypervolume
from unitsearch.views.figures.parallel import parallel
from unitsearch.views.figures.pareto import pareto
from unitsearch.views.figures.printed_accuracies import printed
from unitsearch.views.figures.tradeoff import tradeoff
from unitsearch.views.figures.units import units

_IN_ORDER: tuple[DrawnFigure[...], ...] = (
    pareto, front_belief, front3d, tradeoff, units, effects, parallel, convergence, curves,
    hypervolume, printed, compare_fronts, compare_hypervolume, calibration,
)  # fmt: skip
FIGURES: dict[str, DrawnFigure[...]] = {figure.name: figure for figure in _IN_ORDER}
# These take several records as well as one; the others take one.
COMPARISONS = tuple(name for name, figure in FIGURES.items() if figure.compares)

__all__ = [
    "COMPARISONS",
    "FIGURES",
    "calibration",
    "compare_fronts",
    "compare_hypervolume",
    "convergence",
    "curves",
    "effects",
    "front3d",
    "front_belief",
    "hypervolume",
    "parallel",
    "pareto",
    "printed",
    "tradeoff",
    "units",
]
