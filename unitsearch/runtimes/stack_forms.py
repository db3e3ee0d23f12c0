"""The forms in which a stack is written for a runtime."""

from __future__ import annotations

import copy

from torch import nn

from unitsearch.network.inference import dense_stack
from unitsearch.network.stacks import Stacked

FORMS = ("runs", "masked", "loop")


def stack_in_form(stack: Stacked, form: str) -> nn.Module | None:
    """Return a stack for inference in one form; None where its units do not allow it.

    Args:
        stack: The stack, batch norm folded.
        form: ``runs`` for one grouped convolution of each run of equal units, ``masked`` for one
            convolution with zeros between the units, ``loop`` for one convolution of each unit.
    """
    if form == "masked":
        return dense_stack(stack)
    made = copy.deepcopy(stack)
    made.run_as("loop" if form == "loop" else "grouped")
    return made
