"""The number of members of a space, compared with a walk through all of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.space.files import END, SPACES, bound, some, written
from unitsearch.architecture import key
from unitsearch.costs import count
from unitsearch.space import count_members, load_space, member, members, parameters
from unitsearch.space.draws import Cut, scaled, unscaled

HERE = Path(__file__).parent / "spaces"
SIZES = {
    "words": 252,
    "ordered": 245,
    "positions": 10,
    "whole": 24,
    "one": 1,
    "labels": 6,
    "replace": 7_476,
}
SHIPPED = {name: path for name, path in SPACES.items() if name.startswith("search_spaces/")}


def walked(space: object) -> Counter[str]:
    return Counter(key(architecture) for _, architecture in members(space))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("lenet_table1", 45),
        ("lenet_hybrid", 1_801_202),
        ("toy_hybrid", 2_822_796_900),
        ("mlp", 3_223_085_005_230),
    ],
)
def test_a_shipped_space_has_the_number_of_members_in_its_header(name: str, size: int) -> None:
    space = bound(name)
    assert count_members(space) == size
    assert f"Holds {size:,} architectures" in space.file.about


@pytest.mark.parametrize("name", [n for n, p in SHIPPED.items() if load_space(p).backbone])
def test_the_header_of_a_space_over_a_backbone_says_how_many_it_holds(name: str) -> None:
    about = f"{count_members(bound(SHIPPED[name])):.1e}".replace("e+", "e")
    assert f"Holds at most {about} architectures" in load_space(SHIPPED[name]).about


@pytest.mark.parametrize(
    ("name", "cheapest", "dearest"),
    [
        (
            "lenet_hybrid",
            {"k": 3, "s1.units": {"U1": 4}, "s2.units": {"U1": 4}},
            {"k": 5, "s1.units": {"U3": 16}, "s2.units": {"U3": 16}},
        ),
        ("lenet_table1", {"s1.units": {"U1": 8}}, {"s1.units": {"U3": 8}}),
        (
            "mlp",
            {"pairs.units": {"P2": 392}, "head": "direct"},
            {"pairs.units": {"P8": 392}, "head": "deep", "hidden.units": {"P8": 50}},
        ),
    ],
)
def test_the_header_names_the_parameters_of_the_cheapest_and_the_dearest_member(
    name: str, cheapest: dict[str, object], dearest: dict[str, object]
) -> None:
    space = bound(name)
    low, high = (count(member(space, values, "")).params for values in (cheapest, dearest))
    costs = [count(architecture).params for _, architecture in some(space, 200)]
    assert low <= min(costs) <= max(costs) <= high
    assert f"{low:,} to {high:,} parameters" in " ".join(space.file.about.split())


def test_walking_through_table_one_meets_45_networks_once_each() -> None:
    walks = walked(bound("lenet_table1"))
    assert len(walks) == 45
    assert set(walks.values()) == {1}


@pytest.mark.parametrize("name", [n for n in SIZES if n != "positions"])
def test_walking_meets_every_member_once_and_no_other(name: str) -> None:
    space = bound(HERE / f"{name}.yaml")
    walks = walked(space)
    assert sum(walks.values()) == count_members(space) == SIZES[name]


@pytest.mark.parametrize("name", ["positions", "one", "labels", "whole"])
def test_the_count_is_the_number_of_distinct_networks(name: str) -> None:
    space = bound(HERE / f"{name}.yaml")
    assert len(walked(space)) == count_members(space) == SIZES[name]


def test_every_file_of_these_tests_is_counted_here() -> None:
    assert {path.stem for path in SPACES.values() if path.parent == HERE} == set(SIZES)


def test_each_mixture_is_walked_once() -> None:
    text = "units: {A: {nodes: [1, 1, 1]}, B: {nodes: [1, 2, 1]}, C: {nodes: [1, 3, 1]}}\nlayers:\n"
    mix = "{mix: [A, B, C], total: {range: [1, 6]}}"
    stack = f"- {{kind: conv, out: auto}}\n- {{kind: stack, units: {mix}}}\n"
    space = written(f"{text}{stack}{END}")
    walks = walked(space)
    assert set(walks.values()) == {1}
    assert len(walks) == count_members(space) == sum((n + 1) * (n + 2) // 2 for n in range(1, 7))


CHOICES = "choices: {k: {choose: [3, 5]}, n: {range: [1, 3]}}\n"
UNITS = "units: {A: {nodes: [1, {choose: [1, 2]}, 1]}, B: {nodes: [1, 3, 1]}}\n"
STACK = "- {kind: conv, out: auto}\n- {kind: stack, name: s, units: {mix: [A, B], total: 2}}\n"
COUNTS = {
    # one value
    "- {kind: conv, out: 3, kernel: {choose: [1, 3, 5]}}\n": 3,
    "- {kind: conv, out: {range: [2, 8, 3]}}\n": 3,
    # a named choice is drawn once
    "- {kind: conv, out: {use: n}, kernel: {use: k}}\n- {kind: conv, out: {use: n}}\n": 6,
    # ... and only where it is used
    "- choose: {no: [], yes: [{kind: conv, out: 2, kernel: {use: k}}]}\n": 3,
    "- choose: {no: {kind: conv, out: {use: n}}, yes: {kind: conv, out: 9, kernel: {use: k}}}\n": 5,
    # a choice in a unit counts only where the unit does: AA 2, AB 2, BB 1
    STACK: 5,
    # a sequence of layers draws anew at each position, a sequence of units once a stack
    "- sequence:\n    of: {a: {kind: conv, out: {choose: [1, 2]}}, b: {kind: conv, out: 3}}\n"
    "    length: 2\n": 9,
    "- {kind: conv, out: 2}\n- {kind: stack, units: {sequence: {of: [A, B], length: 2}}}\n"
    "- {kind: conv, out: 4, groups: 2}\n": 7,
    # nested choices
    "- choose: {a: {choose: {b: {kind: conv, out: 1}, c: {kind: conv, out: 2}}}, d: []}\n": 3,
    # an option that is a list is spliced
    "- choose: {two: [{kind: conv, out: 2}, {kind: conv, out: {use: n}}], none: []}\n": 4,
    # the number of units by a named choice
    "- {kind: conv, out: auto}\n- {kind: stack, units: {mix: [B], total: {use: n}}}\n"
    "- {kind: conv, out: {use: n}}\n": 3,
}  # fmt: skip


@pytest.mark.parametrize("layers", COUNTS)
def test_count_equals_walk(layers: str) -> None:
    space = written(f"{CHOICES}{UNITS}layers:\n{layers}{END}")
    walks = walked(space)
    assert len(walks) == sum(walks.values()) == COUNTS[layers]
    assert count_members(space) == COUNTS[layers]


@st.composite
def layer_texts(draw: st.DrawFn, depth: int = 2) -> str:
    """One item of layers, choices in it."""
    kernel = draw(st.sampled_from(("3", "{use: k}", "{choose: [1, 3]}")))
    out = draw(st.sampled_from(("2", "{use: n}", "{range: [4, 5]}")))
    plain = f"{{kind: conv, out: {out}, kernel: {kernel}}}"
    if not depth:
        return plain
    options = [draw(layer_lists(depth - 1)) for _ in range(draw(st.integers(1, 2)))]
    labelled = ", ".join(f"o{i}: {option}" for i, option in enumerate(options))
    return draw(
        st.sampled_from(
            (
                plain,
                f"{{choose: {{{labelled}}}}}",
                f"{{sequence: {{of: {{{labelled}}}, length: {{range: [0, 2]}}}}}}",
                f"{{kind: residual, body: [{plain}], shortcut: [{plain}]}}",
            )
        )
    )


@st.composite
def layer_lists(draw: st.DrawFn, depth: int) -> str:
    return "[" + ", ".join(draw(st.lists(layer_texts(depth), max_size=2))) + "]"


@given(layer_texts(), layer_texts())
@settings(max_examples=60)
def test_the_count_of_any_space_is_the_number_of_walks(first: str, second: str) -> None:
    space = written(f"{CHOICES}layers:\n- {first}\n- {second}\n{END}")
    if count_members(space) > 500 or "residual" in first + second:
        return
    assert count_members(space) == sum(walked(space).values())


def test_the_parameters_of_table_one_are_two_cuts() -> None:
    domains = parameters(bound("lenet_table1"))
    assert list(domains) == ["s1.units.cut0", "s1.units.cut1"]
    assert all(isinstance(domain, Cut) and domain.high == 8 for domain in domains.values())


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_scaled_undoes_unscaled(a: int, b: int, c: int) -> None:
    cut, total, high = sorted((a, b, c))
    value = unscaled(cut, total, high)
    assert 0 <= value <= high
    assert scaled(value, total, high) == cut


@given(st.integers(0, 60), st.integers(1, 60), st.integers(0, 60))
def test_unscaled_is_the_smallest_of_its_kind(cut: int, total: int, more: int) -> None:
    high = total + more
    cut = min(cut, total)
    values = [v for v in range(high + 1) if scaled(v, total, high) == cut]
    assert unscaled(cut, total, high) == min(values)


@given(st.integers(1, 60), st.integers(0, 60))
def test_scaling_keeps_order_and_both_ends(total: int, more: int) -> None:
    cuts = [scaled(v, total, total + more) for v in range(total + more + 1)]
    assert cuts == sorted(cuts)
    assert (cuts[0], cuts[-1]) == (0, total)
