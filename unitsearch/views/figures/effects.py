"""The effect of each kind of unit: accuracy against the count of the kind, at equal cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from unitsearch import wording
from unitsearch.architecture.description import unit_counts
from unitsearch.errors import UsageError, did_you_mean
from unitsearch.fields import Enum
from unitsearch.metrics import METRICS
from unitsearch.study.record import Record, Trial
from unitsearch.views.figures import theme
from unitsearch.views.figures.definition import FigureData, figure

if TYPE_CHECKING:
    import numpy as np

COSTS = ("flops", "params", "macs", "bits", "activation_bytes")
LEAST = 20  # different networks: from fewer, four coefficients and their spread are guesses
_LEAST_VARIED = 5  # trials that must differ from the commonest count
_MOST_KINDS = 24  # rows of the figure


@dataclass(frozen=True)
class UnitEffect:
    """The difference in accuracy for one more unit of a kind, at equal cost.

    Attributes:
        kind: The kind of unit.
        points: Points of accuracy (percent) for each unit more.
        low: Lower end of the 95 % interval.
        high: Upper end.
        trials: Networks that have any unit of the kind.
        total: Networks behind the estimate.
    """

    kind: str
    points: float
    low: float
    high: float
    trials: int
    total: int

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


def unit_effects(record: Record, cost: str = "flops") -> list[UnitEffect]:
    """Return the effect of each kind's count on accuracy at equal cost, the largest first.

    For each kind on its own, ordinary least squares over the complete trials from the floor up
    (without the baseline): accuracy on the count of that kind, with log10 of the cost and its
    square beside it. The slope is the difference in accuracy between networks of equal cost for
    each unit more of that kind, which stands in the place of other units. Its interval is 95 %,
    from Student's t with heteroscedasticity-consistent standard errors (HC3), because the spread of
    accuracies shrinks as they rise.

    The list leaves out a kind if fewer than five networks differ from its commonest count, or if
    its count follows from the cost. It is empty with fewer than 20 different networks.

    Source:
        MacKinnon and White 1985, "Some heteroskedasticity-consistent covariance matrix estimators
        with improved finite sample properties" (HC3).
    """
    import numpy as np

    trials = usable(record)
    if len({trial.key for trial in trials}) < LEAST:
        return []
    accuracy = np.array([100 * (trial.accuracy or 0.0) for trial in trials])
    size = np.log10([max(getattr(trial.cost, cost), 1) for trial in trials])
    size = (size - size.mean()) / (size.std() or 1.0)
    counts = [unit_counts(trial.architecture.layers) for trial in trials]
    effects = []
    for kind in sorted({kind for counter in counts for kind in counter}):
        number = np.array([float(counter[kind]) for counter in counts])
        _, times = np.unique(number, return_counts=True)
        if len(trials) - times.max() < _LEAST_VARIED:
            continue
        design = np.column_stack([np.ones(len(trials)), number, size, size**2])
        slope = _slope(design, accuracy)
        if slope is not None:
            middle, low, high = slope
            effects.append(
                UnitEffect(kind, middle, low, high, int((number > 0).sum()), len(trials))
            )
    return sorted(effects, key=lambda effect: (-effect.points, effect.kind))


def usable(record: Record) -> list[Trial]:
    """Return the trials behind the effects: complete ones with units, from the floor up."""
    return [
        trial
        for trial in record.complete
        if not trial.is_baseline
        and trial.has_units
        and trial.accuracy is not None
        and trial.accuracy >= record.floor
    ]


def _slope(
    design: np.ndarray[Any, Any], target: np.ndarray[Any, Any]
) -> tuple[float, float, float] | None:
    """Return the second coefficient with its 95 % interval; None if the others determine it."""
    import numpy as np

    keep = [0, 1, *(i for i in range(2, design.shape[1]) if design[:, i].std() > 0)]
    design = design[:, keep]
    others = np.delete(design, 1, axis=1)
    column = design[:, 1]
    residue = column - others @ np.linalg.lstsq(others, column, rcond=None)[0]
    # The other columns explain all but 1 % of its variance: then the slope is noise.
    if (residue**2).sum() < 0.01 * ((column - column.mean()) ** 2).sum():
        return None
    inverse = np.linalg.pinv(design.T @ design)
    beta = inverse @ design.T @ target
    left = target - design @ beta
    leverage = np.clip((design @ inverse * design).sum(axis=1), 0.0, 1 - 1e-6)
    weighted = design * (left / (1 - leverage))[:, None]
    covariance = inverse @ (weighted.T @ weighted) @ inverse
    error = math.sqrt(max(float(covariance[1, 1]), 0.0))
    reach = student_quantile(0.975, len(target) - design.shape[1]) * error
    middle = float(beta[1])
    return middle, middle - reach, middle + reach


def student_quantile(chance: float, freedom: int) -> float:
    """Return the quantile of Student's t; to 0.001 from 10 degrees of freedom on.

    Source: Abramowitz and Stegun 1964, 26.7.5.
    """
    z = NormalDist().inv_cdf(chance)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / freedom**power for power, term in enumerate(terms, start=1))


@figure("effects", {"cost": Enum(COSTS)})
def effects(record: Record, cost: str = "flops") -> FigureData:
    """Return ``unit_effects`` as a figure: each kind's effect with its 95 % interval.

    Args:
        record: The study.
        cost: The cost that is held equal, one of ``COSTS``.

    Raises:
        UsageError: If there is no such cost.
    """
    if cost not in COSTS:
        raise UsageError(found=cost, expected=" or ".join(COSTS), fix=did_you_mean(cost, COSTS))
    networks = len({trial.key for trial in usable(record)})
    if networks < LEAST:
        return theme.empty(
            f"Needs at least {LEAST} different networks with units, complete and from the floor"
            f" up, so that intervals mean something; there are {networks}."
        )
    shown = unit_effects(record, cost)
    if not shown:
        return theme.empty("No kind's count varies on its own: all of them follow from the cost.")
    left_out = len(shown) - _MOST_KINDS
    if left_out > 0:  # the least clear effects are left out
        shown.sort(key=lambda e: -abs(e.points) / ((e.high - e.low) or 1.0))
        shown = sorted(shown[:_MOST_KINDS], key=lambda e: (-e.points, e.kind))
    label = METRICS[cost].label
    traces = []
    for name, part, colour, symbol in (
        ("interval leaves out 0", [e for e in shown if e.is_clear], theme.ACCENT, "circle"),
        ("interval holds 0", [e for e in shown if not e.is_clear], theme.OTHER, "circle-open"),
    ):
        if part:
            traces.append(
                theme.trace(
                    "scatter",
                    x=[e.points for e in part],
                    y=[e.kind for e in part],
                    error_x={
                        "type": "data",
                        "symmetric": False,
                        "array": [e.high - e.points for e in part],
                        "arrayminus": [e.points - e.low for e in part],
                        "thickness": 2,
                        "width": 0,
                        "color": colour,
                    },
                    mode="markers",
                    name=name,
                    marker={
                        "size": 9,
                        "color": colour,
                        "symbol": symbol,
                        "line": {"width": 1.6, "color": colour},
                    },
                    text=[_hover(e, label) for e in part],
                    hoverinfo="text",
                )
            )
    method = (
        f"{shown[0].total:,} trials from the floor up. Each kind on its own: least squares of"
        f" accuracy on its count, beside log10 of {label} and its square; 95 % intervals (HC3)."
        " A search chooses what it trains: these are associations in this study, no experiment."
    )
    if left_out > 0:
        method += f" The {_MOST_KINDS} clearest of {_MOST_KINDS + left_out} kinds."
    rows_height = 28 * len(shown)
    return theme.styled(
        traces,
        height=222 + rows_height,
        margin={"l": 58, "r": 18, "t": 24, "b": 156},
        xaxis={
            "title": {"text": f"points of accuracy for one unit more, at equal {label}"},
            "zeroline": True,
            "zerolinecolor": theme.OTHER,
            "zerolinewidth": 1.2,
        },
        yaxis={
            "type": "category",
            "automargin": True,
            "categoryorder": "array",
            "categoryarray": [e.kind for e in reversed(shown)],
            "range": [-0.6, len(shown) - 0.4],
        },
        showlegend=True,
        annotations=[theme.below(method)],
    )


def _hover(effect: UnitEffect, label: str) -> str:
    return (
        f"<b>{effect.kind}</b>: {effect.points:+.3f} points for one more<br>"
        f"95 % interval {effect.low:+.3f} to {effect.high:+.3f}, at equal {label}<br>"
        f"in {wording.count(effect.trials, 'network')} of {effect.total:,}"
    )
