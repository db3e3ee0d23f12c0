"""The facts of a study that commands print: its state, its trials, its progress, its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unitsearch.api.studies import best_trial, load_study

if TYPE_CHECKING:
    from unitsearch.metrics import Measured
    from unitsearch.study.progress import End, Progress
    from unitsearch.study.record import Record, Trial

STATES = ("complete", "stopped", "failed", "running", "waiting")
_FEW = 0.05  # of all trials: with fewer at the floor, the floor is probably too high
_ENOUGH = 20  # complete trials before the advice is printed


def is_study(name: str) -> bool:
    """Return whether a name or folder is a study's."""
    from unitsearch.study.folder import STUDIES
    from unitsearch.study.manifest import MANIFEST

    return any((folder / MANIFEST).is_file() for folder in (Path(name), Path(STUDIES) / name))


def study_status(study: str) -> dict[str, Any]:
    """Return a study's state, the number of its trials in each state, its front and its best.

    The front and the best are those by the model; ``best_accuracy`` is the best's one training.
    """
    return status_row(load_study(study).record)


def status_row(record: Record) -> dict[str, Any]:
    """Return the state of a record, as ``study_status`` does."""
    from unitsearch.study.state import study_state
    from unitsearch.study.tables import hypervolume_history, true_hypervolume

    best = best_trial(record)
    belief = record.beliefs[best.number] if best else None
    history = hypervolume_history(record)
    states = [trial.state for trial in record.trials]
    return {
        "name": record.name,
        "state": study_state(record),
        "budget_trials": record.manifest.config.budget.trials,
        **{name: states.count(name) for name in STATES},
        "front": len(record.front),
        "best_accuracy": best.accuracy if best else None,
        "hypervolume": history[-1][1] if history else None,
        "folder": str(record.folder),
        "best_accuracy_model": belief.accuracy if belief else None,
        "best_accuracy_model_se": belief.accuracy_se if belief else None,
        "optimism": record.optimism,
        "hypervolume_true": true_hypervolume(record),
        "repeats": record.repeats,
    }


@dataclass(frozen=True)
class TrialTable:
    """Trials of a study, one row each.

    Attributes:
        rows: The rows, with the columns of trials.csv.
        shares_filters: Whether the study's space has binary filters, whose costs in bits differ.
    """

    rows: list[dict[str, Any]]
    shares_filters: bool


def trial_table(study: str, *, front_only: bool = False) -> TrialTable:
    """Return the trials of a study, or those of its front, in the order of their numbers."""
    from unitsearch.study.tables import rows

    record = load_study(study).record
    kept = [row for row in rows(record) if row["front"] or not front_only]
    return TrialTable(kept, record.shares_filters)


@dataclass(frozen=True)
class LiveFacts:
    """The facts of a study that runs, by raw accuracies: no model is fitted while it searches.

    Attributes:
        ended: The number of trials that count towards the budget: complete or stopped ones.
        stopped: The number of trials that were stopped early.
        failed: The number of trials that failed.
        front: The number of architectures on the raw front.
        hypervolume: The raw front's, None before there is one.
        best: The most accurate trial of the raw front, the baseline only if it is alone there.
        seconds_left: An estimate from the trainings so far, None before the first.
    """

    ended: int
    stopped: int
    failed: int
    front: int
    hypervolume: float | None
    best: Trial | None
    seconds_left: float | None


def live_facts(progress: Progress) -> LiveFacts:
    """Return the facts of a study that runs; the front of a large study takes long."""
    from unitsearch.study.tables import hypervolume_history

    record = progress.record
    history = hypervolume_history(record)
    times = [trial.train_seconds for trial in record.complete if trial.train_seconds]
    states = Counter(trial.state for trial in record.trials)
    front = record.raw_front
    chosen = [trial for trial in front if not trial.is_baseline] or front
    left = max(0, wanted_trials(progress) - record.counted) / progress.workers
    return LiveFacts(
        ended=record.counted,
        stopped=states["stopped"],
        failed=states["failed"],
        front=len(front),
        hypervolume=history[-1][1] if history else None,
        best=max(chosen, key=lambda t: (t.accuracy or 0.0, -t.cost.flops), default=None),
        seconds_left=left * sum(times) / len(times) if times else None,
    )


