"""An architecture as sentences, one a layer: the content of a drawing as text."""

from __future__ import annotations

from itertools import groupby
from typing import assert_never

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
    Unit,
    canonical,
)
from unitsearch.shapes import Shape, after, say

_ACTIVATIONS = {"relu": "ReLU", "relu6": "ReLU6", "silu": "SiLU", "sigmoid": "sigmoid"}


def sentences(architecture: Architecture) -> list[str]:
    """Return a line for each layer with its output shape; equal layers in a row share one line."""
    layer_lines = []
    x: Shape = architecture.input
    for layer in canonical(architecture).layers:
        x = after(layer, x)
        layer_lines.append(f"{_sentence(layer)} → {say(x)}")
    lines = []
    for line, group in groupby(layer_lines):
        times = len(list(group))
        lines.append(line if times == 1 else f"{times} times: {line}")
    return lines


def _sentence(layer: Layer) -> str:
    match layer:
        case Conv() | Slbf() | Linear():
            return _weighted(layer)
        case Pool():
            step = f", stride {layer.step}" if layer.step != layer.kernel else ""
            kind = "maximum" if layer.op == "max" else "mean"
            return f"{kind} of {layer.kernel}×{layer.kernel}{step}"
        case GlobalPool():
            return "mean of each channel"
        case Flatten():
            return "flatten"
        case Shuffle():
            return f"shuffle of {layer.groups} groups"
        case Stack():
            runs = [f"{run.count} × {_unit(run.unit)}" for run in layer.units]
            return f"stack of {layer.size} units: {', '.join(runs)}"
        case Residual():
            side = _all(layer.shortcut) if layer.shortcut else "the input"
            return f"sum of ({_all(layer.body)}) and ({side}){_act(layer.act)}"
        case Branches():
            parts = ", ".join(f"({_all(branch) or 'as it is'})" for branch in layer.of)
            split = f" of {'+'.join(map(str, layer.split))} channels" if layer.split else ""
            return f"branches{split}: {parts}"
        case Gate():
            return f"gate by ({_all(layer.body)})"
        case _:
            assert_never(layer)


def _all(layers: Layers) -> str:
    return "; ".join(_sentence(layer) for layer in layers)


def _weighted(layer: Conv | Slbf | Linear) -> str:
    norm = ", batch norm" if layer.norm == "batch" else ""
    if isinstance(layer, Linear):
        return f"fully connected to {layer.out}{norm}{_act(layer.act)}"
    window = f"{layer.kernel}×{layer.kernel}"
    stride = f", stride {layer.stride}" if layer.stride > 1 else ""
    if isinstance(layer, Slbf):
        of = f"stacked from {layer.bank} binary filters, {layer.splits} splits"
        return f"binary convolution {window} to {layer.out}{stride}, {of}{norm}{_act(layer.act)}"
    groups = f", {layer.groups} groups" if layer.groups > 1 else ""
    return f"convolution {window} to {layer.out}{stride}{groups}{norm}{_act(layer.act)}"


def _unit(unit: Unit) -> str:
    windows = [layer.kernel for layer in unit.weighted if not isinstance(layer, Linear)]
    if not windows:
        return f"{'-'.join(map(str, unit.nodes))} fully connected"
    shown = windows[:1] if len(set(windows)) == 1 else windows
    kernels = ", ".join(f"{k}×{k}" for k in shown)
    kinds = {type(layer) for layer in unit.layers}
    more = (" binary" if Slbf in kinds else "") + (" with pooling" if Pool in kinds else "")
    return f"{'-'.join(map(str, unit.nodes))}{more} ({kernels})"


def _act(name: str) -> str:
    return f", {_ACTIVATIONS[name]}" if name in _ACTIVATIONS else ""
