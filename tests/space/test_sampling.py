"""Drawing members: by a seed, from stored values, by any ``choose``."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.space.files import END, SPACES, bound, some, written
from unitsearch.architecture import Conv, Stack, key, read_architecture
from unitsearch.errors import SpecError
from unitsearch.space import Cut, Domain, Labels, Steps, at_random, draw, members, replay, sample

every_space = pytest.mark.parametrize("path", SPACES.values(), ids=SPACES.keys())


@every_space
def test_one_seed_draws_the_same_members(path: Path) -> None:
    architecture, two = bound(path), bound(path)
    assert some(architecture, 20, seed=5) == some(two, 20, seed=5)


def test_another_seed_draws_other_members() -> None:
    space = bound("toy_hybrid")
    assert some(space, 5, seed=1) != some(space, 5, seed=2)


@every_space
def test_replaying_the_values_gives_the_same_member(path: Path) -> None:
    drawn = some(bound(path), 30, seed=6)
    space = bound(path)
    for values, architecture in drawn:
        again, same = draw(space, replay(values))
        assert (again, same, key(same)) == (values, architecture, key(architecture))


@every_space
def test_what_was_drawn_before_does_not_change_a_member(path: Path) -> None:
    space = bound(path)
    values, architecture = some(space, 1, seed=7)[0]
    some(space, 50, seed=8)
    assert sample(space, replay(values)) == architecture


@every_space
def test_a_parameter_is_asked_for_once_and_has_one_kind_of_domain(path: Path) -> None:
    space = bound(path)
    domains: dict[str, Any] = {}
    for seed in range(30):
        choose = at_random(random.Random(seed))
        asked: list[str] = []

        def noted(name: str, domain: Domain) -> Any:
            asked.append(name)  # noqa: B023
            fixed = ("cut", domain.high) if isinstance(domain, Cut) else domain
            assert domains.setdefault(name, fixed) == fixed
            return choose(name, domain)  # noqa: B023

        sample(space, noted)
        assert len(asked) == len(set(asked))


def test_values_of_another_space_are_refused() -> None:
    with pytest.raises(SpecError, match=r"no stored value for the parameter 's1.units.cut0'"):
        draw(bound("toy_hybrid"), replay({"k": 3}))


def test_random_values_are_spread_evenly() -> None:
    space = written(f"layers:\n- {{kind: conv, out: {{range: [1, 4]}}}}\n{END}")
    widths = [architecture.layers[0].out for _, architecture in some(space, 2000)]  # type: ignore[union-attr]
    assert all(400 < widths.count(w) < 600 for w in (1, 2, 3, 4))


def test_a_width_left_open_follows_the_stack() -> None:
    for _, architecture in some(bound("toy_hybrid"), 50):
        first, stack, _, second, other, *_ = architecture.layers
        assert isinstance(first, Conv)
        assert isinstance(second, Conv)
        assert isinstance(stack, Stack)
        assert isinstance(other, Stack)
        assert (first.out, second.out) == (stack.inputs, other.inputs)
        assert (stack.size, other.size) == (20, 20)


def test_a_width_left_open_follows_a_stack_behind_pooling() -> None:
    units = "units: {A: {nodes: [3, 1, 3]}}\n"
    layers = (
        "- {kind: conv, out: auto}\n- {kind: pool}\n- {kind: stack, units: {mix: [A], total: 2}}\n"
    )
    ((_, architecture),) = some(written(f"{units}layers:\n{layers}{END}"), 1)
    assert architecture.layers[0].out == 6  # type: ignore[union-attr]


def test_the_width_of_binary_filters_may_follow_the_stack_and_ends_what_was_open() -> None:
    units = "units: {A: {nodes: [3, 1, 3]}}\n"
    slbf = "- {kind: slbf, out: auto, bank: 4}\n"
    stack = "- {kind: stack, units: {mix: [A], total: 2}}\n"
    ((_, architecture),) = some(written(f"{units}layers:\n{slbf}{stack}{END}"), 1)
    assert architecture.layers[0].out == 6  # type: ignore[union-attr]
    with pytest.raises(SpecError, match="expected a stack that it leads to"):
        some(written(f"{units}layers:\n- {{kind: conv, out: auto}}\n{slbf}{stack}{END}"), 1)


def test_a_named_choice_is_one_value_everywhere() -> None:
    for _, architecture in some(bound("lenet_hybrid"), 50):
        kernels = {architecture.layers[0].kernel}  # type: ignore[union-attr]
        for layer in architecture.layers:
            if isinstance(layer, Stack):
                kernels |= {conv.kernel for run in layer.units for conv in run.unit.layers}  # type: ignore[union-attr]
        assert len(kernels) == 1


TWICE = """units:
  A: {nodes: [1, {choose: [1, 2, 3, 4], WORD}, 1]}
