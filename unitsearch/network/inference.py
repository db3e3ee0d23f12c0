"""Networks made fast to use: batch norm folded into the weights, each stack in its fastest form."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import median
from typing import cast

import torch
from torch import Tensor, nn

from unitsearch.architecture import Architecture
from unitsearch.network.blocks import Block, GroupedLinear, Run, Stacked
from unitsearch.network.build import Network
from unitsearch.network.slbf import SlbfConv2d

FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
_ROUNDS = 7
_LEAST_SECONDS = 2e-3  # of one timing: shorter ones drown in the clock and the caller


class Inference(nn.Module):
    """A network for use only: no batch norm, nothing to train.

    ``forward`` takes float [n, channels, height, width], normalised, and returns logits [n,
    classes]; both as the network that it was made from, to rounding.

    Attributes:
        architecture: What the network was built from.
        plan: How each part runs: the memory format, and each stack's form by the name of its
            module (``grouped`` or ``dense``).
    """

    def __init__(self, architecture: Architecture, layers: nn.Module, plan: dict[str, str]) -> None:
        super().__init__()
        self.architecture = architecture
        self.layers = layers
        self.plan = plan

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        return cast(Tensor, self.layers(x.contiguous(memory_format=FORMATS[self.plan["memory"]])))


def for_inference(network: Network, batch: int = 1) -> Inference:
    """Return a copy of ``network`` made fast for batches of ``batch`` images on its device.

    Batch norm is folded into the weights before it. Each stack runs as grouped convolutions or as
    one dense convolution with zeros between the units, and the whole in either memory format,
    whichever a short measurement finds faster.
    """
    folded = copy.deepcopy(network).eval().requires_grad_(requires_grad=False)
    for module in list(folded.modules()):
        if isinstance(module, Block):
            _fold(module)
    device = next(network.parameters()).device
    image = torch.zeros(batch, *network.architecture.input, device=device)
    found = [_planned(folded, image, memory) for memory in FORMATS]
    with torch.inference_mode():
        times = best_times([partial(one, image) for one in found])
    return found[times.index(min(times))]


def _planned(network: Network, image: Tensor, memory: str) -> Inference:
    """Return a copy in one memory format with the faster form of each stack."""
    plan = {"memory": memory}
    layers = copy.deepcopy(network.layers)
    layers.to(memory_format=FORMATS[memory])  # type: ignore[call-overload]  # torch's stub
    whole = Inference(network.architecture, layers, plan)
    entering = _inputs_of_stacks(whole, image)
    for name, x in entering.items():
        stack = layers.get_submodule(name)
        assert isinstance(stack, Stacked)  # only those were listened to
        dense = _dense(stack)
        plan[name] = "grouped"
        if dense is None:
            continue
        dense.to(memory_format=FORMATS[memory])  # type: ignore[call-overload]  # torch's stub
        with torch.inference_mode():
            grouped_time, dense_time = best_times([partial(stack, x), partial(dense, x)])
        if dense_time < grouped_time:
            plan[name] = "dense"
            _replace(layers, name, dense)
    return whole


def _inputs_of_stacks(network: Inference, image: Tensor) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    hooks = []
    for name, module in network.layers.named_modules():
        if isinstance(module, Stacked):

            def note(_: nn.Module, inputs: tuple[Tensor, ...], name: str = name) -> None:
                found[name] = inputs[0]

            hooks.append(module.register_forward_pre_hook(note))
    with torch.inference_mode():
        network(image)
    for hook in hooks:
        hook.remove()
    return found


def _replace(root: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(root.get_submodule(parent) if parent else root, last, module)


def _fold(block: Block) -> None:
    """Fold a block's batch norm into its weights; binary filters become plain convolutions."""
    weights = block.weights
    if isinstance(weights, SlbfConv2d):
        weights = block.weights = _composed(weights)
    norm = block.norm
    if norm is None:
        return
    norm = cast(nn.BatchNorm2d, norm)
    mean, var = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    gain = norm.weight / torch.sqrt(var + norm.eps)
    layer = cast(nn.Conv2d, weights)  # or linear: both have weight and bias, outputs first
    shape = (-1, *[1] * (layer.weight.dim() - 1))
    bias = norm.bias - mean * gain
    if layer.bias is not None:
        bias = bias + layer.bias * gain
    layer.weight = nn.Parameter(layer.weight * gain.view(shape), requires_grad=False)
    layer.bias = nn.Parameter(bias, requires_grad=False)
    block.norm = None


