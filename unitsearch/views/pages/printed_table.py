"""The papers' printed networks as a table, beside the trainings of the same networks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from unitsearch.study.record import Record
from unitsearch.views.figures.printed_accuracies import mean_accuracy, no_printed_message
from unitsearch.views.figures.published import ComparedNetwork, architecture, compared_networks
from unitsearch.views.pages.trial_tables import units_html


def printed_table(records: Record | Sequence[Record]) -> str:
    """Return the printed rows that fit the records, with the same networks' accuracies here.

    An accuracy of ours is the mean over n trainings, ± one standard deviation over them, or ± one
    binomial standard error if n is 1; the table says n and the images of the accuracy.
    """
    several = [records] if isinstance(records, Record) else list(records)
    rows = compared_networks(several)
    if not rows:
        return f'<p class="none">{no_printed_message(several)}</p>'
    kinds = [on for on in ("test", "validation") if any(row.on(on) for row in rows)]
    heads = [
        ("network", "words"), ("units", "words"), ("parameters", ""), ("printed", ""),
        ("FLOPs", ""), ("printed", ""), ("accuracy (%), printed, test", ""),
        *((f"{on} accuracy (%) here", "") for on in kinds or ["no"]), ("n", ""),
    ]  # fmt: skip
    shown = "".join(
        f'<th scope="col" class="{name or "number"}">{escape(head)}</th>' for head, name in heads
    )
    body = "".join(_row(row, kinds) for row in rows)
    missing = sum(not row.trainings for row in rows)
    note = (
        "Printed accuracies are test accuracies of the papers' own trainings. Ours: ± one standard"
        " deviation over n trainings, or one binomial standard error where n is 1."
    )
    if missing:
        note += f" {missing} of {len(rows)} networks are not trained here."
    return (
        f'<div class="scroll"><table><thead><tr>{shown}</tr></thead><tbody>{body}</tbody></table>'
        f'</div><p class="note">{note}</p>'
    )


def _row(row: ComparedNetwork, kinds: Sequence[str]) -> str:
    printed = row.printed
    means = {on: mean_accuracy(row.on(on)) for on in kinds if row.on(on)}
    numbers = sorted({training.number for training in row.trainings})
    studies = sorted({training.study for training in row.trainings})
    single = len(studies) == 1 and len(numbers) == 1
    name = f"{escape(printed.name)}<br><small>{escape(printed.source)}</small>"
    if single:  # the page opens the trial that the button names
        id_ = f"{escape(studies[0], quote=True)}:{numbers[0]}"
        name += f' <button class="open" data-trial="{id_}">#{numbers[0]}</button>'
    accuracies = "".join(
        _number(_percent(means[on].accuracy, means[on].spread) if on in means else "–")
        for on in kinds or [""]
    )
    count = max((mean.count for mean in means.values()), default=0)
    units = units_html(architecture(printed.network))
    return (
        f'<tr><th scope="row">{name}</th><td class="units">{units}</td>'
        + _number(f"{row.cost.params:,}")
        + _number(_short(printed.params))
        + _number(f"{row.cost.flops:,}")
        + _number(_short(printed.flops))
        + _number(_percent(printed.accuracy, printed.spread))
        + accuracies
        + _number(f"{count}")
        + "</tr>"
    )


def _percent(accuracy: float | None, spread: float | None) -> str:
    """Return an accuracy with the papers' two digits, in percent."""
    if accuracy is None:
        return "–"
    return f"{100 * accuracy:.2f}" + ("" if spread is None else f" ± {100 * spread:.2f}")


def _number(text: str) -> str:
    return f'<td class="number">{text}</td>'


def _short(value: float | None) -> str:
    if value is None:
        return "–"
    unit, letter = (1e6, "M") if value >= 1e5 else (1e3, "k")
    return f"{value / unit:.2f} {letter}"