layers:
- {kind: conv, out: auto}
- {kind: stack, name: s, units: {mix: [A], total: 2}}
- {kind: conv, out: auto}
- {kind: stack, name: t, units: {sequence: {of: [A], length: 3}}}
"""


def hidden(architecture: Any) -> list[set[int]]:
    stacks = [layer for layer in architecture.layers if isinstance(layer, Stack)]
    return [{run.unit.nodes[1] for run in stack.units} for stack in stacks]


def test_a_choice_in_a_unit_is_drawn_once_for_each_stack() -> None:
    space = written(TWICE.replace(", WORD", "") + END)
    hidden_nodes = [hidden(architecture) for _, architecture in some(space, 60)]
    assert all(len(s) == len(t) == 1 for s, t in hidden_nodes)
    assert any(s != t for s, t in hidden_nodes)


def test_a_choice_with_a_name_is_drawn_once_for_all_stacks() -> None:
    space = written(TWICE.replace("WORD", "name: h") + END)
    for values, architecture in some(space, 60):
        assert hidden(architecture) == [{values["h"]}, {values["h"]}]
        assert sample(space, replay(values)) == architecture


def test_counted_units_may_be_named() -> None:
    text = "units: {A: {nodes: [1, 2, 1]}}\nlayers:\n- {kind: conv, out: 4}\n"
    by_name = f"{text}- {{kind: stack, units: [{{count: 3, use: A}}, {{nodes: [1, 1, 1]}}]}}\n{END}"
    spelt = by_name.replace("use: A", "nodes: [1, 2, 1]")
    assert sample(written(by_name), replay({})) == sample(written(spelt), replay({}))


def test_members_come_in_canonical_order() -> None:
    for _, architecture in some(bound("toy_hybrid"), 20):
        runs = architecture.layers[1].units  # type: ignore[union-attr]
        assert len({run.unit for run in runs}) == len(runs)
        assert read_architecture({"unitsearch": 1, "input": [3, 32, 32], "layers": [
            {"kind": "conv", "out": architecture.layers[0].out},  # type: ignore[union-attr]
            {"kind": "stack", "units": [
                {"count": run.count, "nodes": list(run.unit.nodes)} for run in reversed(runs)]},
            {"kind": "conv", "out": 1}]}).layers[1] == architecture.layers[1]  # fmt: skip


@given(st.integers(0, 2**32), st.sampled_from(sorted(SPACES)))
@settings(max_examples=40)
def test_values_hold_what_their_domains_allow(seed: int, name: str) -> None:
    choose = at_random(random.Random(seed))

    def checked(name: str, domain: Domain) -> Any:
        value = choose(name, domain)
        match domain:
            case Labels(options=options):
                assert value in options
            case Steps():
                assert value in domain.options
            case Cut(high=high):
                assert 0 <= value <= high
        return value

    sample(bound(SPACES[name]), checked)


@given(st.lists(st.integers(0, 20), min_size=5, max_size=5))
@settings(max_examples=50)
def test_cuts_in_any_order_make_twenty_units(cuts: list[int]) -> None:
    space = bound("toy_hybrid")
    values = {f"s{s}.units.cut{i}": cut for s in (1, 2) for i, cut in enumerate(cuts)}
    shuffled = {f"s{s}.units.cut{i}": c for s in (1, 2) for i, c in enumerate(sorted(cuts))}
    architecture = sample(space, replay(values))
    assert architecture.layers[1].size == 20  # type: ignore[union-attr]
    assert architecture == sample(space, replay(shuffled))


def test_enumeration_is_in_a_fixed_order() -> None:
    space = bound("lenet_table1")
    first = list(members(space))
    assert first == list(members(bound("lenet_table1")))
    assert sample(space, replay(first[17][0])) == first[17][1]
