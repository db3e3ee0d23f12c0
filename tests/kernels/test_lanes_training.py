"""Optimisers, augmentation, evaluation, and the inputs that lanes refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.kernels.networks import MEAN, STD, TRAITS, close, of, pair, same_state
from unitsearch.architecture import Architecture, Conv, Flatten, Gate, GlobalPool, Linear, Slbf
from unitsearch.data.batches import augment
from unitsearch.errors import UsageError
from unitsearch.kernels.lane_program import unsupported
from unitsearch.kernels.lanes import Lanes

SMALL = TRAITS["residuals"]
OPTIMISERS: dict[str, Any] = {
    "sgd": (torch.optim.SGD, {"momentum": 0.9}),
    "plain sgd": (torch.optim.SGD, {"momentum": 0.0}),
    "adam": (torch.optim.Adam, {"eps": 0.01}),
    "adamw": (torch.optim.AdamW, {}),
}


@pytest.mark.parametrize("decay", [0.0, 0.01])
@pytest.mark.parametrize("name", OPTIMISERS)
def test_optimisers_follow_torchs_formulas(name: str, decay: float) -> None:
    make, options = OPTIMISERS[name]
    named = {"epsilon": options["eps"]} if "eps" in options else options
    both = pair(SMALL, 16, kind=name.split()[-1], weight_decay=decay, **named)
    optimiser = make(both.network.parameters(), 1e-3, weight_decay=decay, **options)
    for _ in range(5):
        both.differentiate()
        optimiser.step()
        both.lanes.train_step(both.pixels, both.labels, both.chosen, 1e-3)
    same_state(both)


def test_a_restarted_optimiser_has_no_momentum_buffer() -> None:
    both = pair(SMALL, 16)
    for momentum in (0.9, 0.0):
        optimiser = torch.optim.SGD(both.network.parameters(), 0.05, momentum=momentum)
        both.lanes.restart(momentum)
        for _ in range(2):
            both.differentiate()
            optimiser.step()
            both.lanes.train_step(both.pixels, both.labels, both.chosen, 0.05)
    same_state(both)


def test_labels_are_smoothed_as_in_torch() -> None:
    both = pair(SMALL, 16, smoothing=0.1)
    loss, gradients = both.lanes.differentiate(both.pixels, both.labels, both.chosen)
    close(loss, both.differentiate(smoothing=0.1))
    for name, parameter in both.network.named_parameters():
        assert parameter.grad is not None
        close(gradients[name], parameter.grad.numpy())


def test_images_are_cropped_and_flipped_as_batches_do_it() -> None:
    """The offsets are drawn in the order of ``augment``: all rows, all columns, all flips."""
    both = pair(of((3, 8, 6), Conv(out=4)), 16)
    batch = torch.from_numpy(both.pixels[both.chosen])
    changed = augment(batch, "crop_flip", torch.Generator().manual_seed(3)).numpy()
    generator = torch.Generator().manual_seed(3)
    drawn = [torch.randint(below, (16, 1), generator=generator) for below in (9, 9, 2)]
    top, left, flip = (values.flatten().numpy() for values in drawn)
    before = both.state
    plain, _ = both.lanes.differentiate(changed, both.labels[both.chosen], np.arange(16))
    both.lanes.load(before)
    crops = (top, left, flip)
    loss, _ = both.lanes.differentiate(both.pixels, both.labels, both.chosen, crops)
    assert loss == plain


@pytest.mark.parametrize("count", [0, 1, 16, 40])
def test_evaluation_takes_any_number_of_images(count: int) -> None:
    both = pair(SMALL, 16)
    chosen = np.arange(40)[:count] % len(both.pixels)
    both.network.eval()
    with torch.no_grad():
        expected = both.network(both.images()[chosen]).numpy()
    close(both.lanes.logits(both.pixels, chosen), expected)
    accuracy, loss = both.lanes.evaluate(both.pixels, both.labels, chosen)
    if not count:
        assert np.isnan([accuracy, loss]).all()
        return
    labels = torch.from_numpy(both.labels[chosen])
    assert accuracy == (expected.argmax(1) == labels.numpy()).mean()
    own = torch.nn.functional.cross_entropy(torch.from_numpy(expected), labels)
    assert loss == pytest.approx(float(own), rel=1e-10)


def test_evaluation_changes_nothing() -> None:
    both = pair(SMALL, 16)
    both.lanes.logits(both.pixels)
    same_state(both)


REFUSED = {
    "slbf": of((3, 8, 8), Slbf(out=4, bank=2)),
    "gate": of((3, 8, 8), Gate(body=(GlobalPool(), Conv(out=3, kernel=1)))),
    "silu": of((3, 8, 8), Conv(out=4, act="silu")),
    "linear layer": Architecture(input=(3, 8, 8), layers=(Conv(out=4), Flatten())),
}


@pytest.mark.parametrize("word", REFUSED)
def test_an_unsupported_layer_is_named(word: str) -> None:
    assert word in unsupported(REFUSED[word])
    with pytest.raises(UsageError, match=word):
        Lanes(REFUSED[word], 16)


@pytest.mark.parametrize("architecture", TRAITS.values(), ids=TRAITS.keys())
def test_no_reason_is_given_for_a_supported_architecture(architecture: Architecture) -> None:
    assert unsupported(architecture) == ""


def test_a_state_of_another_network_is_refused() -> None:
    both = pair(SMALL, 16)
    state = both.state
    state["layers.9.weight"] = state.pop("layers.0.weights.weight")
    with pytest.raises(UsageError, match=r"layers\.0\.weights\.weight"):
        both.lanes.load(state)


def test_a_batch_of_another_size_is_refused() -> None:
    both = pair(SMALL, 16)
    with pytest.raises(UsageError, match="16 images"):
        both.lanes.train_step(both.pixels, both.labels, both.chosen[:9], 0.1)


@pytest.mark.parametrize("label", [-1, 99])
def test_a_label_that_is_no_class_is_refused(label: int) -> None:
    both = pair(SMALL, 16)
    labels = np.full_like(both.labels, label)
    with pytest.raises(UsageError, match=f"labels: found {label}, expected 0"):
        both.lanes.train_step(both.pixels, labels, both.chosen, 0.1)


def test_nan_weights_give_a_nan_loss() -> None:
    architecture = of((1, 8, 8), Conv(out=4), Conv(out=2))
    lanes = Lanes(architecture, 16, mean=(MEAN,), std=(STD,), dtype="float64")
    state = lanes.state()
    state["layers.0.weights.weight"][:] = np.nan
    lanes.load(state)
    pixels = np.ones((16, 1, 8, 8), np.uint8)
    loss, _ = lanes.differentiate(pixels, np.zeros(16, np.int64), np.arange(16))
    assert np.isnan(loss)


def test_a_linear_layer_alone_is_a_network() -> None:
    both = pair(Architecture(input=(1, 4, 4), layers=(Flatten(), Linear(out=10))), 16)
    loss, _ = both.lanes.differentiate(both.pixels, both.labels, both.chosen)
    close(loss, both.differentiate())
