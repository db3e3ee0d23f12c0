"""A network as one readable PyTorch file that imports torch and nothing else of others."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import assert_never

from unitsearch import wording
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
    key,
)
from unitsearch.costs import count
from unitsearch.exports import python_parts as parts
from unitsearch.exports.calls import WIDTH, Call, Part, Remark, laid_out, literal
from unitsearch.shapes import Shape, after, output, say

_ACTIVATIONS = {
    "relu": "nn.ReLU",
    "relu6": "nn.ReLU6",
    "silu": "nn.SiLU",
    "sigmoid": "nn.Sigmoid",
    "none": "None",
}


@dataclass
class _Uses:
    """What a network turned out to need while it was written down.

    Attributes:
        sources: Those of ``python_parts``.
        units: Name and source of the class of each kind of unit.
    """

    sources: set[str] = field(default_factory=set)
    units: dict[Unit, tuple[str, str]] = field(default_factory=dict)


def python_text(architecture: Architecture, weights: str | None) -> str:
    """Return the source of a module with the class ``Network``.

    Its parameters have the names and shapes of ``unitsearch.network.build``'s.

    Args:
        architecture: The network; classes, mean and std are told where they are known.
        weights: Name of the file with the trained state dict, which ``load()`` reads from beside
            the module; None for a module without weights, and then without ``load``.
    """
    architecture = canonical(architecture)
    uses = _Uses()
    layers = _sequence(architecture.layers, architecture.input, uses, remarks=True)
    body = [
        *(source for source in parts.ORDER if source in uses.sources),
        *(source for _, source in uses.units.values()),
        _network(architecture, layers),
    ]
    if architecture.mean and architecture.std:
        body.append(_normalised(architecture))
    if weights is not None:
        body.append(parts.LOAD)
    code = "\n\n".join(part.strip("\n") + "\n" for part in body)
    heads = ["from __future__ import annotations\n"]
    if weights is not None:
        heads.append("from pathlib import Path\n")
    imports = ["import torch"] if re.search(r"\btorch\.", code) else []
    imports.append("from torch import Tensor, nn")
    if re.search(r"\bF\.", code):
        imports.append("from torch.nn import functional as F")
    heads.append("\n".join(imports) + "\n")
    heads.append("\n".join(_constants(architecture)) + "\n")
    return "\n".join([_about(architecture, weights), *heads]) + f"\n\n{code}"


def _about(architecture: Architecture, weights: str | None) -> str:
    cost = count(architecture)
    taken = "images normalised as by normalised()" if architecture.mean else "images"
    shape = ", ".join(map(str, architecture.input))
    if weights is None:
        told = "No weights come with it: Network() is untrained."
    else:
        told = f"Its weights are in {weights} beside this file: network = load()."
    said = (
        f"Network() takes {taken}, float32 [n, {shape}], and gives logits, "
        f"[n, {output(architecture)[0]}]. It has {cost.params:,} parameters and takes "
        f"{cost.macs:,} multiply-accumulates an image. {told}"
    )
    head = '"""An image classifier, written by unitsearch; it needs torch and nothing else.'
    # shapes are kept on one line
    kept = re.sub(r"\[[^]]*\]", lambda shape: shape[0].replace(" ", "\u00a0"), said)
    lines = [line.replace("\u00a0", " ") for line in textwrap.wrap(kept, WIDTH)]
    return "\n".join([head, "", *lines, '"""', ""])


def _constants(architecture: Architecture) -> list[str]:
    found = [f"KEY = {literal(key(architecture))}  # of the architecture, as unitsearch names it"]
    if architecture.mean and architecture.std:
        for name, values, what in (
            ("MEAN", architecture.mean, "Of each channel of the data, pixels in [0, 1]."),
            ("STD", architecture.std, "Likewise."),
        ):
            found += [f"# {what}", *laid_out(_tuple(name, [repr(float(v)) for v in values]), 0)]
    if architecture.classes:
        found += laid_out(_tuple("CLASSES", [literal(one) for one in architecture.classes]), 0)
    return found


