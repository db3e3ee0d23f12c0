"""Architectures as pictures, and the colours of their kinds of units."""

from unitsearch.views.drawing.kinds import (
    Kind,
    colours_of,
    kind_colours,
    kinds_in,
)
from unitsearch.views.drawing.picture import drawing, drawing_file

__all__ = [
    "Kind",
    "colours_of",
    "drawing",
    "drawing_file",
    "kind_colours",
    "kinds_in",
]
