"""Figures by name: each takes a record and gives a plotly figure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from unitsearch.views.figures.history import hypervolume
from unitsearch.views.figures.pareto import pareto
from unitsearch.views.figures.tradeoff import tradeoff
from unitsearch.views.figures.units import units

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

FIGURES: dict[str, Callable[..., Figure]] = {
    "pareto": pareto,
    "tradeoff": tradeoff,
    "hypervolume": hypervolume,
    "units": units,
}

__all__ = ["FIGURES", "hypervolume", "pareto", "tradeoff", "units"]
