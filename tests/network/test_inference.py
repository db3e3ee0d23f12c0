"""A network made for inference gives the outputs of the network that it was made from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.network.layouts import SMALL, images, unsettle
from tests.space.files import SPACES, bound, some
from unitsearch.architecture import Architecture
from unitsearch.network.build import build
from unitsearch.network.inference import Inference, for_inference
from unitsearch.network.stacks import Stacked
from unitsearch.network.timing import timings
from unitsearch.space import point

LARGE = ("imagenet", "vgg19")
every_layout = pytest.mark.parametrize("architecture", SMALL.values(), ids=SMALL.keys())


def made(architecture: Architecture) -> tuple[nn.Module, Inference]:
    network = build(architecture)
    unsettle(network)
    return network.eval(), for_inference(network)


def agree(architecture: Architecture) -> None:
    network, fast = made(architecture)
    x = images(architecture).float()
    with torch.inference_mode():
        expected, fast_logits = network(x), fast(x)
    scale = max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(fast_logits / scale, expected / scale, rtol=0, atol=1e-4)


@every_layout
def test_outputs_agree_on_every_kind_of_layer(architecture: Architecture) -> None:
    agree(architecture)


@pytest.mark.parametrize(
    "path",
    [p for n, p in SPACES.items() if not any(large in n for large in LARGE)],
    ids=[n for n in SPACES if not any(large in n for large in LARGE)],
)
def test_outputs_agree_on_a_member_of_a_space(path: Path) -> None:
    (_, architecture), *_ = some(bound(path), 1, seed=5)
    agree(architecture)


def test_no_batch_norm_is_left() -> None:
    _, fast = made(point(bound("lenet_table1"), "Hybrid2"))
    assert not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in fast.modules())


def test_the_plan_names_the_form_of_every_stack_and_the_memory_format() -> None:
    network, fast = made(point(bound("toy_hybrid"), "No.1"))
    stacks = [n for n, m in network.layers.named_modules() if isinstance(m, Stacked)]  # type: ignore[operator,union-attr]
    assert set(fast.plan) == {"memory", *stacks}
    assert {fast.plan[name] for name in stacks} <= {"runs", "blocks", "masked"}


def test_the_network_that_it_was_made_from_does_not_change() -> None:
    network = build(point(bound("lenet_table1"), "U2"))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for_inference(network)
    assert network.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_timings_come_in_as_many_rounds_as_asked_for() -> None:
    assert [len(row) for row in timings([lambda: None, lambda: sum(range(100))], 3)] == [3, 3]
