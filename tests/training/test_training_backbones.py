"""Every backbone learns one batch of real images and comes back from its files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from unitsearch import load_architecture
from unitsearch.architecture import Architecture, key, write_architecture, yaml_text
from unitsearch.backbones import backbone
from unitsearch.data import available, data_spec
from unitsearch.data.sets import DataSet, Images, load
from unitsearch.network.build import build
from unitsearch.network.weights import fixed_images, load_network, weights_bytes
from unitsearch.space import bind, load_space, point
from unitsearch.training import Recipe
from unitsearch.training.loop import train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        available(data_spec("cifar10")) is not None, reason="CIFAR-10 is not in UNITSEARCH_DATA"
    ),
]
# side of the images in pixels, and how many: as few as batch norm and two cores allow
AT = {32: 8, 64: 4, 96: 4}


def member(space: str, name: str, side: int) -> Architecture:
    return point(bind(load_space(space), (3, side, side), 10), name)


# the side of its images, the steps that it takes until the loss has halved, and the network
NETWORKS = {
    "mlp": (32, 10, lambda: backbone("mlp", (3, 32, 32), 10)),
    "vgg16": (32, 20, lambda: backbone("vgg16", (3, 32, 32), 10)),
    "vgg19": (64, 8, lambda: backbone("vgg19", (3, 64, 64), 10)),
    "resnet18": (32, 8, lambda: backbone("resnet18", (3, 32, 32), 10)),
    "resnet18 n6": (32, 8, lambda: member("resnet18_cifar", "n6", 32)),
    "resnet34": (96, 8, lambda: backbone("resnet34", (3, 96, 96), 10)),
    "resnet50": (96, 12, lambda: backbone("resnet50", (3, 96, 96), 10)),
    "mobilenetv2": (32, 12, lambda: backbone("mobilenetv2", (3, 32, 32), 10)),
    "mobilenetv2 r": (32, 20, lambda: member("mobilenetv2_cifar", "r", 32)),
    "shufflenetv2": (32, 15, lambda: backbone("shufflenetv2", (3, 32, 32), 10)),
    "efficientnet_b0": (96, 8, lambda: backbone("efficientnet_b0", (3, 96, 96), 10)),
}


@pytest.fixture(scope="module")
def real() -> DataSet:
    return load(data_spec("cifar10", limit=200))


def one_batch(real: DataSet, side: int) -> DataSet:
    """Real images of equal number in the first classes, upscaled, as a data set of one batch."""
    chosen = real.train.labels.argsort(stable=True)[:: len(real.train) // AT[side]][: AT[side]]
    pixels = real.train.pixels[chosen].float()
    pixels = F.interpolate(pixels, size=(side, side), mode="bilinear")
    batch = Images(pixels.round().to(torch.uint8), real.train.labels[chosen])
    single = Images(batch.pixels[:1], batch.labels[:1])  # accuracies do not matter here
    return DataSet("one batch", batch, single, single, real.classes, real.mean, real.std, "")


@pytest.mark.parametrize(("side", "steps", "make"), NETWORKS.values(), ids=NETWORKS.keys())
def test_the_loss_falls_and_the_files_rebuild_the_network(
    side: int, steps: int, make: object, real: DataSet, tmp_path: Path
) -> None:
    architecture = make()  # type: ignore[operator]
    torch.manual_seed(0)
    network = build(architecture)
    data = one_batch(real, side)
    recipe = Recipe(
        epochs=steps, batch=len(data.train), rate=0.02, schedule="constant", augment=False
    )
    trained = train(network, data, recipe, torch.Generator().manual_seed(0))
    assert len(trained.losses) == steps
    assert sum(trained.losses[-3:]) / 3 < 0.7 * trained.losses[0]

    (tmp_path / "one.yaml").write_text(yaml_text(write_architecture(architecture)))
    (tmp_path / "one.safetensors").write_bytes(weights_bytes(network))
    again = load_architecture(tmp_path / "one.yaml")
    assert key(again) == key(architecture)
    rebuilt = load_network(again, tmp_path / "one.safetensors")
    images = fixed_images(architecture)[:2].contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        before, after = (
            network.eval()(images),
            rebuilt.to(memory_format=torch.channels_last)(images),
        )
    torch.testing.assert_close(after, before, rtol=0, atol=0)
