"""Training alone on a GPU: as on the CPU to rounding, and what comes out lies on the CPU."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from unitsearch.data import data_spec
from unitsearch.data.sets import DataSet, load
from unitsearch.network.build import Network, build, initialise
from unitsearch.network.weights import digest
from unitsearch.space import bind, load_space, point
from unitsearch.training import Recipe
from unitsearch.training.checkpoints import Checkpoint
from unitsearch.training.loop import Trained, test_accuracy, train
from unitsearch.training.monitor import Monitor

measured_on_test = test_accuracy
del test_accuracy  # pytest would take it for a test
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(
    not torch.cuda.is_available(), reason="there is no CUDA device"))]  # fmt: skip
RECIPE = Recipe(epochs=2, batch=50, rate=0.01)


@pytest.fixture(scope="module")
def data() -> DataSet:
    return load(replace(data_spec("digits"), limit=500, validation=200))


def begun() -> tuple[Network, torch.Generator]:
    network = build(point(bind(load_space("lenet_hybrid"), (1, 8, 8), 10), "hybrid"))
    generator = torch.Generator().manual_seed(1)
    initialise(network, "default", generator)
    return network, generator


def trained(data: DataSet, recipe: Recipe = RECIPE) -> tuple[Trained, Network]:
    network, generator = begun()
    return train(network, data, recipe, generator, augmentation="crop_flip"), network


@pytest.mark.parametrize("device", DEVICES)
def test_losses_are_those_of_the_cpu_and_the_network_comes_back(data: DataSet, device: str) -> None:
    moved = data.to(device)
    assert moved.train.labels.device.type == device
    result, network = trained(moved)
    expected, _ = trained(data)
    assert result.losses == pytest.approx(expected.losses, rel=0.02)
    assert {tensor.device.type for tensor in network.state_dict().values()} == {"cpu"}
    assert measured_on_test(network, moved, RECIPE) == pytest.approx(
        measured_on_test(network, data, RECIPE), abs=0.01
    )
    assert len(digest(network)) > 100


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_a_training_goes_on_from_its_checkpoint(
    data: DataSet, device: str, optimiser: str, tmp_path: Path
) -> None:
    recipe = replace(RECIPE, optimiser=optimiser)
    moved, file = data.to(device), tmp_path / "state"

    def once(stop: bool) -> Trained:
        network, generator = begun()
        kept = Checkpoint(file, {"device": device}, 0)

        def end(epoch: int, accuracy: float) -> None:
            if stop and epoch == 2:
                raise KeyboardInterrupt

        monitor = Monitor(on_epoch=end)
        return train(network, moved, recipe, generator, monitor=monitor, checkpoint=kept)

    with pytest.raises(KeyboardInterrupt):
        once(stop=True)
    assert file.exists()
    resumed = once(stop=False)
    network, generator = begun()
    straight = train(network, moved, recipe, generator)
    assert resumed.losses == pytest.approx(straight.losses, rel=1e-4 if device == "cuda" else 1e-9)