def _composed(layer: SlbfConv2d) -> nn.Conv2d:
    conv = nn.Conv2d(
        layer.count * layer.inputs, layer.count * layer.out, layer.kernel, layer.stride,
        layer.padding, groups=layer.count, bias=False,
    )  # fmt: skip
    conv.weight = nn.Parameter(layer.filters().detach().clone(), requires_grad=False)
    return conv


def _dense(stack: Stacked) -> nn.Sequential | None:
    """Return a stack as dense layers with zeros between the units, where its units allow it.

    None if they differ in more than their widths, or are linear.
    """
    runs = [cast(Run, run) for run in stack.units]
    found: list[nn.Module] = []
    for layers in _columns(runs):
        if layers is None:
            return None
        first = layers[0]
        if not isinstance(first, Block):
            found.append(first)
            continue
        convs = [layer.weights for layer in layers if isinstance(layer, Block)]
        if not all(isinstance(conv, nn.Conv2d) for conv in convs):
            return None
        found.append(Block(_block_diagonal([cast(nn.Conv2d, c) for c in convs]), None, first.act))
    return nn.Sequential(*found)


def _columns(runs: list[Run]) -> Iterator[list[nn.Module] | None]:
    """Yield the layers at each depth of all runs, None where they differ in more than widths."""
    if len({len(run.layers) for run in runs}) > 1:
        yield None
        return
    for layers in zip(*(run.layers for run in runs), strict=True):
        yield list(layers) if len({_geometry(layer) for layer in layers}) == 1 else None


def _geometry(layer: nn.Module) -> str:
    """Return what must be equal for layers to become one: all but their widths."""
    if not isinstance(layer, Block):
        return repr(layer)
    weights = layer.weights
    if isinstance(weights, GroupedLinear) or not isinstance(weights, nn.Conv2d):
        return f"{type(weights).__name__} {layer.act}"
    return f"{weights.kernel_size} {weights.stride} {weights.padding} {layer.act}"


def _block_diagonal(convs: list[nn.Conv2d]) -> nn.Conv2d:
    first = convs[0]
    inputs, out = sum(c.in_channels for c in convs), sum(c.out_channels for c in convs)
    dense = nn.Conv2d(inputs, out, first.kernel_size, first.stride, first.padding)  # type: ignore[arg-type]
    weight = torch.zeros(out, inputs, *first.kernel_size, device=first.weight.device)
    bias = torch.zeros(out, device=first.weight.device)
    row = column = 0
    for conv in convs:
        share_in, share_out = conv.in_channels // conv.groups, conv.out_channels // conv.groups
        for group in range(conv.groups):
            rows = slice(group * share_out, (group + 1) * share_out)
            weight[row : row + share_out, column : column + share_in] = conv.weight[rows]
            if conv.bias is not None:
                bias[row : row + share_out] = conv.bias[rows]
            row, column = row + share_out, column + share_in
    dense.weight = nn.Parameter(weight, requires_grad=False)
    dense.bias = nn.Parameter(bias, requires_grad=False)
    return dense


def best_times(calls: Sequence[Callable[[], object]], rounds: int = _ROUNDS) -> list[float]:
    """Return the median seconds of each call, measured turn about after a warm-up."""
    return [median(times) for times in timings(calls, rounds)]


def timings(calls: Sequence[Callable[[], object]], rounds: int) -> list[list[float]]:
    """Return ``rounds`` timings of each call in seconds, turn about, so that noise meets all alike.

    A timing is the mean of as many calls as take two milliseconds; on a GPU its work is awaited.
    """
    repeats = []
    for call in calls:
        call()  # warm
        one = max(_seconds(call, 1), 1e-7)
        repeats.append(max(1, int(_LEAST_SECONDS / one)))
    found: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for at, call in enumerate(calls):
            found[at].append(_seconds(call, repeats[at]) / repeats[at])
    return found


def _seconds(call: Callable[[], object], times: int) -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(times):
        call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - begun
