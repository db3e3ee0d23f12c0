"""Pages that open offline: boards, reports and single figures."""

from unitsearch.views.pages.boards import PANELS, Board, Panel, board, read_board
from unitsearch.views.pages.document import write_figure, write_text
from unitsearch.views.pages.report import index_html, report_html, write_report

__all__ = [
    "PANELS",
    "Board",
    "Panel",
    "board",
    "index_html",
    "read_board",
    "report_html",
    "write_figure",
    "write_report",
    "write_text",
]
