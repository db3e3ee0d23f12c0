"""Networks for inference whose stacks are written in forms: see ``forms``."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from unitsearch.architecture import Architecture
from unitsearch.network.blocks import Block, Branched, GroupedLinear
from unitsearch.network.build import Network
from unitsearch.network.deployed import deployed
from unitsearch.network.folding import folded
from unitsearch.network.forms import (
    STACK_FORMS,
    StackPart,
    StackSite,
    distinct_forms,
    stack_parts,
    stack_sites,
)
from unitsearch.network.stacks import Stacked, UnitRun


@dataclass(frozen=True)
class StackChoice:
    """A stack whose form is to be chosen.

    Attributes:
        site: The stack, its name and the shape of its input; batch norm is folded.
        forms: The forms that differ, the first of them ``runs``.
        build: Returns the stack in one of the forms, with its weights.
    """

    site: StackSite
    forms: tuple[str, ...]
    build: Callable[[str], nn.Module]


Choose = Callable[[StackChoice], str]


class Sliced(nn.Module):
    """Sequences on shares of the channels in order, concatenated; shares are slices.

    Some programs take no ``torch.split`` where the number of images is open.
    """

    def __init__(self, of: list[nn.Module], shares: list[int]) -> None:
        super().__init__()
        self.of = nn.ModuleList(of)
        self.shares = shares

    def forward(self, x: Tensor) -> Tensor:
        """Return the concatenated outputs."""
        outputs, start = [], 0
        for part, share in zip(self.of, self.shares, strict=True):
            outputs.append(part(x[:, start : start + share]))
            start += share
        return torch.cat(outputs, dim=1)


class FormedNetwork(nn.Module):
    """A network for inference alone, without batch norm, each stack in a form.

    ``forward`` takes float [n, channels, height, width], normalised, and returns logits [n,
    classes], equal to rounding to those of the network that it was made from.

    Attributes:
        architecture: The architecture with batch norm folded, its stacks as they were.
        forms: The form of each stack by the name of its module.
    """

    def __init__(
        self, architecture: Architecture, layers: nn.Module, forms: Mapping[str, str]
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.layers = layers
        self.forms = dict(forms)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        return cast(Tensor, self.layers(images))


def in_form(network: Network, form: str, choose: Choose | None = None) -> FormedNetwork:
    """Return a copy for inference with every stack in a form; the function stays the same.

    Args:
        network: The network; batch norm is folded if it is not yet.
        form: ``auto``, or one of ``STACK_FORMS`` for every stack.
        choose: Returns the form of a stack where ``form`` is ``auto``; ``runs`` unless given.
    """
    architecture = deployed(network.architecture)
    plain = folded(network)
    layers, forms = plain.layers, {}
    stacks = plain.stacks()
    for name, site in stack_sites(architecture).items():
        choice = StackChoice(site, distinct_forms(site.stack), _StackWriter(stacks[name], site))
        chosen = form
        if form == "auto":
            chosen = STACK_FORMS[0] if choose is None else choose(choice)
        forms[name] = chosen
        replace_module(layers, name.removeprefix("layers."), choice.build(chosen))
    for name, module in list(layers.named_modules()):
        if isinstance(module, Branched) and module.split is not None:
            replace_module(layers, name, Sliced(list(module.of), module.split))
    return FormedNetwork(architecture, layers, forms).eval()


def replace_module(root: nn.Module, name: str, module: nn.Module) -> None:
    """Put a module in the place of the one of that name."""
    parent, _, last = name.rpartition(".")
    setattr(root.get_submodule(parent) if parent else root, last, module)


@dataclass(frozen=True)
class _StackWriter:
    """The function that writes one stack in a form, with the weights of its module."""

    module: Stacked
    site: StackSite

    def __call__(self, form: str) -> nn.Module:
        units = [
            [_unit_layer(layer, i, run.count) for layer in run.layers]
            for run in map(_run, self.module.units)
            for i in range(run.count)
        ]
        parts, modules, start = stack_parts(self.site.stack, form), [], 0
        for part in parts:
            size = part.count * len(part.units)
            modules.append(_part_module(part, units[start : start + size]))
            start += size
        if len(modules) == 1:
            return modules[0]
        return Sliced(list(modules), [part.inputs for part in parts])


def _run(module: nn.Module) -> UnitRun:
    return cast(UnitRun, module)


@dataclass(frozen=True)
class _UnitWeights:
    """One unit's share of a layer with weights.

    Attributes:
        block: The layer of all equal units.
        weight: The unit's weights, outputs first.
        bias: Its biases; None if there are none.
        groups: Groups of channels inside the unit.
    """

    block: Block
    weight: Tensor
    bias: Tensor | None
    groups: int

    @property
    def inputs(self) -> int:
        """Channels (or features) that the unit's layer takes."""
        return int(self.weight.shape[1]) * self.groups


