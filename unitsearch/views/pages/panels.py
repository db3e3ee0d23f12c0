"""The parts of a page that are text and tables; everything that comes from files is escaped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from math import sqrt

from unitsearch import wording
from unitsearch.architecture import Architecture
from unitsearch.architecture.description import describe
from unitsearch.metrics import METRICS, standard_error
from unitsearch.study.record import Record, Trial
from unitsearch.study.tables import front_trials, rows
from unitsearch.views.drawing import drawing

Colours = Mapping[str, str]

_FAILURES = 100  # rows of the table of failures


def header(record: Record, title: str, intro: str, colours: Colours | None = None) -> str:
    """Return the head of a report: what was searched, what was found, three networks to compare.

    Args:
        record: The study.
        title: What stands above its name.
        intro: How to use what follows; may be empty.
        colours: Of the units in the networks' drawings; None for no drawings.
    """
    config, recipe = record.manifest.config, record.manifest.config.train
    is_search = record.manifest.accuracy == "validation"  # else trainings made again
    facts = {
        "search space": config.space,
        "data": config.data.name,
        "recipe": f"{recipe.name}, epochs {recipe.epochs}, batch {recipe.batch}",
        "sampler": config.sampler.name if is_search else "",
        "seed": str(config.seed) if is_search else "",
        "objectives": ", ".join(config.objectives),
        "trials": _states(record),
    }
    shown = "".join(
        f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>"
        for name, value in facts.items()
        if value not in ("", "–")
    )
    said = "".join(f"<p>{escape(sentence)}</p>" for sentence in finding(record))
    help_text = f'<p class="note">{escape(intro)}</p>' if intro else ""
    return (
        f'<header><p class="over">{escape(title)}</p><h1>{escape(record.name)}</h1>'
        f'<div class="finding">{said}</div><dl class="facts">{shown}</dl>'
        f"{_cards(record, colours)}{help_text}</header>"
    )


def header_of_several(records: Sequence[Record], title: str, intro: str) -> str:
    """Return the head of a page that shows several studies side by side."""
    help_text = f'<p class="note">{escape(intro)}</p>' if intro else ""
    return (
        f'<header><p class="over">{escape(title)}</p>'
        f"<h1>{len(records)} studies side by side</h1>{help_text}</header>"
    )


def _states(record: Record) -> str:
    found = Counter(trial.state for trial in record.trials)
    order = ("complete", "failed", "stopped", "running", "waiting")
    return ", ".join(f"{found[state]:,} {state}" for state in order if found[state]) or "none yet"


def best_trial(record: Record) -> Trial | None:
    """Return the front's most accurate trial, the cheaper of equals; the baseline if alone."""
    chosen = front_trials(record)
    chosen = [trial for trial in chosen if not trial.is_baseline] or chosen
    return min(chosen, key=lambda t: (-(t.accuracy or 0.0), t.cost.flops), default=None)


def lightest_unresolved(record: Record) -> Trial | None:
    """Return the front's member with the fewest FLOPs within two standard errors of the best."""
    best = best_trial(record)
    if best is None:
        return None
    least = (best.accuracy or 0.0) - 2 * (best.accuracy_se or 0.0)
    able = [t for t in front_trials(record) if (t.accuracy or 0.0) >= least]
    return min(able, key=lambda t: (t.cost.flops, -(t.accuracy or 0.0)))


def finding(record: Record) -> list[str]:
    """Return what the study found, in sentences."""
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
    said = [
        f"Best {wording.accuracy(best)} (validation, 1 seed,"
        f" {wording.count(best.images, 'image')}); {_against(best, base, in_bits=in_bits)}."
    ]
    if not best.is_baseline:
        said[0] = f"{said[0][:-1]}, which has {wording.accuracy(base)}."
    light = lightest_unresolved(record)
    if light is not None and light.number != best.number:
        said.append(
            f"Within two standard errors of it: trial {light.number},"
            f" {wording.accuracy(light)}, {_against(light, base, in_bits=in_bits)}."
        )
    return said


def _against(trial: Trial, base: Trial, *, in_bits: bool) -> str:
    if trial.is_baseline:
        return "it is the baseline itself"
    new, old = trial.measured, base.measured
    ce = wording.efficiency("CE", METRICS["ce"].formula(new, old))
    said = f"{wording.versus(new.cost.flops, old.cost.flops, 'FLOPs')} the baseline{ce}"
    if in_bits:
        se = wording.efficiency("SE in bits", METRICS["se_bits"].formula(new, old))
        bits = wording.versus(new.cost.bits, old.cost.bits, "stored bits")
        said = f"{bits} the baseline{se}, {said}"
    return said