def _tuple(name: str, values: Sequence[str]) -> Part:
    """Return an assignment of a tuple; that of one element has its comma."""
    if len(values) == 1:
        return f"{name} = ({values[0]},)"
    return Call(f"{name} = (", tuple(values))


def _network(architecture: Architecture, layers: tuple[Part, ...]) -> str:
    head = Call("self.layers = nn.Sequential(", layers)
    shape = ", ".join(map(str, architecture.input))
    lines = [
        "class Network(nn.Module):",
        f'    """Takes float [n, {shape}] and gives logits, [n, {output(architecture)[0]}]."""',
        "",
        "    def __init__(self) -> None:",
        "        super().__init__()",
        *laid_out(head, 8),
        "",
        "    def forward(self, x: Tensor) -> Tensor:",
        "        return self.layers(x)",
    ]
    return "\n".join(lines)


def _normalised(architecture: Architecture) -> str:
    shape = ", ".join(map(str, architecture.input))
    return f'''
def normalised(pixels: Tensor) -> Tensor:
    """Return images as the network takes them, from pixels in [0, 1]: float [n, {shape}]."""
    mean = torch.tensor(MEAN, device=pixels.device).view(-1, 1, 1)
    std = torch.tensor(STD, device=pixels.device).view(-1, 1, 1)
    return (pixels - mean) / std
'''


def _sequence(layers: Layers, x: Shape, uses: _Uses, *, remarks: bool = False) -> tuple[Part, ...]:
    found: list[Part] = []
    size: Shape | None = None
    for layer in layers:
        if remarks:
            told = [_line(layer.name)] if layer.name else []
            told += [say(x)] if x[1:] != size else []
            found += [Remark(", ".join(told))] if told else []
            size = x[1:]
        found.append(_part(layer, x, uses))
        x = after(layer, x)
    return tuple(found)


