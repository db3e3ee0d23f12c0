"""The forms in which the stacks of an exported network are written.

The forms themselves, and the mechanism by which one is chosen for each stack, are those of
``network``: networks that are made fast for inference in torch are written in the same way.
"""

from __future__ import annotations

from unitsearch.errors import UsageError, did_you_mean
from unitsearch.network.formed import Choose, FormedNetwork, StackChoice, in_form
from unitsearch.network.forms import STACK_FORMS

__all__ = ["FORMS", "Choose", "FormedNetwork", "StackChoice", "check_form", "in_form"]

FORMS: tuple[str, ...] = ("auto", *STACK_FORMS)


def check_form(form: str) -> str:
    """Return ``form`` if it is the name of one.

    Raises:
        UsageError: If there is no such form.
    """
    if form not in FORMS:
        raise UsageError(
            place="--form",
            found=form,
            expected=f"one of {', '.join(FORMS)}",
            fix=did_you_mean(form, FORMS, listed=False),
        )
    return form
