"""Architectures as pictures and as words."""

from unitsearch.views.drawing.kinds import (
    Kind,
    colours_of,
    describe,
    kind_colours,
    kinds_in,
    unit_counts,
    unit_kind,
)
from unitsearch.views.drawing.picture import drawing, drawing_file

__all__ = [
    "Kind",
    "colours_of",
    "describe",
    "drawing",
    "drawing_file",
    "kind_colours",
    "kinds_in",
    "unit_counts",
    "unit_kind",
]
