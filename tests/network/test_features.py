"""Single units: their maps equal the definition's, their effects those of a changed network."""

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
from unitsearch.network.stacks import Stacked, UnitRun

WITH_UNITS = {name: layout for name, layout in SMALL.items() if build(layout).stacks()}
every_layout = pytest.mark.parametrize("name", WITH_UNITS)
# Layouts whose units end in a norm, which outputs one number for all pixels if its weights are 0.
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
    """The output of each unit of a stack for its share, by the definition: unit after unit."""
    outputs = []
    for run, share in zip(stack.units, torch.split(x, stack.shares, dim=1), strict=True):
        assert isinstance(run, UnitRun)
        parts = share.chunk(run.count, dim=1)
        alone = run.count == 1  # such a run is its unit
        outputs += [run(p) if alone else run._unit(i, p) for i, p in enumerate(parts)]
    return outputs


def last_block(network: Network, unit: UnitAt) -> tuple[Block, slice]:
    """The last block of a unit's run, and the unit's rows in it."""
    stack, index = list(network.stacks().values())[unit.stack], unit.index
    for run in stack.units:
        assert isinstance(run, UnitRun)
        if index < run.count:
            block = run.layers[-1]
            assert isinstance(block, Block)
            return block, slice(index * unit.unit.outputs, (index + 1) * unit.unit.outputs)
        index -= run.count
    raise AssertionError(unit)


def silence(network: Network, unit: UnitAt, values: list[float]) -> None:
    """Make a unit output ``values`` for any input: its last norm multiplies by 0 and adds them."""
    block, rows = last_block(network, unit)
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
    maps, _ = stack_maps(network, x)
    for unit in units_of(network):
        torch.testing.assert_close(
            maps[unit.stack][:, unit.channels], expected[unit.stack][unit.index]
        )


def test_a_unit_of_linear_layers_has_maps_of_one_pixel() -> None:
    network = settled("linear units")
    maps, _ = stack_maps(network, images(network.architecture))
    assert {unit_maps(maps[0][0], unit).shape[1:] for unit in units_of(network)} == {(1, 1)}


def test_a_unit_whose_output_is_zero_counts_as_zero() -> None:
    network = settled("equal units")
    dead = units_of(network)[2]
    silence(network, dead, [-0.5])  # below 0, which its ReLU makes 0
    activities = survey(network, lambda: batches(network)).units
    assert [
        (unit.index, activity.zero, activity.still)
        for unit, activity in activities.items()
        if activity.still
    ] == [(2, 1, 1)]
    assert activities[dead].share == activities[dead].variance == 0


def test_a_unit_with_one_output_for_all_images_is_still_but_not_zero() -> None:
    network = settled("equal units")
    unit = units_of(network)[1]
    silence(network, unit, [0.5])
    activity = survey(network, lambda: batches(network)).units[unit]
    assert (activity.zero, activity.still) == (0, 1)
    assert activity.means == pytest.approx((0.5,))


def test_the_shares_of_a_stack_make_one() -> None:
    network = settled("hybrid stack")
    activities = survey(network, lambda: batches(network)).units.values()
    assert sum(activity.share for activity in activities) == pytest.approx(1)


def test_variance_and_means_are_those_over_all_images() -> None:
    network = settled("hybrid stack")
    whole, _ = stack_maps(network, images(network.architecture, 40))
    for unit, activity in survey(network, lambda: batches(network)).units.items():
        maps = whole[0][:, unit.channels]
        assert activity.variance == pytest.approx(float(maps.var(0, unbiased=False).mean()))
        assert activity.means == pytest.approx(maps.mean((0, 2, 3)).tolist())


def test_the_survey_counts_the_images_that_are_classified_correctly() -> None:
    network = settled("hybrid stack")
    results = survey(network, lambda: batches(network))
    answers = network(images(network.architecture, 40)).argmax(1)
    assert (results.images, results.right) == (
        40,
        int((answers == torch.arange(40) % LABELS).sum()),
    )


@pytest.mark.parametrize("name", NORMED)
def test_an_effect_is_that_of_a_network_whose_unit_gives_its_mean(name: str) -> None:
    network = settled(name)
    means = {unit: s.means for unit, s in survey(network, lambda: batches(network)).units.items()}
    units = units_of(network)
    removals = [[unit] for unit in units] + [units[:2]]
    measured = effects(network, lambda: batches(network), means, removals)
    for removed, effect in zip(removals, measured, strict=True):
        changed = copy.deepcopy(network)
        for unit in removed:
            silence(changed, unit, list(means[unit]))
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


def test_removing_a_unit_whose_output_is_zero_changes_nothing() -> None:
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
    effects(network, lambda: batches(network), means, [[unit] for unit in means])
    assert torch.equal(network(x), before)


def test_the_error_is_not_zero_where_no_class_changed() -> None:
    assert RemovalEffect(998, 0, 0, 0.0, 0.0).error == pytest.approx(math.sqrt(2) / 1000)


def test_the_error_of_a_change_is_that_of_paired_data() -> None:
    # Bonett and Price: (31 + 11) / 1002 less the squared difference, over 1002
    assert RemovalEffect(1000, 30, 10, 0.0, 0.0).error == pytest.approx(0.006437, abs=1e-6)


def test_a_change_is_resolved_beyond_two_standard_errors() -> None:
    assert not RemovalEffect(1000, 5, 3, 0.0, 0.0).is_resolved
    fell = RemovalEffect(1000, 60, 10, 0.0, 0.0)
    assert (fell.is_resolved, fell.falls, fell.change) == (True, True, -0.05)
    rose = RemovalEffect(1000, 10, 60, 0.0, 0.0)
    assert (rose.is_resolved, rose.falls) == (True, False)
