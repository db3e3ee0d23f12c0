"""The band stops what is expected below networks of no more cost; halving what ranks low."""

from __future__ import annotations

from dataclasses import replace

from tests.search.model.evidence_of_members import EPOCHS, IMAGES, some_members, trained
from unitsearch.architecture import key
from unitsearch.search.proposals import Observation
from unitsearch.search.stopping import StoppingRule
from unitsearch.search.stopping.asha import AshaSettings, SuccessiveHalving
from unitsearch.search.stopping.band import BandSettings, BeliefBand
from unitsearch.training.bars import ExpectedBar, missed_bar

MEMBERS = some_members(40, seed=5)
TRIALS = [
    Observation(
        number,
        key(item.architecture),
        {},
        item.cost,
        "complete",
        item.accuracies[0],
        epochs=EPOCHS,
        recipe_epochs=EPOCHS,
        curve=item.curve,
        loss_curve=item.loss_curve,
        images=IMAGES,
        architecture=item.architecture,
    )
    for number, item in enumerate(trained(MEMBERS))
]
DEAREST = max(TRIALS, key=lambda trial: trial.cost.params)


def band() -> StoppingRule:
    return BeliefBand(BandSettings(first=0.0, last=1.0))


def reason(rule: StoppingRule, curve: tuple[float, ...], losses: tuple[float, ...]) -> str:
    """Return why the dearest network is stopped with this curve; empty if it goes on."""
    return missed_bar(curve, losses, rule.bars(DEAREST, TRIALS, EPOCHS), EPOCHS)


def test_a_curve_below_what_cheaper_networks_reach_is_stopped_with_the_figures() -> None:
    why = reason(band(), (0.5, 0.55), (2.0, 1.9))
    assert "after epoch 2 of 4 expected" in why
    assert "networks of no more cost reach 9" in why


def test_the_curve_of_the_best_network_goes_on() -> None:
    curve = tuple(accuracy + 0.004 for accuracy in DEAREST.curve[:2])
    losses = tuple((loss or 0.0) * 0.8 for loss in DEAREST.loss_curve[:2])
    assert reason(band(), curve, losses) == ""


def test_a_wider_band_stops_less() -> None:
    narrow = band().bars(DEAREST, TRIALS, EPOCHS)[1]
    wide = BeliefBand(BandSettings(first=0.0, last=1.0, width=3.0)).bars(DEAREST, TRIALS, EPOCHS)[1]
    assert isinstance(narrow, ExpectedBar)
    assert isinstance(wide, ExpectedBar)
    assert (narrow.width, wide.width) == (0.0, 3.0)
    assert narrow.needed == wide.needed


def test_there_are_no_bars_before_enough_trials_are_complete() -> None:
    assert band().bars(DEAREST, TRIALS[:9], EPOCHS) == ()


def test_nothing_is_stopped_once_most_trials_were() -> None:
    stopped = [
        replace(trial, state="stopped", accuracy=None, curve=trial.curve[:2], epochs=2)
        for trial in TRIALS[15:]
    ]
    assert band().bars(DEAREST, [*TRIALS[:15], *stopped], EPOCHS) == ()


def test_the_cheapest_network_has_no_bar_because_nothing_costs_less() -> None:
    cheapest = min(TRIALS, key=lambda trial: (trial.cost.flops, trial.cost.params))
    others = [trial for trial in TRIALS if trial.key != cheapest.key]
    assert band().bars(cheapest, others, EPOCHS) == ()


def test_bars_stand_in_the_middle_of_the_recipe() -> None:
    bars = BeliefBand(BandSettings(first=0.5, last=0.7)).bars(DEAREST, TRIALS, EPOCHS)
    assert [bar is not None for bar in bars] == [False, True, False, False]


def test_halving_lets_the_best_third_of_a_rung_go_on() -> None:
    rule = SuccessiveHalving(AshaSettings(first=2, reduction=3))
    bars = rule.bars(DEAREST, TRIALS, EPOCHS)
    assert [bar is not None for bar in bars] == [False, True, False, False]
    dearest = sorted(trial.curve[1] for trial in TRIALS)
    assert bars[1] is not None
    assert bars[1] > dearest[len(dearest) // 2]


def test_halving_asks_nothing_of_a_network_that_costs_less_than_all() -> None:
    cheapest = min(TRIALS, key=lambda trial: (trial.cost.flops, trial.cost.params))
    others = [trial for trial in TRIALS if trial.key != cheapest.key]
    assert SuccessiveHalving(AshaSettings()).bars(cheapest, others, EPOCHS) == (None,) * EPOCHS


def test_a_rung_that_few_trainings_have_seen_stops_none() -> None:
    assert SuccessiveHalving(AshaSettings()).bars(DEAREST, TRIALS[:5], 4) == (None,) * 4
