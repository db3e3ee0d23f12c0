"""Limits on cost, and spaces that are fixed to a shape."""

from __future__ import annotations

import pytest

from tests.space.files import END, bound, some, written
from unitsearch.costs import Cost, count
from unitsearch.errors import SpecError, UsageError
from unitsearch.space import admissible, baseline, bind, load_space, members, survey, within


def test_within_means_at_most() -> None:
    cost = Cost(params=10, macs=20, flops=30)
    assert within(cost, {"params": 10, "flops": 30})
    assert not within(cost, {"params": 9})
    assert within(cost, {"params": None})
    assert within(cost, {})


def test_a_limit_that_nothing_meets_is_a_usage_error() -> None:
    with pytest.raises(UsageError) as caught:
        survey(bound("lenet_hybrid"), {"params": 10}, samples=20)
    assert caught.value.exit_code == 2
    assert str(caught.value).startswith(
        "limits: no architecture of lenet_hybrid keeps the limits params <= 10; "
        "the nearest found has"
    )
    assert "params 702" in str(caught.value)


def test_a_needle_is_found() -> None:
    """The cheapest network among two and a half thousand million."""
    space = bound("toy_hybrid")
    drawn = [count(architecture) for _, architecture in some(space, 300)]
    least = admissible(space, {"params": 57_110})
    assert least.params <= 57_110 < min(cost.params for cost in drawn)


def test_the_cheapest_member_of_all_is_found() -> None:
    space = bound("lenet_table1")
    cheapest = min(count(architecture).flops for _, architecture in members(space))
    assert admissible(space, {"flops": cheapest}).flops == cheapest
    with pytest.raises(UsageError):
        admissible(space, {"flops": cheapest - 1})


def test_two_limits_hold_at_once() -> None:
    limits = {"params": 720, "flops": 40_000}
    assert within(admissible(bound("lenet_hybrid"), limits), limits)


def test_the_survey_counts_the_members_that_keep_the_limits() -> None:
    space = bound("lenet_hybrid")
    summary = survey(space, {"params": 5_000}, samples=300)
    assert 0 < summary.admitted < 300
    assert summary.share == summary.admitted / 300
    assert summary.dearest.params <= 5_000


def test_the_survey_finds_a_needle_though_no_sample_does() -> None:
    summary = survey(bound("toy_hybrid"), {"params": 57_110}, samples=50)
    assert summary.admitted == 0
    assert summary.cheapest.params <= 57_110


def test_a_limit_of_the_file_is_read() -> None:
    assert bound("lenet_hybrid").limits == {"params": 20_000}


def test_a_space_fixed_to_a_shape_refuses_other_data() -> None:
    with pytest.raises(UsageError) as caught:
        bind(load_space("toy_hybrid"), (1, 28, 28), 10, "mnist")
    assert str(caught.value) == (
        "space toy_hybrid is fixed to images of 3×32×32, data mnist has 1×28×28; "
        "use data=cifar10, or a space with input: auto"
    )
    assert caught.value.exit_code == 2


def test_a_space_fixed_to_one_shape_takes_images_of_that_shape_that_are_resized() -> None:
    file = load_space("toy_hybrid")
    small = bind(file, (3, 16, 16), 10, "cifar10", original=(3, 32, 32))
    large = bind(file, (3, 32, 32), 10, "cifar10")
    assert baseline(small).input == (3, 16, 16)
    assert count(baseline(small)).flops < count(baseline(large)).flops / 3
    with pytest.raises(UsageError, match="data mnist has 1×28×28"):
        bind(file, (3, 32, 32), 10, "mnist", original=(1, 28, 28))


def test_a_space_that_follows_its_data_takes_any_shape_and_number_of_classes() -> None:
    space = bind(load_space("lenet_hybrid"), (3, 32, 32), 100)
    assert survey(space, {}, samples=20).admitted == 20


def test_a_space_that_follows_its_data_says_where_it_does_not_fit() -> None:
    space = bind(load_space("lenet_hybrid"), (1, 2, 2), 10)
    with pytest.raises(
        SpecError, match=r"layers\[5\].kernel: found 2, expected at most the 1 pixels"
    ):
        survey(space, {}, samples=5)


def test_a_member_that_answers_other_classes_is_refused() -> None:
    space = written("layers:\n- {kind: flatten}\n- {kind: linear, out: 7}\n")
    with pytest.raises(SpecError, match=r"a network that gives 7 features', expected 10 features"):
        survey(space, {}, samples=1)


def test_an_empty_space_of_units_is_reported() -> None:
    text = "units: {A: {nodes: [1, 2, 1]}}\nlayers:\n- {kind: conv, out: auto}\n"
    mix = f"- {{kind: stack, units: {{mix: [A], total: {{range: [0, 1]}}}}}}\n{END}"
    with pytest.raises(SpecError, match=r"units: found 'no units'"):
        survey(written(text + mix), {}, samples=20)
