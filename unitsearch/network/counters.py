"""Second opinions on a network's cost: counters that are independent of our closed form."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from unitsearch.architecture import Architecture
from unitsearch.costs import count
from unitsearch.network.blocks import GlobalAverage, GroupedLinear
from unitsearch.network.build import Network, build
from unitsearch.network.slbf import SlbfConv2d


@dataclass(frozen=True)
class Opinion:
    """The count of another counter beside ours.

    Attributes:
        counter: The counter's name.
        what: The quantity that it counts.
        counted: Its count.
        ours: The count that follows from our closed form.
        note: The formula of ``ours`` from params and MACs.
    """

    counter: str
    what: str
    counted: int
    ours: int
    note: str

    @property
    def agrees(self) -> bool:
        """Whether both are equal, to the last digit."""
        return self.counted == self.ours


def opinions(architecture: Architecture) -> list[Opinion]:
    """Return the counts of torch's parameters, torch's FLOP counter and thop for an architecture.

    The network is built and run once on one image, in eval mode. thop works on a deep copy, because
    it does not remove its hooks and buffers.
    """
    network = build(architecture).eval()
    image = torch.zeros(1, *architecture.input)
    cost = count(architecture)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(image)
    normed = _norm_elements(network, image)
    return [
        Opinion(
            "sum(p.numel())",
            "parameters",
            sum(p.numel() for p in network.parameters()),
            cost.params,
            "params",
        ),
        Opinion(
            "torch.utils.flop_counter",
            "2 x MACs of convolutions and linear layers",
            int(counter.get_total_flops()),
            2 * cost.macs,
            "2 x macs",
        ),
        Opinion(
            "thop",
            "MACs, and 4 for each batch-norm element",
            _thop_macs(network, image),
            cost.macs + 4 * normed,
            f"macs + 4 x {normed:,}; the papers' thop 0.0.31 took 2 an element, and conv biases",
        ),
    ]


def _norm_elements(network: nn.Module, image: Tensor) -> int:
    """Return the number of elements that pass through batch norms for one image."""
    total = 0

    def add(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        total += output.numel()

    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    hooks = [norm.register_forward_hook(add) for norm in norms]
    try:
        with torch.inference_mode():
            network(image)
    finally:
        for hook in hooks:
            hook.remove()
    return total


def _thop_macs(network: Network, image: Tensor) -> int:
    import thop

    def free(module: Any, inputs: Any, output: Any) -> None:
        """Count nothing: pooling is free in the papers' convention."""

    def grouped(module: Any, inputs: Any, output: Any) -> None:
        module.total_ops += torch.DoubleTensor([module.inputs * math.prod(output.shape)])

    def composed(module: Any, inputs: Any, output: Any) -> None:
        window = module.inputs * module.kernel**2
        module.total_ops += torch.DoubleTensor([window * math.prod(output.shape)])

    custom = {
        GroupedLinear: grouped,
        SlbfConv2d: composed,
        nn.AvgPool2d: free,
        GlobalAverage: free,
    }
    macs, _ = thop.profile(
        copy.deepcopy(network), inputs=(image,), custom_ops=custom, verbose=False
    )
    return int(macs)
