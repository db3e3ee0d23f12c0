"""Picks, which select members of a front: all, knee, best-accuracy, ``accuracy>=0.98``."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence

from unitsearch.errors import StudyError, UsageError, did_you_mean
from unitsearch.metrics import METRICS, Metric, metric
from unitsearch.study.recommended import believed
from unitsearch.study.record import Record, Trial
from unitsearch.study.tables import front_trials

PICK_WORDS = ("all", "knee", "best-accuracy", "best-ce", "best-se")

_EXPECTED = f"{', '.join(PICK_WORDS)}, best-METRIC or a condition such as 'accuracy>=0.98'"
_CONDITION = re.compile(r"\s*([a-z_]\w*)\s*(>=|<=|>|<)\s*([^\s<>=]+)\s*", re.ASCII)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def picked(record: Record, pick: str) -> list[Trial]:
    """Return the members of the front that ``pick`` names, in order of their numbers.

    Accuracies, and what follows from them, are those by model.

    Args:
        record: The study.
        pick: ``all``; ``knee`` (see ``knee``); ``best-METRIC`` (the best of a metric; of equal ones
            the more accurate, then the one with fewer FLOPs); or conditions joined by ``and``, each
            a metric, one of ``>= <= > <`` and a number: ``flops<=1e6 and accuracy>=0.97``. A single
            member is never the baseline unless that is alone on the front.

    Raises:
        UsageError: If ``pick`` is none of these.
        StudyError: If there is no such member.
    """
    choose = _chooser(pick)
    front = front_trials(record)
    if not front:
        raise StudyError(f"the front of {record.name} is empty, so there is nothing to export")
    return choose(record, front)


def check_pick(pick: str) -> None:
    """Raise ``UsageError`` unless ``pick`` is one that ``picked`` knows."""
    _chooser(pick)


def knee(points: Sequence[tuple[float, float]]) -> int:
    """Return the index of the point where a front bends most.

    Cost and accuracy are scaled to [0, 1] over the points; the knee is the point farthest above the
    chord from the cheapest to the most accurate one. Without a bend (one or two points, or all
    others on the chord or below) it is the most accurate; of equal ones the cheaper.

    Args:
        points: (cost, accuracy) each, the cost on the scale on which it is to be compared.

    Source:
        Das 1999, "On characterizing the 'knee' of the Pareto curve based on normal-boundary
        intersection" (Structural Optimization 18): the point of the front farthest from the line
        through the best of each objective. Ours: the scaling, and what is done without a bend.
    """
    costs = [cost for cost, _ in points]
    accuracies = [accuracy for _, accuracy in points]
    low, high = min(costs), max(costs)
    worst, best = min(accuracies), max(accuracies)
    # The chord goes from the cheapest point, of accuracy ``start``, to the best, of cost ``end``.
    start = max(a for c, a in points if c == low)
    end = min(c for c, a in points if a == best)
    wide, tall = (high - low) or 1.0, (best - worst) or 1.0
    run, rise = (end - low) / wide, (best - start) / tall

    def above(point: tuple[float, float]) -> float:
        """Return the distance above the chord times the chord's length."""
        cost, accuracy = point
        height = run * (accuracy - start) / tall - rise * (cost - low) / wide
        return round(height, 12)  # so that rounding moves no point off the chord

    def rank(index: int) -> tuple[float, float, float]:
        cost, accuracy = points[index]
        return (max(above((cost, accuracy)), 0.0), accuracy, -cost)

    return max(range(len(points)), key=rank)


