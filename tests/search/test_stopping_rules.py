"""The stopping rules that ship, and a user's own, keep the protocol of stopping rules."""

from __future__ import annotations

import pytest

from unitsearch.costs import Cost
from unitsearch.errors import SpecError
from unitsearch.search.configured import StoppingConfig
from unitsearch.search.extensions import STOPPING_RULES
from unitsearch.search.proposals import Observation
from unitsearch.search.testing import STOPPING_CHECKS, StoppingCheck, check_stopping_rule

STARTING = Observation(1, "key", {}, Cost())
OWN = "tests.search.own_sampler:ShareOfBaseline"


@pytest.mark.parametrize("check", STOPPING_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", [*STOPPING_RULES.shipped(), OWN])
def test_a_rule_keeps_the_protocol(name: str, check: StoppingCheck) -> None:
    check(StoppingConfig(name).checked().make)


def test_all_checks_can_be_run_at_once() -> None:
    check_stopping_rule(StoppingConfig("fixed").make)


def test_unless_a_rule_is_chosen_nothing_is_stopped() -> None:
    assert StoppingConfig().make().bars(STARTING, [], 10) == ()


def test_a_fixed_bar_is_asked_for_from_an_epoch_on() -> None:
    rule = StoppingConfig("fixed", {"bar": 0.4, "after": 3}).make()
    assert rule.bars(STARTING, [], 5) == (None, None, 0.4, 0.4, 0.4)


def test_a_fixed_bar_after_the_last_epoch_asks_for_nothing() -> None:
    rule = StoppingConfig("fixed", {"bar": 0.4, "after": 9}).make()
    assert rule.bars(STARTING, [], 2) == (None, None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bar": 2}, r"stopping\.bar: found 2, expected a number of at least 0 and at most 1"),
        ({"after": 0}, r"stopping\.after: found 0, expected a whole number from 1"),
        ({"bars": 1}, r"stopping\.bars: found 'bars'.* did you mean 'bar'"),
    ],
)
def test_a_wrong_setting_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        StoppingConfig("fixed", settings).checked()
