"""The words of a report, each with its meaning for the study that it shows."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import sqrt

from unitsearch import wording
from unitsearch.study.recommended import belief_of, best_trial
from unitsearch.study.record import Record


def glossary(record: Record) -> str:
    """Return a list of the words that the report uses, each with its meaning for this study."""
    images = sorted({trial.images for trial in record.complete if trial.images})
    number = f"{' or '.join(f'{n:,}' for n in images[:3])} " if images else ""
    on = wording.measured_on(record)
    test_use = (
        "Test images are looked at after each epoch, as the papers' code does; nothing is chosen by"
        " them."
        if on == "test"
        else "Search sees train and validation only; test accuracy is measured once, for the front,"
        " at the end."
    )
    floor = f", here {wording.percent(record.floor)}" if record.floor else ""
    terms: Sequence[tuple[str, str]] = (
        (
            "accuracy",
            f"The share of the {number}{on} images that the network gets right after the last"
            f" epoch of a training. {test_use}",
        ),
        *_beliefs(record),
        ("± standard error", _standard_error(record)),
        (
            "FLOPs",
            "The papers' convention: twice the multiply-accumulates, plus 2 for each output with a"
            " bias and 4 for each batch-norm element. It is never 2 × MACs.",
        ),
        (
            "MACs",
            "Multiply-accumulates of convolutions and linear layers on one image, only these.",
        ),
        (
            "CE",
            "Computation efficiency: (accuracy / FLOPs) over the baseline's; 1 is the baseline.",
        ),
        *_storage(record),
        (
            "baseline",
            "Trial 0: trained here with the same data, recipe and kind of seed as all others.",
        ),
        (
            "floor",
            f"The accuracy from which a trial counts{floor}; without it CE would reward a network"
            " that costs nothing and knows nothing.",
        ),
        *_stopping(record),
        (
            "front",
            "Complete trials from the floor up that none dominates by the study's objectives"
            f"{_by_model(record)}. The steps in a figure are the front of its two axes alone.",
        ),
        (
            "single, hybrid",
            "A stack of equal units, and one that mixes units of more than one kind. 1-2-1 is a"
            " unit of one input, two hidden and one output node.",
        ),
    )
    return (
        '<dl class="words">'
        + "".join(
            f"<div><dt>{term}</dt><dd>{escape(meaning)}</dd></div>" for term, meaning in terms
        )
        + "</dl>"
    )


def _standard_error(record: Record) -> str:
    best = best_trial(record)
    belief = None if best is None else belief_of(record, best)
    if belief is None:
        text = (
            "One binomial standard error from the number of images; the spread over seeds is not in"
            " it."
        )
        error = None if best is None else best.accuracy_se
    else:
        text = (
            "Of an accuracy by model: the standard deviation that the model leaves. Of a single"
            " training or of test images: binomial, from the number of images, without the spread"
            " over seeds."
        )
        error = belief.accuracy_se
    text += (
        " Differences smaller than about two standard errors are not resolved: this study cannot"
        " say which of two such networks is better."
    )
    if error is None:
        return text
    # Errors of two networks may go together; the bound ignores that, on the safe side.
    return (
        f"{text} Here two standard errors of the best are {200 * error:.1f} points (of the"
        f" difference of two such networks {200 * sqrt(2) * error:.1f})."
    )


def _by_model(record: Record) -> str:
    return " and their accuracies by model" if record.beliefs else ""


def _beliefs(record: Record) -> Sequence[tuple[str, str]]:
    """Return the words that a recommendation needs; none for trainings made again."""
    if not record.beliefs:
        return ()
    return (
        (
            "accuracy by model",
            f"{wording.BELIEF_MEANING} The front, CE, SE and the figures go by it; where single"
            " trainings are shown, the page says so.",
        ),
        (
            "own training, seeds",
            "The accuracy of the trial's own training is one draw of luck, and the best of many"
            " such draws is too high. Seeds are the trainings of the network: its own and those"
            " with fresh seeds, which verify it.",
        ),
        (
            "on the front",
            "How likely the network belongs to the true front, by joint draws from the model. A"
            " member below 50 % is doubtful, and pale.",
        ),
    )


def _stopping(record: Record) -> Sequence[tuple[str, str]]:
    if not any(trial.state == "stopped" for trial in record.trials):
        return ()
    meaning = (
        "The study's stopping rule ended the training before its last epoch. Such a trial has a"
        " cost and a curve up to that epoch; it is on no front."
    )
    return (("stopped early", meaning),)


def _storage(record: Record) -> Sequence[tuple[str, str]]:
    if not record.shares_filters:
        meaning = (
            "Storage efficiency: (accuracy / parameters) over the baseline's; 1 is the baseline."
        )
        return (("SE", meaning),)
    return (
        (
            "stored bits",
            "What the network takes when it is stored: 1 bit for a binary weight, 32 for any other,"
            " and the selections of shared filters. Parameters say nothing of the size of such"
            " networks.",
        ),
        (
            "SE in bits",
            "Storage efficiency: (accuracy / stored bits) over the baseline's; 1 is the baseline.",
        ),
    )
