"""Networks in the layout of TensorFlow Lite: channels last, batch norm folded, stacks in a form."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from unitsearch.architecture import Flatten, canonical
from unitsearch.network.blocks import Block, GroupedLinear
from unitsearch.network.build import Network
from unitsearch.network.dense import columns, dense_weight
from unitsearch.network.folding import folded
from unitsearch.network.stacks import Stacked, UnitRun
from unitsearch.shapes import after

FORMS = ("runs", "masked")


class ChannelsLast(nn.Module):
    """A network that takes images with their channels last, as TensorFlow Lite keeps them."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of float [n, height, width, channels]."""
        return cast(Tensor, self.layers(images.permute(0, 3, 1, 2)))


class FlatChannelsLast(nn.Module):
    """All pixels and channels as one row of features, channels last."""

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, h · w · c] from [n, c, h, w]."""
        return x.permute(0, 2, 3, 1).flatten(1)


def lowered(network: Network, form: str) -> ChannelsLast:
    """Return a copy of a network for inference in the layout of TensorFlow Lite.

    Args:
        network: The network.
        form: ``runs`` (each run of equal units is one grouped convolution: their inputs are copied
            out of the stack's, their outputs into its output) or ``masked`` (each layer of all
            units is one convolution with zeros between them, and nothing is copied). Stacks of
            linear layers are masked in both, and what cannot be masked has runs.
    """
    plain = folded(network)
    _flatten_channels_last(plain)
    for name, module in list(plain.named_modules()):
        if isinstance(module, Stacked):
            made = _masked(module, only_linear=form == "runs")
            if made is not None:
                parent, _, last = name.rpartition(".")
                setattr(plain.get_submodule(parent), last, made)
    return ChannelsLast(plain.layers).eval()


def has_forms(network: Network) -> bool:
    """Return whether a network has a stack that has more than one form."""
    return any(
        len(stack.units) > 1 or cast(UnitRun, stack.units[0]).count > 1
        for stack in network.stacks().values()
    )


def _flatten_channels_last(network: Network) -> None:
    """Flatten maps as they lie, where a linear layer follows whose weights can take their order."""
    x = tuple(network.architecture.input)
    layers = canonical(network.architecture).layers
    modules = network.layers
    for i, layer in enumerate(layers[:-1]):
        if isinstance(layer, Flatten) and len(x) == 3:
            linear = getattr(modules[i + 1], "weights", None)
            if isinstance(linear, nn.Linear):
                weight = linear.weight.view(-1, *x).permute(0, 2, 3, 1).flatten(1)
                linear.weight = nn.Parameter(weight.contiguous(), requires_grad=False)
                modules[i] = FlatChannelsLast()
        x = after(layer, x)


def _masked(stack: Stacked, *, only_linear: bool) -> nn.Sequential | None:
    """Return a stack as layers with zeros between its units; None if its units forbid it."""
    runs = [list(cast(UnitRun, run).layers) for run in stack.units]
    if all(_is_linear(layer) for layers in runs for layer in layers):
        return _masked_linear(runs)
    parts = None if only_linear else columns(runs)
    if parts is None:
        return None
    made: list[nn.Module] = []
    for layers in parts:
        first = layers[0]
        if not isinstance(first, Block):
            made.append(first)
            continue
        convs = [cast(nn.Conv2d, cast(Block, layer).weights) for layer in layers]
        weight = dense_weight(convs)
        conv = nn.Conv2d(
            weight.shape[1], len(weight), cast("tuple[int, int]", convs[0].kernel_size),
            cast("tuple[int, int]", convs[0].stride), cast("tuple[int, int]", convs[0].padding),
        )  # fmt: skip
        made.append(_filled(conv, weight, [(c.bias, c.out_channels) for c in convs], first.act))
    return nn.Sequential(*made)


def _is_linear(layer: nn.Module) -> bool:
    return isinstance(layer, Block) and isinstance(layer.weights, (nn.Linear, GroupedLinear))


def _masked_linear(runs: list[list[nn.Module]]) -> nn.Sequential | None:
    """Return runs of units of linear layers as one linear layer a step; None if they differ."""
    if len({len(layers) for layers in runs}) > 1:
        return None
    made: list[nn.Module] = []
    for step in zip(*runs, strict=True):
        blocks = [cast(Block, layer) for layer in step]
        if len({repr(block.act) for block in blocks}) > 1:
            return None
        weights = [cast("nn.Linear | GroupedLinear", block.weights) for block in blocks]
        shares = [
            share for layer in weights for share in layer.weight.chunk(getattr(layer, "count", 1))
        ]
        weight: Tensor = torch.block_diag(*shares)  # type: ignore[no-untyped-call]  # torch's
        biases: list[tuple[Tensor | None, int]] = [(w.bias, len(w.weight)) for w in weights]
        linear = nn.Linear(weight.shape[1], len(weight))
        made.append(_filled(linear, weight, biases, blocks[0].act))
    return nn.Sequential(*made)


def _filled(
    layer: nn.Conv2d | nn.Linear,
    weight: Tensor,
    biases: list[tuple[Tensor | None, int]],
    act: nn.Module | None,
) -> Block:
    layer.weight = nn.Parameter(weight.detach(), requires_grad=False)
    parts = [torch.zeros(out) if bias is None else bias.detach() for bias, out in biases]
    layer.bias = nn.Parameter(torch.cat(parts), requires_grad=False)
    return Block(layer, None, act)
