"""Stacked binary filters learn digits and real MNIST."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from unitsearch.architecture import Architecture, Conv, Slbf, read_architecture
from unitsearch.costs import count, layer_cost
from unitsearch.data import available, data_spec
from unitsearch.data.sets import DataSet, load
from unitsearch.network.build import Network, build, initialise
from unitsearch.network.slbf import slbf_layers
from unitsearch.network.weights import digest, distance, load_network, weights_bytes
from unitsearch.shapes import after
from unitsearch.training import Recipe
from unitsearch.training.loop import test_accuracy as accuracy_on_test
from unitsearch.training.loop import train

POOL = {"kind": "pool"}
LENET: list[dict[str, Any]] = [
    {"kind": "conv", "out": 20, "kernel": 5, "padding": 0},
    POOL,
    {"kind": "slbf", "out": 50, "kernel": 5, "padding": 0, "bank": 16, "splits": 2},
    POOL,
    {"kind": "slbf", "out": 500, "kernel": 4, "padding": 0, "bank": 32, "splits": 2},
    {"kind": "flatten"},
    {"kind": "linear", "out": 10},
]
FOR_DIGITS: list[dict[str, Any]] = [
    {"kind": "conv", "out": 32},
    POOL,
    {"kind": "slbf", "out": 64, "bank": 16, "splits": 2},
    POOL,
    {"kind": "flatten"},
    {"kind": "linear", "out": 10},
]
MNIST = data_spec("mnist", limit=6_000, validation=500)
DIGITS = data_spec("digits")

pytestmark = pytest.mark.slow


def trained(layers: list[dict[str, Any]], data: DataSet, epochs: int, batch: int) -> Network:
    plain = {"unitsearch": 1, "input": list(data.input), "layers": layers}
    network = build(read_architecture(plain))
    initialise(network, "default", torch.Generator().manual_seed(0))
    recipe = Recipe(epochs=epochs, batch=batch, optimiser="adamw", rate=0.01)
    train(network, data, recipe, torch.Generator().manual_seed(0))
    return network


def ratios(spec: Architecture) -> list[float]:
    """The factor by which each replaced layer is smaller than the normal convolution."""
    factors, x = [], tuple(spec.input)
    for layer in spec.layers:
        if isinstance(layer, Slbf):
            full = Conv(out=layer.out, kernel=layer.kernel, padding=layer.padding, norm="none")
            weights = Slbf(
                out=layer.out, kernel=layer.kernel, padding=layer.padding,
                bank=layer.bank, splits=layer.splits, norm="none",
            )  # fmt: skip
            factors.append(layer_cost(full, x).bits / layer_cost(weights, x).bits)
        x = after(layer, x)
    return factors


def test_digits_are_learnt_by_a_layer_209_times_smaller() -> None:
    data = load(DIGITS)
    network = trained(FOR_DIGITS, data, epochs=20, batch=50)
    assert ratios(network.architecture) == [pytest.approx(209.45, abs=0.01)]
    recipe = Recipe()
    assert accuracy_on_test(network, data, recipe) >= 0.96
    for layer in slbf_layers(network):
        assert layer.bank.abs().max().item() <= 1


@pytest.mark.skipif(available(MNIST) is not None, reason="MNIST is not in UNITSEARCH_DATA")
def test_lenet_learns_mnist_and_is_as_small_on_disk_as_counted(tmp_path: Path) -> None:
    data = load(MNIST)
    network = trained(LENET, data, epochs=2, batch=50)
    assert accuracy_on_test(network, data, Recipe()) >= 0.96
    assert min(ratios(network.architecture)) > 32

    file = tmp_path / "lenet.safetensors"
    file.write_bytes(weights_bytes(network))
    counted = count(network.architecture).bits / 8
    assert counted <= file.stat().st_size <= 1.05 * counted
    again = load_network(network.architecture, file)  # in another memory format
    assert distance(digest(again), digest(network)) < 1e-5