def _cards(record: Record, colours: Colours | None) -> str:
    """The baseline, the best and the lightest that cannot be told from it, side by side."""
    base, best, light = record.baseline, best_trial(record), lightest_unresolved(record)
    shown: dict[int, tuple[str, Trial]] = {}
    for title, trial in (
        ("Baseline", base),
        ("Most accurate found", best),
        ("Lightest within two standard errors", light),
    ):
        if trial is not None and trial.number not in shown:
            shown[trial.number] = (title, trial)
    cards = "".join(
        _card(title, trial, base, colours, in_bits=record.shares_filters)
        for title, trial in shown.values()
    )
    return f'<div class="cards">{cards}</div>' if cards else ""


def _card(
    title: str, trial: Trial, base: Trial | None, colours: Colours | None, *, in_bits: bool
) -> str:
    cost = trial.cost
    drawn = "" if colours is None else drawing(trial.architecture, colours)
    name, size = ("stored bits", cost.bits) if in_bits else ("parameters", cost.params)
    versus = ("", "")
    if base is not None and trial.number != base.number:
        base_size = base.cost.bits if in_bits else base.cost.params
        versus = (
            f" <small>{wording.fewer(cost.flops, base.cost.flops)}</small>",
            f" <small>{wording.fewer(size, base_size)}</small>",
        )
    return (
        f'<article class="card"><h2>{title} <button class="open" data-trial="{trial.number}">'
        f"#{trial.number}</button></h2>{drawn}"
        f"<dl><div><dt>accuracy</dt><dd>{wording.accuracy(trial)}</dd></div>"
        f"<div><dt>FLOPs</dt><dd>{wording.short(cost.flops)}{versus[0]}</dd></div>"
        f"<div><dt>{name}</dt><dd>{wording.short(size)}{versus[1]}</dd></div></dl></article>"
    )


