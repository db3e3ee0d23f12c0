"""The options of figures: one check for boards, the command line and the Python interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unitsearch.errors import SpecError, UsageError, did_you_mean
from unitsearch.views.figures import FIGURES

_NUMBER_WORDS = {2: "two", 3: "three"}


def same_metric_twice(name: str, options: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the fault and the expectation if two axes have one metric, else None."""
    defaults = FIGURES[name].axes if name in FIGURES else {}
    axes = [options.get(axis, default) for axis, default in defaults.items()]
    for metric in axes:
        if axes.count(metric) > 1:
            return f"{metric} twice", f"{_NUMBER_WORDS[len(axes)]} different metrics"
    return None


def checked(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a figure as its function takes them.

    Args:
        name: The figure's name.
        given: The options as a user gave them, by name.

    Raises:
        UsageError: If there is no such figure, it has no such option, or a value breaks its rule.
    """
    if name not in FIGURES:
        fix = did_you_mean(name, FIGURES, listed=False)
        raise UsageError(found=name, expected=f"a figure: {', '.join(FIGURES)}", fix=fix)
    rules = FIGURES[name].options
    options = {}
    for option, value in given.items():
        if option not in rules:
            takes = f"takes {', '.join(rules)}" if rules else "takes no options"
            owners = [other for other, figure in FIGURES.items() if option in figure.options]
            fix = f"{option} belongs to {', '.join(owners)}" if owners else ""
            raise UsageError(f"{name} has no option {option}: it {takes}", fix=fix)
        try:
            options[option] = rules[option].read(value, option)
        except SpecError as error:
            raise UsageError(
                place=f"{name} {option}", found=error.found, expected=error.expected, fix=error.fix
            ) from None
    twice = same_metric_twice(name, options)
    if twice:
        raise UsageError(found=twice[0], expected=twice[1])
    return options
