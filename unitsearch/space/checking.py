"""Checks of an architecture against the space that it is to belong to."""

from __future__ import annotations

from unitsearch.architecture import Architecture
from unitsearch.errors import ShapeError
from unitsearch.shapes import output, say
from unitsearch.space.bound import Space


def checked(space: Space, architecture: Architecture, place: str) -> Architecture:
    """Return ``architecture`` if its layers fit each other and it ends in the data's classes."""
    try:
        y = output(architecture)
    except ShapeError as error:
        if place:
            raise error.within(place) from None
        raise
    if y != (space.classes,):
        raise ShapeError(
            place=place or "layers",
            found=f"a network that gives {say(y)}",
            expected=f"{space.classes} features, one a class",
            fix="end with {kind: flatten} and {kind: linear, out: classes}",
        )
    return architecture
