"""The result of a study in sentences, and the two trials that it names."""

from __future__ import annotations

from unitsearch import wording
from unitsearch.metrics import METRICS
from unitsearch.study.record import Record, Trial
from unitsearch.study.tables import front_trials


def best_trial(record: Record) -> Trial | None:
    """Return the front's most accurate trial, of equals the cheapest; the baseline if alone."""
    front = front_trials(record)
    others = [trial for trial in front if not trial.is_baseline] or front
    return min(others, key=lambda t: (-(t.accuracy or 0.0), t.cost.flops), default=None)


def lightest_unresolved(record: Record) -> Trial | None:
    """Return the front's member with the fewest FLOPs within two standard errors of the best."""
    best = best_trial(record)
    if best is None:
        return None
    least = (best.accuracy or 0.0) - 2 * (best.accuracy_se or 0.0)
    equal = [t for t in front_trials(record) if (t.accuracy or 0.0) >= least]
    return min(equal, key=lambda t: (t.cost.flops, -(t.accuracy or 0.0)))


def finding(record: Record) -> list[str]:
    """Return the result of a study, in sentences."""
    best, base, in_bits = best_trial(record), record.baseline, record.shares_filters
    if not record.trials:
        return ["No trials yet."]
    if base is None and wording.measured_on(record) == "test":
        return [
            f"{wording.count(len(record.complete), 'training')} made again, with accuracies on test"
            " images: there is no baseline, and so no floor, no front and no CE or SE."
        ]
    if base is None:
        first = record.trials[0]
        reason = f" ({first.reason})" if first.reason else ""
        return [
            f"The baseline is not complete (it is {first.state}{reason}): there is no floor, no"
            " front and no CE or SE until it is."
        ]
    if best is None:
        return [f"No complete trial reaches the floor of {wording.percent(record.floor)}."]
    sentences = [
        f"Best {wording.accuracy(best)} (validation, 1 seed,"
        f" {wording.count(best.images, 'image')}); {_against(best, base, in_bits=in_bits)}."
    ]
    if not best.is_baseline:
        sentences[0] = f"{sentences[0][:-1]}, which has {wording.accuracy(base)}."
    light = lightest_unresolved(record)
    if light is not None and light.number != best.number:
        sentences.append(
            f"Within two standard errors of it: trial {light.number},"
            f" {wording.accuracy(light)}, {_against(light, base, in_bits=in_bits)}."
        )
    return sentences


def _against(trial: Trial, base: Trial, *, in_bits: bool) -> str:
    if trial.is_baseline:
        return "it is the baseline itself"
    new, old = trial.measured, base.measured
    ce = wording.efficiency("CE", METRICS["ce"].formula(new, old))
    flops = f"{wording.versus(new.cost.flops, old.cost.flops, 'FLOPs')} the baseline{ce}"
    if in_bits:
        se = wording.efficiency("SE in bits", METRICS["se_bits"].formula(new, old))
        bits = wording.versus(new.cost.bits, old.cost.bits, "stored bits")
        return f"{bits} the baseline{se}, {flops}"
    return flops