def _chooser(pick: str) -> Callable[[Record, list[Trial]], list[Trial]]:
    """Return the function that selects the members; a study is not needed to make it."""
    if pick == "all":
        return lambda record, front: front
    if pick == "knee":
        return _knee
    if pick.startswith("best-"):
        wanted = metric(pick.removeprefix("best-"))
        return lambda record, front: [_best(record, front, wanted)]
    if any(sign in pick for sign in "<>="):
        conditions = [_condition(part) for part in re.split(r"\s+and\s+", pick)]
        return lambda record, front: _where(record, front, conditions)
    raise UsageError(
        place="--pick",
        found=pick,
        expected=_EXPECTED,
        fix=did_you_mean(pick, PICK_WORDS, listed=False),
    )


def _condition(text: str) -> tuple[Metric, str, float]:
    match = _CONDITION.fullmatch(text)
    value = math.nan
    if match is not None:
        try:
            value = float(match[3])
        except ValueError:
            value = math.nan
    if match is None or math.isnan(value):
        raise UsageError(
            place="--pick",
            found=text.strip(),
            expected=f"{_EXPECTED}: a metric, one of >= <= > <, and a number",
        )
    if match[1] == "accuracy" and value > 1:
        fix = f"try 'accuracy{match[2]}{value / 100:g}'" if value <= 100 else ""
        raise UsageError(
            place="--pick", found=text.strip(), expected="a fraction from 0 to 1", fix=fix
        )
    return metric(match[1]), match[2], value


def _where(
    record: Record, front: list[Trial], conditions: Sequence[tuple[Metric, str, float]]
) -> list[Trial]:
    left = front
    for wanted, sign, value in conditions:
        _check_measured(record, front, wanted)
        kept = [trial for trial in left if _COMPARE[sign](_value(record, trial, wanted), value)]
        if not kept:
            values = [_value(record, trial, wanted) for trial in left]
            ends = [v for v in values if math.isfinite(v)] or [math.nan]
            among = "the front" if left is front else "the rest of the front"
            raise StudyError(
                f"no member of the front of {record.name} has {wanted.name}{sign}{value:g}",
                fix=f"{wanted.name} of {among} goes from {min(ends):.6g} to {max(ends):.6g}",
            )
        left = kept
    return left


def _knee(record: Record, front: list[Trial]) -> list[Trial]:
    """Return the front's knee in accuracy and its first objective that is a cost, else FLOPs."""
    objectives = [METRICS[name] for name in record.manifest.config.objectives]
    costs = [one for one in objectives if one.scale == "log" and not one.maximise]
    wanted = (costs or [METRICS["flops"]])[0]
    # The baseline may end the chord, but it is not a result of the search.
    points = [
        (math.log10(max(_value(record, trial, wanted), 1.0)), believed(record, trial).accuracy)
        for trial in front
    ]
    best = front[knee(points)]
    if best.is_baseline and len(front) > 1:
        inner = [(p, trial) for p, trial in zip(points, front, strict=True) if trial != best]
        best = inner[knee([p for p, _ in inner])][1]
    return [best]


def _best(record: Record, front: list[Trial], wanted: Metric) -> Trial:
    sign = 1.0 if wanted.maximise else -1.0
    _check_measured(record, front, wanted)

    def rank(trial: Trial) -> tuple[float, float, int]:
        value = sign * _value(record, trial, wanted)
        return (
            value if math.isfinite(value) else -math.inf,
            believed(record, trial).accuracy,
            -trial.cost.flops,
        )

    return max([trial for trial in front if not trial.is_baseline] or front, key=rank)


def _check_measured(record: Record, front: list[Trial], wanted: Metric) -> None:
    """Raise ``StudyError`` if ``wanted`` is measured and no member of the front has a value."""
    if wanted.is_measured and not any(math.isfinite(_value(record, t, wanted)) for t in front):
        raise StudyError(
            f"{wanted.name} of the front of {record.name} was not measured",
            fix=f"measure it with unitsearch {wanted.name} {record.name}",
        )


def _value(record: Record, trial: Trial, wanted: Metric) -> float:
    baseline = record.baseline
    assert baseline is not None  # without it there is no front
    return float(wanted.formula(believed(record, trial), believed(record, baseline)))
