"""The units of an architecture in words: the name of a kind, and how many of each there are."""

from __future__ import annotations

from collections import Counter

from unitsearch.architecture.convolutions import Slbf
from unitsearch.architecture.layers import Architecture, Layers, Linear, Pool, Unit
from unitsearch.architecture.walking import stacks


def unit_kind(unit: Unit) -> str:
    """Return the name of a unit's kind: its nodes, and the layers that are not convolutions."""
    name = "-".join(map(str, unit.nodes))
    if any(isinstance(layer, Linear) for layer in unit.layers):
        name = f"{name} linear"
    if any(isinstance(layer, Slbf) for layer in unit.layers):
        name = f"{name} slbf"
    if any(isinstance(layer, Pool) for layer in unit.layers):
        name = f"{name} +pool"
    return name


def unit_counts(layers: Layers) -> Counter[str]:
    """Return the number of units of each kind in all stacks together."""
    counts: Counter[str] = Counter()
    for stack in stacks(layers):
        for run in stack.units:
            counts[unit_kind(run.unit)] += run.count
    return counts


def describe(architecture: Architecture) -> str:
    """Return the units of each stack as words: ``5 × 1-2-1 + 3 × 1-4-1 | 8 × 1-3-1``."""
    parts = []
    for stack in stacks(architecture.layers):
        counts: Counter[str] = Counter()
        for run in stack.units:
            counts[unit_kind(run.unit)] += run.count
        parts.append(" + ".join(f"{count} × {kind}" for kind, count in counts.items()))
    if len(parts) > 6:
        parts = [*parts[:5], f"… {len(parts) - 5} stacks more"]
    return " | ".join(parts) or "no units"
