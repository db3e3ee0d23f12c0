"""The papers' own networks among a study's, and each beside the trainings of the same network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from statistics import mean, stdev
from typing import Any

from unitsearch.metrics import Metric, standard_error
from unitsearch.study.record import Record
from unitsearch.views import words
from unitsearch.views.figures import theme
from unitsearch.views.figures.plain import Plain, figure
from unitsearch.views.figures.published import DATA, Beside, Published, Taken, beside, fitting

NO_CONTEST = "printed: test accuracy of the papers' own trainings, no contest"
_APART = 0.24  # heights between the marks of one row
_NAMED = 16  # so many names are legible beside their marks; hovering says the others


@dataclass(frozen=True)
class Placed:
    """A printed network at (x, y) of a figure, in the units of its axes."""

    row: Published
    x: float
    y: float


def placed(record: Record, x: Metric, y: Metric) -> list[Placed]:
    """Return the printed networks that fit a study and have a place by ``x`` and ``y``."""
    found = []
    for row in fitting(record):
        across, up = row.value(x), row.value(y)
        if across is not None and up is not None:
            found.append(Placed(row, across, up))
    return found


def traces_of(others: Sequence[Placed], x: Metric, y: Metric) -> tuple[list[Any], list[Any]]:
    """Return the traces of printed networks, and what is to be said of them."""
    if not others:
        return [], [theme.above("the papers print nothing for these data and axes")]
    traces = []
    named = len(others) <= _NAMED
    for own, title, colour, symbol in (
        (True, "printed, papers' own", theme.VIOLET, "square-open"),
        (False, "printed, other methods", theme.EQUAL, "triangle-up-open"),
    ):
        part = [other for other in others if other.row.own == own]
        if not part:
            continue
        bars = {}
        for axis, by in (("error_x", x), ("error_y", y)):
            wide = [100 * (o.row.spread or 0.0) if by.is_accuracy else 0.0 for o in part]
            if any(wide):
                colour_of_bars = theme.faded(colour, 0.6)
                bars[axis] = {"array": wide, "thickness": 1, "width": 3, "color": colour_of_bars}
        traces.append(
            theme.trace(
                "scatter",
                x=[o.x for o in part],
                y=[o.y for o in part],
                mode="markers+text" if named else "markers",
                text=_once([escape(o.row.name) for o in part]) if named else None,
                textposition="middle right",
                textfont={"size": 10.5, "color": theme.INK},
                hovertext=[_hover(o.row) for o in part],
                hoverinfo="text",
                name=title,
                marker={"symbol": symbol, "size": 9, "color": colour, "line": {"width": 1.6}},
                **bars,
            )
        )
    return traces, [theme.above(NO_CONTEST)]


def _once(names: Sequence[str]) -> list[str]:
    """Return the names, each only where it comes last: networks of two tables are named once."""
    return [name if name not in names[at + 1 :] else "" for at, name in enumerate(names)]


def _hover(row: Published) -> str:
    costs = [
        f"{words.short(value)} {what}"
        for value, what in ((row.params, "parameters"), (row.flops, "FLOPs"))
        if value is not None
    ]
    lines = [
        f"<b>{escape(row.name)}</b>, {escape(row.backbone)} on {escape(row.dataset)}",
        f"{words.percent(row.accuracy, row.spread)} (test) as printed in {escape(row.source)}",
        " · ".join(costs),
    ]
    return "<br>".join(filter(None, lines))


@figure
def printed(records: Record | Sequence[Record]) -> Plain:
    """Return the accuracies that the papers print beside those of the same networks trained here.

    A network is one row. Hollow marks are printed (with the printed spread), filled ones ours:
    test accuracy where there is one and validation accuracy besides, as mean over the trainings
    with one standard deviation of a single training, or with one binomial standard error where a
    network was trained once.

    Args:
        records: A study, or several of the same networks: other seeds, or the papers' recipe.

    Source:
        BUnit-Net Tables I and II; TissueNet Table 5.
    """
    several = [records] if isinstance(records, Record) else list(records)
    rows = beside(several)
    if not rows:
        return theme.empty(why_nothing_printed(several))
    heights = list(range(len(rows), 0, -1))  # the first row on top
    traces: list[Any] = [
        _row_of_marks(
            [100 * (row.printed.accuracy or 0.0) for row in rows],
            [at + _APART for at in heights],
            [100 * (row.printed.spread or 0.0) for row in rows],
            [f"{_symbol(row)}-open" for row in rows],
            theme.VIOLET,
            name="printed (test)",
            hovertext=[_hover(row.printed) for row in rows],
        )
    ]
    for on, colour, shift in (("test", theme.ACCENT, 0.0), ("validation", theme.OTHER, -_APART)):
        known = [(row, at) for row, at in zip(rows, heights, strict=True) if row.on(on)]
        if known:
            found = [measured(row.on(on)) for row, _ in known]
            traces.append(
                _row_of_marks(
                    [100 * one.accuracy for one in found],
                    [at + shift for _, at in known],
                    [100 * one.spread for one in found],
                    [_symbol(row) for row, _ in known],
                    colour,
                    name=f"here ({on})",
                    hovertext=[
                        _said(row, one, on) for (row, _), one in zip(known, found, strict=True)
                    ],
                )
            )
    untrained = sum(not row.taken for row in rows)
    said = f"{untrained} of {len(rows)} not trained here" if untrained else ""
    return theme.styled(
        traces,
        height=150 + 34 * len(rows),
        xaxis={"title": {"text": "accuracy (%)"}},
        yaxis={
            "tickvals": heights,
            "ticktext": [_row_name(row) for row in rows],
            "range": [0.4, len(rows) + 0.6],
            "automargin": True,
        },
        annotations=[theme.above(said)] if said else [],
    )


def _row_of_marks(
    xs: Sequence[float],
    ys: Sequence[float],
    wide: Sequence[float],
    symbols: Sequence[str],
    colour: str,
    **more: Any,
) -> Any:
    bars = {"array": list(wide), "thickness": 1.4, "width": 0, "color": theme.faded(colour, 0.7)}
    marker = {
        "symbol": list(symbols),
        "size": 9,
        "color": colour,
        "line": {"width": 1.8, "color": colour},
    }
    return theme.trace("scatter",
        x=list(xs), y=list(ys), error_x=bars, mode="markers", marker=marker, hoverinfo="text",
        **more,
    )  # fmt: skip


def _symbol(row: Beside) -> str:
    return "diamond" if row.is_hybrid else "circle"


def why_nothing_printed(records: Sequence[Record]) -> str:
    """Return why no printed network stands beside these records."""
    if not records:
        return "No study is given."
    names = {record.manifest.config.data.name for record in records}
    known = ", ".join(DATA.values())
    return (
        f"The papers print no network of this space on {escape(' or '.join(sorted(names)))}.<br>"
        f"They have {known}; spaces with their networks are lenet_table1 and toy_hybrid."
    )


@dataclass(frozen=True)
class Measured:
    """The accuracy of several trainings of one network.

    Attributes:
        accuracy: Their mean, a fraction.
        spread: Standard deviation over the trainings; of a single one its binomial standard error.
        count: How many trainings.
        images: Images behind each.
    """

    accuracy: float
    spread: float
    count: int
    images: int


def measured(taken: Sequence[Taken]) -> Measured:
    """Return what one or more trainings of a network reached together."""
    values = [one.accuracy for one in taken]
    spread = stdev(values) if len(values) > 1 else standard_error(values[0], taken[0].images)
    return Measured(mean(values), spread, len(values), taken[0].images)


def _row_name(row: Beside) -> str:
    return f"{escape(row.printed.name)}, {escape(row.printed.source)}"


def _said(row: Beside, found: Measured, on: str) -> str:
    kind = "standard deviation" if found.count > 1 else "binomial standard error"
    trials = ", ".join(f"{one.study} #{one.number}" for one in row.on(on)[:6])
    return (
        f"<b>{escape(row.printed.name)}</b>, {on} accuracy here<br>"
        f"{words.percent(found.accuracy, found.spread)}: n = {found.count},"
        f" ± one {kind}, {words.count(found.images, 'image')}<br>{escape(trials)}"
    )
