"""What figures show equals what is computed in another way."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest

from tests.records import lenet, make_record, trial
from tests.views.figure_records import case, with_stopped
from unitsearch.architecture.description import unit_counts
from unitsearch.costs import COSTS
from unitsearch.errors import UsageError
from unitsearch.metrics import METRICS
from unitsearch.search.front import hypervolume as volume_of
from unitsearch.search.front import volume_point
from unitsearch.study.record import Record
from unitsearch.study.tables import (
    front_trials,
    hypervolume_history,
    reference_point,
    training_seconds,
)
from unitsearch.views.figures import (
    convergence,
    curves,
    effects,
    front3d,
    hypervolume,
    parallel,
    pareto,
    tradeoff,
)
from unitsearch.views.figures.curves import MOST_CURVES
from unitsearch.views.figures.effects import LEAST, student_quantile, unit_effects, usable
from unitsearch.views.figures.plotted_trials import axis_error, plotted_trials


def trace(figure, name: str):  # type: ignore[no-untyped-def]
    return next(trace for trace in figure.data if trace.name == name)


def numbers(figure, name: str) -> set[int]:  # type: ignore[no-untyped-def]
    return set(trace(figure, name).customdata)


# the front of three


@pytest.mark.parametrize("axes", [("flops", "params", "accuracy"), ("ce", "se", "tsa")])
def test_the_front_of_three_is_what_a_comparison_of_all_pairs_finds(
    record: Record, axes: tuple[str, str, str]
) -> None:
    base = record.trials[0]
    able = [t for t in record.complete if (t.accuracy or 0) >= record.floor]
    signs = [1 if METRICS[name].maximise else -1 for name in axes]
    value = {
        t.number: [
            sign * METRICS[name].formula(t.measured, base.measured)
            for sign, name in zip(signs, axes, strict=True)
        ]
        for t in able
    }
    beaten = {
        a
        for a in value
        for b in value
        if value[a] != value[b] and all(x <= y for x, y in zip(value[a], value[b], strict=True))
    }
    shown = numbers(front3d(record, *axes), "front of these three")
    assert shown == set(value) - beaten - {0}


def test_the_front_of_three_lies_in_what_the_scene_shows(record: Record) -> None:
    figure = front3d(record)
    for name in ("front of these three", "dominated", "baseline"):
        drawn = trace(figure, name)
        for letter in "xyz":
            axis = figure.layout.scene[f"{letter}axis"]
            low, high = axis.range
            values = [math.log10(v) if axis.type == "log" else v for v in drawn[letter]]
            assert all(low <= v <= high for v in values)


def test_three_axes_are_three_metrics(record: Record) -> None:
    with pytest.raises(UsageError, match="three different metrics"):
        front3d(record, "flops", "params", "params")


# error bars


def test_the_error_of_a_derived_metric_is_its_slope_times_that_of_the_accuracy(
    record: Record,
) -> None:
    base, one = record.trials[0].measured, record.trials[4]
    ce = METRICS["ce"].formula(one.measured, base)
    expected = ce * (one.accuracy_se or 0) / (one.accuracy or 1)
    assert axis_error(METRICS["ce"], one, base) == pytest.approx(expected)


@pytest.mark.parametrize("name", [*COSTS, "flops_drop"])
def test_costs_are_exact(record: Record, name: str) -> None:
    assert axis_error(METRICS[name], record.trials[4], record.trials[0].measured) is None


def test_the_baseline_has_no_error_where_it_is_the_measure(record: Record) -> None:
    base = record.trials[0]
    assert axis_error(METRICS["ce"], base, base.measured) is None
    assert axis_error(METRICS["accuracy"], base, base.measured) == 100 * (base.accuracy_se or 0)


# metrics


@pytest.mark.parametrize(("w1", "w2"), [(1, 4), (4, 1)])
def test_weighted_trade_offs_are_those_of_the_papers_tables(
    record: Record, w1: int, w2: int
) -> None:
    new, base = record.trials[3].measured, record.trials[0].measured
    drop = (base.cost.flops - new.cost.flops) / base.cost.flops
    loss = (base.accuracy - new.accuracy) / base.accuracy
    assert METRICS[f"tca_{w1}_{w2}"].formula(new, base) == pytest.approx(
        math.exp(w1 * drop) / math.exp(w2 * loss)
    )


def test_latency_is_drawn_once_it_is_measured(record: Record) -> None:
    missing = pareto(record, "latency")
    assert "unitsearch latency STUDY" in missing.layout.annotations[0].text
    fast = tuple(
        replace(t, latency=(0.9, 1.0 + t.number, 1.2)) if t.number < 5 else t for t in record.trials
    )
    figure = pareto(replace(record, trials=fast), "latency")
    shown = {d for t in figure.data if t.customdata is not None for d in t.customdata}
    assert shown == {0, 1, 2, 3, 4}
    base = trace(figure, "baseline")
    assert base.x == (1.0,)
    bar = base.error_x
    assert (bar.arrayminus[0], bar.array[0]) == pytest.approx((0.1, 0.2))  # its quartiles


def test_an_error_as_large_as_its_value_fits_a_logarithmic_axis(record: Record) -> None:
    (first, *_) = record.trials
    slow = replace(record, trials=(replace(first, latency=(0.1, 0.5, 2.0)),))
    assert pareto(slow, "latency").layout.xaxis.range[0] < math.log10(0.5)


# the effect of a count


def test_effects_equal_a_least_squares_fit_with_robust_errors_worked_out_by_hand(
    record: Record,
) -> None:
    trials = usable(record)
    found = {effect.kind: effect for effect in unit_effects(record)}
    kind = "1-2-1"
    y = np.array([100 * (t.accuracy or 0) for t in trials])
    size = np.array([math.log10(t.cost.flops) for t in trials])
    count = np.array([unit_counts(t.architecture.layers)[kind] for t in trials], dtype=float)
    x = np.column_stack([np.ones(len(trials)), count, size, size**2])
    beta, *_ = np.linalg.lstsq(x, y, rcond=None)
    hat = x @ np.linalg.solve(x.T @ x, x.T)
    weights = ((y - x @ beta) / (1 - np.diag(hat))) ** 2
    bread = np.linalg.inv(x.T @ x)
    error = math.sqrt((bread @ (x.T * weights) @ x @ bread)[1, 1])
    t = pytest.importorskip("scipy.stats").t.ppf(0.975, len(trials) - 4)
    assert found[kind].points == pytest.approx(beta[1], rel=1e-6)
    assert found[kind].high - found[kind].points == pytest.approx(t * error, rel=1e-4)
    assert found[kind].points - found[kind].low == pytest.approx(t * error, rel=1e-4)


def test_intervals_hold_the_true_effect_as_often_as_they_say() -> None:
    """Networks of one cost each by chance; accuracy rises 0.4 points for each unit 1-3-1."""
    networks = [t for t in make_record(61).trials[1:] if t.state == "complete"]
    held = 0
    for seed in range(200):
        draw = random.Random(seed)
        noisy = tuple(
            replace(
                t,
                accuracy=0.8
                + 0.004 * unit_counts(t.architecture.layers)["1-3-1"]
                + 0.05 * (math.log10(t.cost.flops) - 4)
                + draw.gauss(0, 0.01),
            )
            for t in networks
        )
        record = replace(make_record(2), trials=noisy)
        (effect,) = [e for e in unit_effects(record) if e.kind == "1-3-1"]
        held += effect.low <= 0.4 <= effect.high
    assert 0.90 <= held / 200 <= 0.99  # 95 % but for three standard errors of 200 draws


@pytest.mark.parametrize("freedom", [10, 16, 40, 400])
@pytest.mark.parametrize("chance", [0.9, 0.975, 0.995])
def test_quantiles_of_students_t(chance: float, freedom: int) -> None:
    t = pytest.importorskip("scipy.stats").t
    assert student_quantile(chance, freedom) == pytest.approx(t.ppf(chance, freedom), abs=1e-3)


def test_too_few_trials_have_no_effects_and_the_figure_says_how_many_it_takes() -> None:
    few = make_record(15)
    assert len(usable(few)) < LEAST
    assert unit_effects(few) == []
    assert f"at least {LEAST} different networks" in effects(few).layout.annotations[0].text


def test_a_count_that_is_the_cost_has_no_effect_of_its_own() -> None:
    """Stacks of one kind alone: more units are more FLOPs and nothing else."""
    record = make_record(2)
    trials = tuple(
        trial(n, lenet(({"1-3-1": n}, {"1-3-1": n})), 0.9 + n / 1000) for n in range(1, 40)
    )
    record = replace(record, trials=(record.trials[0], *trials))
    assert unit_effects(record) == []
    assert "all of them follow" in effects(record).layout.annotations[0].text


def test_the_method_stands_on_the_figure(record: Record) -> None:
    text = " ".join(note.text for note in effects(record).layout.annotations)
    assert "least squares" in text
    assert "HC3" in text
    assert "no experiment" in text
    assert "FLOPs" in text


# curves


def test_stopped_and_failed_trials_are_marked_where_they_ended() -> None:
    record = with_stopped(case("30 trials"))
    figure = curves(record)
    stopped = next(t for t in figure.data if t.name == "stopped early (1)")
    failed = next(t for t in figure.data if t.name == "failed (1)")
    assert (stopped.customdata, stopped.x) == ((1,), (3,))
    assert (failed.customdata, failed.x) == ((2,), (2,))
    assert stopped.y[0] == pytest.approx(100 * record.trials[1].curve[-1])


def test_what_failed_before_an_epoch_is_counted() -> None:
    record = case("30 trials")
    blind = sum(t.state == "failed" and not t.curve for t in record.trials)
    assert blind
    assert f"{blind} failed or stopped before an epoch ended" in [
        note.text for note in curves(record).layout.annotations
    ]


def test_of_many_curves_some_are_drawn_and_the_front_whole() -> None:
    record = make_record(900)
    figure = curves(record)
    drawn = numbers(figure, "other trials")
    assert 100 < len(drawn) <= MOST_CURVES
    chosen = {t.number for t in front_trials(record) if not t.is_baseline}
    assert numbers(figure, "the study's front") == chosen
    assert any("off the front drawn" in note.text for note in figure.layout.annotations)


def test_curves_of_one_trace_do_not_touch(record: Record) -> None:
    drawn = trace(curves(record), "other trials")
    for here, there, x in zip(drawn.customdata, drawn.customdata[1:], drawn.x, strict=False):
        assert here == there or x is None


def test_convergence_shows_the_best_single_and_hybrid_of_the_front(record: Record) -> None:
    figure = convergence(record)
    front = [t for t in front_trials(record) if not t.is_baseline]
    for word, hybrid in (("single", False), ("hybrid", True)):
        best = max(
            (t for t in front if t.is_hybrid == hybrid),
            key=lambda t: (t.accuracy or 0, -t.cost.flops),
        )
        drawn = trace(figure, f"{word}, best of the front: #{best.number}")
        assert [y for y in drawn.y if y is not None] == pytest.approx(
            [100 * v for v in best.curve], abs=1e-3
        )
    assert trace(figure, "baseline").customdata[0] == 0


def test_convergence_of_the_loss_shows_what_was_stored_and_leaves_gaps(record: Record) -> None:
    known = (2.0, None, 0.5)
    base = replace(record.trials[0], loss_curve=known)
    figure = convergence(replace(record, trials=(base, *record.trials[1:])), "loss")
    assert list(trace(figure, "baseline").y) == [*known, None]
    assert figure.layout.yaxis.title.text == "validation loss (cross-entropy, nats)"


def test_a_study_without_losses_says_so(record: Record) -> None:
    old = replace(record, trials=tuple(replace(t, loss_curve=()) for t in record.trials))
    assert "No trial has a loss after an epoch." in str(convergence(old, "loss").layout)


# growth


def test_seconds_are_those_of_every_training_so_far() -> None:
    record = with_stopped(case("30 trials"))
    trials = tuple(replace(t, train_seconds=float(t.number)) for t in record.trials)
    record = replace(record, trials=trials)
    ends = [sum(range(t.number + 1)) for t in record.complete]
    assert training_seconds(record) == ends
    figure = hypervolume(record, "seconds")
    assert figure.data[0].x[-1] == pytest.approx(ends[-1] / 60)
    assert "minutes" in figure.layout.xaxis.title.text


def test_the_last_volume_is_that_of_the_whole_front(record: Record) -> None:
    assert record.baseline is not None
    reference = reference_point(record.baseline)
    able = [volume_point(t.measured) for t in record.complete if t.accuracy >= record.floor]
    assert hypervolume(record).data[0].y[-1] == pytest.approx(volume_of(able, reference))
    wider = tuple(r + 1 for r in reference)
    assert hypervolume_history(record, wider)[-1][1] == pytest.approx(volume_of(able, wider))


def test_without_times_the_figure_says_so() -> None:
    record = case("30 trials")
    untimed = tuple(replace(t, train_seconds=None) for t in record.trials)
    figure = hypervolume(replace(record, trials=untimed), "seconds")
    assert "how long its training took" in figure.layout.annotations[0].text


def test_a_search_goes_along_trials_or_seconds(record: Record) -> None:
    with pytest.raises(UsageError, match="trials or seconds"):
        hypervolume(record, "epochs")


# parallel coordinates


def drawn_axis(figure, label: str):  # type: ignore[no-untyped-def]
    return next(d for d in figure.data[0].dimensions if d.label == label)


def test_counts_of_units_are_axes(record: Record) -> None:
    figure = parallel(record)
    by_number = {t.number: t for t in record.trials}
    axis = drawn_axis(figure, "units 1-2-1")
    for number, value in zip(figure.data[0].customdata, axis.values, strict=True):
        assert value == unit_counts(by_number[number].architecture.layers)["1-2-1"]


def test_parameters_that_vary_are_axes_and_cut_points_are_not(record: Record) -> None:
    trials = tuple(
        replace(t, values={"k": 3 + 2 * (t.number % 2), "same": 1, "s1.units.cut0": t.number})
        for t in record.trials[1:]
    )
    figure = parallel(replace(record, trials=(record.trials[0], *trials)))
    labels = [d.label for d in figure.data[0].dimensions]
    assert "k" in labels
    assert not {"same", "s1.units.cut0"} & set(labels)
    assert drawn_axis(figure, "k").ticktext == ("–", "3", "5")  # the baseline is outside the space


def test_words_are_ticks(record: Record) -> None:
    trials = tuple(
        replace(t, values={"sites": ("all", "r")[t.number % 2]}) for t in record.trials[1:]
    )
    axis = drawn_axis(parallel(replace(record, trials=trials)), "sites")
    assert axis.ticktext == ("all", "r")
    assert set(axis.values) == {0.0, 1.0}


def test_logarithmic_metrics_are_drawn_in_powers_of_ten(record: Record) -> None:
    figure = parallel(record)
    axis = drawn_axis(figure, "parameters")
    by_number = {t.number: t for t in record.trials}
    numbers = figure.data[0].customdata
    assert list(axis.values) == [math.log10(by_number[n].cost.params) for n in numbers]


def test_lines_of_the_front_lie_above_the_others(record: Record) -> None:
    ranks = list(parallel(record).data[0].line.color)
    assert ranks == sorted(ranks)
    assert ranks.count(1) == len([t for t in front_trials(record) if not t.is_baseline])


def test_the_front_alone_can_be_shown(record: Record) -> None:
    shown = set(parallel(record, trials="front").data[0].customdata)
    assert shown == {t.number for t in front_trials(record)} | {0}


# the trade-off


def test_both_drops_stand_beside_what_the_paper_prints(record: Record) -> None:
    flops = {t.name for t in tradeoff(record).data if t.legendgroup}
    params = {t.name for t in tradeoff(record, "params").data if t.legendgroup}
    assert {"BUnit-Net, CIFAR-10", "FPGM, CIFAR-10", "SFP, CIFAR-10"} <= flops
    assert {"BUnit-Net, CIFAR-10", "other methods, CIFAR-100"} <= params


def test_a_drop_of_parameters_is_the_table_s(record: Record) -> None:
    drawn = trace(tradeoff(record, "params"), "BUnit-Net, CIFAR-10")
    at = {(round(x, 2), round(y, 2)) for x, y in zip(drawn.x, drawn.y, strict=True)}
    assert (72.90, 0.43) in at  # Table IV, VGG-16: 93.25 to 92.82 %


def test_the_study_s_own_drops_are_those_of_its_trials(record: Record) -> None:
    x, y = METRICS["params_drop"], METRICS["accuracy_drop"]
    where = {p.trial.number: (p.x, p.y) for p in plotted_trials(record, x, y)}
    drawn = trace(tradeoff(record, "params"), "this study's front")
    for number, px, py in zip(drawn.customdata, drawn.x, drawn.y, strict=True):
        assert where[number] == (px, py)


def test_there_is_no_trade_off_of_another_cost(record: Record) -> None:
    with pytest.raises(UsageError, match="flops or params"):
        tradeoff(record, "macs")
