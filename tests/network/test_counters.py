"""Our closed-form costs against three counters that count on the network itself."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from tests.architecture.strategies import architectures
from tests.network.layouts import SMALL
from tests.space.files import SPACES, bound, some
from unitsearch.architecture import Architecture
from unitsearch.costs import count
from unitsearch.network.blocks import GlobalAverage, GroupedLinear
from unitsearch.network.build import build
from unitsearch.network.slbf import SlbfConv2d
from unitsearch.space import baseline, point

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # its distutils, at import
    import thop

every_layout = pytest.mark.parametrize("architecture", SMALL.values(), ids=SMALL.keys())
every_space = pytest.mark.parametrize("path", SPACES.values(), ids=SPACES.keys())


def flops_by_torch(network: nn.Module, image: tuple[int, int, int]) -> int:
    """Torch's counter: 2 a multiply-add of conv, mm, addmm, bmm; other operators are free."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network.eval()(torch.zeros(1, *image))
    return counter.get_total_flops()


def counted_by_thop(network: nn.Module, image: tuple[int, int, int]) -> tuple[int, int]:
    """2 × the MACs of the newest thop, and its batch-norm elements, on a copy (it leaves hooks).

    It has rules for torch's own modules only: ``GroupedLinear`` and ``SlbfConv2d`` get theirs here,
    and average pooling, which the papers' convention leaves out, is made free.
    """
    norm_elements = 0

    def grouped(module: Any, _: Any, y: torch.Tensor) -> None:
        module.total_ops += torch.DoubleTensor([y.numel() * module.inputs])

    def composed(module: Any, _: Any, y: torch.Tensor) -> None:
        """As torch's own convolution of the same weights."""
        module.total_ops += torch.DoubleTensor([y.numel() * module.filters()[0].numel()])

    def free(module: Any, _: Any, y: torch.Tensor) -> None:
        module.total_ops += torch.DoubleTensor([0])

    def add(module: Any, _: Any, y: torch.Tensor) -> None:
        nonlocal norm_elements
        norm_elements += y.numel()

    copied = copy.deepcopy(network).eval()
    for module in copied.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.register_forward_hook(add)
    rules = {
        GroupedLinear: grouped,
        SlbfConv2d: composed,
        nn.AvgPool2d: free,
        GlobalAverage: free,
    }
    macs, _ = thop.profile(copied, (torch.zeros(1, *image),), custom_ops=rules, verbose=False)
    return round(2 * macs), norm_elements


def bias_elements(network: nn.Module, image: tuple[int, int, int]) -> int:
    """The outputs of convolutions with a bias, on one image."""
    elements = 0

    def add(module: nn.Module, _: Any, y: torch.Tensor) -> None:
        nonlocal elements
        elements += y.numel()

    copied = copy.deepcopy(network).eval()
    for module in copied.modules():
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            module.register_forward_hook(add)
    copied(torch.zeros(1, *image))
    return elements


def agree(architecture: Architecture) -> None:
    network = build(architecture)
    cost = count(architecture)
    assert sum(p.numel() for p in network.parameters()) == cost.params
    assert flops_by_torch(network, architecture.input) == 2 * cost.macs
    by_thop, norms = counted_by_thop(network, architecture.input)
    # Newest thop: batch norm 4 an element, no bias. The papers': 2 an element, 1 a biased output.
    assert by_thop == 2 * (cost.macs + 4 * norms)
    assert cost.flops == 2 * (cost.macs + bias_elements(network, architecture.input) + 2 * norms)


@every_layout
def test_three_counters_agree_on_every_kind_of_layer(architecture: Architecture) -> None:
    agree(architecture)


@every_space
def test_three_counters_agree_on_members_of_every_space(path: Path) -> None:
    space = bound(path)
    for _, architecture in some(space, 2, seed=9):
        agree(architecture)


@every_space
def test_three_counters_agree_on_every_baseline(path: Path) -> None:
    agree(baseline(bound(path)))


@given(architectures(classes=3, most=3))
@settings(max_examples=50)
def test_three_counters_agree_on_any_architecture(architecture: Architecture) -> None:
    agree(architecture)


@pytest.mark.parametrize(
    ("space", "name", "newest"),
    [("toy_hybrid", "No.7", 11_537_408), ("lenet_table1", "U2", 966_704)],
)
def test_the_newest_thop_counts_as_when_the_papers_were_read(
    space: str, name: str, newest: int
) -> None:
    architecture = point(bound(space), name)
    assert counted_by_thop(build(architecture), architecture.input)[0] == newest


@every_layout
def test_the_plan_does_not_change_what_torch_counts(architecture: Architecture) -> None:
    flops = [
        flops_by_torch(build(architecture, plan=plan), architecture.input)
        for plan in ("grouped", "loop")
    ]
    assert flops[0] == flops[1]
