"""Outcomes of trainings as the store keeps them.

A training ends complete, failed, or stopped by a rule. Weights are written first, then the store,
so that a crash between the two loses nothing.
"""

from __future__ import annotations

import math
from typing import Any

from unitsearch.engine import Outcome
from unitsearch.errors import DataError, StudyError
from unitsearch.study.folder import weights_path, write_file
from unitsearch.study.open_study import OpenStudy
from unitsearch.study.record import Repeat


def stored_outcome(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome of a training as plain data, as the store keeps it."""
    if outcome.state == "failed":
        return {"state": "failed", "kind": outcome.kind, "reason": outcome.reason}
    facts: dict[str, Any] = {
        "state": outcome.state,
        "accuracy": outcome.accuracy,
        "images": outcome.images,
        "curve": [round(accuracy, 6) for accuracy in outcome.curve],
        "loss_curve": [_finite(loss) for loss in outcome.loss_curve],
        "train_seconds": round(outcome.train_seconds, 3),
        "digest": outcome.digest,
        "plan": outcome.plan,
    }
    if outcome.rungs:
        facts["rungs"] = [round(accuracy, 6) for accuracy in outcome.rungs]
        facts["rung_losses"] = [_finite(loss) for loss in outcome.rung_losses]
    if outcome.state == "stopped":
        facts |= {"epoch": outcome.epochs, "reason": outcome.reason}
    return facts


def repeat_of(outcome: Outcome, seed: int) -> Repeat:
    """Return the outcome of a complete training with another seed as the store keeps it."""
    facts = stored_outcome(outcome)
    return Repeat(
        seed=seed,
        accuracy=facts["accuracy"],
        images=facts["images"],
        curve=tuple(facts["curve"]),
        loss_curve=tuple(facts["loss_curve"]),
        train_seconds=facts["train_seconds"],
        digest=facts["digest"],
    )


def keep_training(study: OpenStudy, outcome: Outcome) -> dict[str, Any]:
    """Keep the weights of a training and what it tells of the data; return what is to be stored.

    Raises:
        DataError: If the data cannot be read before the baseline is known. Nothing is stored then,
            so that the study can be resumed with the data mended.
        StudyError: If the data have changed.
    """
    if outcome.kind == "data" and study.baseline is None:
        raise DataError(outcome.reason.removeprefix("data: "))
    if outcome.state != "failed":
        learn_data(study, outcome)
    if outcome.state == "complete":
        write_file(weights_path(study.folder, outcome.number), outcome.weights)
    return stored_outcome(outcome)


def learn_data(study: OpenStudy, outcome: Outcome) -> None:
    """Write to study.yaml what only a worker knows of the data; refuse later data that differ.

    Raises:
        StudyError: If the data have changed.
    """
    if not outcome.split_hash:
        return  # it was stopped on the ladder: its images are part of the study's
    split = study.manifest.split
    if split is None:
        study.learn(
            split=outcome.split_hash,
            classes=tuple(outcome.classes),
            mean=tuple(outcome.mean),
            std=tuple(outcome.std),
        )
    elif split != outcome.split_hash:
        raise StudyError(
            f"the data have changed: their split is {outcome.split_hash}, the study's is {split}",
            fix="put the files back that the study began with, or start a new study",
        )


def _finite(loss: float) -> float | None:
    """Return a loss as JSON can hold it, None where it is not finite."""
    return round(loss, 6) if math.isfinite(loss) else None