def front_table(record: Record, colours: Colours) -> str:
    """Return the front as a table that its headings sort."""
    trials = {trial.number: trial for trial in front_trials(record)}
    if not trials:
        return f'<p class="none">{escape(finding(record)[0])}</p>'
    tested = any(trial.test_accuracy is not None for trial in trials.values())
    heads = ["trial", "drawing", "units", "accuracy", *(["test"] if tested else [])]
    in_bits = record.shares_filters
    size, efficiency = ("bits", "se_bits") if in_bits else ("params", "se")
    said = "SE in bits" if in_bits else "SE"
    heads += [size, "MACs", "FLOPs", "CE", said, "file"]
    shown = "".join(
        f"<th scope='col'>{head}</th>"
        if head in ("drawing", "units", "file")
        else f'<th scope="col" aria-sort="none"><button class="sort">{head}</button></th>'
        for head in heads
    )
    found = [row for row in rows(record) if row["front"]]
    found.sort(key=lambda row: (-(row["accuracy"] or 0.0), row["flops"]))
    body = []
    for row in found:
        trial = trials[row["number"]]
        test = ""
        if tested:
            error = None
            if trial.test_accuracy is not None and trial.test_images:
                error = standard_error(trial.test_accuracy, trial.test_images)
            test = _cell("test", trial.test_accuracy, wording.percent(trial.test_accuracy, error))
        base = ' <span class="tag">baseline</span>' if trial.is_baseline else ""
        body.append(
            f'<tr data-trial="{trial.number}"><th scope="row" data-v="{trial.number}">'
            f'<button class="open" data-trial="{trial.number}">#{trial.number}</button>{base}</th>'
            f'<td class="picture">{drawing(trial.architecture, colours)}</td>'
            f'<td class="units">{units_html(trial.architecture)}</td>'
            + _cell("accuracy", trial.accuracy, wording.accuracy(trial))
            + test
            + _cell(size, row[size], wording.short(row[size]))
            + _cell("MACs", trial.cost.macs, wording.short(trial.cost.macs))
            + _cell("FLOPs", trial.cost.flops, wording.short(trial.cost.flops))
            + _cell("CE", row["ce"], wording.ratio(row["ce"]))
            + _cell(said, row[efficiency], wording.ratio(row[efficiency]))
            + f'<td class="file"><code>front/{trial.number:05d}.yaml</code></td></tr>'
        )
    return (
        f'<div class="scroll"><table class="front"><thead><tr>{shown}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def units_html(architecture: Architecture) -> str:
    """Return the units of a network, a line for each stack; a count stays with its kind."""
    return "".join(
        "<div>"
        + " ".join(
            f"<span>{escape(part)}</span>" for part in stack.replace(" + ", "\n+ ").split("\n")
        )
        + "</div>"
        for stack in describe(architecture).split(" | ")
    )


def _cell(label: str, value: float | None, said: str) -> str:
    at = "" if value is None else f"{value:.10g}"
    return f'<td class="number" data-label="{label}" data-v="{at}">{said}</td>'


def failures(record: Record) -> str:
    """Return the trials that failed or were stopped, with their reasons; empty if none."""
    found = [trial for trial in record.trials if trial.state in ("failed", "stopped")]
    if not found:
        return ""
    body = "".join(
        f'<tr data-trial="{trial.number}"><th scope="row"><button class="open"'
        f' data-trial="{trial.number}">#{trial.number}</button></th><td>{escape(trial.state)}</td>'
        f"<td>{escape(trial.reason) or '–'}</td></tr>"
        for trial in found[:_FAILURES]
    )
    rest = len(found) - _FAILURES
    more = f'<p class="note">and {rest:,} more</p>' if rest > 0 else ""
    return (
        '<div class="scroll"><table><thead><tr><th scope="col">trial</th><th scope="col">state</th>'
        f'<th scope="col">reason</th></tr></thead><tbody>{body}</tbody></table></div>{more}'
    )


def meanings(record: Record) -> str:
    """Return what each word of the report means, for this study."""
    images = sorted({trial.images for trial in record.complete if trial.images})
    many = f"{' or '.join(f'{n:,}' for n in images[:3])} " if images else ""
    on = wording.measured_on(record)
    chosen = (
        "Test images are looked at after each epoch, as the papers' code does; nothing is chosen by"
        " them."
        if on == "test"
        else "Search sees train and validation only; test accuracy is measured once, for the front,"
        " at the end."
    )
    best = best_trial(record)
    limit = ""
    if best is not None and best.accuracy_se is not None:
        # Both networks saw the same images; the binomial bound ignores that, on the safe side.
        alone, both = 200 * best.accuracy_se, 200 * sqrt(2) * best.accuracy_se
        limit = (
            f" Here two standard errors of the best are {alone:.1f} points (of the difference of"
            f" two such networks {both:.1f})."
        )
    floor = f", here {wording.percent(record.floor)}" if record.floor else ""
    terms: Sequence[tuple[str, str]] = (
        (
            "accuracy",
            f"The share of the {many}{on} images that the network gets right after the last epoch;"
            f" one seed for each training. {chosen}",
        ),
        (
            "± standard error",
            "One binomial standard error from the number of images; the spread over seeds is not in"
            " it. Differences smaller than about two standard errors are not resolved: this study"
            f" cannot say which of two such networks is better.{limit}",
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
        + "".join(f"<div><dt>{term}</dt><dd>{escape(said)}</dd></div>" for term, said in terms)
        + "</dl>"
    )


def _storage(record: Record) -> Sequence[tuple[str, str]]:
    if not record.shares_filters:
        said = "Storage efficiency: (accuracy / parameters) over the baseline's; 1 is the baseline."
        return (("SE", said),)
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


def studies(
    records: Sequence[Record],
    links: Sequence[str],
    states: Sequence[str] = (),
    unread: Sequence[tuple[str, str]] = (),
) -> str:
    """Return several studies as a table, with a link to each.

    Args:
        records: The studies.
        links: Where each leads.
        states: How each stands; a column if given.
        unread: Names and links of studies that nobody has read yet.
    """
    if not records and not unread:
        return '<p class="none">No studies yet.</p>'
    body = []
    for at, (record, link) in enumerate(zip(records, links, strict=True)):
        best = best_trial(record)
        config = record.manifest.config
        said = "–" if best is None else wording.accuracy(best)
        state = f'<td><span class="state {states[at]}">{states[at]}</span></td>' if states else ""
        body.append(
            f"<tr>{_linked(record.name, link)}{state}"
            f"<td>{escape(config.data.name)}</td>"
            f"<td>{escape(config.space)}</td>"
            + _cell("trials", len(record.trials), f"{len(record.trials):,}")
            + _cell("complete", len(record.complete), f"{len(record.complete):,}")
            + _cell("best accuracy", None if best is None else best.accuracy, said)
            + _cell("front", len(front_trials(record)), f"{len(front_trials(record)):,}")
            + "</tr>"
        )
    heads = ("study", *(["state"] if states or unread else []), "data", "space", "trials")
    heads += ("complete", "best accuracy", "front")
    for name, link in unread:
        rest = "<td></td>" * (len(heads) - 2)
        body.append(f'<tr>{_linked(name, link)}<td class="soft">not read yet</td>{rest}</tr>')
    shown = "".join(
        f'<th scope="col" aria-sort="none"{_word_column(head)}>'
        f'<button class="sort">{head}</button></th>'
        for head in heads
    )
    return (
        f'<div class="scroll"><table><thead><tr>{shown}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _linked(name: str, link: str) -> str:
    return f'<th scope="row"><a href="{escape(link)}">{escape(name)}</a></th>'


def _word_column(head: str) -> str:
    """Return the class of a column of words, which stands to the left as its cells do."""
    return ' class="words"' if head in ("state", "data", "space") else ""
