"""What single units do: maps are those of the definition, effects those of a changed network."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from tests.network.layouts import SMALL, images, unsettle
from unitsearch.network.blocks import Block
from unitsearch.network.build import Network, build
from unitsearch.network.features import (
    RemovalEffect,
    UnitAt,
    effects,
    stack_maps,
    survey,
    unit_maps,
    units_of,
)
from unitsearch.network.stacks import Run, Stacked

WITH_UNITS = {name: one for name, one in SMALL.items() if build(one).stacks()}
every_layout = pytest.mark.parametrize("name", WITH_UNITS)
# Here a unit's last layer is one that gives a number for all pixels once its weights are 0.
NORMED = ("equal units", "two hidden layers", "residual with shortcut", "branches", "shuffle")
LABELS = 3


def settled(name: str) -> Network:
    network = build(WITH_UNITS[name])
    unsettle(network)
    return network.double().eval()


def batches(network: Network, count: int = 40, size: int = 16) -> Iterator[tuple[Tensor, Tensor]]:
    x = images(network.architecture, count)
    labels = torch.arange(count) % LABELS
    yield from zip(x.split(size), labels.split(size), strict=True)


def one_by_one(stack: Stacked, x: Tensor) -> list[Tensor]:
    """What each unit of a stack makes of its share, by the definition: unit after unit."""
    found = []
    for run, share in zip(stack.units, torch.split(x, stack.shares, dim=1), strict=True):
        assert isinstance(run, Run)
        parts = share.chunk(run.count, dim=1)
        alone = run.count == 1  # such a run is its unit
        found += [run(p) if alone else run._unit(i, p) for i, p in enumerate(parts)]
    return found


def last_block(network: Network, at: UnitAt) -> tuple[Block, slice]:
    """The last block of a unit's run, and its rows there."""
    stack, index = list(network.stacks().values())[at.stack], at.index
    for run in stack.units:
        assert isinstance(run, Run)
        if index < run.count:
            block = run.layers[-1]
            assert isinstance(block, Block)
            return block, slice(index * at.unit.outputs, (index + 1) * at.unit.outputs)
        index -= run.count
    raise AssertionError(at)


def silence(network: Network, at: UnitAt, values: list[float]) -> None:
    """Let a unit give ``values`` whatever it sees: its last norm multiplies by 0 and adds them."""
    block, rows = last_block(network, at)
    norm = block.norm
    assert isinstance(norm, nn.modules.batchnorm._BatchNorm)
    with torch.no_grad():
        norm.weight[rows] = 0
        norm.bias[rows] = torch.tensor(values, dtype=norm.bias.dtype)


@every_layout
def test_feature_maps_are_the_outputs_of_the_units_one_by_one(name: str) -> None:
    network = settled(name)
    entering: list[Tensor] = []
    stacks = list(network.stacks().values())
    for stack in stacks:
        stack.register_forward_pre_hook(lambda _, inputs: entering.append(inputs[0]))
    x = images(network.architecture)
    with torch.inference_mode():
        network(x)
        expected = [one_by_one(*pair) for pair in zip(stacks, entering, strict=True)]
    found, _ = stack_maps(network, x)
    for at in units_of(network):
        torch.testing.assert_close(found[at.stack][:, at.channels], expected[at.stack][at.index])


def test_a_unit_of_linear_layers_has_maps_of_one_pixel() -> None:
    network = settled("linear units")
    found, _ = stack_maps(network, images(network.architecture))
    assert {unit_maps(found[0][0], at).shape[1:] for at in units_of(network)} == {(1, 1)}


def test_a_unit_that_gives_nothing_is_seen_as_zero() -> None:
    network = settled("equal units")
    dead = units_of(network)[2]
    silence(network, dead, [-0.5])  # below 0, which its ReLU makes 0
    found = survey(network, lambda: batches(network)).units
    assert [(at.index, seen.zero, seen.still) for at, seen in found.items() if seen.still] == [
        (2, 1, 1)
    ]
    assert found[dead].share == found[dead].variance == 0


def test_a_unit_that_says_the_same_of_every_image_is_still_but_not_zero() -> None:
    network = settled("equal units")
    at = units_of(network)[1]
    silence(network, at, [0.5])
    seen = survey(network, lambda: batches(network)).units[at]
    assert (seen.zero, seen.still) == (0, 1)
    assert seen.means == pytest.approx((0.5,))


