"""Several studies side by side: their fronts, and how fast each grew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any

from unitsearch.errors import UsageError
from unitsearch.metrics import metric
from unitsearch.study.record import Record
from unitsearch.views import words
from unitsearch.views.figures import theme
from unitsearch.views.figures.history import (
    check_along,
    growth,
    line,
    reference_of,
    said_reference,
    unit_of,
)
from unitsearch.views.figures.pareto import axis, span, steps
from unitsearch.views.figures.plain import Plain, figure
from unitsearch.views.figures.points import Point, hover, own_front, points, why_nothing

_TRIALS = 300  # of one study that are drawn behind its front


def study_names(records: Sequence[Record]) -> list[str]:
    """Return a name for each record that no other has: its own, else its folder's place."""
    times = Counter(record.name for record in records)
    named = [r.name if times[r.name] == 1 else str(r.folder) for r in records]
    again = Counter(named)
    seen: Counter[str] = Counter()
    found = []
    for name in named:
        seen[name] += 1
        found.append(name if again[name] == 1 else f"{name} ({seen[name]})")
    return found


def _several(records: Record | Sequence[Record]) -> list[Record]:
    return [records] if isinstance(records, Record) else list(records)


@figure
def compare_fronts(
    records: Record | Sequence[Record], x: str = "flops", y: str = "accuracy"
) -> Plain:
    """Return the fronts of several studies by any two metrics, each with its baseline.

    Each study's front of these two is a line of steps with its members, its other trials are faint.
    Metrics against a baseline are against each study's own. Every mark knows its study and trial.

    Args:
        records: The studies; one alone is its own front.
        x: Metric of the horizontal axis, by its name in ``METRICS``.
        y: Metric of the vertical axis.

    Raises:
        UsageError: If a metric is unknown, or both are the same.
    """
    along, up = metric(x), metric(y)
    if x == y:
        raise UsageError(found=f"{x} twice", expected="two different metrics")
    several = _several(records)
    names = study_names(several)
    traces: list[Any] = []
    inside: list[Point] = []
    missing = []
    for at, (name, record) in enumerate(zip(names, several, strict=True)):
        found = points(record, along, up)
        if not found:
            missing.append(name)
            continue
        look = theme.series(at)
        best = own_front(found, along, up)
        numbers = {p.trial.number for p in best}
        base = [p for p in found if p.trial.is_baseline]
        rest = [
            p
            for p in found
            if p.feasible and p.trial.number not in numbers and not p.trial.is_baseline
        ]
        inside += [p for p in found if p.feasible or p.trial.is_baseline] or found
        rest = rest[:: -(-len(rest) // _TRIALS)] if rest else []
        more = {"legendgroup": name, "showlegend": False}
        if rest:
            marker: dict[str, Any] = {"size": 5, "opacity": 0.28}
            traces.append(_marks(record, rest, name, look, marker, **more))
        line_look = {"color": look["color"], "dash": look["dash"], "width": 1.8}
        traces += steps(best, along, line=line_look, opacity=0.9, **more)
        if best:
            said = {"legendgroup": name, "name": f"{escape(name)}: {_data(record)}"}
            traces.append(_marks(record, best, name, look, {"size": 8}, **said))
        if base:
            marker = {"size": 14, "symbol": "star"}
            traces.append(_marks(record, base, name, look, marker, **more))
    if not inside:
        why = why_nothing(several[0], along, up) if several else "No study is given."
        return theme.empty(why)
    like = several[0] if len({words.measured_on(one) for one in several}) == 1 else None
    view = [
        span(by, min(values), max(values))
        for by, values in ((along, [p.x for p in inside]), (up, [p.y for p in inside]))
    ]
    return theme.styled(
        traces,
        height=500,
        xaxis=axis(along, view[0], like),
        yaxis=axis(up, view[1], like),
        annotations=_warnings(several, missing),
    )


def _data(record: Record) -> str:
    return escape(record.manifest.config.data.name)


def _warnings(records: Sequence[Record], missing: Sequence[str]) -> list[Any]:
    said = []
    if len({_data(record) for record in records}) > 1:
        said.append("different data: accuracies are no contest")
    if len({words.measured_on(record) for record in records}) > 1:
        said.append("validation and test accuracy side by side")
    if missing:
        said.append(f"nothing to show of {escape(', '.join(missing))}")
    text = "; ".join(said)
    return [theme.above(text)] if said else []


def _marks(
    record: Record,
    part: Sequence[Point],
    study: str,
    look: dict[str, str],
    marker: dict[str, Any],
    **more: Any,
) -> Any:
    return theme.trace(
        theme.scatter(len(part)),
        x=[p.x for p in part],
        y=[p.y for p in part],
        customdata=[f"{study}:{p.trial.number}" for p in part],
        mode="markers",
        marker={"color": look["color"], "symbol": look["symbol"], **marker},
        hovertext=[hover(record, p.trial, on_front=p.on_front, study=study) for p in part],
        hoverinfo="text",
        **{"name": escape(study), **more},
    )


@figure
def compare_hypervolume(records: Record | Sequence[Record], x: str = "trials") -> Plain:
    """Return how the hypervolume of several studies grew, measured from one point for all.

    That point is the worst of the studies' own in each of error, FLOPs and parameters; so the
    curves can be held against each other, and differ from each study's own figure.

    Args:
        records: The studies.
        x: ``trials`` complete, or ``seconds`` of training.

    Raises:
        UsageError: If ``x`` is neither.
    """
    check_along(x)
    several = _several(records)
    names = study_names(several)
    points_of = [reference_of(record) for record in several]
    known = [point for point in points_of if point is not None]
    if not known:
        return theme.empty("Needs a study whose baseline (trial 0) is complete.")
    reference = tuple(map(max, *known)) if len(known) > 1 else known[0]
    grown = [
        growth(record, x, reference) if record.baseline is not None else [] for record in several
    ]
    if not any(grown):
        return theme.empty("No trial has stored how long its training took.")
    unit, title = unit_of([at for found in grown for at, _, _ in found], x)
    longest = max(map(len, grown))
    traces = []
    for at, (name, found) in enumerate(zip(names, grown, strict=True)):
        if found:
            look = theme.series(at)
            traces.append(
                {
                    **line(found, unit, x, study=name),
                    "line": {
                        "color": look["color"], "dash": look["dash"], "width": 2, "shape": "hv",
                    },
                    "marker": {"size": 6, "symbol": look["symbol"], "color": look["color"]},
                    "mode": "lines+markers" if longest < 60 else "lines",
                    "name": f"{escape(name)}: {_data(several[at])}",
                }
            )  # fmt: skip
    volumes = [volume for found in grown for _, volume, _ in found]
    low, high = min(volumes), max(volumes)
    pad = 0.08 * (high - low) or 0.1
    missing = [name for name, found in zip(names, grown, strict=True) if not found]
    said = theme.note(
        f"reference point: {said_reference(reference)}",
        1,
        0.02,
        xanchor="right",
        yanchor="bottom",
    )
    return theme.styled(
        traces,
        height=400,
        xaxis={"title": {"text": title}, "rangemode": "tozero"},
        yaxis={"title": {"text": "hypervolume"}, "range": [max(0.0, low - pad), high + pad]},
        annotations=[said, *_warnings(several, missing)],
    )
