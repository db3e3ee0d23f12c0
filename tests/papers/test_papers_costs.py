"""The papers' tables of costs: every row is there, and comes out as recorded."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from unitsearch.papers import ReproducedCost, Verdict, contradictions, reproduce_costs, tally
from unitsearch.papers.printed_tables import PrintedCost, printed_costs
from unitsearch.space import load_space

with (Path(__file__).parents[1] / "golden" / "reproduced_costs.csv").open() as file:
    GOLDEN = list(csv.DictReader(file))
KEY = ("paper", "table", "dataset", "backbone", "row")
every_computed_row = pytest.mark.parametrize(
    "golden", GOLDEN, ids=[" ".join(row[k] for k in KEY) for row in GOLDEN]
)


def key(row: PrintedCost) -> tuple[str, ...]:
    return tuple(getattr(row, name) for name in KEY)


def close(printed: str | None) -> str:
    """Return a printed number without its blanks, and a drop with a minus sign."""
    return (printed or "").replace("drop ", "-").replace(" ", "")


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, ...], ReproducedCost]:
    return {key(each.row): each for each in reproduce_costs()}


def test_every_printed_row_is_in_the_tables_once() -> None:
    rows = printed_costs()
    assert Counter((row.paper, row.table) for row in rows) == {
        ("TissueNet", "2"): 16,
        ("TissueNet", "3"): 16,
        ("TissueNet", "4a"): 5,
        ("TissueNet", "4b"): 5,
        ("TissueNet", "5"): 6,
        ("BUnit-Net", "I"): 6,
        ("BUnit-Net", "II"): 10,
        ("BUnit-Net", "III"): 5,
        ("BUnit-Net", "IV"): 26,
        ("BUnit-Net", "V"): 17,
        ("BUnit-Net", "VI(a)"): 4,
        ("BUnit-Net", "VI(b)"): 6,
        ("BUnit-Net", "VI(c)"): 12,
        ("BUnit-Net", "VIII"): 5,
    }
    assert len({key(row) for row in rows}) == len(rows)


def test_no_row_is_dropped_and_none_contradicts_its_judgement() -> None:
    rows = reproduce_costs()
    assert [key(each.row) for each in rows] == [key(row) for row in printed_costs()]
    assert contradictions(rows) == []
    assert tally(rows) == {
        "exact": 40,
        "within rounding": 2,
        "within 1 %": 8,
        "misprint": 4,
        "not reproducible": 15,
        "other method": 56,
        "no cost printed": 14,
    }


@every_computed_row
def test_the_cost_of_a_row_is_the_recorded_one(
    golden: dict[str, str], rows: dict[tuple[str, ...], ReproducedCost]
) -> None:
    each = rows[tuple(golden[name] for name in KEY)]
    assert each.cost is not None
    for name in ("params", "macs", "flops"):
        assert getattr(each.cost, name) == int(golden[name])
    assert each.verdict == golden["verdict"]


def test_every_row_that_is_computed_is_recorded(
    rows: dict[tuple[str, ...], ReproducedCost],
) -> None:
    computed = {name for name, each in rows.items() if each.cost is not None}
    assert computed == {tuple(row[name] for name in KEY) for row in GOLDEN}


def test_an_exact_row_is_exact_in_all_that_is_printed_of_it(
    rows: dict[tuple[str, ...], ReproducedCost],
) -> None:
    for each in rows.values():
        if each.verdict == Verdict.exact:
            assert each.params_verdict == each.flops_verdict == Verdict.exact


def test_every_row_that_is_not_exact_says_why(
    rows: dict[tuple[str, ...], ReproducedCost],
) -> None:
    silent = [
        each.name
        for each in rows.values()
        if each.row.kind == "own" and each.verdict != Verdict.exact and not each.row.note
    ]
    assert silent == []


def test_every_row_that_is_not_reproducible_has_a_candidate_with_its_costs(
    rows: dict[tuple[str, ...], ReproducedCost],
) -> None:
    lost = [each for each in rows.values() if each.verdict == Verdict.lost]
    assert [each.name for each in lost if each.cost is None] == []


def test_a_space_file_and_the_tables_print_the_same_costs_of_a_point(
    rows: dict[tuple[str, ...], ReproducedCost],
) -> None:
    drops: dict[str, set[tuple[str, str]]] = {}
    for each in rows.values():
        if ":" in each.row.network:
            numbers = close(each.printed_params), close(each.printed_flops)
            drops.setdefault(each.row.network, set()).add(numbers)
    wrong = []
    for name, pairs in drops.items():
        space, _, point = name.partition(":")
        printed = load_space(space).points[point].get("printed") or {}
        if "params" in printed and (close(printed["params"]), close(printed["flops"])) not in pairs:
            wrong.append((name, printed, pairs))
    assert wrong == []
