"""Parts that several families share: the classifier at the end, and one width for every stage."""

from __future__ import annotations

from collections.abc import Sequence

from unitsearch.architecture import Flatten, GlobalPool, Layer, Linear
from unitsearch.architecture.bounds import MAX_WIDTH
from unitsearch.errors import SpecError
from unitsearch.fields import Int, ListOf

MAX_STAGES = 16
MAX_REPEATS = 64

WIDTHS = ListOf(Int(1, MAX_WIDTH), 1, MAX_STAGES)
REPEATS = ListOf(Int(1, MAX_REPEATS), 1, MAX_STAGES)


def pooled_classifier(classes: int) -> list[Layer]:
    """Return the mean over all pixels and a linear layer: ``pool``, ``flatten``, ``head``."""
    head = Linear(name="head", out=classes)
    return [GlobalPool(name="pool"), Flatten(name="flatten"), head]


def check_stages(widths: Sequence[int], repeats: Sequence[int], option: str) -> None:
    """Check that there is one width for every stage.

    Raises:
        SpecError: If the two lists are not of one length.
    """
    if len(widths) != len(repeats):
        raise SpecError(
            place="widths",
            found=list(widths),
            expected=f"one width for each of the {len(repeats)} stages of {option}",
        )
