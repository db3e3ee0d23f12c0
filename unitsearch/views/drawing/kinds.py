"""The kinds of units in architectures, and one colour for each kind."""

from __future__ import annotations

from collections.abc import Iterable

from unitsearch.architecture import Architecture, stacks
from unitsearch.architecture.description import unit_kind
from unitsearch.views.drawing.glyphs import KIND_COLOURS

Kind = tuple[tuple[int, ...], str]  # the nodes, which order the kinds, and the name


def kinds_in(architectures: Iterable[Architecture]) -> set[Kind]:
    """Return every kind of unit that occurs."""
    units = {
        id(run.unit): run.unit  # trials that were read together share their units
        for architecture in architectures
        for stack in stacks(architecture.layers)
        for run in stack.units
    }
    return {(unit.nodes, unit_kind(unit)) for unit in units.values()}


def kind_colours(architectures: Iterable[Architecture]) -> dict[str, str]:
    """Return one colour for each kind of unit that occurs, the same on all of a page."""
    return colours_of(kinds_in(architectures))


def colours_of(kinds: Iterable[Kind]) -> dict[str, str]:
    """Return one colour for each kind of unit."""
    names = dict.fromkeys(name for _, name in sorted(kinds))
    return {name: KIND_COLOURS[i % len(KIND_COLOURS)] for i, name in enumerate(names)}
