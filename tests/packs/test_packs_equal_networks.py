"""A pack computes what its members compute alone: logits, gradients, statistics."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.network.layouts import LAYERS, SMALL, architecture, unsettle
from tests.packs.members import apart, drawn
from unitsearch.architecture import Architecture
from unitsearch.errors import UsageError
from unitsearch.network.build import build
from unitsearch.packs.pack import Pack
from unitsearch.packs.pack_program import Gather

EXACT = 1e-12
PACKABLE = [name for name in SMALL if "binary" not in name]
CONV = {"kind": "conv", "out": 4}
MIXED: list[list[dict[str, object]]] = [
    [CONV, {"kind": "stack", "units": [{"count": 2, "nodes": [1, 2, 1]}, {"nodes": [2, 3, 2]}]}],
    [{**CONV, "out": 7, "kernel": 5}, {"kind": "stack", "units": [
        {"nodes": [1, 2, 3]}, {"count": 2, "nodes": [3, 1, 1, 2], "bias": True}]}],
    [{**CONV, "bias": True}, {"kind": "stack", "units": [
        {"count": 2, "nodes": [2, 4, 2], "groups": 2, "kernel": [1, 3], "norm": "none"}]}],
]  # fmt: skip


def networks(architectures: list[Architecture]) -> list[nn.Module]:
    """Return networks of different weights."""
    result = [build(architecture).double() for architecture in architectures]
    for i, network in enumerate(result):
        unsettle(network)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(1 + 0.1 * i)
    return result


def noise(one: Architecture, members: int) -> Tensor:
    """Return four images for each member, [members, 4, channels, height, width]."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(members, 4, *one.input, generator=generator, dtype=torch.float64)


def far(one: Tensor, other: Tensor) -> float:
    return float((one - other).detach().abs().max())


def differences(architectures: list[Architecture]) -> list[float]:
    """Return the differences of a pack from its members alone, four numbers for each member.

    They are those of the logits, the gradients, the statistics and the logits in eval mode.
    """
    each = networks(architectures)
    pack = Pack(architectures, dtype=torch.float64)
    for i, network in enumerate(each):
        pack.load(i, network)
    images = noise(architectures[0], len(each))
    side_by_side = images.transpose(0, 1).flatten(1, 2)
    packed = pack(side_by_side, training=True)
    slope = torch.linspace(-1, 1, packed[:, 0].numel(), dtype=torch.float64).view_as(packed[:, 0])
    (gradient,) = torch.autograd.grad((packed * slope[:, None]).sum(), pack.weights)
    evaluated = pack(side_by_side, training=False)
    result = []
    for i, network in enumerate(each):
        logits = network.train()(images[i])
        logits.backward(slope)
        own = torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])
        saved = build(architectures[i]).double()
        pack.save(i, saved)
        network.eval()
        for norm in network.modules():
            if isinstance(norm, nn.modules.batchnorm._BatchNorm):
                norm.num_batches_tracked.zero_()
        result += [
            far(logits, packed[:, i]),
            far(own, gradient[pack.rows(i, network)]),
            apart(network, saved),
            far(network(images[i]), evaluated[:, i]),
        ]
    return result


@pytest.mark.parametrize("name", PACKABLE)
def test_three_members_of_one_architecture_equal_each_alone(name: str) -> None:
    assert max(differences([SMALL[name]] * 3)) < EXACT


def test_units_of_any_width_kernel_depth_and_groups_equal_each_alone() -> None:
    assert max(differences([architecture(layers) for layers in MIXED[:2]])) < EXACT
    assert max(differences([architecture(MIXED[i]) for i in (0, 2, 0)])) < EXACT


@pytest.mark.parametrize("space", ["lenet_table1", "toy_hybrid"])
def test_four_architectures_of_a_space_equal_each_alone(space: str) -> None:
    assert max(differences(drawn(space, 4))) < 1e-10


def test_equal_units_of_all_members_are_one_grouped_operation() -> None:
    pack = Pack([SMALL["equal units"]] * 3)
    stack = [step for step in pack.program if getattr(step, "geometries", ((0, None),))[0][0] == 12]
    assert len(stack) == 2  # the two layers of 3 x 4 units
    assert all(len(step.geometries) == 1 for step in stack)


def test_a_pack_refuses_a_member_of_another_skeleton_and_says_where_it_differs() -> None:
    other = architecture([*LAYERS["equal units"], {"kind": "global_pool"}])
    with pytest.raises(UsageError, match=r"member 1 does not fit: .*layers\[3\]"):
        Pack([SMALL["equal units"], other])


def test_a_pack_without_members_is_refused() -> None:
    with pytest.raises(UsageError, match="expected one or more"):
        Pack([])


def test_equal_units_are_gathered_and_their_channels_go_back_to_their_members() -> None:
    """The example that ``pack_lowering`` draws: members with the units a, a, b and a, b."""
    a, b = {"nodes": [1, 2, 1]}, {"nodes": [2, 2, 1]}
    pack = Pack([
        architecture([CONV, {"kind": "stack", "units": [{**a, "count": 2}, b]}]),
        architecture([{**CONV, "out": 3}, {"kind": "stack", "units": [a, b]}]),
    ])  # fmt: skip
    into, out = (step for step in pack.program if isinstance(step, Gather))
    assert pack._tables[into.index].tolist() == [0, 1, 4, 2, 3, 5, 6]
    assert pack._tables[out.index].tolist() == [0, 1, 3, 2, 4]
