"""The inspection of a network's units: feature maps, effects and savings, as data and as a page."""

from unitsearch.views.inspection.page import inspection_html, write_inspection
from unitsearch.views.inspection.removal import cost_without, saved_cost
from unitsearch.views.inspection.results import (
    DEAD,
    HARMFUL,
    NEEDED,
    UNMEASURED,
    UNRESOLVED,
    InspectedUnit,
    Inspection,
    JointRemoval,
    ShownImage,
    unit_positions,
)

__all__ = [
    "DEAD",
    "HARMFUL",
    "NEEDED",
    "UNMEASURED",
    "UNRESOLVED",
    "InspectedUnit",
    "Inspection",
    "JointRemoval",
    "ShownImage",
    "cost_without",
    "inspection_html",
    "saved_cost",
    "unit_positions",
    "write_inspection",
]
