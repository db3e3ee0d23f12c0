"""How many members a pack should have, measured: as many as memory holds and time rewards."""

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

MOST = 256
GAIN = 0.05  # share of a member's time that doubling must save, which is more than noise
SHARE = 0.9  # of the device's memory
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
    """Return how many members a pack should have: 1 on CPU, where lanes have nothing to share.

    On CUDA steps of 1, 2, 4 … members are timed while memory allows and the time per member falls.

    Args:
        architectures: What the pack will hold, or some of it, of one skeleton.
        data: What it trains on, in memory.
        recipe: How.
        device: Where.
        bfloat16: Whether maps are held in bfloat16.
        most: No more than these.

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
    """Return the size at which a step takes least per member, doubling from 1 while it falls.

    Args:
        measure: Returns the seconds of a step of so many members, and whether there is memory for
            twice as many; raises ``MemoryError``, or what torch does, if there was too little for
            these.
        most: No size above this is tried.
    """
    found, best, size = 1, float("inf"), 1
    while size <= most:
        try:
            seconds, is_room = measure(size)
        except Exception as error:
            if not is_memory(error):
                raise
            break
        if seconds / size > best * (1 - GAIN):
            break
        found, best, size = size, seconds / size, 2 * size
        if not is_room:
            break
    return found


def step_seconds(
    architectures: Sequence[Architecture],
    data: DataSet,
    recipe: Recipe,
    device: torch.device | str,
    *,
    bfloat16: bool = False,
) -> float:
    """Return the seconds that a training step of a pack takes, the mean of ten.

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
