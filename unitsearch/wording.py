"""The wording of numbers and names for readers: counts, ratios, percentages, comparisons."""

from __future__ import annotations

import math

from unitsearch.study.recommended import (
    MOST_DISPLAYED,
    belief_of,
    best_training,
)
from unitsearch.study.record import Record, Trial

# The meaning of the columns of a front, in one sentence.
BELIEF_MEANING = (
    "The accuracy by model is what another training of the network is expected to reach, ± one"
    " standard error: every training of the study enters it, so that the luck of a single one"
    " hardly counts."
)
_POWERS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def short(value: float | None) -> str:
    """Return a count with three or four digits and a power of ten: ``9,876``, ``1.23 M``."""
    if value is None:
        return "–"
    if abs(value) < 10_000:
        return f"{value:,.0f}"
    for power, letter in _POWERS:
        if abs(value) >= power:
            scaled = value / power
            digits = 2 if abs(scaled) < 10 else 1 if abs(scaled) < 100 else 0
            return f"{scaled:.{digits}f} {letter}"
    return f"{value:,.0f}"


def ratio(value: float | None) -> str:
    """Return a ratio with three digits."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def percent(value: float | None, error: float | None = None) -> str:
    """Return a fraction as percent, with ± one standard error where it is known."""
    if value is None or not math.isfinite(value):
        return "–"
    digits = 2 if error is not None and error < 0.0005 else 1
    if error is None:
        return f"{100 * value:.{digits}f} %"
    return f"{100 * value:.{digits}f} ± {100 * error:.{digits}f} %"


def count(number: int, what: str) -> str:
    """Return a number of things: ``1 trial``, ``12 trials``."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def accuracy(trial: Trial) -> str:
    """Return a trial's validation accuracy with its standard error."""
    return percent(trial.accuracy, trial.accuracy_se)


def believed_accuracy(record: Record, trial: Trial) -> str:
    """Return a trial's accuracy by model with its standard error; without a belief its own."""
    belief = belief_of(record, trial)
    return accuracy(trial) if belief is None else percent(belief.accuracy, belief.accuracy_se)


def believed_on(record: Record) -> str:
    """Return which accuracies a record is judged by: ``validation, by model``, or ``test``."""
    on = measured_on(record)
    return f"{on}, by model" if on == "validation" else on


def seeds_and_own(trial: Trial) -> str:
    """Return the number of a trial's trainings and its own accuracy: ``4 seeds, own 98.7 %``."""
    own = percent(trial.accuracy).replace(" ", "\xa0")  # no line ends inside it
    return f"{count(trial.seeds, 'seed')}, own {own}"


def duration(seconds: float) -> str:
    """Return a time for people: ``2.4 s``, ``40 s``, ``12 min``, ``3.2 hours``, ``2.1 days``."""
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 3 else f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    hours = seconds / 3600
    number, unit = (hours, "hours") if hours < 48 else (hours / 24, "days")
    return f"{number:.1f} {unit}" if number < 10 else f"{number:.0f} {unit}"


def wanted_repeats(record: Record) -> int:
    """Return the number of trainings with fresh seeds that a study asks for at its end."""
    config = record.manifest.config
    if all(trial.is_baseline for trial in record.front):
        return 0  # the baseline is not verified
    return math.ceil(round(config.verify * config.budget.trials, 12))


def share(probability: float | None) -> str:
    """Return a probability from joint draws in percent; never a certain one."""
    if probability is None:
        return "–"
    if not 0.01 <= probability < 0.995:
        return "< 1 %" if probability < 0.5 else "> 99 %"
    return f"{100 * probability:.0f} %"


def is_doubtful(record: Record, trial: Trial) -> bool:
    """Return whether a member of the front is rather off it than on it."""
    belief = belief_of(record, trial)
    return belief is not None and belief.probability < 0.5


def optimism(record: Record) -> str:
    """Return the expected optimism of the best single training, in a sentence; empty if none."""
    best, excess = best_training(record), record.optimism
    if best is None or best.is_baseline or excess is None or excess < 0.0005:
        return ""
    return (
        f"The best single training, {percent(best.accuracy)} (trial {best.number}), is expected to"
        f" be {100 * excess:.1f} points too high."
    )


def displayed_members(record: Record) -> str:
    """Return which members of a large front a table shows, in a sentence; empty if it shows all."""
    members = len(record.front)
    if members <= MOST_DISPLAYED:
        return ""
    return (
        f"{MOST_DISPLAYED} of {members} members shown: the most accurate and those that add most to"
        " the hypervolume; all are in front.csv."
    )


def versus(new: int, base: int, what: str) -> str:
    """Return a cost beside the baseline's: ``6.1× fewer FLOPs than``, ``as many FLOPs as``."""
    if not new or not base:
        return f"{short(new)} {what} against {short(base)} of"
    comparison = fewer(new, base)
    return f"as many {what} as" if comparison == "as many" else f"{comparison} {what} than"


def fewer(new: int, base: int) -> str:
    """Return the factor between two counts: ``6.1× fewer``, or ``as many`` if it is 1.0."""
    if not new or not base:
        return f"{short(new)} against {short(base)}"
    times = max(base / new, new / base)
    factor = f"{times:.1f}" if times < 10 else f"{times:,.0f}"
    if factor == "1.0":
        return "as many"
    return f"{factor}× {'fewer' if new < base else 'more'}"


def efficiency(name: str, value: float) -> str:
    """Return `` (CE 1.23)``; an empty text where the baseline's accuracy is 0."""
    return f" ({name} {ratio(value)})" if math.isfinite(value) else ""


def measured_on(record: Record) -> str:
    """Return which images a record's accuracies are from: validation, or test."""
    return record.manifest.accuracy
