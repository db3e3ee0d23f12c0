"""Architectures as pictures and as words."""

from unitsearch.views.drawing.kinds import describe, kind_colours, unit_counts, unit_kind
from unitsearch.views.drawing.picture import drawing, drawing_file

__all__ = ["describe", "drawing", "drawing_file", "kind_colours", "unit_counts", "unit_kind"]