def _line(name: str) -> str:
    """Return a name from a file as it may stand in a comment: one line, nothing invisible."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())


def _part(layer: Layer, x: Shape, uses: _Uses) -> Part:
    match layer:
        case Conv() | Slbf() | Linear():
            return _weighted(layer, x[0], uses)
        case Pool():
            kind = "Max" if layer.op == "max" else "Avg"
            said = [str(layer.kernel)]
            said += [f"stride={layer.step}"] if layer.step != layer.kernel else []
            said += [f"padding={layer.padding}"] if layer.padding else []
            return Call(f"nn.{kind}Pool2d(", tuple(said))
        case GlobalPool():
            return "nn.AdaptiveAvgPool2d(1)"
        case Flatten():
            return "nn.Flatten()"
        case Shuffle():
            return f"nn.ChannelShuffle({layer.groups})"
        case Stack():
            uses.sources.add(parts.UNITS)
            runs = [f"{_unit_name(run.unit, uses)}({run.count})" for run in layer.units]
            return Call("Stack(", tuple(runs))
        case Residual():
            said_of: list[Part] = [Call("[", _sequence(layer.body, x, uses), "]")]
            if layer.shortcut:
                said_of.append(Call("shortcut=[", _sequence(layer.shortcut, x, uses), "]"))
            if layer.act != "relu":
                said_of.append(f"act={_ACTIVATIONS[layer.act]}")
            uses.sources.add(parts.RESIDUAL)
            return Call("Residual(", tuple(said_of))
        case Branches():
            shares = [x] * len(layer.of)
            ends: list[Part] = []
            if layer.split is not None:
                shares = [(width, *x[1:]) for width in layer.split]
                ends = [f"split=[{', '.join(map(str, layer.split))}]"]
            lists: list[Part] = [
                Call("[", _sequence(one, share, uses), "]")
                for one, share in zip(layer.of, shares, strict=True)
            ]
            uses.sources.add(parts.BRANCHES)
            return Call("Branches(", (*lists, *ends))
        case Gate():
            body = _sequence(layer.body, x, uses)
            uses.sources.add(parts.GATE)
            return Call("Gate(", body)
        case _:
            assert_never(layer)


def _weighted(
    layer: Conv | Slbf | Linear, inputs: int, uses: _Uses, *, counted: bool = False
) -> Call:
    """Return the call that makes a layer with weights; ``counted``: of ``count`` equal units."""
    uses.sources.add(parts.BLOCK)
    said: list[str]
    if isinstance(layer, Linear):
        uses.sources.add(parts.LINEARS if counted else parts.LINEAR)
        said = [str(inputs), str(layer.out)]
        said = ["count", *said] if counted else said
        said += [] if layer.bias else ["bias=False"]
        said += ["norm=True"] if layer.norm == "batch" else []
        said += [f"act={_ACTIVATIONS[layer.act]}"] if layer.act != "none" else []
        return Call("linears(" if counted else "linear(", tuple(said))
    if isinstance(layer, Slbf):
        uses.sources.add(parts.BINARY)
        said = [str(inputs), str(layer.out), str(layer.kernel), f"bank={layer.bank}"]
        said += [f"splits={layer.splits}"] if layer.splits > 1 else []
        said += [f"select={literal(layer.select)}"] if layer.select != "softmax" else []
        said += ["alpha=True"] if layer.scale == "alpha" else []
        said += ["count=count"] if counted else []
    else:
        uses.sources.add(parts.CONV)
        widths = (f"count * {inputs}", f"count * {layer.out}") if counted else (inputs, layer.out)
        groups = "" if layer.groups == 1 else str(layer.groups)
        if counted:
            groups = f"count * {groups}" if groups else "count"
        said = [*map(str, widths), str(layer.kernel)]
        said += [f"groups={groups}"] if groups else []
        said += ["bias=True"] if layer.bias else []
    said += [f"stride={layer.stride}"] if layer.stride > 1 else []
    said += [] if isinstance(layer.padding, str) else [f"padding={layer.padding}"]
    said += ["norm=False"] if layer.norm == "none" else []
    said += [f"act={_ACTIVATIONS[layer.act]}"] if layer.act != "relu" else []
    return Call("binary_conv(" if isinstance(layer, Slbf) else "conv(", tuple(said))


def _unit_name(unit: Unit, uses: _Uses) -> str:
    """Return the class of a kind of unit: Units_1_3_1, with its kernels where others are alike."""
    if unit not in uses.units:
        taken = {known for known, _ in uses.units.values()}
        name = f"Units_{'_'.join(map(str, unit.nodes))}"
        if name in taken:
            windows = [one.kernel for one in unit.weighted if not isinstance(one, Linear)]
            name += f"_k{'_'.join(map(str, windows))}" if windows else "_linear"
        base, number = name, 2
        while name in taken:
            name, number = f"{base}_v{number}", number + 1
        uses.units[unit] = (name, _unit_class(unit, name, uses))
    return uses.units[unit][0]


def _unit_class(unit: Unit, name: str, uses: _Uses) -> str:
    """Return the source of the class of one kind of unit."""
    calls: list[Part] = [f"count * {unit.inputs}"]
    width = unit.inputs
    for layer in unit.layers:
        if isinstance(layer, (Conv, Slbf, Linear)):
            calls.append(_weighted(layer, width, uses, counted=True))
            width = layer.out
        else:
            calls.append(_part(layer, (width, 1, 1), uses))
    said = "-".join(map(str, unit.nodes))
    what = "feature" if isinstance(unit.weighted[0], Linear) else "channel"
    taken = wording.count(unit.inputs, what)
    lines = [
        f"class {name}(Units):",
        f'    """Units {said}: each takes {taken} and gives {unit.outputs:,}."""',
        "",
        "    def __init__(self, count: int) -> None:",
        *laid_out(Call("super().__init__(", tuple(calls)), 8),
    ]
    return "\n".join(lines)
