"""A plain torch script that trains a network: the code that people write without unitsearch.

A loop over units, NCHW, float32, torch's default optimiser, a DataLoader whose data set applies
torchvision's transforms to one PIL image at a time. Used by ``benchmarks.training`` and
``benchmarks.search``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from unitsearch.architecture import read_architecture
from unitsearch.data import DataSpec
from unitsearch.data.images import Images
from unitsearch.data.sets import load
from unitsearch.data.vision import torchvision
from unitsearch.fields import read
from unitsearch.network.build import build, initialise
from unitsearch.search.seeds import derive
from unitsearch.training import Recipe
from unitsearch.training.loop import rate_at

PHASES = ("data", "forward and backward", "optimiser", "evaluation")


class OneByOne(Dataset):
    """Images transformed one at a time, as ``torchvision.datasets`` do it."""

    def __init__(self, images: Images, transform: Any) -> None:
        self.images, self.transform = images, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        from PIL import Image

        pixels = self.images.pixels[i].permute(1, 2, 0).squeeze(-1).numpy()
        return self.transform(Image.fromarray(pixels)), int(self.images.labels[i])


class Plain:
    """The script's function: it trains the network of one row and returns its result.

    Args:
        task: The file of ``benchmarks.training``: data, recipe and networks as plain data.
        loaders: Worker processes of the DataLoader.
        compiled: Whether the network goes through ``torch.compile``.
    """

    def __init__(self, task: Path, loaders: int, *, compiled: bool = False) -> None:
        plain = json.loads(task.read_text())
        self.networks, self.loaders, self.compiled = plain["networks"], loaders, compiled
        self.recipe = read(Recipe, plain["recipe"], "train")
        self.spec = read(DataSpec, plain["data"], "data")

    def __call__(self, number: int) -> dict[str, Any]:
        """Train and evaluate network ``number``: accuracy, seconds, and the seconds by phase."""
        begin = time.time()
        self.spent = dict.fromkeys(PHASES, 0.0)
        row, recipe = self.networks[number], self.recipe
        train, validation = self._loaders()
        network: Any = build(read_architecture(row["architecture"]), plan="loop")
        generator = torch.Generator().manual_seed(derive(row["seed"], 0, "weights"))
        initialise(network, recipe.init, generator)  # the weights that ours begin with
        optimiser = self._optimiser(network)
        if self.compiled:
            network = torch.compile(network)
        first = None
        for epoch in range(recipe.epochs):
            network.train()
            batches = iter(train)
            for step in range(len(train)):
                with self._timed("data"):
                    images, labels = next(batches)
                for group in optimiser.param_groups:
                    group["lr"] = rate_at(recipe, epoch, step, len(train))
                with self._timed("forward and backward"):
                    optimiser.zero_grad()
                    loss = F.cross_entropy(network(images), labels)
                    loss.backward()
                with self._timed("optimiser"):
                    optimiser.step()
                first = first if first is not None else time.time() - begin
            with self._timed("evaluation"):
                correct = self._correct(network, validation)
        return {
            "number": number,
            "accuracy": correct / len(validation.dataset),
            "seconds": time.time() - begin,
            "first_step": first,
            "finished": time.time(),
            "phases": self.spent,
        }

    def _optimiser(self, network: Any) -> torch.optim.Optimizer:
        recipe, weights = self.recipe, network.parameters()
        if recipe.optimiser == "adamw":
            return torch.optim.AdamW(
                weights, recipe.rate, eps=recipe.epsilon, weight_decay=recipe.weight_decay
            )
        assert recipe.optimiser == "sgd"  # the script knows no other
        return torch.optim.SGD(
            weights, recipe.rate, momentum=recipe.momentum, weight_decay=recipe.weight_decay
        )

    def _loaders(self) -> tuple[DataLoader, DataLoader]:
        data, transforms = load(self.spec), torchvision().transforms
        plain = [transforms.ToTensor(), transforms.Normalize(data.mean, data.std)]
        random = []
        if self.spec.augment == "crop_flip":
            size = data.input[1]
            random = [transforms.RandomCrop(size, padding=4), transforms.RandomHorizontalFlip()]
        options = {"num_workers": self.loaders}
        return (
            DataLoader(
                OneByOne(data.train, transforms.Compose([*random, *plain])),
                self.recipe.batch,
                shuffle=True,
                drop_last=True,
                **options,
            ),
            DataLoader(OneByOne(data.validation, transforms.Compose(plain)), 500, **options),
        )

    def _correct(self, network: Any, validation: DataLoader) -> int:
        network.eval()
        with torch.no_grad():
            return sum(
                int((network(images).argmax(1) == labels).sum()) for images, labels in validation
            )

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.spent[phase] += time.perf_counter() - begin
