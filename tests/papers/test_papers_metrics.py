"""The papers' tables of metrics: every printed number is there, and comes out."""

from __future__ import annotations

from collections import Counter

from unitsearch.papers import Verdict, contradictions, reproduce_metrics, tally
from unitsearch.papers.printed_tables import printed_metrics


def test_every_printed_metric_is_in_the_tables_once() -> None:
    cells = printed_metrics()
    assert Counter(cell.metric for cell in cells) == {
        "CE": 42,
        "SE": 39,
        "TCA": 173,
        "TSA": 137,
        "speedup": 56,
        "accuracy drop": 56,
    }
    assert len({cell.name for cell in cells}) == len(cells)


def test_all_but_a_few_come_out_to_the_digit() -> None:
    cells = reproduce_metrics()
    assert contradictions(cells) == []
    assert tally(cells) == {
        "exact": 456,
        "within rounding": 7,
        "within 1 %": 2,
        "misprint": 10,
        "no inputs printed": 28,
    }


def test_the_tca_and_tsa_of_table_three_are_ce_and_se() -> None:
    table = [each for each in reproduce_metrics() if each.cell.table == "III"]
    assert len(table) == 10
    for each in table:
        assert each.cell.formula == {"TCA": "ce", "TSA": "se"}[each.cell.metric]
        assert each.verdict == Verdict.exact


def test_cells_left_out_have_no_inputs_in_print() -> None:
    for each in reproduce_metrics():
        if each.verdict == Verdict.no_inputs:
            assert each.cell.paper == "TissueNet"
            assert not (each.cell.accuracy and each.cell.cost)
