"""What is known of a network beside the network: where it is from, how it was trained, how good."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from unitsearch import wording
from unitsearch.architecture import Architecture, key
from unitsearch.exports.markdown import code
from unitsearch.metrics import METRICS, standard_error
from unitsearch.study.record import Record, Trial
from unitsearch.study.tables import front_trials

_COSTS = ("params", "macs", "flops", "macs_shared", "bits")
_SHOWN = ("ce", "se", "se_bits", "tca", "tsa")


@dataclass(frozen=True)
class Accuracy:
    """An accuracy and what it was measured on.

    Attributes:
        split: ``validation`` or ``test``.
        value: A fraction.
        images: How many images; None if that was not recorded.
        error: Standard error of the images; None if that is not known.
    """

    split: str
    value: float
    images: int | None
    error: float | None


@dataclass(frozen=True)
class Story:
    """What a card tells that the network itself does not; texts are Markdown.

    Attributes:
        origin: Where it is from.
        accuracies: What it reached, with one seed.
        choice: How it came to be chosen, as far as that concerns the accuracies.
        baseline: Costs beside the baseline's, by the names of costs.
        metrics: Metrics by name.
        data: What it was trained on, by label.
        recipe: How, by key.
        retrain: The command that trains it again; empty if nothing is known of that.
    """

    origin: str
    accuracies: tuple[Accuracy, ...] = ()
    choice: str = ""
    baseline: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    recipe: Mapping[str, str] = field(default_factory=dict)
    retrain: str = ""


def of_trial(record: Record, trial: Trial, retrain: str) -> Story:
    """Return the story of a trial."""
    config, base = record.config, record.baseline
    versions = record.facts.get("versions", {})
    made = f" with torch {code(versions['torch'])}" if "torch" in versions else ""
    origin = (
        f"Trial {trial.number} of the study {code(record.name)}, a search by unitsearch in the "
        f"space {code(record.facts['space']['name'])}, trained{made}, seed {trial.seed}."
    )
    front = front_trials(record)
    on_front = any(one.number == trial.number for one in front)
    place = f"one of {len(front)} on" if on_front else "not on"
    choice = (
        f"It is {place} the front of {wording.count(len(record.complete), 'complete trial')}. "
        "Fronts are chosen by validation accuracy, which therefore flatters their members; the "
        "test images took no part in that."
    )
    baseline, metrics = {}, {}
    if base is not None:
        baseline = {n: wording.fewer(getattr(trial.cost, n), getattr(base.cost, n)) for n in _COSTS}
        shown = _SHOWN if record.shares_filters else [n for n in _SHOWN if n != "se_bits"]
        metrics = {n: METRICS[n].formula(trial.measured, base.measured) for n in shown}
    classes = record.facts.get("classes")
    data = {
        "data set": code(config["data"]["name"]),
        "classes": str(len(classes)) if classes else "",
        "validation images": f"{trial.images:,}",
        "test images": f"{trial.test_images:,}" if trial.test_images else "",
        "split (hash of the images of each part)": code(record.facts["split"])
        if record.facts.get("split")
        else "",
        "augmentation": code(config["data"].get("augment", "none")),
    }
    return Story(
        origin=origin,
        accuracies=_accuracies(trial),
        choice=choice,
        baseline=baseline,
        metrics={n: v for n, v in metrics.items() if math.isfinite(v)},
        data={label: said for label, said in data.items() if said},
        recipe={k: _setting(v) for k, v in config["train"].items() if v is not None},
        retrain=retrain,
    )


def of_file(architecture: Architecture, named: str, retrain: str, *, is_trained: bool) -> Story:
    """Return the story of an architecture file, as far as its provenance tells it.

    A provenance of another network, because the layers were edited, tells nothing.
    """
    said = architecture.provenance or {}
    origin = f"Made from {code(named)}."
    if said.get("key") not in (None, key(architecture)):
        origin += f" Its provenance is that of another network, {code(said['key'])}, and left out."
        said = {}
    if said.get("study") is not None:
        origin += f" That is trial {code(said.get('trial'))} of the study {code(said['study'])}."
    if said.get("space") is not None:
        origin += f" It is a member of the space {code(said['space'])}."
    found = []
    if is_trained:
        for split, name in (("validation", "accuracy"), ("test", "test_accuracy")):
            value = _number(said.get(name))
            counted = re.match(r"([0-9]+) ", str(said.get(f"{name}_of", "")))
            images = int(counted[1]) if counted else None
            error = _number(said.get("accuracy_se")) if name == "accuracy" else None
            if value is not None and error is None and images:
                error = standard_error(value, images)
            if value is not None:
                found.append(Accuracy(split, value, images, error))
    data = {
        "data set": said.get("data"),
        "split (hash of the images of each part)": said.get("split"),
    }
    recipe = {"name": said.get("recipe"), "epochs": said.get("epochs"), "seed": said.get("seed")}
    return Story(
        origin=origin,
        accuracies=tuple(found),
        choice="All this is what the file tells; nothing was evaluated again." if found else "",
        data={label: code(value) for label, value in data.items() if value is not None},
        recipe={label: code(value) for label, value in recipe.items() if value is not None},
        retrain=retrain,
    )


def _accuracies(trial: Trial) -> tuple[Accuracy, ...]:
    found = []
    if trial.accuracy is not None:
        found.append(Accuracy("validation", trial.accuracy, trial.images, trial.accuracy_se))
    if trial.test_accuracy is not None:
        error = standard_error(trial.test_accuracy, trial.test_images)
        found.append(Accuracy("test", trial.test_accuracy, trial.test_images, error))
    return tuple(found)


def _setting(value: Any) -> str:
    return code(str(value).lower() if isinstance(value, bool) else value)


def _number(value: Any) -> float | None:
    """Return a fraction that a file states; None where it is anything else."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= 1 else None
