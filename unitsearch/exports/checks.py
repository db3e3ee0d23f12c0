"""The comparison of an exported file's answer with the network that the file was made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from unitsearch.errors import CheckError
from unitsearch.exports.source_network import SourceNetwork

# Logits of a rebuilt network may differ, because other kernels round in another way.
TOLERANCE = 1e-4
_BATCHES = (16, 1, 3)  # a file must take any number of images; the first difference is reported

NetworkCall = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Answer:
    """The content of a file, read back by the tool that its users use.

    Attributes:
        file: The file's name.
        key: The architecture's key, as the file holds it.
        params: The trainable numbers in it; in a folded file all numbers.
        macs: Multiply-accumulates of one image, counted by another counter than ``costs``.
        run: Returns logits [n, classes] of float images [n, c, h, w]; None for a file without
            weights.
        is_folded: Whether batch norm is folded into its weights.
        in_form: The numbers and MACs that the form of its stacks makes of the network's; None where
            they are the network's.
        notes: Sentences on the file for the card.
    """

    file: str
    key: str
    params: int
    macs: int
    run: NetworkCall | None
    is_folded: bool = False
    in_form: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckedAnswer:
    """An answer that agrees with its network.

    Attributes:
        answer: The answer of the file.
        difference: The largest difference of a logit on 16 fixed images, relative to the largest
            logit where that is over 1; None for a file without weights.
    """

    answer: Answer
    difference: float | None


def module_answer(
    file: str, key: str, network: nn.Module, source: SourceNetwork, *, has_weights: bool = True
) -> Answer:
    """Return the answer of a torch module that was rebuilt from a file.

    Args:
        file: The file's name.
        key: The architecture's key, as the file holds it.
        network: The rebuilt network in eval mode.
        source: The network that the file was made from.
        has_weights: Whether the file holds weights, so that its logits can be compared.
    """
    return Answer(
        file=file,
        key=key,
        params=sum(parameter.numel() for parameter in network.parameters()),
        macs=counted_macs(network, source.images[:1]),
        run=network if has_weights else None,
    )


def check_answer(source: SourceNetwork, answer: Answer) -> CheckedAnswer:
    """Return an answer with its difference from the network's logits.

    Raises:
        CheckError: If key, parameters, MACs or logits differ from the network's.
    """
    cost = source.deployed_cost if answer.is_folded else source.cost
    params, macs = answer.in_form or (cost.params, source.cost.macs)
    for value, expected, what in (
        (answer.key, source.key, "key"),
        (answer.params, params, "parameters"),
        (answer.macs, macs, "MACs"),
    ):
        if value != expected:
            raise CheckError(place=answer.file, found=f"{what} {value}", expected=str(expected))
    if answer.run is None:
        return CheckedAnswer(answer, None)
    differences = []
    for size in _BATCHES:
        with torch.inference_mode():
            logits = answer.run(source.images[:size])
        difference = logit_difference(source.logits[:size], logits)
        if not difference <= TOLERANCE:
            raise CheckError(
                place=answer.file,
                found=f"logits of {size} images that differ by {difference:.2g}",
                expected=f"those of the network (to {TOLERANCE:g})",
            )
        differences.append(difference)
    return CheckedAnswer(answer, differences[0])


def logit_difference(expected: Tensor, logits: Tensor) -> float:
    """Return the largest difference of logits, relative to the largest one where that is over 1.

    Infinite if the shapes differ, NaN where one of them holds NaN.
    """
    if expected.shape != logits.shape:
        return float("inf")
    scale = max(1.0, float(expected.abs().max()))
    return float((expected.double() - logits.double()).abs().max()) / scale


def counted_macs(network: nn.Module, image: Tensor) -> int:
    """Return the MACs of one image, counted by torch: convolutions and matrix products."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(image)
    return cast(int, counter.get_total_flops()) // 2
