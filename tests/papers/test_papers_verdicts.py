"""Verdicts: printed numbers against computed ones, and a row's numbers against its judgement."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unitsearch.costs import Cost
from unitsearch.errors import SpecError
from unitsearch.papers.printed_tables import PrintedCost, PrintedMetric
from unitsearch.papers.reproduced_costs import judge
from unitsearch.papers.reproduced_metrics import judge_metric
from unitsearch.papers.verdicts import Verdict, of_cost, of_drop, printed, worst

ROW = PrintedCost(
    paper="TissueNet",
    table="2",
    dataset="CIFAR-100",
    backbone="VGG-16",
    row="ours",
    kind="own",
    params="4.08",
    params_unit="M",
    flops="1.57",
    flops_unit="e8",
    network="ours",
)
EXACT = Cost(4_084_260, 76_875_776, 156_749_824)
CELL = PrintedMetric(
    paper="TissueNet",
    table="3",
    dataset="CIFAR-10",
    backbone="VGG-16",
    row="n=4",
    metric="CE",
    formula="ce",
    accuracy="92.82",
    baseline_accuracy="93.25",
    cost="1.57",
    baseline_cost="7.80",
    printed="4.95",
)


@pytest.mark.parametrize(
    ("text", "unit", "least", "most"),
    [
        ("106.64", "k", 106_635, 106_644),
        ("4.08", "M", 4_075_000, 4_084_999),
        ("1.57", "e8", 156_500_000, 157_499_999),
        ("0.7", "G", 650_000_000, 749_999_999),
        ("2", "k", 1_500, 2_499),
    ],
)
def test_a_printed_cost_is_every_cost_that_rounds_to_it_ties_up(
    text: str, unit: str, least: int, most: int
) -> None:
    number = printed(text, unit)
    assert of_cost(number, least) == of_cost(number, most) == Verdict.exact
    assert Verdict.exact not in (of_cost(number, least - 1), of_cost(number, most + 1))


@given(st.integers(1, 10**12), st.sampled_from([("k", 3), ("M", 6), ("e8", 8), ("G", 9)]))
def test_a_cost_printed_to_two_digits_is_exact(cost: int, unit: tuple[str, int]) -> None:
    hundredths = (cost + 10 ** (unit[1] - 2) // 2) // 10 ** (unit[1] - 2)
    assert of_cost(printed(f"{Decimal(hundredths) / 100:.2f}", unit[0]), cost) == Verdict.exact


def test_one_percent_is_near_and_more_differs() -> None:
    number = printed("10.00", "M")
    assert of_cost(number, 10_100_000) == of_cost(number, 9_900_000) == Verdict.near
    assert of_cost(number, 10_100_001) == of_cost(number, 9_899_999) == Verdict.differs


def test_a_drop_is_of_the_baselines_cost() -> None:
    assert of_drop(printed("75.0", "%"), 250, 1000) == Verdict.exact
    assert of_drop(printed("75.0", "%"), 251, 1000) == Verdict.near
    assert of_drop(printed("75.0", "%"), 253, 1000) == Verdict.differs


def test_a_drop_of_rounded_costs_is_within_rounding_if_ours_round_to_them() -> None:
    number, new, baseline = printed("79.87", "%"), 156_657_664, 779_646_976
    assert of_drop(number, new, baseline) == Verdict.near
    assert of_drop(number, new, baseline, "1.57/7.80 e8") == Verdict.rounding
    assert of_drop(number, new, baseline, "1.56/7.80 e8") == Verdict.near
    assert of_drop(printed("79.80", "%"), new, baseline, "1.57/7.80 e8") == Verdict.near


@pytest.mark.parametrize(("text", "unit"), [("many", "M"), ("1.5", "m")])
def test_text_that_is_no_number_or_no_unit_is_a_spec_error(text: str, unit: str) -> None:
    with pytest.raises(SpecError):
        printed(text, unit)


def test_of_several_numbers_the_worst_decides() -> None:
    assert worst([Verdict.exact, Verdict.near, Verdict.rounding]) == Verdict.near


def test_a_row_that_computes_to_its_digits_is_exact() -> None:
    judged = judge(ROW, EXACT, None)
    assert (judged.params_verdict, judged.flops_verdict) == (Verdict.exact, Verdict.exact)
    assert judged.verdict == Verdict.exact


def test_a_row_off_without_a_judgement_differs() -> None:
    judged = judge(replace(ROW, flops="1.60"), EXACT, None)
    assert (judged.params_verdict, judged.flops_verdict) == (Verdict.exact, Verdict.differs)
    assert judged.verdict == Verdict.differs


def test_a_row_off_and_judged_keeps_its_judgement_and_says_which_number_it_is_about() -> None:
    row = replace(ROW, flops="1.60", judged="not reproducible", note="no layout")
    judged = judge(row, EXACT, None)
    assert (judged.params_verdict, judged.flops_verdict) == (Verdict.exact, Verdict.lost)
    assert judged.verdict == Verdict.lost


@pytest.mark.parametrize("judged", ["misprint", "not reproducible"])
def test_a_judgement_of_a_row_that_is_exact_contradicts_it(judged: str) -> None:
    row = replace(ROW, judged=judged, note="outdated")
    assert judge(row, EXACT, None).verdict == Verdict.differs


@pytest.mark.parametrize(
    ("meant", "verdict"),
    [("1.57", Verdict.misprint), ("1.50", Verdict.differs), ("", Verdict.differs)],
)
def test_a_misprint_must_come_out_as_the_number_meant(meant: str, verdict: Verdict) -> None:
    row = replace(ROW, flops="1.75", flops_meant=meant, judged="misprint", note="digits swapped")
    assert judge(row, EXACT, None).verdict == verdict


@pytest.mark.parametrize(
    ("params", "flops", "verdict"),
    [("9.29", "", Verdict.other), ("", "6.39", Verdict.other), ("", "", Verdict.no_cost)],
)
def test_a_competitors_row_is_listed_and_not_computed(
    params: str, flops: str, verdict: Verdict
) -> None:
    row = replace(ROW, kind="other", network="", params=params, flops=flops)
    judged = judge(row, None, None)
    assert (judged.cost, judged.verdict) == (None, verdict)


@pytest.mark.parametrize(
    "changes",
    [
        {"network": ""},
        {"kind": "other"},
        {"judged": "misprint"},
        {"params_unit": "drop %"},
    ],
    ids=["own without a network", "other with one", "no reason", "drop from nothing"],
)
def test_a_row_that_lacks_a_value_for_its_verdict_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(SpecError):
        replace(ROW, **changes)


@pytest.mark.parametrize(
    ("digits", "verdict"),
    [
        ("4.95", Verdict.exact),
        ("4.93", Verdict.rounding),
        ("4.90", Verdict.near),
        ("4.80", Verdict.differs),
    ],
)
def test_a_metric_is_compared_digits_first_then_rounding_of_its_inputs(
    digits: str, verdict: Verdict
) -> None:
    judged = judge_metric(replace(CELL, printed=digits))
    assert judged.computed == pytest.approx(4.9452, abs=1e-4)
    assert judged.verdict == verdict


@pytest.mark.parametrize("digits", ["4.95", "4.93", "4.90"])
def test_a_misprint_that_is_not_one_contradicts_its_cell(digits: str) -> None:
    cell = replace(CELL, printed=digits, judged="misprint", note="outdated")
    assert judge_metric(cell).verdict == Verdict.differs


@pytest.mark.parametrize("missing", ["accuracy", "baseline_accuracy", "cost", "baseline_cost"])
def test_a_metric_without_an_input_is_not_computed(missing: str) -> None:
    judged = judge_metric(replace(CELL, **{missing: ""}))
    assert (judged.computed, judged.verdict) == (None, Verdict.no_inputs)
