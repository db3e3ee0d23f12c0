"""What becomes of outcomes: they are stored, weights are kept or go, the front is tested."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import islice
from typing import Any

from unitsearch.engine import Outcome
from unitsearch.errors import DataError, StudyError
from unitsearch.study.claiming import job_of
from unitsearch.study.folder import remove_checkpoint, weights_path, write_facts, write_file
from unitsearch.study.running import TICK, Run
from unitsearch.study.tables import front_trials, reference_point

# So many failures in a row say that the study itself is broken, not its candidates.
FAILURES_IN_A_ROW = 10


def tell(run: Run, outcome: Outcome) -> None:
    """Keep an outcome: weights first, then the store, so that a crash between loses nothing."""
    if outcome.number not in run.running:
        return
    if outcome.kind == "data" and run.record.baseline is None:
        raise DataError(outcome.reason.removeprefix("data: "))
    if outcome.is_complete:
        _learn(run, outcome)
        write_file(weights_path(run.folder, outcome.number), outcome.weights)
        facts: dict[str, Any] = {
            "state": "complete",
            "accuracy": outcome.accuracy,
            "images": outcome.images,
            "curve": [round(a, 6) for a in outcome.curve],
            "loss_curve": [_finite(loss) for loss in outcome.loss_curve],
            "train_seconds": round(outcome.train_seconds, 3),
            "digest": outcome.digest,
            "plan": outcome.plan,
        }
    else:
        facts = {"state": "failed", "kind": outcome.kind, "reason": outcome.reason}
    run.store.finish(outcome.number, facts)
    remove_checkpoint(run.folder, outcome.number)
    del run.running[outcome.number]
    trial = run.store.trial(outcome.number)
    run.put(trial)
    prune(run)
    if outcome.is_complete:
        run.report(f"trial {trial.number} complete: {100 * (trial.accuracy or 0):.1f} %")
    else:
        run.report(f"trial {trial.number} failed: {trial.reason}")


def _finite(loss: float) -> float | None:
    """Return a loss as JSON can hold it, None where it is not finite."""
    return round(loss, 6) if math.isfinite(loss) else None


def _learn(run: Run, outcome: Outcome) -> None:
    """Add to study.yaml what only a worker could tell; hold later workers against it."""
    split = run.facts.get("split")
    if split is None:
        run.facts["split"] = outcome.split_hash
        run.facts["classes"] = list(outcome.classes)
        run.facts["mean"] = list(outcome.mean)
        run.facts["std"] = list(outcome.std)
        write_facts(run.folder, run.facts)
    elif split != outcome.split_hash:
        raise StudyError(
            f"the data have changed: their split is {outcome.split_hash}, the study's is {split}",
            fix="put the files back that the study began with, or start a new study",
        )


def check_health(run: Run) -> None:
    """Note the reference point once the baseline is known; end a study that cannot go well.

    Raises:
        StudyError: If the baseline failed, or too many trials in a row.
    """
    first = run.trials.get(0)
    if first is not None and first.state == "failed":
        diverged = first.reason.startswith("diverged")
        recipe = "try another recipe (train.rate=…, train.epochs=…), data or baseline"
        raise StudyError(
            f"the baseline failed ({first.reason}), so nothing can be compared with it",
            fix=recipe if diverged else f"see {run.folder / 'workers.log'}",
        )
    if first is not None and first.state == "complete" and "reference" not in run.facts:
        run.facts["reference"] = list(reference_point(first))
        write_facts(run.folder, run.facts)
    # those of an earlier run are left out: what broke then may have been mended since
    ended = (
        trial
        for trial in reversed(run.trials.values())
        if trial.state in ("complete", "failed") and trial.number not in run.ended_before
    )
    last = list(islice(ended, FAILURES_IN_A_ROW))
    if len(last) == FAILURES_IN_A_ROW and all(trial.state == "failed" for trial in last):
        raise StudyError(
            f"{FAILURES_IN_A_ROW} trials in a row failed; the last: {last[0].reason}",
            fix=f"see {run.folder / 'workers.log'}",
        )


def test_front(run: Run) -> None:
    """Test the front, and the baseline, on the test images: each once, at the end."""
    record = run.record
    wanted = {trial.number: trial for trial in front_trials(record)}
    if record.baseline is not None:
        wanted[0] = record.baseline
    for trial in wanted.values():
        weights = weights_path(run.folder, trial.number)
        if trial.test_accuracy is None and weights.is_file():
            job = job_of(
                run, trial.number, "test", trial.architecture, trial.seed, weights.read_bytes()
            )
            run.running[trial.number] = job
            run.engine.submit([job])
    if run.running:
        run.report(f"testing {len(run.running)} networks on the test images")
    while run.running and not run.signal:
        for outcome in run.engine.collect(TICK):
            if not run.running.pop(outcome.number, None):
                continue
            if outcome.accuracy is None:
                run.report(f"trial {outcome.number} could not be tested: {outcome.reason}")
            else:
                run.store.test(outcome.number, outcome.accuracy, outcome.images)
        run.report()
    for trial in run.store.trials():
        run.put(trial)


def prune(run: Run) -> None:
    """Remove the weights of trials that are off the front; before the baseline is known, none."""
    record = run.record
    if record.baseline is None:
        return
    files = (run.folder / "trials").glob("*.safetensors")
    weights = {int(path.stem): path for path in files if path.stem.isdigit()}
    # what left the front stays off it: those that still have weights are compared, not all
    able = tuple(run.trials[number] for number in sorted({0, *weights} & run.trials.keys()))
    keep = {t.number for t in front_trials(replace(record, trials=able))} | {0} | set(run.running)
    for number, path in weights.items():
        if number not in keep:
            path.unlink(missing_ok=True)