_UnitLayer = _UnitWeights | nn.Module


def _unit_layer(layer: nn.Module, i: int, count: int) -> _UnitLayer:
    if not isinstance(layer, Block):
        return layer
    weights = cast(nn.Conv2d, layer.weights)  # or linear: both have weight and bias, outputs first
    out = len(weights.weight) // count
    rows = slice(i * out, (i + 1) * out)
    bias = None if weights.bias is None else weights.bias.detach()[rows]
    groups = weights.groups // count if isinstance(layer.weights, nn.Conv2d) else 1
    return _UnitWeights(layer, weights.weight.detach()[rows], bias, groups)


def _part_module(part: StackPart, units: list[list[_UnitLayer]]) -> nn.Sequential:
    """Return a part of a stack from the layers of its units, group by group."""
    modules: list[nn.Module] = []
    for depth in zip(*units, strict=True):
        first = depth[0]
        shares = [share for share in depth if isinstance(share, _UnitWeights)]
        if isinstance(first, _UnitWeights):
            weights = _joined_weights(part, shares)
            modules.append(Block(weights, None, copy.deepcopy(first.block.act)))
        else:
            modules.append(copy.deepcopy(first))
    return nn.Sequential(*modules)


def _joined_weights(part: StackPart, shares: list[_UnitWeights]) -> nn.Module:
    first, size = shares[0], len(part.units)
    groups = [shares[i : i + size] for i in range(0, len(shares), size)]
    weight = torch.cat([_group_weight(group) for group in groups])
    biases = [share.bias for share in shares if share.bias is not None]
    inputs, out = sum(share.inputs for share in shares), len(weight)
    layer: nn.Conv2d | nn.Linear | GroupedLinear
    old = first.block.weights
    if isinstance(old, nn.Conv2d):
        inner = 1 if part.has_zeros else first.groups
        stride, padding = cast("list[tuple[int, int]]", [old.stride, old.padding])
        kernel = cast("tuple[int, int]", old.kernel_size)
        layer = nn.Conv2d(
            inputs, out, kernel, stride, padding, groups=part.count * inner, bias=bool(biases),
            device=weight.device,
        )  # fmt: skip
    elif part.count == 1:
        layer = nn.Linear(inputs, out, bias=bool(biases), device=weight.device)
    else:
        each = (inputs // part.count, out // part.count)
        layer = GroupedLinear(part.count, *each, bias=bool(biases)).to(weight.device)
    layer.weight = nn.Parameter(weight.contiguous(), requires_grad=False)
    if biases:
        layer.bias = nn.Parameter(torch.cat(biases), requires_grad=False)
    return layer


def _group_weight(group: list[_UnitWeights]) -> Tensor:
    """Return the weights of a group; those of several units with zeros between them."""
    if len(group) == 1:
        return group[0].weight
    out, inputs = sum(len(share.weight) for share in group), sum(share.inputs for share in group)
    dense = group[0].weight.new_zeros(out, inputs, *group[0].weight.shape[2:])
    row = column = 0
    for share in group:
        rows, columns = len(share.weight) // share.groups, share.weight.shape[1]
        for i in range(share.groups):
            part = share.weight[i * rows : (i + 1) * rows]
            dense[row : row + rows, column : column + columns] = part
            row, column = row + rows, column + columns
    return dense
