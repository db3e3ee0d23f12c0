"""What an exported file answers, held against the network that it was made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from unitsearch.errors import CheckError
from unitsearch.exports.subject import Subject

# Logits of a rebuilt network may differ by what other kernels, here or elsewhere, round otherwise.
TOLERANCE = 1e-4
_BATCHES = (16, 1, 3)  # a file must take any number of images; the first is what is told

Run = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Answer:
    """What a file says, read back by the tool that its users will have.

    Attributes:
        file: The file's name.
        key: The architecture's key, as the file holds it.
        params: The trainable numbers in it; in a folded file all numbers.
        macs: Multiply-accumulates of one image, counted by another counter than ``costs``.
        run: Logits [n, classes] from float images [n, c, h, w]; None of a file without weights.
        is_folded: Whether batch norm is folded into its weights.
    """

    file: str
    key: str
    params: int
    macs: int
    run: Run | None
    is_folded: bool = False


@dataclass(frozen=True)
class Checked:
    """What was found of one format.

    Attributes:
        answer: What its file says; all of it holds.
        difference: The largest difference of a logit on 16 fixed images, relative to the largest
            logit where that is over 1; None of a file without weights.
    """

    answer: Answer
    difference: float | None


def held(subject: Subject, answer: Answer) -> Checked:
    """Return what was found of an answer.

    Raises:
        CheckError: If key, parameters, MACs or logits are not those of the network.
    """
    cost = subject.deployed_cost if answer.is_folded else subject.cost
    for found, expected, what in (
        (answer.key, subject.key, "key"),
        (answer.params, cost.params, "parameters"),
        (answer.macs, subject.cost.macs, "MACs"),
    ):
        if found != expected:
            raise CheckError(place=answer.file, found=f"{what} {found}", expected=str(expected))
    if answer.run is None:
        return Checked(answer, None)
    differences = []
    for size in _BATCHES:
        with torch.inference_mode():
            logits = answer.run(subject.images[:size])
        difference = apart(subject.logits[:size], logits)
        if not difference <= TOLERANCE:
            raise CheckError(
                place=answer.file,
                found=f"logits of {size} images that differ by {difference:.2g}",
                expected=f"those of the network (to {TOLERANCE:g})",
            )
        differences.append(difference)
    return Checked(answer, differences[0])


def apart(expected: Tensor, found: Tensor) -> float:
    """Return the largest difference of logits, relative to the largest one where that is over 1.

    Infinite if the shapes differ, NaN where one of them holds NaN.
    """
    if expected.shape != found.shape:
        return float("inf")
    scale = max(1.0, float(expected.abs().max()))
    return float((expected.double() - found.double()).abs().max()) / scale


def counted(network: nn.Module, image: Tensor) -> int:
    """Return the MACs of one image, counted by torch: convolutions and matrix products."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(image)
    return cast(int, counter.get_total_flops()) // 2
