"""The Python source of a network: one readable file that imports torch and no other package."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
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
from unitsearch.exports.formats.code_layout import (
    WIDTH,
    Call,
    Code,
    Comment,
    layout_lines,
    string_literal,
)
from unitsearch.shapes import Shape, after, output, say

_ACTIVATIONS = {
    "relu": "nn.ReLU",
    "relu6": "nn.ReLU6",
    "silu": "nn.SiLU",
    "sigmoid": "nn.Sigmoid",
    "none": "None",
}
# The files of ``python_parts`` in the order in which they stand in a module. Names of attributes in
# them are the same as in ``unitsearch.network``, so that its weights load strictly.
_PARTS = (
    "block", "conv", "linear", "linears", "binary_conv", "stack", "residual", "branches", "gate",
)  # fmt: skip


@dataclass
class _Uses:
    """The classes and functions that the written layers use.

    Attributes:
        parts: Names of the files of ``python_parts``.
        units: Name and source of the class of each kind of unit.
    """

    parts: set[str] = field(default_factory=set)
    units: dict[Unit, tuple[str, str]] = field(default_factory=dict)


def python_text(architecture: Architecture, weights: str | None) -> str:
    """Return the source of a module with the class ``Network``.

    Its parameters have the names and shapes of ``unitsearch.network.build``'s.

    Args:
        architecture: The network; classes, mean and std are written where they are known.
        weights: Name of the file with the trained state dict, which ``load()`` reads from the
            module's folder; None for a module without weights, and then without ``load``.
    """
    architecture = canonical(architecture)
    uses = _Uses()
    layers = _sequence(architecture.layers, architecture.input, uses, comments=True)
    body = [
        *(_part_source(name) for name in _PARTS if name in uses.parts),
        *(source for _, source in uses.units.values()),
        _network(architecture, layers),
    ]
    if architecture.mean and architecture.std:
        body.append(_normalised(architecture))
    if weights is not None:
        body.append(_part_source("load"))
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
    return "\n".join([_docstring(architecture, weights), *heads]) + f"\n\n{code}"


def _docstring(architecture: Architecture, weights: str | None) -> str:
    cost = count(architecture)
    images = "images normalised as by normalised()" if architecture.mean else "images"
    shape = ", ".join(map(str, architecture.input))
    if weights is None:
        where = "No weights come with it: Network() is untrained."
    else:
        where = f"Its weights are in {weights} beside this file: network = load()."
    text = (
        f"Network() takes {images}, float32 [n, {shape}], and gives logits, "
        f"[n, {output(architecture)[0]}]. It has {cost.params:,} parameters and takes "
        f"{cost.macs:,} multiply-accumulates an image. {where}"
    )
    head = '"""An image classifier, written by unitsearch; it needs torch and nothing else.'
    # no line ends inside of a shape
    kept = re.sub(r"\[[^]]*\]", lambda shape: shape[0].replace(" ", "\u00a0"), text)
    lines = [line.replace("\u00a0", " ") for line in textwrap.wrap(kept, WIDTH)]
    return "\n".join([head, "", *lines, '"""', ""])


def _constants(architecture: Architecture) -> list[str]:
    lines = [
        f"KEY = {string_literal(key(architecture))}  # of the architecture, as unitsearch names it"
    ]
    if architecture.mean and architecture.std:
        for name, values, what in (
            ("MEAN", architecture.mean, "The mean of each channel of the data, pixels in [0, 1]."),
            ("STD", architecture.std, "The standard deviation of each channel of the data."),
        ):
            lines += [f"# {what}", *layout_lines(_tuple(name, [repr(float(v)) for v in values]), 0)]
    if architecture.classes:
        lines += layout_lines(
            _tuple("CLASSES", [string_literal(one) for one in architecture.classes]), 0
        )
    return lines


def _tuple(name: str, values: Sequence[str]) -> Code:
    """Return an assignment of a tuple; a tuple of one element has its comma."""
    if len(values) == 1:
        return f"{name} = ({values[0]},)"
    return Call(f"{name} = (", tuple(values))


