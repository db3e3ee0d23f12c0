"""Networks for inference: batch norm folded into the weights, each stack in its fastest form."""

from __future__ import annotations

import copy
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from unitsearch.architecture import Architecture
from unitsearch.network.blocks import Block
from unitsearch.network.build import FORMATS, Network
from unitsearch.network.dense import columns, dense_weight
from unitsearch.network.slbf import SlbfConv2d
from unitsearch.network.stacks import Stacked, UnitRun
from unitsearch.network.timing import best_times


class Inference(nn.Module):
    """A network for inference only: it has no batch norm and no trainable parameter.

    ``forward`` takes float [n, channels, height, width], normalised, and returns logits [n,
    classes], equal to rounding to those of the network that it was made from.

    Attributes:
        architecture: The architecture.
        plan: The form of each part: the memory format, and each stack's form by the name of its
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

    Batch norm is folded into the weights before it. A short measurement decides whether each stack
    runs as grouped convolutions or as one dense convolution with zeros between the units, and which
    memory format the network has.
    """
    plain = folded(network)
    device = next(network.parameters()).device
    image = torch.zeros(batch, *network.architecture.input, device=device)
    candidates = [_planned(plain, image, memory) for memory in FORMATS]
    with torch.inference_mode():
        times = best_times([partial(candidate, image) for candidate in candidates])
    return candidates[times.index(min(times))]


def folded(network: Network) -> Network:
    """Return a copy in eval mode without batch norm, binary filters as plain convolutions."""
    plain = copy.deepcopy(network).eval().requires_grad_(requires_grad=False)
    for module in list(plain.modules()):
        if isinstance(module, Block):
            _fold(module)
    return plain


def _planned(network: Network, image: Tensor, memory: str) -> Inference:
    """Return a copy in one memory format with the faster form of each stack."""
    plan = {"memory": memory}
    layers = copy.deepcopy(network.layers)
    layers.to(memory_format=FORMATS[memory])  # type: ignore[call-overload]  # torch's stub
    whole = Inference(network.architecture, layers, plan)
    entering = inputs_of_stacks(whole, image)
    for name, x in entering.items():
        stack = layers.get_submodule(name)
        assert isinstance(stack, Stacked)  # only stacks have hooks
        dense = dense_stack(stack)
        plan[name] = "grouped"
        if dense is None:
            continue
        dense.to(memory_format=FORMATS[memory])  # type: ignore[call-overload]  # torch's stub
        with torch.inference_mode():
            grouped_time, dense_time = best_times([partial(stack, x), partial(dense, x)])
        if dense_time < grouped_time:
            plan[name] = "dense"
            replace_module(layers, name, dense)
    return whole


def inputs_of_stacks(network: Inference | Network, image: Tensor) -> dict[str, Tensor]:
    """Return the input of each stack for a batch of images, by the name of the stack's module."""
    inputs_of: dict[str, Tensor] = {}
    hooks = []
    for name, module in network.layers.named_modules():
        if isinstance(module, Stacked):

            def note(_: nn.Module, inputs: tuple[Tensor, ...], name: str = name) -> None:
                inputs_of[name] = inputs[0]

            hooks.append(module.register_forward_pre_hook(note))
    with torch.inference_mode():
        network(image)
    for hook in hooks:
        hook.remove()
    return inputs_of


def replace_module(root: nn.Module, name: str, module: nn.Module) -> None:
    """Put ``module`` in the place of the module of ``root`` that has a name."""
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


def dense_stack(stack: Stacked) -> nn.Sequential | None:
    """Return a stack as dense layers with zeros between the units; None if its units forbid it."""
    parts = columns([list(cast(UnitRun, run).layers) for run in stack.units])
    if parts is None:
        return None
    dense: list[nn.Module] = []
    for layers in parts:
        convs = [cast(nn.Conv2d, layer.weights) for layer in layers if isinstance(layer, Block)]
        first = layers[0]
        dense.append(
            Block(_block_diagonal(convs), None, first.act) if isinstance(first, Block) else first
        )
    return nn.Sequential(*dense)


def _block_diagonal(convs: list[nn.Conv2d]) -> nn.Conv2d:
    first, weight = convs[0], dense_weight(convs)
    stride, padding = cast("list[tuple[int, int]]", [first.stride, first.padding])
    kernel = cast("tuple[int, int]", first.kernel_size)
    dense = nn.Conv2d(weight.shape[1], len(weight), kernel, stride, padding)
    dense.weight = nn.Parameter(weight, requires_grad=False)
    biases = [
        conv.bias if conv.bias is not None else conv.weight.new_zeros(conv.out_channels)
        for conv in convs
    ]
    dense.bias = nn.Parameter(torch.cat(biases), requires_grad=False)
    return dense
