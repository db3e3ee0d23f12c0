"""The loop on a set that can be learnt: real networks, real steps."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from unitsearch.architecture import Architecture, read_architecture
from unitsearch.data.batches import normalise
from unitsearch.data.sets import DataSet, Images
from unitsearch.network.build import build, initialise
from unitsearch.network.slbf import slbf_layers
from unitsearch.training import Recipe
from unitsearch.training.loop import DivergedError, test_accuracy, train
from unitsearch.training.monitor import Monitor
from unitsearch.training.runners import score

pytestmark = pytest.mark.usefixtures("one_thread")

measured_on_test = test_accuracy
del test_accuracy  # pytest would take it for a test
FAST = Recipe(epochs=6, batch=20, optimiser="adamw", rate=0.02)


def images(count: int, seed: int) -> Images:
    """Images of class c have their bright column at c."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 60, (count, 1, 8, 8), generator=generator, dtype=torch.uint8)
    labels = torch.arange(count) % 4
    for i, label in enumerate(labels.tolist()):
        pixels[i, 0, :, 2 * label] = 250
    return Images(pixels, labels)


@pytest.fixture(scope="module")
def data() -> DataSet:
    return DataSet(
        "columns", images(120, 0), images(40, 1), images(40, 2),
        ("a", "b", "c", "d"), (0.2,), (0.25,), "0" * 16,
    )  # fmt: skip


ARCHITECTURE: Architecture = read_architecture(
    {
        "unitsearch": 1,
        "input": [1, 8, 8],
        "layers": [
            {"kind": "conv", "out": 4, "kernel": 3},
            {"kind": "stack", "units": [{"count": 2, "nodes": [2, 3, 2]}]},
            {"kind": "flatten"},
            {"kind": "linear", "out": 4},
        ],
    }
)


def network(seed: int = 0, init: str = "default") -> nn.Module:
    fresh = build(ARCHITECTURE)
    initialise(fresh, init, torch.Generator().manual_seed(seed))
    return fresh