def _network(architecture: Architecture, layers: tuple[Code, ...]) -> str:
    head = Call("self.layers = nn.Sequential(", layers)
    shape = ", ".join(map(str, architecture.input))
    lines = [
        "class Network(nn.Module):",
        f'    """Takes float [n, {shape}] and gives logits, [n, {output(architecture)[0]}]."""',
        "",
        "    def __init__(self) -> None:",
        "        super().__init__()",
        *layout_lines(head, 8),
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


def _sequence(layers: Layers, x: Shape, uses: _Uses, *, comments: bool = False) -> tuple[Code, ...]:
    parts: list[Code] = []
    size: Shape | None = None
    for layer in layers:
        if comments:
            comment = [_one_line(layer.name)] if layer.name else []
            comment += [say(x)] if x[1:] != size else []
            parts += [Comment(", ".join(comment))] if comment else []
            size = x[1:]
        parts.append(_layer(layer, x, uses))
        x = after(layer, x)
    return tuple(parts)


def _one_line(name: str) -> str:
    """Return a name from a file on one line without invisible characters, fit for a comment."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())


def _layer(layer: Layer, x: Shape, uses: _Uses) -> Code:
    match layer:
        case Conv() | Slbf() | Linear():
            return _weighted(layer, x[0], uses)
        case Pool():
            kind = "Max" if layer.op == "max" else "Avg"
            arguments = [str(layer.kernel)]
            arguments += [f"stride={layer.step}"] if layer.step != layer.kernel else []
            arguments += [f"padding={layer.padding}"] if layer.padding else []
            return Call(f"nn.{kind}Pool2d(", tuple(arguments))
        case GlobalPool():
            return "nn.AdaptiveAvgPool2d(1)"
        case Flatten():
            return "nn.Flatten()"
        case Shuffle():
            return f"nn.ChannelShuffle({layer.groups})"
        case Stack():
            uses.parts.add("stack")
            runs = [f"{_unit_name(run.unit, uses)}({run.count})" for run in layer.units]
            return Call("Stack(", tuple(runs))
        case Residual():
            sides: list[Code] = [Call("[", _sequence(layer.body, x, uses), "]")]
            if layer.shortcut:
                sides.append(Call("shortcut=[", _sequence(layer.shortcut, x, uses), "]"))
            if layer.act != "relu":
                sides.append(f"act={_ACTIVATIONS[layer.act]}")
            uses.parts.add("residual")
            return Call("Residual(", tuple(sides))
        case Branches():
            shares = [x] * len(layer.of)
            ends: list[Code] = []
            if layer.split is not None:
                shares = [(width, *x[1:]) for width in layer.split]
                ends = [f"split=[{', '.join(map(str, layer.split))}]"]
            lists: list[Code] = [
                Call("[", _sequence(one, share, uses), "]")
                for one, share in zip(layer.of, shares, strict=True)
            ]
            uses.parts.add("branches")
            return Call("Branches(", (*lists, *ends))
        case Gate():
            body = _sequence(layer.body, x, uses)
            uses.parts.add("gate")
            return Call("Gate(", body)
        case _:
            assert_never(layer)


def _weighted(
    layer: Conv | Slbf | Linear, inputs: int, uses: _Uses, *, counted: bool = False
) -> Call:
    """Return the call that makes a layer with weights; ``counted``: of ``count`` equal units."""
    uses.parts.add("block")
    arguments: list[str]
    if isinstance(layer, Linear):
        uses.parts.add("linears" if counted else "linear")
        arguments = [str(inputs), str(layer.out)]
        arguments = ["count", *arguments] if counted else arguments
        arguments += [] if layer.bias else ["bias=False"]
        arguments += ["norm=True"] if layer.norm == "batch" else []
        arguments += [f"act={_ACTIVATIONS[layer.act]}"] if layer.act != "none" else []
        return Call("linears(" if counted else "linear(", tuple(arguments))
    if isinstance(layer, Slbf):
        uses.parts.add("binary_conv")
        arguments = [str(inputs), str(layer.out), str(layer.kernel), f"bank={layer.bank}"]
        arguments += [f"splits={layer.splits}"] if layer.splits > 1 else []
        arguments += [f"select={string_literal(layer.select)}"] if layer.select != "softmax" else []
        arguments += ["alpha=True"] if layer.scale == "alpha" else []
        arguments += ["count=count"] if counted else []
    else:
        uses.parts.add("conv")
        widths = (f"count * {inputs}", f"count * {layer.out}") if counted else (inputs, layer.out)
        groups = "" if layer.groups == 1 else str(layer.groups)
        if counted:
            groups = f"count * {groups}" if groups else "count"
        arguments = [*map(str, widths), str(layer.kernel)]
        arguments += [f"groups={groups}"] if groups else []
        arguments += ["bias=True"] if layer.bias else []
    arguments += [f"stride={layer.stride}"] if layer.stride > 1 else []
    arguments += [] if isinstance(layer.padding, str) else [f"padding={layer.padding}"]
    arguments += ["norm=False"] if layer.norm == "none" else []
    arguments += [f"act={_ACTIVATIONS[layer.act]}"] if layer.act != "relu" else []
    return Call("binary_conv(" if isinstance(layer, Slbf) else "conv(", tuple(arguments))


def _unit_name(unit: Unit, uses: _Uses) -> str:
    """Return the class name of a kind of unit: Units_1_3_1, with its kernels if that is taken."""
    if unit not in uses.units:
        names = {known for known, _ in uses.units.values()}
        name = f"Units_{'_'.join(map(str, unit.nodes))}"
        if name in names:
            windows = [layer.kernel for layer in unit.weighted if not isinstance(layer, Linear)]
            name += f"_k{'_'.join(map(str, windows))}" if windows else "_linear"
        base, number = name, 2
        while name in names:
            name, number = f"{base}_v{number}", number + 1
        uses.units[unit] = (name, _unit_class(unit, name, uses))
    return uses.units[unit][0]


def _unit_class(unit: Unit, name: str, uses: _Uses) -> str:
    """Return the source of the class of one kind of unit."""
    calls: list[Code] = [f"count * {unit.inputs}"]
    width = unit.inputs
    for layer in unit.layers:
        if isinstance(layer, (Conv, Slbf, Linear)):
            calls.append(_weighted(layer, width, uses, counted=True))
            width = layer.out
        else:
            calls.append(_layer(layer, (width, 1, 1), uses))
    nodes = "-".join(map(str, unit.nodes))
    what = "feature" if isinstance(unit.weighted[0], Linear) else "channel"
    inputs = wording.count(unit.inputs, what)
    lines = [
        f"class {name}(Units):",
        f'    """Units {nodes}: each takes {inputs} and gives {unit.outputs:,}."""',
        "",
        "    def __init__(self, count: int) -> None:",
        *layout_lines(Call("super().__init__(", tuple(calls)), 8),
    ]
    return "\n".join(lines)


def _part_source(name: str) -> str:
    """Return the source of a class or function that modules of many networks share."""
    folder = files("unitsearch.exports.formats").joinpath("python_parts")
    return folder.joinpath(f"{name}.txt").read_text("utf-8")