def test_the_shares_of_a_stack_make_one() -> None:
    network = settled("hybrid stack")
    found = survey(network, lambda: batches(network)).units.values()
    assert sum(seen.share for seen in found) == pytest.approx(1)


def test_variance_and_means_are_those_over_all_images() -> None:
    network = settled("hybrid stack")
    whole, _ = stack_maps(network, images(network.architecture, 40))
    for at, seen in survey(network, lambda: batches(network)).units.items():
        mine = whole[0][:, at.channels]
        assert seen.variance == pytest.approx(float(mine.var(0, unbiased=False).mean()))
        assert seen.means == pytest.approx(mine.mean((0, 2, 3)).tolist())


def test_the_survey_counts_what_is_answered_rightly() -> None:
    network = settled("hybrid stack")
    found = survey(network, lambda: batches(network))
    answers = network(images(network.architecture, 40)).argmax(1)
    assert (found.images, found.right) == (40, int((answers == torch.arange(40) % LABELS).sum()))


@pytest.mark.parametrize("name", NORMED)
def test_an_effect_is_that_of_a_network_whose_unit_gives_its_mean(name: str) -> None:
    network = settled(name)
    means = {at: s.means for at, s in survey(network, lambda: batches(network)).units.items()}
    units = units_of(network)
    removals = [[at] for at in units] + [units[:2]]
    found = effects(network, lambda: batches(network), means, removals)
    for some, effect in zip(removals, found, strict=True):
        changed = copy.deepcopy(network)
        for at in some:
            silence(changed, at, list(means[at]))
        lost, gained, rises = 0, 0, []
        for x, labels in batches(network):
            with torch.inference_mode():
                before, after = network(x), changed(x)
            was, now = before.argmax(1) == labels, after.argmax(1) == labels
            lost, gained = lost + int((was & ~now).sum()), gained + int((~was & now).sum())
            losses = [
                nn.functional.cross_entropy(y, labels, reduction="none") for y in (before, after)
            ]
            rises.append(losses[1] - losses[0])
        assert (effect.lost, effect.gained) == (lost, gained)
        rise = torch.cat(rises)
        assert effect.loss == pytest.approx(float(rise.mean()), abs=1e-12)
        assert effect.loss_error == pytest.approx(float(rise.std() / math.sqrt(40)), abs=1e-12)


def test_removing_a_unit_that_gives_nothing_changes_nothing() -> None:
    network = settled("residual with shortcut")
    dead = units_of(network)[0]
    silence(network, dead, [-1.0, -1.0])
    (effect,) = effects(network, lambda: batches(network), {dead: (0.0, 0.0)}, [[dead]])
    assert (effect.lost, effect.gained, effect.loss, effect.loss_error) == (0, 0, 0, 0)


def test_measuring_leaves_no_hook_behind() -> None:
    network = settled("equal units")
    x = images(network.architecture)
    before = network(x)
    means = dict.fromkeys(units_of(network), (9.0,))
    effects(network, lambda: batches(network), means, [[at] for at in means])
    assert torch.equal(network(x), before)


def test_no_changed_answer_does_not_mean_no_error() -> None:
    assert RemovalEffect(998, 0, 0, 0.0, 0.0).error == pytest.approx(math.sqrt(2) / 1000)


def test_the_error_of_a_change_is_of_the_same_images_answered_twice() -> None:
    # Bonett and Price: (31 + 11) / 1002 less the squared difference, over 1002
    assert RemovalEffect(1000, 30, 10, 0.0, 0.0).error == pytest.approx(0.006437, abs=1e-6)


def test_a_change_is_resolved_beyond_two_standard_errors() -> None:
    assert not RemovalEffect(1000, 5, 3, 0.0, 0.0).is_resolved
    fell = RemovalEffect(1000, 60, 10, 0.0, 0.0)
    assert (fell.is_resolved, fell.falls, fell.change) == (True, True, -0.05)
    rose = RemovalEffect(1000, 10, 60, 0.0, 0.0)
    assert (rose.is_resolved, rose.falls) == (True, False)
