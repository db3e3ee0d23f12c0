"""The size of packs, by measurement: it grows while memory allows and saves time per member."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch

from unitsearch.architecture import Architecture
from unitsearch.data.images import Images
from unitsearch.data.sets import DataSet
from unitsearch.errors import UsageError
from unitsearch.packs.pack_optimisers import StepSettings
from unitsearch.training.loop import normalisation
from unitsearch.training.memory import is_memory
from unitsearch.training.packed.steps import prepared
from unitsearch.training.recipes import Recipe

MOST = 256  # members
GAIN = 0.05  # share of the time per member that doubling must save: more than noise
SHARE = 0.9  # share of the device's memory that a pack may take
_WARM_UP, _TIMED = 3, 10  # steps


def choose_size(
    architectures: Sequence[Architecture],
    data: DataSet,
    recipe: Recipe,
    device: torch.device | str,
    *,
    bfloat16: bool = False,
    most: int = MOST,
) -> int:
    """Return the number of members of the fastest pack: 1 on the CPU, which gains nothing by packs.

    On CUDA steps of 1, 2, 4 … members are timed while memory allows and the time per member falls.

    Args:
        architectures: The pack's members, or some of them, of one skeleton.
        data: The data set, in memory.
        recipe: The recipe of all members.
        device: The pack's device.
        bfloat16: Whether maps are held in bfloat16.
        most: The largest size that is tried.

    Raises:
        UsageError: If images are not in memory, or architectures do not fit each other.
    """
    device = torch.device(device)
    if device.type != "cuda":
        return 1
    total = torch.cuda.get_device_properties(device).total_memory

    def measure(size: int) -> tuple[float, bool]:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        members = [architectures[i % len(architectures)] for i in range(size)]
        seconds = step_seconds(members, data, recipe, device, bfloat16=bfloat16)
        return seconds, 2 * torch.cuda.max_memory_reserved(device) <= SHARE * total

    return fastest(measure, most)


def fastest(measure: Callable[[int], tuple[float, bool]], most: int = MOST) -> int:
    """Return the size with the least time per member, doubling from 1 while that time falls.

    Args:
        measure: Takes a size; returns the seconds of a step and whether there is memory for twice
            as many members. If there is too little memory for this size, it raises ``MemoryError``
            or torch's error.
        most: The largest size that is tried.
    """
    fastest_size, best, size = 1, float("inf"), 1
    while size <= most:
        try:
            seconds, is_room = measure(size)
        except Exception as error:
            if not is_memory(error):
                raise
            break
        if seconds / size > best * (1 - GAIN):
            break
        fastest_size, best, size = size, seconds / size, 2 * size
        if not is_room:
            break
    return fastest_size


def step_seconds(
    architectures: Sequence[Architecture],
    data: DataSet,
    recipe: Recipe,
    device: torch.device | str,
    *,
    bfloat16: bool = False,
) -> float:
    """Return the seconds of a training step of a pack, the mean of ten.

    Raises:
        UsageError: If images are not in memory, or architectures do not fit each other.
    """
    device = torch.device(device)
    if not isinstance(data.train, Images):
        raise UsageError(place="data", found="images in files", expected="images in memory")
    images = data.train.to(device)
    steps = prepared(
        architectures, images, recipe, normalisation(data, recipe), device, bfloat16=bfloat16
    )
    count, size = len(architectures), min(recipe.batch, len(images))
    moments = [StepSettings(recipe.rate, recipe.momentum, 0)] * count
    coefficients = torch.tensor(steps.optimiser.coefficients(moments), device=device)
    rows = torch.randint(len(images), (count, size), device=device)

    def take(times: int) -> None:
        for _ in range(times):
            steps.take(rows, None, coefficients)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    take(_WARM_UP)
    begun = time.perf_counter()
    take(_TIMED)
    return (time.perf_counter() - begun) / _TIMED
