"""Networks for inference whose stacks are written in forms: see ``forms``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from unitsearch.architecture import Architecture, Stack, Units
from unitsearch.network.blocks import Branched
from unitsearch.network.build import Network, stacked
from unitsearch.network.deployed import deployed
from unitsearch.network.folding import folded
from unitsearch.network.forms import (
    STACK_FORMS,
    StackSite,
    distinct_forms,
    stack_parts,
    stack_sites,
)
from unitsearch.network.stacks import Stacked


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


def form_state(network: Network, forms: Mapping[str, str]) -> dict[str, Tensor]:
    """Return the state dict of a network whose stacks are in forms, batch norm included.

    Args:
        network: The network.
        forms: The form of each stack by the name of its module; ``runs`` unless given.
    """
    state = dict(network.state_dict())
    stacks = network.stacks()
    for name, site in stack_sites(network.architecture).items():
        prefix = f"{name}.units."
        state = {key: tensor for key, tensor in state.items() if not key.startswith(prefix)}
        written = _stack_state(stacks[name], site.stack, forms.get(name, "runs"))
        state |= {f"{name}.{key}": tensor for key, tensor in written.items()}
    return state


@dataclass(frozen=True)
class _StackWriter:
    """The function that writes one stack in a form, with the weights of its module."""

    module: Stacked
    site: StackSite

    def __call__(self, form: str) -> nn.Module:
        parts = stack_parts(self.site.stack, form)
        units = tuple(Units(part.count, part.group) for part in parts)
        device = next(self.module.parameters()).device
        written = stacked(Stack(units=units), self.site.shape).to(device)
        written.load_state_dict(_stack_state(self.module, self.site.stack, form))
        written.eval().requires_grad_(requires_grad=False)
        if len(parts) == 1:
            return written.units[0]
        return Sliced(list(written.units), [part.inputs for part in parts])


def _stack_state(module: Stacked, stack: Stack, form: str) -> dict[str, Tensor]:
    """Return the state dict of a stack in a form from that of its module.

    All tensors of a layer have one row or more for each unit, in order.
    """
    rows = [
        {key: tensor.chunk(run.count) if tensor.dim() else (tensor,) * run.count
         for key, tensor in runs.state_dict().items()}
        for run, runs in zip(stack.units, module.units, strict=True)
    ]  # fmt: skip
    units = [
        (run.unit, {key: shares[i] for key, shares in row.items()})
        for run, row in zip(stack.units, rows, strict=True)
        for i in range(run.count)
    ]
    state, start = {}, 0
    for i, part in enumerate(stack_parts(stack, form)):
        size = part.count * len(part.units)
        members, start = units[start : start + size], start + size
        for key, first in members[0][1].items():
            tensors = [shares[key] for _, shares in members]
            if not first.dim():
                joined = first
            elif part.has_zeros and key.endswith(".weights.weight"):
                layer = int(key.split(".")[1])
                groups = [getattr(unit.layers[layer], "groups", 1) for unit, _ in members]
                joined = _with_zeros(tensors, groups, len(part.units))
            else:
                joined = torch.cat(tensors)
            state[f"units.{i}.{key}"] = joined.contiguous()
    return state


def _with_zeros(weights: list[Tensor], groups: list[int], size: int) -> Tensor:
    """Return the weights of groups of units, zeros between the units of a group.

    Args:
        weights: Of each unit, outputs first.
        groups: Groups of channels inside each unit.
        size: Units of a group.
    """
    each = [weight.shape[1] * inner for weight, inner in zip(weights, groups, strict=True)]
    out = sum(len(weight) for weight in weights)
    dense = weights[0].new_zeros(out, sum(each[:size]), *weights[0].shape[2:])
    row = column = 0
    for i, (weight, inner) in enumerate(zip(weights, groups, strict=True)):
        column = 0 if i % size == 0 else column
        for share in weight.chunk(inner):
            dense[row : row + len(share), column : column + share.shape[1]] = share
            row, column = row + len(share), column + share.shape[1]
    return dense
