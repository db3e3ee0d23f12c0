"""Features of architectures: the numbers that the model of accuracy sees.

They follow from the architecture and its exact cost, so that no space needs code of its own: log
parameters and log FLOPs; for each stack the number of its units, their hidden nodes, the kernel and
the shares of the kinds of units; for every other layer the settings that vary within the space.
Where a network has many layers, those of one part of its depth share their features.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from unitsearch.architecture import (
    Architecture,
    Branches,
    Gate,
    Layer,
    Layers,
    Residual,
    Stack,
    Unit,
    kind_of,
)
from unitsearch.costs import Cost
from unitsearch.fields import declared

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors: TypeAlias = NDArray[np.float64]

_MOST = 6  # places in a network that have features of their own
_PARTS = 4  # parts of the depth of a network with more places
_EQUAL = 0.999  # a feature that correlates more than this with an earlier one adds nothing
_LINEAR = ("log params", "log flops", "log units", "log nodes")

Named: TypeAlias = dict[str, float]


@dataclass(frozen=True)
class FeatureScale:
    """The features of one space and the spread of each.

    Attributes:
        names: The features, those of the model's linear part first.
        centres: The mean of each within the space, where a vector holds 0.
        spread: The median of their spreads within the space: a vector holds multiples of it, so
            that logarithms of all numbers and all shares keep their proportions.
        linear: The number of features of the linear part.
        places: The places that have features of their own; empty where parts of the depth have.
    """

    names: tuple[str, ...]
    centres: tuple[float, ...]
    spread: float
    linear: int
    places: frozenset[str]


def feature_scale(members: Sequence[tuple[Architecture, Cost]]) -> FeatureScale:
    """Return the features that vary among ``members``, which stand for their space.

    Args:
        members: Architectures and their exact costs; at least one.
    """
    import numpy as np

    kept = _varying(architecture for architecture, _ in members)
    kept = kept if len(kept) <= _MOST else frozenset[str]()
    rows = [named_features(architecture, cost, kept) for architecture, cost in members]
    names = [*_LINEAR, *sorted({name for row in rows for name in row} - set(_LINEAR))]
    table = np.array([[row.get(name, 0.0) for name in names] for row in rows])
    spreads = table.std(axis=0)
    chosen: list[int] = []
    centred = (table - table.mean(axis=0)) / np.where(spreads > 0, spreads, 1.0)
    for column in range(len(names)):
        if spreads[column] <= 1e-9:
            continue
        others = centred[:, chosen]
        related = np.abs(others.T @ centred[:, column]) / len(rows)
        if column < 2 or not (related > _EQUAL).any():
            chosen.append(column)
    if not chosen:  # a space of one member
        return FeatureScale(("log params",), (float(table[0, 0]),), 1.0, 1, kept)
    linear = sum(column < len(_LINEAR) for column in chosen)
    return FeatureScale(
        tuple(names[column] for column in chosen),
        tuple(float(table[:, column].mean()) for column in chosen),
        float(np.median(spreads[chosen])),
        max(linear, 1),
        kept,
    )


def vectors(scale: FeatureScale, members: Sequence[tuple[Architecture, Cost]]) -> Vectors:
    """Return one row of features for each of ``members``, as multiples of their spreads.

    Returns:
        Float64 of shape (members, features).
    """
    import numpy as np

    table = np.empty((len(members), len(scale.names)))
    for row, (architecture, cost) in enumerate(members):
        named = named_features(architecture, cost, scale.places)
        table[row] = [named.get(name, 0.0) for name in scale.names]
    result: Vectors = (table - np.array(scale.centres)) / scale.spread
    return result


def named_features(architecture: Architecture, cost: Cost, places: frozenset[str]) -> Named:
    """Return the features of one architecture by name.

    Args:
        architecture: The architecture.
        cost: Its exact cost.
        places: The places that have features of their own; none where parts of the depth have.
    """
    features: Named = {
        "log params": math.log(max(cost.params, 1)),
        "log flops": math.log(max(cost.flops, 1)),
    }
    if cost.macs_shared != cost.macs or cost.bits != 32 * cost.params:
        features["log bits"] = math.log(max(cost.bits, 1))
    sums: dict[tuple[str, str], float] = {}
    counts: dict[str, int] = {}
    units, nodes = 0, 0.0
    for place, layer, depth in _places(architecture):
        if isinstance(layer, Stack):
            units += layer.size
            nodes += sum(run.count * _hidden(run.unit) for run in layer.units)
        if places and place not in places:
            continue
        group = place if places else f"part {int(depth * _PARTS)}"
        for name, value in _layer_features(layer, is_shared=not places):
            sums[group, name] = sums.get((group, name), 0.0) + value
        counts[group] = counts.get(group, 0) + 1
    features["log units"] = math.log1p(units)
    features["log nodes"] = math.log1p(nodes / units) if units else 0.0
    for (group, name), total in sums.items():
        features[f"{group} {name}"] = total / counts[group]
    return features


def _varying(architectures: Iterable[Architecture]) -> frozenset[str]:
    """Return the places whose layers differ between the architectures."""
    found: dict[str, set[Layer]] = {}
    counts: dict[str, int] = {}
    total = 0
    for architecture in architectures:
        total += 1
        for place, layer, _ in _places(architecture):
            found.setdefault(place, set()).add(layer)
            counts[place] = counts.get(place, 0) + 1
    return frozenset(p for p, layers in found.items() if len(layers) > 1 or counts[p] < total)


def _places(architecture: Architecture) -> Iterator[tuple[str, Layer, float]]:
    """Yield every layer that holds no others with its place and its depth, 0 to below 1."""
    found = list(_walk(architecture.layers, ""))
    for index, (place, layer) in enumerate(found):
        yield place, layer, index / len(found)


def _walk(layers: Layers, prefix: str) -> Iterator[tuple[str, Layer]]:
    for index, layer in enumerate(layers):
        place = f"{prefix}{index}"
        if isinstance(layer, Residual):
            yield from _walk(layer.body, f"{place}.body.")
            yield from _walk(layer.shortcut, f"{place}.shortcut.")
        elif isinstance(layer, Gate):
            yield from _walk(layer.body, f"{place}.body.")
        elif isinstance(layer, Branches):
            for number, sequence in enumerate(layer.of):
                yield from _walk(sequence, f"{place}.{number}.")
        else:
            yield place, layer


@lru_cache(maxsize=65_536)
def _layer_features(layer: Layer, is_shared: bool) -> tuple[tuple[str, float], ...]:
    """Return the features of one layer: those of a stack, or the settings of any other.

    Args:
        layer: The layer.
        is_shared: Whether it shares its features with the layers of a part of the depth: then the
            width alone stands for a layer that is no stack.
    """
    if isinstance(layer, Stack):
        return tuple(_stack_features(layer).items())
    if is_shared:
        width = getattr(layer, "out", None)
        return () if width is None else (("log out", math.log1p(float(width))),)
    found: Named = {kind_of(layer): 1.0}
    for field in declared(type(layer)):
        value: Any = getattr(layer, field.name)
        if isinstance(value, (bool, int, float)):
            found[f"log {field.key}"] = math.log1p(abs(float(value)))
        elif isinstance(value, str) and field.name != "name":
            found[f"{field.key} {value}"] = 1.0
    return tuple(found.items())


def _stack_features(stack: Stack) -> Named:
    size = stack.size
    found: Named = {
        "stack": 1.0,
        "log size": math.log1p(size),
        "log hidden": math.log1p(sum(r.count * _hidden(r.unit) for r in stack.units) / size),
        "log inputs": math.log1p(stack.inputs / size),
        "log kernel": math.log1p(sum(r.count * _kernel(r.unit) for r in stack.units) / size),
    }
    for run in stack.units:
        kind = "share " + "-".join(map(str, run.unit.nodes))
        found[kind] = found.get(kind, 0.0) + run.count / size
    return found


def _hidden(unit: Unit) -> float:
    """Return the mean number of nodes of a unit's hidden layers."""
    hidden = unit.nodes[1:-1]
    return sum(hidden) / len(hidden)


def _kernel(unit: Unit) -> float:
    """Return the mean side of a unit's kernels, in pixels; 1 for a linear layer."""
    sides = [float(getattr(layer, "kernel", 1)) for layer in unit.weighted]
    return sum(sides) / len(sides)
