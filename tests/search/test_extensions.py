"""Samplers and stopping rules are found by name: those that ship, and a user's own."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from tests.search.own_sampler import Own
from unitsearch.errors import UsageError
from unitsearch.search.configured import SamplerConfig
from unitsearch.search.extensions import GROUPS, SAMPLERS
from unitsearch.study.config import Config, compose, config_from

HERE = "tests.search.own_sampler"
CPU = "engine.device=cpu"


def composed(*overrides: str) -> Config:
    return compose([CPU, *overrides])[0]


@pytest.mark.parametrize("group", GROUPS)
def test_each_yaml_file_names_a_module_with_one_class(group: str) -> None:
    extensions = GROUPS[group]
    for name in extensions.shipped():
        cls = extensions.find(name)
        assert cls.__module__ == f"{extensions.package}.{name}"
        assert isinstance(cls.looks_at_outcomes, bool)


@pytest.mark.parametrize("group", GROUPS)
def test_each_yaml_file_sets_every_setting_to_its_declared_default(group: str) -> None:
    for name in GROUPS[group].shipped():
        stated = getattr(composed(f"{group}={name}"), group).settings
        declared = {field.key: field.default for field in GROUPS[group].settings(name)}
        assert stated == declared


def test_every_sampler_has_a_lag_in_its_yaml_file() -> None:
    for name in SAMPLERS.shipped():
        lag = 1 if name == "front" else SamplerConfig().lag
        assert composed(f"sampler={name}", "engine.workers=1").sampler.lag == lag


def test_a_class_of_ones_own_is_named_by_module_and_class() -> None:
    config = composed(f"sampler={HERE}:Own", "sampler.draws=7", "sampler.lag=5")
    assert config.sampler == SamplerConfig(f"{HERE}:Own", 5, {"draws": 7})
    assert SAMPLERS.find(f"{HERE}:Own") is Own


def test_the_settings_of_ones_own_class_have_its_defaults() -> None:
    assert composed(f"sampler={HERE}:Own").sampler.settings == {"draws": 4}
    assert composed(f"sampler={HERE}:Plain").sampler.settings == {}


def test_a_stopping_rule_of_ones_own_is_named_by_module_and_class() -> None:
    config = composed(f"stopping={HERE}:ShareOfBaseline", "stopping.share=0.3")
    assert dict(config.stopping.settings) == {"share": 0.3}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["sampler=nowhere.mine:Own"], "sampler: found 'nowhere.mine:Own', expected a module that "
         r"can be imported \(No module named 'nowhere'\); install .* PYTHONPATH"),
        (["sampler=..mine:Own"], r"expected PACKAGE\.MODULE:CLASS"),
        ([f"sampler={HERE}:Owl"], f"expected a class that {HERE} holds; did you mean 'Own'"),
        (["sampler=json:JSONDecoder"], r"looks_at_outcomes \(True or False\) and propose\(number"),
        ([f"sampler={HERE}:NoBool"], r"looks_at_outcomes \(True or False\) and propose\(number"),
        ([f"sampler={HERE}:ShareOfBaseline"], r"and propose\(number, visible, admits\)"),
        ([f"stopping={HERE}:Own"], r"and bars\(trial, visible, epochs\)"),
        ([f"sampler={HERE}:NoArguments"], r"a class that is made as NoArguments\(problem\)"),
        ([f"sampler={HERE}:UndeclaredSettings"], r"declare each as NAME: TYPE = field_\(RULE"),
        ([f"sampler={HERE}:ReservedSettings"], r"Settings\.lag', expected a name other"),
        ([f"sampler={HERE}:Own", "sampler.drawn=2"], r"sampler\.drawn: .* did you mean 'draws'"),
        ([f"sampler={HERE}:Own", "sampler.draws=0"], r"sampler\.draws: found 0, expected a whole"),
        ([f"sampler={HERE}:Own", "sampler.lag=x"], r"sampler\.lag: found 'x', expected a whole"),
        (["sampler=nsga"], "sampler: found 'nsga', expected one of .*; did you mean 'nsga2'"),
        (["stopping=fix"], "stopping: found 'fix', expected one of .*; did you mean 'fixed'"),
        (["sampler=tpe", "sampler.startupp=3"], r"sampler\.startupp: .* did you mean 'startup'"),
        (["stopping.bar=0.5"], r"stopping=none has none; it is a key of stopping=fixed"),
    ],
)  # fmt: skip
def test_a_wrong_class_or_setting_is_refused_in_one_line(
    overrides: list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        composed(*overrides)
    assert "\n" not in str(caught.value)


def test_a_setting_of_another_sampler_is_accepted_and_has_no_effect() -> None:
    config = composed("sampler=random", "sampler.population=5")
    assert config.sampler == SamplerConfig("random")


def test_a_setting_of_another_sampler_is_checked() -> None:
    with pytest.raises(UsageError, match=r"sampler\.population: found -5, expected a whole"):
        composed("sampler=random", "sampler.population=-5")


@pytest.mark.parametrize("name", ["nsga2", "tpe", "random", "exhaustive"])
def test_a_configuration_of_version_0_1_reads_with_the_settings_of_all_samplers(name: str) -> None:
    plain = composed(f"sampler={name}").plain()
    del plain["stopping"]
    plain["sampler"] = {"name": name, "population": 4, "startup": 5, "lag": 6}
    config = config_from(plain)
    kept = {key for key in ("population", "startup") if key in SAMPLERS.keys(name)}
    assert (config.sampler.lag, set(config.sampler.settings)) == (6, kept)
    assert config.stopping.name == "none"


def test_a_stored_configuration_is_read_without_the_import_of_a_users_class() -> None:
    """A study may come from somebody else: opening one must run nothing."""
    plain = composed().plain()
    plain["sampler"] = {"name": "nowhere.mine:Own", "size": 3, "lag": 8}
    config = config_from(plain)
    assert config.sampler.settings == {"size": 3}
    with pytest.raises(UsageError, match="module that can be imported"):
        config.sampler.looks_at_outcomes  # noqa: B018


@pytest.mark.parametrize(
    "overrides",
    [[f"sampler={HERE}:Own", "sampler.draws=2"], ["stopping=fixed", "stopping.bar=0.3"]],
)
def test_a_configuration_reads_back_as_itself(overrides: list[str]) -> None:
    config = composed(*overrides)
    assert config_from(config.plain()) == config


def test_a_sampler_that_is_not_chosen_is_not_imported() -> None:
    program = (
        "import sys; from unitsearch.study.config import compose;"
        "compose(['engine.device=cpu', 'sampler=exhaustive']);"
        "print([n for n in sys.modules if n.startswith('unitsearch.search.samplers.')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "nsga2" not in done.stdout
    assert import_module("unitsearch.search.samplers.exhaustive")
