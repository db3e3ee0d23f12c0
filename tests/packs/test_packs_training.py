"""Training in a pack gives each member the result of training alone, in any order of members."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from tests.network.layouts import SMALL
from tests.packs.members import InDouble, alone, apart, drawn, member, noise, numbers
from unitsearch.architecture import Architecture
from unitsearch.data.images import StreamedImages
from unitsearch.data.sets import DataSet
from unitsearch.errors import UsageError
from unitsearch.network.build import build
from unitsearch.packs.pack_optimisers import StepSettings
from unitsearch.training import Recipe
from unitsearch.training.loop import DivergedError, train
from unitsearch.training.monitor import Monitor
from unitsearch.training.packed.loop import Finished, Member, train_pack
from unitsearch.training.packed.steps import prepared

EXACT = 1e-10
SGD = Recipe(epochs=2, batch=8, rate=0.05, weight_decay=1e-3)
ONE_STEP = replace(SGD, epochs=1, batch=16)
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(
    not torch.cuda.is_available(), reason="there is no CUDA device"))]  # fmt: skip


@pytest.fixture(scope="module")
def lenets() -> list[Architecture]:
    return drawn("lenet_table1", 16)


@pytest.fixture(scope="module")
def mnist() -> DataSet:
    return noise((1, 28, 28), 16, 10)


def packed(
    members: list[Member], data: DataSet, recipe: Recipe, size: int, **others: object
) -> dict[int, Finished]:
    finished = train_pack(iter(members), data, recipe, size=size, **others)  # type: ignore[arg-type]
    return {member.number: member for member in finished}


def largest_difference(
    architectures: list[Architecture],
    data: DataSet,
    recipe: Recipe,
    size: int,
    augmentation: str = "none",
    device: str = "cpu",
) -> float:
    """Return the largest difference of losses, accuracies and networks from training alone."""
    seeds = range(len(architectures))
    members = [member(architecture, i, recipe.init) for i, architecture in enumerate(architectures)]
    results = packed(members, data, recipe, size, augmentation=augmentation, device=device)
    worst = 0.0
    for i, architecture, trained in zip(seeds, architectures, members, strict=True):
        result, network = alone(architecture, i, data, recipe, augmentation)
        pairs = zip(numbers(result), numbers(results[i].result), strict=True)
        worst = max(worst, apart(network, trained.network), *(abs(a - b) for a, b in pairs))
    return worst


@pytest.mark.parametrize("device", DEVICES)
def test_sixteen_architectures_take_the_step_that_each_takes_alone(
    lenets: list[Architecture], mnist: DataSet, device: str
) -> None:
    assert largest_difference(lenets, mnist, ONE_STEP, 16, device=device) < EXACT


def test_sixteen_seeds_of_one_architecture_take_the_step_that_each_takes_alone(
    lenets: list[Architecture], mnist: DataSet
) -> None:
    assert largest_difference([lenets[0]] * 16, mnist, ONE_STEP, 16) < EXACT


@pytest.mark.slow
@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
def test_batch_norms_decay_warm_up_smoothing_and_crops_are_each_members_own(
    optimiser: str,
) -> None:
    data = noise((3, 32, 32), 8, 10)
    recipe = Recipe(
        epochs=2, batch=4, optimiser=optimiser, rate=0.01, weight_decay=1e-2, smoothing=0.1,
        warmup=0.5, init="kaiming",
    )  # fmt: skip
    assert largest_difference(drawn("toy_hybrid", 3), data, recipe, 3, "crop_flip") < EXACT


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
@pytest.mark.parametrize("device", DEVICES)
def test_members_that_wait_train_as_those_that_began(
    lenets: list[Architecture], mnist: DataSet, optimiser: str, device: str
) -> None:
    recipe = replace(SGD, optimiser=optimiser, rate=0.01)
    assert largest_difference(lenets[:5], mnist, recipe, 2, device=device) < EXACT


def test_an_optimiser_made_anew_begins_anew_for_members_of_that_epoch_only(
    lenets: list[Architecture], mnist: DataSet
) -> None:
    recipe = replace(SGD, epochs=3, restart=1, ahead=True, each="epoch")
    members = [member(architecture, i) for i, architecture in enumerate(lenets[:4])]
    members[0] = replace(members[0], bars=(2.0,))  # it stops after its first epoch
    left = packed(members, mnist, recipe, 2)
    for i in (1, 2, 3):
        result, network = alone(lenets[i], i, mnist, recipe)
        assert apart(network, members[i].network) < EXACT
        assert numbers(left[i].result) == pytest.approx(numbers(result), abs=EXACT)


def test_a_member_that_is_stopped_ends_with_what_it_has_and_changes_no_other(
    lenets: list[Architecture], mnist: DataSet
) -> None:
    recipe = replace(SGD, epochs=3)
    members = [member(architecture, i) for i, architecture in enumerate(lenets[:4])]
    members[1] = replace(members[1], bars=(None, 2.0))
    results = packed(members, mnist, recipe, 3)
    shorter, _ = alone(lenets[1], 1, mnist, recipe)
    assert numbers(results[1].result) == pytest.approx(
        [number for at in (0, 3, 6) for number in numbers(shorter)[at : at + 2]], abs=EXACT
    )
    for i in (0, 2, 3):
        assert apart(alone(lenets[i], i, mnist, recipe)[1], members[i].network) < EXACT


@pytest.mark.parametrize("device", DEVICES)
def test_a_member_that_diverges_says_so_and_changes_no_other(
    lenets: list[Architecture], mnist: DataSet, device: str
) -> None:
    members = [member(architecture, i) for i, architecture in enumerate(lenets[:4])]
    with torch.no_grad():
        next(members[1].network.parameters()).fill_(math.nan)
    results = packed(members, mnist, SGD, 3, device=device)
    assert isinstance(results[1].result, DivergedError)
    assert str(results[1].result) == "the loss is nan in epoch 1"
    for i in (0, 2, 3):
        result, network = alone(lenets[i], i, mnist, SGD)
        assert numbers(results[i].result) == pytest.approx(numbers(result), abs=EXACT)
        assert apart(network, members[i].network) < EXACT


def test_logits_that_are_not_finite_behind_the_last_step_are_found(
    lenets: list[Architecture], mnist: DataSet
) -> None:
    recipe = replace(ONE_STEP, rate=1e308, schedule="constant", momentum=0.0)
    results = packed(
        [member(architecture, i) for i, architecture in enumerate(lenets[:2])], mnist, recipe, 2
    )
    for i in (0, 1):
        assert isinstance(results[i].result, DivergedError)
        assert str(results[i].result) == str(alone(lenets[i], i, mnist, recipe)[0])
        assert str(results[i].result) == "the logits are not finite after epoch 1"


def test_accuracies_over_many_batches_are_the_loops() -> None:
    architecture, data = SMALL["hybrid stack"], noise((2, 8, 8), 20, 3, validation=700)
    recipe = Recipe(epochs=3, batch=5, rate=0.05)
    members = [member(architecture, i) for i in range(3)]
    results = packed(members, data, recipe, 3)
    for i in range(3):
        assert numbers(results[i].result) == pytest.approx(
            numbers(alone(architecture, i, data, recipe)[0]), abs=EXACT
        )


def test_accuracy_is_measured_on_the_images_that_are_asked_for() -> None:
    architecture, data = SMALL["pooling"], noise((2, 8, 8), 20, 3)
    (first,) = packed([member(architecture, 0)], data, SGD, 1, watch=data.test).values()
    single = member(architecture, 0)
    expected = train(
        InDouble(single.network), data, SGD, single.generator, monitor=Monitor(data.test)
    )
    assert numbers(first.result) == pytest.approx(numbers(expected), abs=EXACT)


def test_maps_in_bfloat16_change_a_loss_by_less_than_a_percent() -> None:
    data, totals = noise((3, 32, 32), 8, 10), []
    for bfloat16 in (False, True):
        torch.manual_seed(0)
        members = drawn("toy_hybrid", 2)
        normalisation = data.mean, data.std
        steps = prepared(
            members, data.train, SGD, normalisation, torch.device("cpu"), bfloat16=bfloat16
        )
        for i, architecture in enumerate(members):
            steps.pack.load(i, build(architecture))
        numbers_ = steps.optimiser.coefficients([StepSettings(0.1, 0.9, 0)] * 2)
        steps.take(torch.arange(8).view(2, 4), None, torch.tensor(numbers_))
        totals.append(steps.totals)
        assert steps.pack.weights.dtype == torch.float32
    assert torch.equal(*totals) is False
    assert float((totals[1] / totals[0] - 1).abs().max()) < 0.01


def test_members_are_asked_for_only_when_there_is_room(
    lenets: list[Architecture], mnist: DataSet
) -> None:
    asked = []

    def one_by_one() -> Iterator[Member]:
        for i, architecture in enumerate(lenets[:4]):
            asked.append(i)
            yield member(architecture, i)

    finished = train_pack(one_by_one(), mnist, ONE_STEP, size=2)
    next(finished)
    assert asked == [0, 1]
    assert [member.number for member in finished] == [1, 2, 3]


def test_a_trained_member_predicts_as_its_curve_says(
    lenets: list[Architecture], mnist: DataSet
) -> None:
    members = [member(architecture, i) for i, architecture in enumerate(lenets[:2])]
    results = packed(members, mnist, SGD, 2)
    x = (mnist.validation.pixels.double() / 255 - 0.4) / 0.3
    for i, trained in enumerate(members):
        assert not trained.network.training
        right = trained.network(x).argmax(1) == mnist.validation.labels
        assert float(right.double().mean()) == results[i].result.curve[-1]


def test_a_member_of_another_skeleton_is_refused_when_its_turn_comes(
    lenets: list[Architecture], mnist: DataSet
) -> None:
    other = replace(lenets[1], layers=(lenets[1].layers[0], *lenets[1].layers[-2:]))
    members = [member(lenets[0], 0), member(other, 1)]
    with pytest.raises(UsageError, match="does not fit"):
        packed(members, mnist, SGD, 2)


def test_images_in_files_are_refused(lenets: list[Architecture], mnist: DataSet) -> None:
    streamed = replace(mnist, train=StreamedImages(None, torch.zeros(4)))
    with pytest.raises(UsageError, match="expected images in memory"):
        packed([member(lenets[0], 0)], streamed, SGD, 1)


def test_low_precision_without_cuda_and_packs_without_places_are_refused(
    lenets: list[Architecture], mnist: DataSet
) -> None:
    with pytest.raises(UsageError, match="expected a CUDA device"):
        packed([member(lenets[0], 0)], mnist, SGD, 1, bfloat16=True)
    with pytest.raises(UsageError, match="expected 1 or more members"):
        packed([member(lenets[0], 0)], mnist, SGD, 0)
