"""The facts of a card that the network itself does not hold: origin, training, accuracy."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from unitsearch import wording
from unitsearch.architecture import Architecture, key
from unitsearch.exports.markdown import code
from unitsearch.fields import write_all
from unitsearch.metrics import METRICS, standard_error
from unitsearch.study.recommended import belief_of, believed
from unitsearch.study.record import Record, Trial

_COSTS = ("params", "macs", "flops", "macs_shared", "bits", "activation_bytes")
_SHOWN = ("ce", "se", "se_bits", "tca", "tsa")


@dataclass(frozen=True)
class MeasuredAccuracy:
    """An accuracy and the images that it was measured on.

    Attributes:
        split: ``validation`` or ``test``.
        value: A fraction.
        images: The number of images; None if it was not recorded.
        error: Binomial standard error over the images, or that of the model; None if it is not
            known.
        seeds: The number of trainings of the network behind it.
        by_model: Whether the model expects it of another training, or one training had it.
    """

    split: str
    value: float
    images: int | None
    error: float | None
    seeds: int = 1
    by_model: bool = False


@dataclass(frozen=True)
class CardFacts:
    """The facts of a card that the network itself does not hold; texts are Markdown.

    Attributes:
        origin: The study or file that the network comes from.
        accuracies: The accuracies that it reached, and that another training is expected to reach.
        choice: The way in which the network was selected, which may bias the accuracies.
        baseline: Costs relative to the baseline's, by the names of costs.
        metrics: Metrics by name.
        data: The training data, by label.
        recipe: The settings of the training, by key.
        retrain: The command that trains it again; empty if that is not known.
    """

    origin: str
    accuracies: tuple[MeasuredAccuracy, ...] = ()
    choice: str = ""
    baseline: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    recipe: Mapping[str, str] = field(default_factory=dict)
    retrain: str = ""


def trial_card_facts(record: Record, trial: Trial, retrain: str) -> CardFacts:
    """Return the facts of a trial."""
    manifest, base = record.manifest, record.baseline
    versions = manifest.versions
    torch_used = f" with torch {code(versions['torch'])}" if "torch" in versions else ""
    origin = (
        f"Trial {trial.number} of the study {code(record.name)}, a search by unitsearch in the "
        f"space {code(manifest.space.name)}, trained{torch_used}, seed {trial.seed}."
    )
    front = record.front
    on_front = any(member.number == trial.number for member in front)
    place = f"one of {len(front)} on" if on_front else "not on"
    belief = belief_of(record, trial)
    choice = (
        f"It is {place} the front of {wording.count(len(record.complete), 'complete trial')}, "
        "which is chosen by the accuracy by model"
    )
    if belief is not None and on_front:
        choice += f"; it belongs there with a probability of {wording.share(belief.probability)}"
    choice += (
        ". A search prefers trainings that were lucky, so that the accuracy of its own training "
        "flatters a member; the test images took no part in the search."
    )
    baseline, metrics = {}, {}
    if base is not None:
        baseline = {n: wording.fewer(getattr(trial.cost, n), getattr(base.cost, n)) for n in _COSTS}
        shown = _SHOWN if record.shares_filters else [n for n in _SHOWN if n != "se_bits"]
        new, old = believed(record, trial), believed(record, base)
        metrics = {n: METRICS[n].formula(new, old) for n in shown}
    classes = manifest.classes
    data = {
        "data set": code(manifest.config.data.name),
        "classes": str(len(classes)) if classes else "",
        "validation images": f"{trial.images:,}",
        "test images": f"{trial.test_images:,}" if trial.test_images else "",
        "split (hash of the images of each part)": code(manifest.split) if manifest.split else "",
        "augmentation": code(manifest.config.data.augment),
    }
    recipe = write_all(manifest.config.train)
    return CardFacts(
        origin=origin,
        accuracies=_accuracies(record, trial),
        choice=choice,
        baseline=baseline,
        metrics={n: v for n, v in metrics.items() if math.isfinite(v)},
        data={label: text for label, text in data.items() if text},
        recipe={k: _setting(v) for k, v in recipe.items() if v is not None},
        retrain=retrain,
    )


def file_card_facts(
    architecture: Architecture, name: str, retrain: str, *, is_trained: bool
) -> CardFacts:
    """Return the facts in the provenance of an architecture file.

    A provenance with the key of another network, as after an edit of the layers, is left out.
    """
    provenance = architecture.provenance or {}
    origin = f"Made from {code(name)}."
    if provenance.get("key") not in (None, key(architecture)):
        origin += (
            f" Its provenance is that of another network, {code(provenance['key'])}, and left out."
        )
        provenance = {}
    if provenance.get("study") is not None:
        trial = code(provenance.get("trial"))
        origin += f" That is trial {trial} of the study {code(provenance['study'])}."
    if provenance.get("space") is not None:
        origin += f" It is a member of the space {code(provenance['space'])}."
    accuracies = []
    expected = _fraction(provenance.get("accuracy_model"))
    if is_trained and expected is not None:
        seeds = provenance.get("seeds")
        accuracies.append(
            MeasuredAccuracy(
                "validation",
                expected,
                None,
                _fraction(provenance.get("accuracy_model_se")),
                seeds if isinstance(seeds, int) else 1,
                by_model=True,
            )
        )
    if is_trained:
        for split, field_name in (("validation", "accuracy"), ("test", "test_accuracy")):
            value = _fraction(provenance.get(field_name))
            counted = re.match(r"([0-9]+) ", str(provenance.get(f"{field_name}_of", "")))
            images = int(counted[1]) if counted else None
            is_validation = field_name == "accuracy"
            error = _fraction(provenance.get("accuracy_se")) if is_validation else None
            if value is not None and error is None and images:
                error = standard_error(value, images)
            if value is not None:
                accuracies.append(MeasuredAccuracy(split, value, images, error))
    data = {
        "data set": provenance.get("data"),
        "split (hash of the images of each part)": provenance.get("split"),
    }
    recipe = {
        "name": provenance.get("recipe"),
        "epochs": provenance.get("epochs"),
        "seed": provenance.get("seed"),
    }
    return CardFacts(
        origin=origin,
        accuracies=tuple(accuracies),
        choice="These values are from the file; nothing was evaluated again." if accuracies else "",
        data={label: code(value) for label, value in data.items() if value is not None},
        recipe={label: code(value) for label, value in recipe.items() if value is not None},
        retrain=retrain,
    )


def _accuracies(record: Record, trial: Trial) -> tuple[MeasuredAccuracy, ...]:
    accuracies = []
    belief = belief_of(record, trial)
    if belief is not None:
        accuracies.append(
            MeasuredAccuracy(
                "validation", belief.accuracy, trial.images, belief.accuracy_se, belief.seeds,
                by_model=True,
            )
        )  # fmt: skip
    if trial.accuracy is not None:
        accuracies.append(
            MeasuredAccuracy("validation", trial.accuracy, trial.images, trial.accuracy_se)
        )
    if trial.test_accuracy is not None:
        error = standard_error(trial.test_accuracy, trial.test_images)
        accuracies.append(MeasuredAccuracy("test", trial.test_accuracy, trial.test_images, error))
    return tuple(accuracies)


def _setting(value: Any) -> str:
    return code(str(value).lower() if isinstance(value, bool) else value)


def _fraction(value: Any) -> float | None:
    """Return a fraction that a file states; None where it is anything else."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= 1 else None
