"""Architectures as pictures and as words."""

from unitsearch.views.drawing.kinds import describe, kind_colours, unit_counts, unit_kind
from unitsearch.views.drawing.layers import drawing

__all__ = ["describe", "drawing", "kind_colours", "unit_counts", "unit_kind"]
