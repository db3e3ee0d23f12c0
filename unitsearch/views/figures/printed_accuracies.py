"""The printed accuracies of the papers' networks beside those of the same networks trained here."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from unitsearch import wording
from unitsearch.metrics import standard_error
from unitsearch.study.record import Record
from unitsearch.views.figures import theme
from unitsearch.views.figures.definition import FigureData, figure
from unitsearch.views.figures.printed_points import row_hover
from unitsearch.views.figures.published import (
    DATA,
    ComparedNetwork,
    TrainedAccuracy,
    compared_networks,
)

_DISTANCE = 0.24  # between the marks of one row, in heights of a row


@figure("printed", compares=True)
def printed(records: Record | Sequence[Record]) -> FigureData:
    """Return the printed accuracies of networks beside those of the same networks trained here.

    A network is one row. Hollow marks are printed accuracies with the printed spread, filled marks
    are ours: test accuracy if it was measured, and validation accuracy. A filled mark is the mean
    over the trainings with one standard deviation of a single training, or with one binomial
    standard error if the network was trained once.

    Args:
        records: A study, or several studies of the same networks with other seeds or recipes.

    Source:
        BUnit-Net Tables I and II; TissueNet Table 5.
    """
    several = [records] if isinstance(records, Record) else list(records)
    rows = compared_networks(several)
    if not rows:
        return theme.empty(no_printed_message(several))
    heights = list(range(len(rows), 0, -1))  # the first row is at the top
    traces: list[Any] = [
        _row_of_marks(
            [100 * (row.printed.accuracy or 0.0) for row in rows],
            [height + _DISTANCE for height in heights],
            [100 * (row.printed.spread or 0.0) for row in rows],
            [f"{_symbol(row)}-open" for row in rows],
            theme.VIOLET,
            name="printed (test)",
            hovertext=[row_hover(row.printed) for row in rows],
        )
    ]
    for on, colour, shift in (("test", theme.ACCENT, 0.0), ("validation", theme.OTHER, -_DISTANCE)):
        trained = [(row, height) for row, height in zip(rows, heights, strict=True) if row.on(on)]
        if trained:
            means = [mean_accuracy(row.on(on)) for row, _ in trained]
            traces.append(
                _row_of_marks(
                    [100 * mean.accuracy for mean in means],
                    [height + shift for _, height in trained],
                    [100 * mean.spread for mean in means],
                    [_symbol(row) for row, _ in trained],
                    colour,
                    name=f"here ({on})",
                    hovertext=[
                        _hover(row, mean, on) for (row, _), mean in zip(trained, means, strict=True)
                    ],
                )
            )
    untrained = sum(not row.trainings for row in rows)
    note = f"{untrained} of {len(rows)} not trained here" if untrained else ""
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
        annotations=[theme.above(note)] if note else [],
    )


def _row_of_marks(
    xs: Sequence[float],
    ys: Sequence[float],
    spreads: Sequence[float],
    symbols: Sequence[str],
    colour: str,
    **more: Any,
) -> Any:
    bars = {"array": list(spreads), "thickness": 1.4, "width": 0, "color": theme.faded(colour, 0.7)}
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


def _symbol(row: ComparedNetwork) -> str:
    return "diamond" if row.is_hybrid else "circle"


def no_printed_message(records: Sequence[Record]) -> str:
    """Return the reason why no printed network is compared with these records."""
    if not records:
        return "No study is given."
    names = {record.manifest.config.data.name for record in records}
    with_tables = ", ".join(DATA.values())
    return (
        f"The papers print no network of this space on {escape(' or '.join(sorted(names)))}.<br>"
        f"They have {with_tables}; spaces with their networks are lenet_table1 and toy_hybrid."
    )


@dataclass(frozen=True)
class MeanAccuracy:
    """The mean accuracy of several trainings of one network.

    Attributes:
        accuracy: The mean over the trainings, a fraction.
        spread: Standard deviation over the trainings; of a single one its binomial standard error.
        count: The number of trainings.
        images: The number of images behind each accuracy.
    """

    accuracy: float
    spread: float
    count: int
    images: int


def mean_accuracy(trainings: Sequence[TrainedAccuracy]) -> MeanAccuracy:
    """Return the mean accuracy of one or more trainings of a network."""
    values = [training.accuracy for training in trainings]
    spread = (
        statistics.stdev(values)
        if len(values) > 1
        else standard_error(values[0], trainings[0].images)
    )
    return MeanAccuracy(statistics.mean(values), spread, len(values), trainings[0].images)


def _row_name(row: ComparedNetwork) -> str:
    return f"{escape(row.printed.name)}, {escape(row.printed.source)}"


def _hover(row: ComparedNetwork, mean: MeanAccuracy, on: str) -> str:
    kind = "standard deviation" if mean.count > 1 else "binomial standard error"
    trials = ", ".join(f"{training.study} #{training.number}" for training in row.on(on)[:6])
    return (
        f"<b>{escape(row.printed.name)}</b>, {on} accuracy here<br>"
        f"{wording.percent(mean.accuracy, mean.spread)}: n = {mean.count},"
        f" ± one {kind}, {wording.count(mean.images, 'image')}<br>{escape(trials)}"
    )
