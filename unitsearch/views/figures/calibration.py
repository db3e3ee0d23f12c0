"""Reports of a study against its trainings with fresh seeds: accuracies and probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from operator import attrgetter
from statistics import mean, stdev

from unitsearch import wording
from unitsearch.errors import UsageError, did_you_mean
from unitsearch.fields import Enum
from unitsearch.study.record import Record
from unitsearch.views.figures import theme
from unitsearch.views.figures.definition import FigureData, figure
from unitsearch.views.figures.several import as_list, study_names
from unitsearch.views.figures.verified import Verified, verified

SHOWS = ("accuracy", "probability")
_BINS = 10
_Z95 = 1.96
_NONE = (
    "No trial has been trained again with fresh seeds.<br><b>unitsearch verify STUDY</b> does that."
)


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return a mean and half of its 95 % interval by Student's t, which is 0 for one value."""
    if len(values) < 2:
        return values[0], 0.0
    from scipy.stats import t

    return mean(values), float(t.ppf(0.975, len(values) - 1)) * stdev(values) / math.sqrt(
        len(values)
    )


def share_interval(hits: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a share.

    Source:
        Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    share, z2 = hits / total, _Z95**2
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    reach = _Z95 * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2)) / (1 + z2 / total)
    return max(centre - reach, 0.0), min(centre + reach, 1.0)


@figure("calibration", {"show": Enum(SHOWS)}, compares=True)
def calibration(records: Record | Sequence[Record], show: str = "accuracy") -> FigureData:
    """Return what studies reported of trials, against the trainings of these with fresh seeds.

    What was reported is taken from the model as it was before these trainings. A trial counts as on
    the front if no other trial that was trained again dominates it, by the mean accuracy of its
    fresh seeds. With few seeds that is a matter of luck too: hollow marks are the shares that are
    expected then, if the model is right.

    Args:
        records: The studies, or one study.
        show: ``accuracy``: the reported accuracy less the fresh one, mean and 95 % interval, of the
            accuracy by model and of the trial's own training; ``probability``: the share of trials
            that are on the front, against the probability that was stated, in ten bins.

    Raises:
        UsageError: If ``show`` is neither.
    """
    if show not in SHOWS:
        raise UsageError(found=show, expected=" or ".join(SHOWS), fix=did_you_mean(show, SHOWS))
    several = as_list(records)
    names = study_names(several)
    parts = [
        (name, found) for name, r in zip(names, several, strict=True) if (found := verified(r))
    ]
    if not parts:
        return theme.empty(_NONE if several else "No study is given.")
    return _accuracies(parts) if show == "accuracy" else _probabilities(parts)


_Parts = Sequence[tuple[str, Sequence[Verified]]]


def _accuracies(parts: _Parts) -> FigureData:
    rows = list(parts)
    if len(rows) > 1:
        rows.append(("all of them", [trial for _, found in parts for trial in found]))
    heights = list(range(len(rows), 0, -1))
    traces = []
    for name, shift, colour, symbol, reported in (
        ("accuracy by model", 0.12, theme.ACCENT, "circle", attrgetter("by_model")),
        ("own training", -0.12, theme.OTHER, "circle-open", attrgetter("own")),
    ):
        middles = [
            mean_interval([100 * (reported(t) - t.fresh) for t in found]) for _, found in rows
        ]
        traces.append(
            theme.trace(
                "scatter",
                x=[middle for middle, _ in middles],
                y=[height + shift for height in heights],
                mode="markers",
                name=name,
                marker={
                    "color": colour,
                    "symbol": symbol,
                    "size": 9,
                    "line": {"width": 1.6, "color": colour},
                },
                error_x={
                    "array": [reach for _, reach in middles],
                    "thickness": 1.4,
                    "width": 4,
                    "color": theme.faded(colour, 0.8),
                },
                hovertext=[
                    f"<b>{escape(study)}</b>, {name}<br>{middle:+.2f} ± {reach:.2f} points (95 %)"
                    f"<br>{_counts(found)}"
                    for (study, found), (middle, reach) in zip(rows, middles, strict=True)
                ],
                hoverinfo="text",
            )
        )
    zero = {"type": "line", "yref": "paper", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "layer": "below"}
    return theme.styled(
        traces,
        height=170 + 46 * len(rows),
        xaxis={"title": {"text": "reported less fresh accuracy (points)"}, "rangemode": "tozero"},
        yaxis={
            "tickvals": heights,
            "ticktext": [f"{escape(name)}<br>{_counts(found)}" for name, found in rows],
            "range": [0.4, len(rows) + 0.6],
            "automargin": True,
            "showgrid": False,
        },
        shapes=[{**zero, "line": {"color": theme.OTHER, "width": 1.2, "dash": "dash"}}],
    )


def _counts(found: Sequence[Verified]) -> str:
    seeds = sum(trial.seeds for trial in found)
    return f"{wording.count(len(found), 'trial')}, {wording.count(seeds, 'fresh seed')}"


def _probabilities(parts: _Parts) -> FigureData:
    found = [trial for _, trials in parts for trial in trials]
    bins: dict[int, list[Verified]] = {}
    for trial in found:
        bins.setdefault(min(int(_BINS * trial.probability), _BINS - 1), []).append(trial)
    xs, ys, expected, lows, highs, texts, labels = [], [], [], [], [], [], []
    for place in sorted(bins):
        part = bins[place]
        hits = sum(trial.is_on_front for trial in part)
        low, high = share_interval(hits, len(part))
        share, stated = 100 * hits / len(part), 100 * mean(t.probability for t in part)
        xs.append(stated)
        ys.append(share)
        expected.append(100 * mean(t.expected for t in part))
        lows.append(share - 100 * low)
        highs.append(100 * high - share)
        labels.append(str(len(part)))
        texts.append(
            f"stated {10 * place} to {10 * place + 10} % (mean {stated:.0f} %)<br>"
            f"{hits} of {len(part)} on the front: {share:.0f} %"
            f" (95 %: {100 * low:.0f} to {100 * high:.0f} %)<br>"
            f"expected with so few fresh seeds: {expected[-1]:.0f} %"
        )
    diagonal = theme.trace(
        "scatter",
        x=[0, 100],
        y=[0, 100],
        mode="lines",
        line={"color": theme.OTHER, "width": 1.2, "dash": "dash"},
        hoverinfo="skip",
        name="as stated",
    )
    marks = theme.trace(
        "scatter",
        x=xs,
        y=ys,
        mode="markers+text",
        text=labels,
        textposition="middle right",
        textfont={"size": 11, "color": theme.INK},
        marker={"color": theme.ACCENT, "size": 9},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": highs,
            "arrayminus": lows,
            "thickness": 1.4,
            "width": 4,
            "color": theme.faded(theme.ACCENT, 0.7),
        },
        hovertext=texts,
        hoverinfo="text",
        name="trials trained again, with their number",
    )
    hollow = theme.trace(
        "scatter",
        x=xs,
        y=expected,
        mode="markers",
        marker={"color": theme.EQUAL, "symbol": "circle-open", "size": 11, "line": {"width": 1.6}},
        hovertext=texts,
        hoverinfo="text",
        name="expected with so few seeds",
    )
    limits = {"range": [-4, 106], "dtick": 20}
    return theme.styled(
        [diagonal, hollow, marks],
        height=440,
        xaxis={"title": {"text": "stated probability of being on the front (%)"}, **limits},
        yaxis={"title": {"text": "share that is on the front (%)"}, **limits},
    )
