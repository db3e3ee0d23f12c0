"""Architectures for inference alone: batch norm folded into the weights, nothing to train."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar, assert_never

from unitsearch.architecture import (
    Architecture,
    Branches,
    Conv,
    Flatten,
    Gate,
    GlobalPool,
    Layer,
    Layers,
    Linear,
    Pool,
    Residual,
    Shuffle,
    Slbf,
    Stack,
)

T = TypeVar("T", Conv, Linear)


def deployed(architecture: Architecture) -> Architecture:
    """Return the architecture of the network that ``inference.folded`` returns.

    Its costs in closed form are those that a file with folded weights must have.
    """
    return replace(architecture, layers=_all(architecture.layers))


def _all(layers: Layers) -> Layers:
    return tuple(_folded(layer) for layer in layers)


def _folded(layer: Layer) -> Layer:
    match layer:
        case Conv():
            return _without_norm(layer)
        case Linear():
            return _without_norm(layer)
        case Slbf():
            return _without_norm(
                Conv(
                    out=layer.out,
                    kernel=layer.kernel,
                    stride=layer.stride,
                    padding=layer.padding,
                    norm=layer.norm,
                    act=layer.act,
                )
            )
        case Stack():
            units = tuple(
                replace(run, unit=replace(run.unit, layers=_all(run.unit.layers)))
                for run in layer.units
            )
            return replace(layer, units=units)
        case Residual():
            return replace(layer, body=_all(layer.body), shortcut=_all(layer.shortcut))
        case Branches():
            return replace(layer, of=tuple(_all(sequence) for sequence in layer.of))
        case Gate():
            return replace(layer, body=_all(layer.body))
        case Flatten() | GlobalPool() | Pool() | Shuffle():
            return layer
        case _:
            assert_never(layer)


def _without_norm(layer: T) -> T:
    return replace(layer, norm="none", bias=True) if layer.norm == "batch" else layer
