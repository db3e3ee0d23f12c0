"""The stopping rule of a study for which none was chosen."""

from __future__ import annotations

import pytest

from unitsearch.study.config import compose


@pytest.mark.parametrize(
    ("overrides", "rule"),
    [
        (["train.epochs=4"], "band"),
        (["train.epochs=3"], "none"),
        (["data=mnist"], "none"),
        (["train.epochs=4", "stopping=none"], "none"),
        (["train.epochs=3", "stopping=band"], "band"),
        (["train.epochs=4", "objectives=[accuracy,latency]"], "none"),
        (["train.epochs=4", "objectives=[ce,params]"], "band"),
    ],
)
def test_the_default_follows_from_epochs_and_objectives(overrides: list[str], rule: str) -> None:
    config, _ = compose(overrides)
    assert config.stopping.name == rule


def test_a_stored_configuration_says_the_rule_with_all_its_settings() -> None:
    config, _ = compose(["train.epochs=4"])
    assert set(config.plain()["stopping"]) == {"name", "width", "startup", "first", "last"}
