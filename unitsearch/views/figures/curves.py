"""Learning curves: of a few networks as in the papers' Fig. 6, and of all trials."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from unitsearch import wording
from unitsearch.fields import Enum
from unitsearch.study.recommended import adding_most_of, believed
from unitsearch.study.record import Record, Trial
from unitsearch.study.tables import front_trials
from unitsearch.views.figures import theme
from unitsearch.views.figures.definition import FigureData, figure
from unitsearch.views.figures.plotted_trials import hover
from unitsearch.views.figures.trial_states import STATE_NAMES

MEASURES = ("accuracy", "loss")
MOST_CURVES = 300  # trials off the front: of more curves none could be followed
_THIN_LINES = 12  # members of the front of one kind beside the best one


@figure("convergence", {"y": Enum(MEASURES)})
def convergence(record: Record, y: str = "accuracy") -> FigureData:
    """Return accuracy or loss after each epoch: the baseline, single and hybrid front members.

    The single and the hybrid network of the highest accuracy by model are strong lines, the rest of
    the front thin lines. If the front has no network of a kind, the best complete trial of that
    kind is drawn. Of a large front the thin lines are those that add most to the hypervolume, and
    the figure says so. Curves are of the trials' own trainings.

    Args:
        record: The study.
        y: ``accuracy``, or ``loss``: mean cross-entropy in nats of the same images.

    Source:
        BUnit-Net Fig. 6 = TissueNet Fig. 3: (a) and (c) are test accuracy over 500 epochs, (b) and
        (d) test loss.
    """
    with_curves = [trial for trial in record.complete if len(_values(trial, y)) > 1]
    if not with_curves:
        return theme.empty(_no_curve(record, y))
    front = {trial.number for trial in front_trials(record)}
    traces: list[Any] = []
    drawn: list[Trial] = []
    left_out = 0
    baseline = record.baseline
    rest = [trial for trial in with_curves if not trial.is_baseline]
    for name, part, colour, dash in (
        ("single", [t for t in rest if t.has_units and not t.is_hybrid], theme.SINGLE, "dash"),
        ("hybrid", [t for t in rest if t.is_hybrid], theme.HYBRID, "solid"),
        ("without units", [t for t in rest if not t.has_units], theme.VIOLET, "dashdot"),
    ):
        if not part:
            continue
        members = [trial for trial in part if trial.number in front] or part
        best = _best(record, members)
        others = [t for t in members if t.number != best.number and t.number in front]
        thin = adding_most_of(record, others, _THIN_LINES)
        left_out += len(others) - len(thin)
        if thin:
            line = {"color": theme.faded(colour, 0.3), "width": 1, "dash": dash}
            traces.append(_lines(record, thin, f"{name}, others of the front", line, y))
        among = "of the front" if best.number in front else "of all (the front has none)"
        line = {"color": colour, "width": 2.4, "dash": dash}
        traces.append(_lines(record, [best], f"{name}, best {among}: #{best.number}", line, y))
        drawn += [best, *thin]
    if baseline is not None and len(_values(baseline, y)) > 1:
        line = {"color": theme.BASELINE, "width": 2.4, "dash": "dot"}
        traces.append(_lines(record, [baseline], "baseline", line, y))
        drawn.append(baseline)
    return theme.styled(
        traces,
        height=460,
        hovermode="closest",
        xaxis=_epochs(with_curves),
        yaxis=_value_axis(record, drawn, y),
        annotations=[theme.above(f"{left_out} members that add least are left out")]
        if left_out
        else [],
    )


@figure("curves")
def curves(record: Record) -> FigureData:
    """Return the learning curves of all trials; trials that stopped early or failed are marked.

    The front is always whole. Of more than 300 other trials every second, third … is drawn, in the
    order of their numbers, and the figure says so. It counts the trials without a curve, which
    failed or were stopped before their first epoch ended.
    """
    with_curves = [trial for trial in record.trials if trial.curve]
    if not with_curves:
        return theme.empty(_no_curve(record))
    epochs = record.manifest.config.train.epochs
    front = {trial.number for trial in front_trials(record)}
    special = [t for t in with_curves if t.number in front or t.is_baseline]
    rest = [t for t in with_curves if t.number not in front and not t.is_baseline]
    every = -(-len(rest) // MOST_CURVES)
    shown = rest[::every] if every > 1 else rest
    traces: list[Any] = []
    running = [t for t in shown if t.state in ("running", "waiting")]
    complete = [t for t in shown if t.state == "complete"]
    for name, part, line in (
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
            traces.append(_lines(record, part, name, line))
    for state, symbol, colour in (
        ("stopped", "x-thin", theme.VIOLET),
        ("failed", "cross-thin", theme.BASELINE),
    ):
        part = [t for t in shown if t.state == state]
        if part:
            line = {"color": theme.faded(colour, 0.45), "width": 1, "dash": "dash"}
            lines = _lines(record, part, STATE_NAMES[state], line)
            traces.append({**lines, "legendgroup": state, "showlegend": False})
            traces.append(_ends(part, state, symbol, colour, epochs))
    notes = []
    if every > 1:
        notes.append(f"{len(shown):,} of {len(rest):,} trials off the front drawn")
    without = [t for t in record.trials if t.state in ("failed", "stopped") and not t.curve]
    if without:
        notes.append(f"{len(without):,} failed or stopped before an epoch ended")
    return theme.styled(
        traces,
        height=460,
        xaxis=_epochs(with_curves),
        yaxis={"title": {"text": f"{wording.measured_on(record)} accuracy (%)"}},
        annotations=[theme.above("; ".join(notes))] if notes else [],
    )


def _no_curve(record: Record, y: str = "accuracy") -> str:
    if not record.trials:
        return "No trials yet."
    return f"No trial has {'a loss' if y == 'loss' else 'an accuracy'} after an epoch."


def _values(trial: Trial, y: str = "accuracy") -> Sequence[float | None]:
    """Return a trial's accuracy in percent, or its loss, after each epoch."""
    if y == "loss":
        return trial.loss_curve
    return [round(100 * value, 3) for value in trial.curve]


