"""The images that a network in eight bits is calibrated and judged on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import torch

from unitsearch.data import DataSpec
from unitsearch.errors import SpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from unitsearch.architecture import Architecture
    from unitsearch.data.images import Source
    from unitsearch.runtimes.runtime import Images, RuntimeCall

CALIBRATION = 256  # training images
_BATCH = 250


@dataclass(frozen=True, eq=False)
class Int8Images:
    """Images as a network takes them.

    Attributes:
        calibration: Training images, float32 [n, channels, height, width], normalised.
        validation: The validation images.
        mean: Mean of each channel; None where the network takes pixels in [0, 1].
        std: Standard deviation of each channel.
    """

    calibration: Images
    validation: Source
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None

    def answers(self, call: RuntimeCall) -> NDArray[np.bool_]:
        """Return for each validation image whether the network answers it right."""
        right = []
        count = len(self.validation)
        spans = [slice(at, min(at + _BATCH, count)) for at in range(0, count, _BATCH)]
        with closing(self.validation.serve(spans)) as served:
            for pixels, labels in served:
                logits = np.asarray(call(_normalised(pixels, self.mean, self.std)))
                right.append(logits.argmax(1) == labels.numpy())
        return np.concatenate(right)

    def calibration_batches(self) -> Iterator[Images]:
        """Yield the images of the calibration one by one."""
        for at in range(len(self.calibration)):
            yield self.calibration[at : at + 1]


def int8_images(spec: DataSpec, architecture: Architecture, seed: int) -> Int8Images:
    """Return the images of a data set for a network: those drawn for calibration depend on a seed.

    Raises:
        DataError: If the data are missing.
        SpecError: If their shape is not that of the network's images.
    """
    from unitsearch.data.sets import load

    data = load(spec)
    if data.input != architecture.input:
        raise SpecError(
            place=f"data {spec.name}",
            found=f"images of {data.input}",
            expected=f"images of {architecture.input}, as the network takes them",
        )
    drawn = sorted(Random(seed).sample(range(len(data.train)), min(CALIBRATION, len(data.train))))
    with closing(data.train.serve([torch.tensor(drawn)])) as served:
        pixels, _ = next(served)
    mean, std = architecture.mean, architecture.std
    return Int8Images(_normalised(pixels, mean, std), data.validation, mean, std)


def _normalised(
    pixels: Tensor, mean: tuple[float, ...] | None, std: tuple[float, ...] | None
) -> Images:
    values = pixels.to(torch.float32) / 255
    if mean is not None and std is not None:
        values = (values - torch.tensor(mean).view(-1, 1, 1)) / torch.tensor(std).view(-1, 1, 1)
    result: Images = values.contiguous().numpy()
    return result


def error_of_difference(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> float:
    """Return the standard error of the difference of two accuracies on the same images."""
    lost = int((before & ~after).sum())
    won = int((~before & after).sum())
    count = len(before)
    # one image more each way, so that equal answers on few images are not called certain
    spread = lost + won + 2 - (won - lost) ** 2 / count
    return float(max(spread, 0.0) ** 0.5 / count)