def order(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def weights(trained: nn.Module) -> bytes:
    return b"".join(t.contiguous().numpy().tobytes() for t in trained.state_dict().values())


def test_a_set_that_can_be_learnt_is_learnt_to_the_last_image(data: DataSet) -> None:
    net = network()
    trained = train(net, data, FAST, order())
    assert trained.curve[-1] == 1.0
    assert measured_on_test(net, data, FAST) == 1.0
    assert trained.losses[-1] < trained.losses[0]
    assert not net.training


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
def test_the_same_seed_gives_the_same_weights_bit_by_bit(data: DataSet, optimiser: str) -> None:
    recipe = replace(FAST, epochs=2, optimiser=optimiser)
    nets = [network(), network()]
    results = [train(net, data, recipe, order(5)) for net in nets]
    assert weights(nets[0]) == weights(nets[1])
    assert (results[0].curve, results[0].losses) == (results[1].curve, results[1].losses)


@pytest.mark.parametrize("augmentation", ["none", "crop_flip"])
def test_another_seed_of_weights_or_of_order_gives_other_weights(
    data: DataSet, augmentation: str
) -> None:
    recipe = replace(FAST, epochs=1)
    trained_weights = set()
    for weight_seed, order_seed in ((0, 0), (1, 0), (0, 1)):
        net = network(weight_seed)
        train(net, data, recipe, order(order_seed), augmentation=augmentation)
        trained_weights.add(weights(net))
    assert len(trained_weights) == 3


def test_a_recipe_without_augmentation_uses_none(data: DataSet) -> None:
    trained_weights = []
    for augmentation in ("none", "crop_flip"):
        net = network()
        recipe = replace(FAST, epochs=1, augment=False)
        train(net, data, recipe, order(), augmentation=augmentation)
        trained_weights.append(weights(net))
    assert trained_weights[0] == trained_weights[1]


def test_the_proxies_of_binary_filters_stay_between_minus_one_and_one(data: DataSet) -> None:
    slbf = {"kind": "slbf", "out": 4, "bank": 4, "splits": 2}
    head = [{"kind": "flatten"}, {"kind": "linear", "out": 4}]
    layers = [{"kind": "conv", "out": 4}, slbf, *head]
    net = build(read_architecture({"unitsearch": 1, "input": [1, 8, 8], "layers": layers}))
    (binary,) = slbf_layers(net)
    train(net, data, replace(FAST, epochs=1, rate=0.5), order())
    assert binary.bank.abs().max().item() == 1


def test_a_loss_that_is_not_a_number_raises(data: DataSet) -> None:
    with pytest.raises(DivergedError, match="epoch 1"):
        train(network(), data, replace(FAST, optimiser="sgd", rate=1e30), order())


def test_a_last_step_that_leaves_no_finite_logits_raises(data: DataSet) -> None:
    recipe = replace(FAST, epochs=1, batch=120, optimiser="sgd", rate=1e38)
    with pytest.raises(DivergedError, match="logits are not finite"):
        train(network(), data, recipe, order())


def test_a_last_batch_that_is_not_full_is_left_out(data: DataSet) -> None:
    steps = []

    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if self.training:
                steps.append(len(x))
            out: torch.Tensor = self.inner(x)
            return out

    train(Counting(), data, replace(FAST, epochs=2, batch=50), order())
    assert steps == [50, 50] * 2
    steps.clear()
    train(Counting(), data, replace(FAST, epochs=1, batch=5000), order())
    assert steps == [120]


@pytest.mark.parametrize("is_normalised", [True, False])
def test_pixels_are_normalised_only_if_the_recipe_says_so(
    data: DataSet, is_normalised: bool
) -> None:
    seen = []

    class Looking(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append((float(x.min()), float(x.max())))
            out: torch.Tensor = self.inner(x)
            return out

    recipe = replace(FAST, epochs=1, normalise=is_normalised)
    net = Looking()
    train(net, data, recipe, order())
    measured_on_test(net, data, recipe)
    low, high = min(a for a, _ in seen), max(b for _, b in seen)
    expected = ((0 - 0.2) / 0.25, (250 / 255 - 0.2) / 0.25) if is_normalised else (0, 250 / 255)
    assert (low, high) == pytest.approx(expected, abs=1e-5)


def test_each_epoch_is_reported_with_its_validation_accuracy(data: DataSet) -> None:
    reported: list[tuple[int, float]] = []
    monitor = Monitor(on_epoch=lambda epoch, accuracy: reported.append((epoch, accuracy)))
    trained = train(network(), data, replace(FAST, epochs=3), order(), monitor=monitor)
    assert reported == list(enumerate(trained.curve, start=1))
    assert len(trained.losses) == 3


def test_training_sees_neither_validation_nor_test_images(data: DataSet) -> None:
    other = replace(data, validation=images(40, 8), test=images(40, 9))
    nets = [network(), network()]
    for net, each in zip(nets, (data, other), strict=True):
        train(net, each, replace(FAST, epochs=1), order())
    assert weights(nets[0]) == weights(nets[1])


def test_measuring_accuracy_changes_no_weight(data: DataSet) -> None:
    net = network()
    before = weights(net)
    score(net, data.validation, data.mean, data.std)
    assert weights(net) == before


def test_the_loss_after_an_epoch_is_cross_entropy_without_smoothing(data: DataSet) -> None:
    net = network()
    trained = train(net, data, replace(FAST, epochs=1, smoothing=0.3), order())
    with torch.no_grad():
        logits = net(normalise(data.validation.pixels, data.mean, data.std))
    loss = torch.nn.functional.cross_entropy(logits, data.validation.labels)
    assert trained.loss_curve == pytest.approx([float(loss)], rel=1e-5)


def test_an_epoch_at_rate_zero_changes_no_parameter(data: DataSet) -> None:
    recipe = Recipe(epochs=1, batch=20, rate=0.1, each="epoch", ahead=True, weight_decay=5e-4)
    net = network()
    before = [p.detach().clone() for p in net.parameters()]
    train(net, data, recipe, order())
    for old, new in zip(before, net.parameters(), strict=True):
        assert torch.allclose(old, new, atol=1e-7)


def test_a_restart_leaves_the_momentum_behind(data: DataSet) -> None:
    recipe = Recipe(epochs=3, batch=20, rate=0.05, schedule="constant", restart=1)
    nets = [network(), network()]
    train(nets[0], data, recipe, order())
    train(nets[1], data, replace(recipe, restart=None), order())
    assert weights(nets[0]) != weights(nets[1])
    plain = network()
    train(plain, data, replace(recipe, momentum=0.0), order())
    still = network()
    train(still, data, replace(recipe, momentum=0.0, restart=None), order())
    assert weights(plain) == weights(still)
