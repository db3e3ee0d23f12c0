"""The words of a report, each with its meaning for the study that it shows."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import sqrt

from unitsearch import wording
from unitsearch.study.record import Record
from unitsearch.views.pages.findings import best_trial


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
    best = best_trial(record)
    resolution = ""
    if best is not None and best.accuracy_se is not None:
        # Both networks saw the same images; the binomial bound ignores that, on the safe side.
        alone, both = 200 * best.accuracy_se, 200 * sqrt(2) * best.accuracy_se
        resolution = (
            f" Here two standard errors of the best are {alone:.1f} points (of the difference of"
            f" two such networks {both:.1f})."
        )
    floor = f", here {wording.percent(record.floor)}" if record.floor else ""
    terms: Sequence[tuple[str, str]] = (
        (
            "accuracy",
            f"The share of the {number}{on} images that the network gets right after the last"
            f" epoch; one seed for each training. {test_use}",
        ),
        (
            "± standard error",
            "One binomial standard error from the number of images; the spread over seeds is not in"
            " it. Differences smaller than about two standard errors are not resolved: this study"
            f" cannot say which of two such networks is better.{resolution}",
        ),
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
            "Complete trials from the floor up that none dominates by the study's objectives. The"
            " steps in a figure are the front of its two axes alone.",
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