def wanted_trials(progress: Progress) -> int:
    """Return the number of trials after which a running study is done."""
    return progress.record.manifest.config.budget.trials


def closing_text(end: End, resumed: str) -> str:
    """Return the result of a run and the next command, in one line.

    Args:
        end: The end of the run.
        resumed: The name by which the next command finds the study.
    """
    from unitsearch.wording import count

    record = end.record
    complete = len(record.complete)
    early = record.counted - complete
    stopped = f", {early} stopped early" if early else ""
    ended = count(complete, "complete trial")
    why = {
        "budget": f"{count(complete, 'trial')} complete{stopped}",
        "minutes": f"time is up after {ended}",
        "exhausted": f"the space is exhausted: no untried architecture is left after {complete}",
        "interrupted": f"interrupted after {ended}; everything is saved",
    }[end.why or "budget"]
    lines = [f"{why}: {best_text(record)}"]
    able = sum((trial.accuracy or 0.0) >= record.floor for trial in record.complete)
    if complete >= _ENOUGH and able < _FEW * complete:
        lines.append(
            f"the floor of {100 * record.floor:.1f} % leaves {able} of {complete} trials: lower it?"
        )
    limit = record.manifest.config.latency_limit
    measured = [t.searched_latency[1] for t in record.complete if t.searched_latency is not None]
    if limit is not None and len(measured) > 1 and min(measured[1:]) > limit:
        lines.append(
            f"no trial kept limits.latency_us={1e3 * limit:g}: the fastest took "
            f"{1e3 * min(measured[1:]):.3g} µs; raise it"
        )
    lines.append(f"open {record.folder / 'report.html'}")
    if end.why == "interrupted":
        lines.append(f"next: unitsearch resume {resumed}")
    else:
        lines.append(f"next: unitsearch export {resumed} --front -o exported")
    return "; ".join(lines)


def accuracy_text(trial: Trial) -> str:
    """Return a trial's validation accuracy and its standard error in percent."""
    return f"{100 * (trial.accuracy or 0):.1f} ± {100 * (trial.accuracy_se or 0):.1f} %"


def best_text(record: Record) -> str:
    """Return the best of a study and the size of its front, both by the model, for a line."""
    from unitsearch import wording

    best, baseline = best_trial(record), record.baseline
    if best is None or baseline is None:
        return "nothing reaches the floor yet"
    in_bits = bool({"bits", "se_bits"} & set(record.manifest.config.objectives))
    against = "it is the baseline"
    if not best.is_baseline:
        against = _against(record, best, baseline, in_bits=in_bits)
    seeds = wording.count(best.seeds, "seed")
    return (
        f"best {_believed_text(record, best)} (validation, by the model, {seeds}), {against}; "
        f"{len(record.front)} on the front"
    )


def _believed_text(record: Record, trial: Trial) -> str:
    """Return the accuracy that the model gives to a trial, and its standard error, in percent."""
    from unitsearch import wording

    belief = record.beliefs[trial.number]
    return wording.percent(belief.accuracy, belief.accuracy_se)


def _against(record: Record, best: Trial, baseline: Trial, *, in_bits: bool) -> str:
    from unitsearch import wording
    from unitsearch.metrics import ce, se_bits
    from unitsearch.study.recommended import believed

    new, old = believed(record, best), believed(record, baseline)

    def efficiency(name: str, formula: Callable[[Measured, Measured], float]) -> str:
        # what the model gives to a baseline that answered nothing says nothing of efficiency
        return wording.efficiency(name, formula(new, old)) if baseline.accuracy else ""

    flops = wording.versus(new.cost.flops, old.cost.flops, "FLOPs")
    text = f"{flops} the baseline's {_believed_text(record, baseline)}{efficiency('CE', ce)}"
    if in_bits:
        bits = wording.fewer(new.cost.bits, old.cost.bits)
        text += f" and {bits} stored bits{efficiency('SE in bits', se_bits)}"
    return text
