"""Training in lanes equals training in torch, in float64."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from unitsearch.architecture import Architecture, read_architecture
from unitsearch.data.images import Images
from unitsearch.data.sets import DataSet
from unitsearch.network.build import Network, build, initialise
from unitsearch.training import Recipe
from unitsearch.training.loop import DivergedError, Trained, test_accuracy, train

measured_on_test = test_accuracy
del test_accuracy  # pytest would take it for a test
RECIPE = Recipe(epochs=3, batch=24, rate=0.05)
RECIPES = {
    "sgd": RECIPE,
    "decay and smoothing": replace(RECIPE, weight_decay=0.01, smoothing=0.1),
    "restart": replace(RECIPE, restart=1),
    "adam": replace(RECIPE, optimiser="adam", rate=0.01, weight_decay=0.01),
    "adamw, warmed up": replace(RECIPE, optimiser="adamw", rate=0.01, weight_decay=0.1, warmup=1),
    "one rate an epoch": replace(RECIPE, each="epoch", ahead=True),
    "pixels as they are": replace(RECIPE, normalise=False),
}
HYBRID: Architecture = read_architecture(
    {
        "unitsearch": 1,
        "input": [2, 12, 12],
        "layers": [
            {"kind": "conv", "out": 8, "kernel": 3, "norm": "batch", "act": "relu"},
            {
                "kind": "stack",
                "units": [
                    {"count": 2, "nodes": [2, 3, 2], "act": "relu", "norm": "batch"},
                    {"count": 1, "nodes": [4, 2, 4], "kernel": 3, "act": "relu", "norm": "batch"},
                ],
            },
            {"kind": "pool", "op": "max", "kernel": 2},
            {"kind": "flatten"},
            {"kind": "linear", "out": 4},
        ],
    }
)


def images(count: int, seed: int) -> Images:
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (count, 2, 12, 12), generator=generator, dtype=torch.uint8)
    return Images(pixels, torch.randint(0, 4, (count,), generator=generator))


@pytest.fixture(scope="module")
def data() -> DataSet:
    return DataSet(
        "noise", images(100, 0), images(37, 1), images(37, 2),
        ("a", "b", "c", "d"), (0.4, 0.5), (0.25, 0.3), "0" * 16,
    )  # fmt: skip


def trained(plan: str, data: DataSet, recipe: Recipe, crops: str) -> tuple[Network, Trained]:
    network = build(HYBRID, plan=plan).double()
    initialise(network, "default", torch.Generator().manual_seed(5))
    order = torch.Generator().manual_seed(6)
    return network, train(network, data, recipe, order, augmentation=crops)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
@pytest.mark.parametrize("crops", ["none", "crop_flip"])
def test_lanes_train_as_torch_does(
    recipe: Recipe, crops: str, data: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unitsearch.training.runners.normalise", in_float64)
    (in_torch, by_torch), (in_lanes, by_lanes) = (
        trained(plan, data, recipe, crops) for plan in ("loop", "lanes")
    )
    torch.testing.assert_close(by_lanes.losses, by_torch.losses, rtol=1e-9, atol=1e-9)
    states = in_lanes.state_dict(), in_torch.state_dict()
    torch.testing.assert_close(*states, rtol=1e-8, atol=1e-8)
    assert by_lanes.curve == by_torch.curve
    torch.testing.assert_close(by_lanes.loss_curve, by_torch.loss_curve, rtol=1e-8, atol=1e-8)


def in_float64(
    pixels: torch.Tensor, mean: tuple[float, ...], std: tuple[float, ...]
) -> torch.Tensor:
    shape = (1, -1, 1, 1)
    centre = torch.tensor(mean, dtype=torch.float64).view(shape)
    return (pixels.double() / 255 - centre) / torch.tensor(std, dtype=torch.float64).view(shape)


def test_a_network_trained_in_lanes_is_torchs_afterwards(data: DataSet) -> None:
    network = build(HYBRID, plan="lanes")
    train(network, data, RECIPE, torch.Generator().manual_seed(0))
    accuracy = measured_on_test(network, data, RECIPE)
    again = build(HYBRID, plan="loop")
    again.load_state_dict(network.state_dict())
    assert not network.training
    assert measured_on_test(again, data, RECIPE) == accuracy


def test_a_training_that_diverges_in_lanes_is_told(data: DataSet) -> None:
    network = build(HYBRID, plan="lanes")
    with pytest.raises(DivergedError, match=r"the loss is (nan|inf)|the logits are not finite"):
        train(network, data, replace(RECIPE, rate=1e30), torch.Generator().manual_seed(0))


def test_a_last_step_in_lanes_that_leaves_no_finite_logits_is_told(data: DataSet) -> None:
    recipe = replace(RECIPE, epochs=1, batch=100, rate=1e38)
    with pytest.raises(DivergedError, match="the logits are not finite after epoch 1"):
        train(build(HYBRID, plan="lanes"), data, recipe, torch.Generator().manual_seed(0))


def test_fewer_images_than_a_batch_are_one_batch(data: DataSet) -> None:
    few = replace(data, train=images(19, 3))
    network = build(HYBRID, plan="lanes")
    trained = train(network, few, RECIPE, torch.Generator().manual_seed(0))
    assert len(trained.losses) == 3
