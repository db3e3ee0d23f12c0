"""The heads of report pages; text that comes from files is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from statistics import median

from unitsearch import wording
from unitsearch.study.recommended import belief_of, best_trial
from unitsearch.study.record import Record, Trial
from unitsearch.views.drawing import drawing
from unitsearch.views.figures.trial_states import state_counts
from unitsearch.views.pages.findings import finding, lightest_unresolved

Colours = Mapping[str, str]  # the colour of each kind of unit


def header(record: Record, title: str, intro: str, colours: Colours | None = None) -> str:
    """Return the head of a report: the search, its result, and three networks to compare.

    Args:
        record: The study.
        title: The line above its name.
        intro: A sentence on how to use the page; may be empty.
        colours: The colour of each kind of unit in the drawings; None for no drawings.
    """
    config, recipe = record.manifest.config, record.manifest.config.train
    is_search = record.manifest.accuracy == "validation"  # else trainings made again
    settings = {
        "search space": config.space,
        "data": config.data.name,
        "recipe": f"{recipe.name}, epochs {recipe.epochs}, batch {recipe.batch}",
        "sampler": config.sampler.name if is_search else "",
        "seed": str(config.seed) if is_search else "",
        "objectives": ", ".join(config.objectives),
        "trials": state_counts(record.trials) or "none yet",
        "stopping rule": _stopping(record) if is_search else "",
        "verification": _verification(record) if is_search else "",
    }
    shown = "".join(
        f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>"
        for name, value in settings.items()
        if value not in ("", "–")
    )
    sentences = "".join(f"<p>{_unbroken(escape(text))}</p>" for text in finding(record))
    help_text = f'<p class="note">{escape(intro)}</p>' if intro else ""
    return (
        f'<header><p class="over">{escape(title)}</p><h1>{escape(record.name)}</h1>'
        f'<div class="finding">{sentences}</div><dl class="facts">{shown}</dl>'
        f"{_cards(record, colours)}{help_text}</header>"
    )


def _stopping(record: Record) -> str:
    """Return the stopping rule, and the training that it saved."""
    rule = record.manifest.config.stopping.name
    whole = record.manifest.config.train.epochs
    stopped = [trial for trial in record.trials if trial.state == "stopped" and trial.epochs]
    if not stopped:
        return rule
    left_out = sum(whole - trial.epochs for trial in stopped)
    share = left_out / (whole * record.counted)
    # the first epochs of a training hold its start: so take those of whole trainings, if there are
    rates = [t.train_seconds / t.epochs for t in record.complete if t.train_seconds and t.epochs]
    if not rates:
        return f"{rule}, saved {100 * share:.0f} % of the epochs"
    seconds = median(rates) * left_out
    return f"{rule}, saved about {wording.duration(seconds)} ({100 * share:.0f} % of the epochs)"


def _verification(record: Record) -> str:
    """Return how many trainings with fresh seeds were made, and how many the study asks for."""
    made, wanted = record.repeats, wording.wanted_repeats(record)
    if not wanted and not made:
        return ""
    of = f" of {wanted}" if made < wanted else ""
    trainings = wording.count(wanted if of else made, "training")
    return f"{made}{of} {trainings.partition(' ')[2]} with fresh seeds"


def _unbroken(text: str) -> str:
    """Return text in which no line ends inside an accuracy."""
    return text.replace(" ± ", "\xa0±\xa0").replace(" %", "\xa0%")


def header_of_several(records: Sequence[Record], title: str, intro: str) -> str:
    """Return the head of a page that shows several studies side by side."""
    help_text = f'<p class="note">{escape(intro)}</p>' if intro else ""
    return (
        f'<header><p class="over">{escape(title)}</p>'
        f"<h1>{len(records)} studies side by side</h1>{help_text}</header>"
    )


def _cards(record: Record, colours: Colours | None) -> str:
    """Return the baseline, the best trial and the lightest one as accurate, side by side."""
    base, best, light = record.baseline, best_trial(record), lightest_unresolved(record)
    shown: dict[int, tuple[str, Trial]] = {}
    for title, trial in (
        ("Baseline", base),
        ("Most accurate found", best),
        ("Lightest within two standard errors", light),
    ):
        if trial is not None and trial.number not in shown:
            shown[trial.number] = (title, trial)
    cards = "".join(_card(record, title, trial, colours) for title, trial in shown.values())
    return f'<div class="cards">{cards}</div>' if cards else ""


def _card(record: Record, title: str, trial: Trial, colours: Colours | None) -> str:
    cost, base, in_bits = trial.cost, record.baseline, record.shares_filters
    drawn = "" if colours is None else drawing(trial.architecture, colours)
    name, size = ("stored bits", cost.bits) if in_bits else ("parameters", cost.params)
    versus = ("", "")
    if base is not None and trial.number != base.number:
        base_size = base.cost.bits if in_bits else base.cost.params
        versus = (
            f" <small>{wording.fewer(cost.flops, base.cost.flops)}</small>",
            f" <small>{wording.fewer(size, base_size)}</small>",
        )
    own = ""
    if belief_of(record, trial) is not None:
        own = f" <small>{wording.seeds_and_own(trial)}</small>"
    return (
        f'<article class="card"><h2>{title} <button class="open" data-trial="{trial.number}">'
        f"#{trial.number}</button></h2>{drawn}"
        f"<dl><div><dt>accuracy</dt><dd>{wording.believed_accuracy(record, trial)}{own}</dd></div>"
        f"<div><dt>FLOPs</dt><dd>{wording.short(cost.flops)}{versus[0]}</dd></div>"
        f"<div><dt>{name}</dt><dd>{wording.short(size)}{versus[1]}</dd></div></dl></article>"
    )
