"""Accuracy epoch by epoch: of a few networks as in the papers' Fig. 6, and of all trials."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from unitsearch.fields import Enum
from unitsearch.study.record import Record, Trial
from unitsearch.study.tables import front_trials
from unitsearch.views import words
from unitsearch.views.figures import theme
from unitsearch.views.figures.definition import FigureData, figure
from unitsearch.views.figures.plotted_trials import hover

MEASURES = ("accuracy", "loss")
SHOWN = 300  # so many trials off the front are still lines and no carpet
_THIN = 24  # members of the front beside the best ones


@figure("convergence", {"y": Enum(MEASURES)})
def convergence(record: Record, y: str = "accuracy") -> FigureData:
    """Return accuracy or loss after each epoch: the baseline, single and hybrid front members.

    The most accurate single and the most accurate hybrid network are strong lines, the rest of the
    front thin ones; where the front has none of a kind, the best complete trial of it stands in.

    Args:
        record: The study.
        y: ``accuracy``, or ``loss``: mean cross-entropy in nats of the same images.

    Source:
        BUnit-Net Fig. 6 = TissueNet Fig. 3: (a) and (c) are test accuracy over 500 epochs, (b) and
        (d) test loss.
    """
    known = [trial for trial in record.complete if len(_values(trial, y)) > 1]
    if not known:
        return theme.empty(_no_curve(record, y))
    chosen = {trial.number for trial in front_trials(record)}
    traces: list[Any] = []
    drawn: list[Trial] = []
    baseline = record.baseline
    rest = [trial for trial in known if not trial.is_baseline]
    for name, part, colour, dash in (
        ("single", [t for t in rest if t.has_units and not t.is_hybrid], theme.SINGLE, "dash"),
        ("hybrid", [t for t in rest if t.is_hybrid], theme.HYBRID, "solid"),
        ("without units", [t for t in rest if not t.has_units], theme.VIOLET, "dashdot"),
    ):
        if not part:
            continue
        members = [trial for trial in part if trial.number in chosen] or part
        best = _best(members)
        thin = sorted(
            (t for t in members if t.number != best.number and t.number in chosen),
            key=lambda t: -(t.accuracy or 0.0),
        )[:_THIN]
        if thin:
            look = {"color": theme.faded(colour, 0.3), "width": 1, "dash": dash}
            traces.append(_lines(record, thin, f"{name}, others of the front", look, y))
        said = "of the front" if best.number in chosen else "of all (the front has none)"
        look = {"color": colour, "width": 2.4, "dash": dash}
        traces.append(_lines(record, [best], f"{name}, best {said}: #{best.number}", look, y))
        drawn += [best, *thin]
    if baseline is not None and len(_values(baseline, y)) > 1:
        look = {"color": theme.BASELINE, "width": 2.4, "dash": "dot"}
        traces.append(_lines(record, [baseline], "baseline", look, y))
        drawn.append(baseline)
    return theme.styled(
        traces,
        height=460,
        hovermode="closest",
        xaxis=_epochs(known),
        yaxis=_value_axis(record, drawn, y),
    )


@figure("curves")
def curves(record: Record) -> FigureData:
    """Return the learning curves of all trials, with those marked that were stopped or failed.

    The front is always whole; of more than 300 others every so-manieth is drawn, by number, and the
    figure says so. A trial that failed before its first epoch ended has no curve: they are counted.
    """
    known = [trial for trial in record.trials if trial.curve]
    if not known:
        return theme.empty(_no_curve(record))
    chosen = {trial.number for trial in front_trials(record)}
    special = [t for t in known if t.number in chosen or t.is_baseline]
    rest = [t for t in known if t.number not in chosen and not t.is_baseline]
    every = -(-len(rest) // SHOWN)
    shown = rest[::every] if every > 1 else rest
    traces: list[Any] = []
    running = [t for t in shown if t.state in ("running", "waiting")]
    complete = [t for t in shown if t.state == "complete"]
    for name, part, look in (
        ("other trials", complete, {"color": theme.faded(theme.OTHER, 0.35), "width": 1}),
        (
            "not finished yet",
            running,
            {"color": theme.faded(theme.EQUAL, 0.7), "width": 1, "dash": "dot"},
        ),
        (
            "the study's front",
            [t for t in special if not t.is_baseline],
            {"color": theme.faded(theme.ACCENT, 0.85), "width": 1.5},
        ),
        (
            "baseline",
            [t for t in special if t.is_baseline],
            {"color": theme.BASELINE, "width": 2.4, "dash": "dot"},
        ),
    ):
        if part:
            traces.append(_lines(record, part, name, look))
    for state, symbol, colour in (
        ("stopped", "x-thin", theme.VIOLET),
        ("failed", "cross-thin", theme.BASELINE),
    ):
        part = [t for t in shown if t.state == state]
        if part:
            look = {"color": theme.faded(colour, 0.45), "width": 1, "dash": "dash"}
            lines = _lines(record, part, state, look)
            traces.append({**lines, "legendgroup": state, "showlegend": False})
            traces.append(_ends(part, state, symbol, colour))
    said = []
    if every > 1:
        said.append(f"{len(shown):,} of {len(rest):,} trials off the front drawn")
    unseen = [t for t in record.trials if t.state in ("failed", "stopped") and not t.curve]
    if unseen:
        said.append(f"{len(unseen):,} failed or stopped before an epoch ended")
    return theme.styled(
        traces,
        height=460,
        xaxis=_epochs(known),
        yaxis={"title": {"text": f"{words.measured_on(record)} accuracy (%)"}},
        annotations=[theme.above("; ".join(said))] if said else [],
    )


def _no_curve(record: Record, y: str = "accuracy") -> str:
    if not record.trials:
        return "No trials yet."
    return f"No trial has {'a loss' if y == 'loss' else 'an accuracy'} after an epoch."


def _values(trial: Trial, y: str = "accuracy") -> Sequence[float | None]:
    """Return what is drawn of a trial after each epoch: accuracy in percent, or loss."""
    if y == "loss":
        return trial.loss_curve
    return [round(100 * value, 3) for value in trial.curve]


def _best(trials: Sequence[Trial]) -> Trial:
    return min(trials, key=lambda t: (-(t.accuracy or 0.0), t.cost.flops, t.number))


def _lines(
    record: Record, part: Sequence[Trial], name: str, look: dict[str, Any], y: str = "accuracy"
) -> Any:
    """One trace of several curves, apart by gaps; every mark, gaps too, says its trial."""
    xs: list[int | None] = []
    ys: list[float | None] = []
    numbers: list[int] = []
    for trial in part:
        values = _values(trial, y)
        xs += [*range(1, len(values) + 1), None]
        ys += [*values, None]
        numbers += [trial.number] * (len(values) + 1)
    alone = len(part) == 1
    title = hover(record, part[0], on_front=False) if alone and part[0].accuracy else ""
    return theme.trace(
        theme.scatter(0 if len(xs) < 20_000 else theme.MANY + 1),
        x=xs,
        y=ys,
        customdata=numbers,
        mode="lines" if max(len(t.curve) for t in part) > 1 else "lines+markers",
        name=name,
        line=look,
        connectgaps=False,
        hovertemplate=(
            f"{title}<br>" if title else "trial #%{customdata}<br>"
        ) + ("%{y:.3f}" if y == "loss" else "%{y:.2f} %") + " after epoch %{x}<extra></extra>",
    )  # fmt: skip


def _ends(part: Sequence[Trial], state: str, symbol: str, colour: str) -> Any:
    """Where trials ended that were stopped or failed."""
    return theme.trace(
        "scatter",
        x=[len(t.curve) for t in part],
        y=[100 * t.curve[-1] for t in part],
        customdata=[t.number for t in part],
        mode="markers",
        name=f"{state} ({len(part):,})",
        legendgroup=state,
        marker={"symbol": symbol, "size": 8, "line": {"width": 1.8, "color": colour}},
        hovertext=[f"#{t.number} {state}: {escape(t.reason) or 'no reason given'}" for t in part],
        hoverinfo="text",
    )


def _value_axis(record: Record, shown: Sequence[Trial], y: str) -> dict[str, Any]:
    """Return an axis that gives its room to what comes after the first sixth of the epochs."""
    curves = [_values(trial, y) for trial in shown]
    late = [v for values in curves for v in values[len(values) // 6 :] if v is not None]
    said = words.measured_on(record)
    if y == "loss":
        title = {"text": f"{said} loss (cross-entropy, nats)"}
        if not late:
            return {"title": title}
        pad = 0.05 * (max(late) - min(late)) or 0.01
        return {"title": title, "range": [max(min(late) - pad, 0.0), max(late) + pad]}
    pad = 0.05 * (max(late) - min(late)) or 1.0
    return {
        "title": {"text": f"{said} accuracy (%)"},
        "range": [min(late) - pad, min(max(late) + pad, 100.6)],
    }


def _epochs(shown: Sequence[Trial]) -> dict[str, Any]:
    """Return the axis of the epochs, which count from 1."""
    last = max(len(trial.curve) for trial in shown)
    return {"title": {"text": "epoch"}, "range": [1 - 0.02 * last, 1.02 * last]}
