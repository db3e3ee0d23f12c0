"""The result of a study in sentences, and the two trials that it names."""

from __future__ import annotations

from unitsearch import wording
from unitsearch.metrics import METRICS
from unitsearch.study.recommended import belief_of, believed, best_trial
from unitsearch.study.record import Record, Trial


def lightest_unresolved(record: Record) -> Trial | None:
    """Return the front's member with the fewest FLOPs within two standard errors of the best.

    The error is that of the best one's accuracy by model.
    """
    best = best_trial(record)
    if best is None:
        return None
    belief = belief_of(record, best)
    error = best.accuracy_se if belief is None else belief.accuracy_se
    least = believed(record, best).accuracy - 2 * (error or 0.0)
    equal = [t for t in record.front if believed(record, t).accuracy >= least]
    return min(equal, key=lambda t: (t.cost.flops, -believed(record, t).accuracy))


def finding(record: Record) -> list[str]:
    """Return the result of a study, in sentences."""
    best, base = best_trial(record), record.baseline
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
        f"Best {wording.believed_accuracy(record, best)} by model (validation,"
        f" {wording.count(best.seeds, 'seed')}, {wording.count(best.images, 'image')});"
        f" {_against(record, best, base)}."
    ]
    if not best.is_baseline:
        base_accuracy = wording.believed_accuracy(record, base)
        sentences[0] = f"{sentences[0][:-1]}, which has {base_accuracy}."
    light = lightest_unresolved(record)
    if light is not None and light.number != best.number:
        sentences.append(
            f"Within two standard errors of it: trial {light.number},"
            f" {wording.believed_accuracy(record, light)}, {_against(record, light, base)}."
        )
    luck = wording.optimism(record)
    return [*sentences, luck] if luck else sentences


def _against(record: Record, trial: Trial, base: Trial) -> str:
    if trial.is_baseline:
        return "it is the baseline itself"
    new, old = believed(record, trial), believed(record, base)
    ce = wording.efficiency("CE", METRICS["ce"].formula(new, old))
    flops = f"{wording.versus(new.cost.flops, old.cost.flops, 'FLOPs')} the baseline{ce}"
    if record.shares_filters:
        se = wording.efficiency("SE in bits", METRICS["se_bits"].formula(new, old))
        bits = wording.versus(new.cost.bits, old.cost.bits, "stored bits")
        return f"{bits} the baseline{se}, {flops}"
    return flops
