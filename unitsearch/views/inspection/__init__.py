"""Units looked at: what they do, what a network is without them, as data and as a page."""

from unitsearch.views.inspection.page import inspection_html, write_inspection
from unitsearch.views.inspection.removal import cost_without, saved
from unitsearch.views.inspection.results import (
    DEAD,
    HARMFUL,
    NEEDED,
    UNMEASURED,
    UNRESOLVED,
    Inspection,
    Seen,
    Shown,
    Together,
    gone,
)

__all__ = [
    "DEAD",
    "HARMFUL",
    "NEEDED",
    "UNMEASURED",
    "UNRESOLVED",
    "Inspection",
    "Seen",
    "Shown",
    "Together",
    "cost_without",
    "gone",
    "inspection_html",
    "saved",
    "write_inspection",
]
