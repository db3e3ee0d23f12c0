"""Layers, units and architectures as plain data: the shortest spelling, defaults left out."""

from __future__ import annotations

from typing import Any, TypeAlias

from unitsearch.architecture.convolutions import Conv
from unitsearch.architecture.layers import (
    Architecture,
    Branches,
    Gate,
    Layer,
    Layers,
    Linear,
    Residual,
    Stack,
    Unit,
    Units,
    kind_of,
)
from unitsearch.fields import declared, write

Plain: TypeAlias = dict[str, Any]

# What a unit's shorthand means where it says nothing: conv as a conv layer, linear with a ReLU.
UNIT_KINDS: dict[str, tuple[type[Conv] | type[Linear], Plain]] = {
    "conv": (Conv, {}),
    "linear": (Linear, {"act": "relu"}),
}


def write_architecture(architecture: Architecture) -> Plain:
    """Return the whole file's content as plain data."""
    found = {
        "unitsearch": 1,
        "input": list(architecture.input),
        "layers": write_layers(architecture.layers),
        **write(architecture),
    }
    if architecture.provenance is not None:
        found["provenance"] = dict(architecture.provenance)
    return found


def write_layers(layers: Layers, *, compared_only: bool = False) -> list[Plain]:
    """Return a sequence of layers; ``compared_only`` leaves out names, which are not in the key."""
    return [write_layer(layer, compared_only=compared_only) for layer in layers]


def write_layer(layer: Layer, *, compared_only: bool = False) -> Plain:
    """Return one layer with its ``kind``."""
    found: Plain = {"kind": kind_of(layer)}
    match layer:
        case Stack():
            if layer.name is not None and not compared_only:
                found["name"] = layer.name
            found["units"] = [write_units(run, compared_only=compared_only) for run in layer.units]
            return found
        case Residual():
            found["body"] = write_layers(layer.body, compared_only=compared_only)
            if layer.shortcut:
                found["shortcut"] = write_layers(layer.shortcut, compared_only=compared_only)
        case Gate():
            found["body"] = write_layers(layer.body, compared_only=compared_only)
        case Branches():
            found["of"] = [write_layers(s, compared_only=compared_only) for s in layer.of]
        case _:
            pass
    return {**found, **write(layer, compared_only=compared_only)}


def write_units(run: Units, *, compared_only: bool = False) -> Plain:
    """Return a run of equal units."""
    return {"count": run.count, **write_unit(run.unit, compared_only=compared_only)}


def write_unit(unit: Unit, *, compared_only: bool = False) -> Plain:
    """Return a unit: its shorthand where that says it all, else in full."""
    for of, (cls, defaults) in UNIT_KINDS.items():
        if all(
            type(layer) is cls and (compared_only or layer.name is None) for layer in unit.layers
        ):
            return _write_nodes(unit, of, cls, defaults)
    layers = write_layers(unit.layers, compared_only=compared_only)
    return {"in": unit.inputs, "layers": layers}


def _write_nodes(unit: Unit, of: str, cls: type[Any], defaults: Plain) -> Plain:
    found: Plain = {"nodes": list(unit.nodes)}
    if of != "conv":
        found["of"] = of
    for field in declared(cls):
        if field.name in ("out", "name"):
            continue
        column = [getattr(layer, field.name) for layer in unit.layers]
        default = defaults.get(field.name, field.default)
        if any(value != default for value in column):
            found[field.key] = column[0] if len(set(column)) == 1 else column
    return found
