"""Units as readers call them, and one colour for each kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from unitsearch.architecture import Architecture, Layers, Linear, Pool, Slbf, Unit, stacks
from unitsearch.views.drawing.glyphs import KIND_COLOURS


def unit_kind(unit: Unit) -> str:
    """Return what a reader calls a unit: its nodes, and what is unusual about it."""
    name = "-".join(map(str, unit.nodes))
    if any(isinstance(layer, Linear) for layer in unit.layers):
        name = f"{name} linear"
    if any(isinstance(layer, Slbf) for layer in unit.layers):
        name = f"{name} slbf"
    if any(isinstance(layer, Pool) for layer in unit.layers):
        name = f"{name} +pool"
    return name


def unit_counts(layers: Layers) -> Counter[str]:
    """Return how many units of each kind all stacks hold together."""
    found: Counter[str] = Counter()
    for stack in stacks(layers):
        for run in stack.units:
            found[unit_kind(run.unit)] += run.count
    return found


Kind = tuple[tuple[int, ...], str]  # its nodes, by which kinds are ordered, and its name


def kinds_in(architectures: Iterable[Architecture]) -> set[Kind]:
    """Return every kind of unit that occurs."""
    units = {
        id(run.unit): run.unit  # many trials that were read together are made of few units
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


def describe(architecture: Architecture) -> str:
    """Return the units of each stack as words: ``5 × 1-2-1 + 3 × 1-4-1 | 8 × 1-3-1``."""
    said = []
    for stack in stacks(architecture.layers):
        merged: Counter[str] = Counter()
        for run in stack.units:
            merged[unit_kind(run.unit)] += run.count
        said.append(" + ".join(f"{count} × {kind}" for kind, count in merged.items()))
    if len(said) > 6:
        said = [*said[:5], f"… {len(said) - 5} stacks more"]
    return " | ".join(said) or "no units"
