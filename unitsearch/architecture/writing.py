"""Layers, units and architectures as plain data: the shortest spelling, defaults left out."""

from __future__ import annotations

from typing import Any, TypeAlias, assert_never

from unitsearch.architecture.convolutions import Conv, Slbf
from unitsearch.architecture.layers import (
    Architecture,
    Branches,
    Flatten,
    Gate,
    GlobalPool,
    Layer,
    Layers,
    Linear,
    Pool,
    Residual,
    Shuffle,
    Stack,
    Unit,
    Units,
    kind_of,
)
from unitsearch.fields import declared, write

Plain: TypeAlias = dict[str, Any]

# The defaults of a unit's shorthand: those of a conv layer, and of a linear layer with a ReLU.
UNIT_KINDS: dict[str, tuple[type[Conv] | type[Linear], Plain]] = {
    "conv": (Conv, {}),
    "linear": (Linear, {"act": "relu"}),
}


def write_architecture(architecture: Architecture) -> Plain:
    """Return the whole file's content as plain data."""
    plain = {
        "unitsearch": 1,
        "input": list(architecture.input),
        "layers": write_layers(architecture.layers),
        **write(architecture),
    }
    if architecture.provenance is not None:
        plain["provenance"] = dict(architecture.provenance)
    return plain


def write_layers(layers: Layers, *, compared_only: bool = False) -> list[Plain]:
    """Return a sequence of layers; ``compared_only`` leaves out names, which are not in the key."""
    return [write_layer(layer, compared_only=compared_only) for layer in layers]


def write_layer(layer: Layer, *, compared_only: bool = False) -> Plain:
    """Return one layer with its ``kind``."""
    plain: Plain = {"kind": kind_of(layer)}
    match layer:
        case Stack():
            if layer.name is not None and not compared_only:
                plain["name"] = layer.name
            plain["units"] = [write_units(run, compared_only=compared_only) for run in layer.units]
            return plain
        case Residual():
            plain["body"] = write_layers(layer.body, compared_only=compared_only)
            if layer.shortcut:
                plain["shortcut"] = write_layers(layer.shortcut, compared_only=compared_only)
        case Gate():
            plain["body"] = write_layers(layer.body, compared_only=compared_only)
        case Branches():
            plain["of"] = [write_layers(s, compared_only=compared_only) for s in layer.of]
        case Conv() | Flatten() | GlobalPool() | Linear() | Pool() | Shuffle() | Slbf():
            pass
        case _:
            assert_never(layer)
    return {**plain, **write(layer, compared_only=compared_only)}


def write_units(run: Units, *, compared_only: bool = False) -> Plain:
    """Return a run of equal units."""
    return {"count": run.count, **write_unit(run.unit, compared_only=compared_only)}


def write_unit(unit: Unit, *, compared_only: bool = False) -> Plain:
    """Return a unit: in shorthand if that describes it completely, else in full."""
    for of, (cls, defaults) in UNIT_KINDS.items():
        if all(
            type(layer) is cls and (compared_only or layer.name is None) for layer in unit.layers
        ):
            return _write_nodes(unit, of, cls, defaults)
    layers = write_layers(unit.layers, compared_only=compared_only)
    return {"in": unit.inputs, "layers": layers}


def _write_nodes(unit: Unit, of: str, cls: type[Any], defaults: Plain) -> Plain:
    plain: Plain = {"nodes": list(unit.nodes)}
    if of != "conv":
        plain["of"] = of
    for field in declared(cls):
        if field.name in ("out", "name"):
            continue
        column = [getattr(layer, field.name) for layer in unit.layers]
        default = defaults.get(field.name, field.default)
        if any(value != default for value in column):
            plain[field.key] = column[0] if len(set(column)) == 1 else column
    return plain
