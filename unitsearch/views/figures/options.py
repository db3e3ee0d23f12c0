"""What each figure may be told: the same words on a board and on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unitsearch.errors import SpecError, UsageError, did_you_mean
from unitsearch.fields import Bool, Enum, ListOf, Rule
from unitsearch.metrics import METRICS
from unitsearch.views.figures.curves import MEASURES
from unitsearch.views.figures.effects import COSTS
from unitsearch.views.figures.history import ALONG
from unitsearch.views.figures.parallel import TRIALS
from unitsearch.views.figures.tradeoff import SAVED
from unitsearch.views.figures.units import SHOWS

_METRIC = Enum(tuple(METRICS))

OPTIONS: dict[str, dict[str, Rule]] = {
    "pareto": {"x": _METRIC, "y": _METRIC, "papers": Bool()},
    "front3d": {"x": _METRIC, "y": _METRIC, "z": _METRIC},
    "tradeoff": {"cost": Enum(SAVED)},
    "units": {"show": Enum(SHOWS)},
    "effects": {"cost": Enum(COSTS)},
    "parallel": {"metrics": ListOf(_METRIC, 1, 12, "a list of metrics"), "trials": Enum(TRIALS)},
    "convergence": {"y": Enum(MEASURES)},
    "curves": {},
    "hypervolume": {"x": Enum(ALONG)},
    "printed": {},
    "compare_fronts": {"x": _METRIC, "y": _METRIC},
    "compare_hypervolume": {"x": Enum(ALONG)},
}
# Metrics that stand where none is given; no two axes of a figure may have the same.
_AXES: dict[str, dict[str, str]] = {
    "pareto": {"x": "flops", "y": "accuracy"},
    "front3d": {"x": "flops", "y": "params", "z": "accuracy"},
    "compare_fronts": {"x": "flops", "y": "accuracy"},
}
_COUNTED = {2: "two", 3: "three"}


def same_metric_twice(figure: str, options: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return what is wrong and what was expected where two axes have one metric; None if none."""
    axes = {name: options.get(name, usual) for name, usual in _AXES.get(figure, {}).items()}
    for metric in axes.values():
        if list(axes.values()).count(metric) > 1:
            return f"{metric} twice", f"{_COUNTED[len(axes)]} different metrics"
    return None


def checked(figure: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a figure as it takes them.

    Args:
        figure: Its name.
        given: What was given, by name.

    Raises:
        UsageError: If there is no such figure, it has no such option, or the value is none.
    """
    if figure not in OPTIONS:
        fix = did_you_mean(figure, OPTIONS, listed=False)
        raise UsageError(found=figure, expected=f"a figure: {', '.join(OPTIONS)}", fix=fix)
    rules = OPTIONS[figure]
    found = {}
    for name, value in given.items():
        if name not in rules:
            takes = f"takes {', '.join(rules)}" if rules else "takes no options"
            owners = [other for other in OPTIONS if name in OPTIONS[other]]
            fix = f"{name} belongs to {', '.join(owners)}" if owners else ""
            raise UsageError(f"{figure} has no option {name}: it {takes}", fix=fix)
        try:
            found[name] = rules[name].read(value, name)
        except SpecError as error:
            raise UsageError(
                place=f"{figure} {name}", found=error.found, expected=error.expected, fix=error.fix
            ) from None
    twice = same_metric_twice(figure, found)
    if twice:
        raise UsageError(found=twice[0], expected=twice[1])
    return found
