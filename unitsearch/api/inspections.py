"""The page and the summary of an inspection."""

from unitsearch.views.inspection import write_inspection
from unitsearch.views.inspection.measures import finding as inspection_summary

__all__ = ["inspection_summary", "write_inspection"]
