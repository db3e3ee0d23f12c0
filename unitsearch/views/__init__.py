"""Figures, drawings and reports: read a study's record, never write its store."""

from unitsearch.views.boards import PANELS, Board, Panel, board, read_board
from unitsearch.views.drawing import describe, drawing, kind_colours, unit_kind
from unitsearch.views.figures import FIGURES, write_figure
from unitsearch.views.history import hypervolume
from unitsearch.views.kinds import units
from unitsearch.views.pareto import pareto
from unitsearch.views.report import index_html, report_html, write_report
from unitsearch.views.tradeoff import tradeoff

__all__ = [
    "FIGURES",
    "PANELS",
    "Board",
    "Panel",
    "board",
    "describe",
    "drawing",
    "hypervolume",
    "index_html",
    "kind_colours",
    "pareto",
    "read_board",
    "report_html",
    "tradeoff",
    "unit_kind",
    "units",
    "write_figure",
    "write_report",
]