def _best(record: Record, trials: Sequence[Trial]) -> Trial:
    return min(trials, key=lambda t: (-believed(record, t).accuracy, t.cost.flops, t.number))


def _lines(
    record: Record, part: Sequence[Trial], name: str, line: dict[str, Any], y: str = "accuracy"
) -> Any:
    """Return one trace of several curves with gaps between; each mark, gaps too, has its trial."""
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
        line=line,
        connectgaps=False,
        hovertemplate=(
            f"{title}<br>" if title else "trial #%{customdata}<br>"
        ) + ("%{y:.3f}" if y == "loss" else "%{y:.2f} %") + " after epoch %{x}<extra></extra>",
    )  # fmt: skip


def _ends(part: Sequence[Trial], state: str, symbol: str, colour: str, epochs: int) -> Any:
    """Return marks at the ends of the curves of trials that were stopped early or failed."""
    return theme.trace(
        "scatter",
        x=[len(t.curve) for t in part],
        y=[100 * t.curve[-1] for t in part],
        customdata=[t.number for t in part],
        mode="markers",
        name=f"{STATE_NAMES[state]} ({len(part):,})",
        legendgroup=state,
        marker={"symbol": symbol, "size": 8, "line": {"width": 1.8, "color": colour}},
        hovertext=[
            f"#{t.number} {STATE_NAMES[state]} after epoch {t.epochs} of {epochs}:<br>"
            + (escape(t.reason) or "no reason given")
            for t in part
        ],
        hoverinfo="text",
    )


def _value_axis(record: Record, shown: Sequence[Trial], y: str) -> dict[str, Any]:
    """Return an axis with the range of the curves after the first sixth of their epochs."""
    curves = [_values(trial, y) for trial in shown]
    late = [v for values in curves for v in values[len(values) // 6 :] if v is not None]
    images = wording.measured_on(record)
    if y == "loss":
        title = {"text": f"{images} loss (cross-entropy, nats)"}
        if not late:
            return {"title": title}
        pad = 0.05 * (max(late) - min(late)) or 0.01
        return {"title": title, "range": [max(min(late) - pad, 0.0), max(late) + pad]}
    pad = 0.05 * (max(late) - min(late)) or 1.0
    return {
        "title": {"text": f"{images} accuracy (%)"},
        "range": [min(late) - pad, min(max(late) + pad, 100.6)],
    }


def _epochs(shown: Sequence[Trial]) -> dict[str, Any]:
    """Return the axis of the epochs, which count from 1."""
    last = max(len(trial.curve) for trial in shown)
    return {"title": {"text": "epoch"}, "range": [1 - 0.02 * last, 1.02 * last]}
