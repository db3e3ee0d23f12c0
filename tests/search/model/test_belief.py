"""Beliefs are the posterior of accuracies: nearer to the truth than one training, and honest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.search.model.evidence_of_members import some_members, trained, true_accuracy
from unitsearch.search.model import Evidence, believe

MEMBERS = some_members(60)
TRUE = np.array([true_accuracy(cost) for _, cost in MEMBERS])


def test_the_mean_is_nearer_to_the_truth_than_single_trainings() -> None:
    evidence = trained(MEMBERS)
    single = np.array([item.accuracies[0] for item in evidence])
    believed = believe(evidence).accuracy
    assert np.abs(believed - TRUE).mean() < 0.6 * np.abs(single - TRUE).mean()


def test_the_truth_lies_within_two_deviations_of_most_means() -> None:
    belief = believe(trained(MEMBERS))
    assert (np.abs(belief.accuracy - TRUE) < 2 * belief.se).mean() > 0.85


def test_more_seeds_of_a_network_make_its_accuracy_surer() -> None:
    evidence = trained(MEMBERS)
    repeated = [replace(evidence[0], accuracies=evidence[0].accuracies * 5), *evidence[1:]]
    assert believe(repeated).se[0] < believe(evidence).se[0]


def test_equal_evidence_gives_equal_beliefs() -> None:
    first, second = believe(trained(MEMBERS)), believe(trained(MEMBERS))
    assert (first.accuracy == second.accuracy).all()
    assert (first.draws([0, 3], 5, seed=1) == second.draws([0, 3], 5, seed=1)).all()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_few_trainings_are_enough(size: int) -> None:
    belief = believe(trained(MEMBERS[:size]))
    assert np.isfinite(belief.accuracy).all()
    assert (belief.se > 0).all()


def test_without_a_complete_training_nothing_is_known() -> None:
    belief = believe([Evidence(architecture, cost) for architecture, cost in MEMBERS[:3]])
    assert list(belief.accuracy) == [0.0, 0.0, 0.0]
    assert believe([]).accuracy.shape == (0,)


def test_equal_accuracies_are_no_problem() -> None:
    evidence = [replace(item, accuracies=(1.0,)) for item in trained(MEMBERS)]
    assert believe(evidence).accuracy == pytest.approx(1.0, abs=0.005)


def test_a_stopped_training_with_a_low_curve_lowers_the_belief_of_its_network() -> None:
    evidence = trained(MEMBERS)
    unknown = replace(evidence[7], accuracies=(), curve=(), loss_curve=())
    low = replace(
        evidence[7], accuracies=(), curve=(evidence[7].curve[0] - 0.03,), loss_curve=(1.0,)
    )
    without, with_it = ([*evidence[:7], item, *evidence[8:]] for item in (unknown, low))
    assert believe(with_it).accuracy[7] < believe(without).accuracy[7] - 0.001


def test_thousands_of_trials_are_believed_in_too() -> None:
    members = MEMBERS * 40
    evidence = trained(members)
    believed = believe(evidence).accuracy
    truth = np.array([true_accuracy(cost) for _, cost in members])
    assert np.abs(believed - truth).mean() < 0.003


def test_draws_spread_as_the_deviations_say() -> None:
    belief = believe(trained(MEMBERS))
    draws = belief.draws(range(10), 4000, seed=0)
    assert draws.std(axis=0) == pytest.approx(belief.se[:10], rel=0.1)
    assert draws.mean(axis=0) == pytest.approx(belief.accuracy[:10], abs=0.0005)
