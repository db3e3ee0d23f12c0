"""Figures, drawings and pages: read a study's record, never write its store."""

from unitsearch.views.drawing import drawing, kind_colours
from unitsearch.views.figures import FIGURES, hypervolume, pareto, tradeoff, units
from unitsearch.views.pages import (
    PANELS,
    Board,
    Panel,
    board,
    index_html,
    read_board,
    report_html,
    write_figure,
    write_report,
)

__all__ = [
    "FIGURES",
    "PANELS",
    "Board",
    "Panel",
    "board",
    "drawing",
    "hypervolume",
    "index_html",
    "kind_colours",
    "pareto",
    "read_board",
    "report_html",
    "tradeoff",
    "units",
    "write_figure",
    "write_report",
]
