"""The configuration of a run: groups, precedence, and overrides that are refused."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from unitsearch import resources
from unitsearch.errors import UnitSearchError, UsageError
from unitsearch.study.config import GROUPS, compose, config_from, options, sweep

SPACES = resources.names("search_spaces")
OPTIONS = [(group, name) for group in GROUPS for name in options(group)]


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_every_shipped_option_of_every_group_composes(group: str, name: str) -> None:
    extra = ["data.path=images"] if name == "image_folder" else []
    config, _ = compose([f"{group}={name}", *extra])
    assert getattr(config, group).name == name


def test_every_two_shipped_options_compose() -> None:
    """Compose any two of a space, data and a recipe; all three would show nothing more."""
    names, trains = [n for n in options("data") if n != "image_folder"], options("train")
    composed: set[tuple[str, str]] = set()
    for (i, space), (j, data) in product(enumerate(SPACES), enumerate(names)):
        train = trains[(i + j) % len(trains)]
        config, _ = compose([f"space={space}", f"data={data}", f"train={train}"])
        assert (config.data.name, config.train.name) == (data, train)
        composed |= {(space, data), (data, train), (space, train)}
    assert composed == {*product(SPACES, names), *product(names, trains), *product(SPACES, trains)}


@pytest.mark.parametrize("space", SPACES)
def test_a_space_brings_its_own_data_limits_and_floor(space: str) -> None:
    config, file = compose([f"space={space}"])
    assert config.data.name == file.data
    assert {k: v for k, v in config.largest.items() if v is not None} == dict(file.limits)
    assert config.floor == file.floor


OWN = """
unitsearch: 1
data: mnist
input: auto
layers: [{kind: flatten}, {kind: linear, out: {choose: [4, 8]}}, {kind: linear, out: classes}]
baseline: {layers: [{kind: flatten}, {kind: linear, out: classes}]}
limits: {params: 5000, flops: 90000}
floor: 0.7
train: {fast: {epochs: 7}}
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    (tmp_path / "own.yaml").write_text(OWN)
    return f"space={tmp_path}/own.yaml"


def test_what_is_given_wins_over_the_space_over_the_recipe_for_the_data_over_defaults(
    own: str,
) -> None:
    shipped = yaml.safe_load((resources.config_folder() / "train" / "fast.yaml").read_text())
    by_data = yaml.safe_load((resources.config_folder() / "recipes_by_data.yaml").read_text())
    assert compose(["space=lenet_table1", "data=cifar10"])[0].train.epochs == shipped["epochs"]
    assert compose(["space=lenet_table1"])[0].train.epochs == by_data["fast"]["mnist"]["epochs"]
    config, _ = compose([own])
    assert (config.data.name, config.train.epochs) == ("mnist", 7)
    assert (config.largest["params"], config.floor) == (5000, 0.7)
    given_, _ = compose(
        [own, "data=digits", "train.epochs=3", "limits.params=99", "floor=0.2", "train.batch=16"]
    )
    assert (given_.data.name, given_.train.epochs, given_.train.batch) == ("digits", 3, 16)
    assert (given_.limits.params, given_.limits.flops, given_.floor) == (99, 90000, 0.2)


def test_the_order_of_overrides_does_not_matter() -> None:
    words = ["train.epochs=30", "space=toy_hybrid", "data=cifar100", "train=paper", "seed=4"]
    assert compose(words)[0] == compose(words[::-1])[0]


def test_a_whole_number_may_be_written_with_an_exponent() -> None:
    limit = compose(["limits.params=1e3"])[0].limits.params
    assert limit == 1000
    assert isinstance(limit, int)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sede=1", "did you mean 'seed'"),
        ("train.epoch=3", "did you mean 'train.epochs'"),
        ("budget.trails=3", "did you mean 'budget.trials'"),
        ("sampler=nsga", "did you mean 'nsga2'"),
        ("data=mnits", "did you mean 'mnist'"),
        ("train=slow", "one of fast, paper, paper_code"),
        ("engine=spark", "one of local, ray"),
        ("objectives=[acuracy]", "did you mean 'accuracy'"),
        ("plan=best", "grouped"),
        ("train.optimiser=adamww", "did you mean 'adamw'"),
        ("train.epochs=three", "a whole number"),
        ("train.epochs=1.5", "a whole number"),
        ("train.rate=nan", "a number above 0"),
        ("seed=-1", "a whole number from 0"),
        ("seed=1,2", "seed"),
        ("floor=2", "floor"),
        ("limits=5", "limits"),
        ("limits=null", "limits"),
        ("~limits", "limits"),
        ("train=5", "one of fast, paper, paper_code"),
        ("=3", "a key of run"),
        ("a b", "KEY=VALUE"),
        ("epochs", "KEY=VALUE"),
        ("objectives=[flops,params]", "accuracy"),
        ("objectives=[accuracy,accuracy]", "once"),
        ("name=../up", "folder name"),
        ("name=.hidden", "folder name"),
        ("engine.workers=0", "a whole number"),
        ("space=lenet_hybird", "did you mean 'lenet_hybrid'"),
        ("sampler.lag=2", "at least the number of workers"),
        ("engine.device=gpu", "one of auto, cpu, cuda"),
        ("engine.pack=0", "a whole number from 1"),
        ("engine.pack=many", "a whole number"),
    ],
)
def test_a_wrong_override_is_refused_with_its_choices(override: str, message: str) -> None:
    words = [override] + (["engine.workers=8", "engine.device=cpu"] if "lag" in override else [])
    with pytest.raises(UsageError) as error:
        compose(words)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 2


def test_the_lag_grows_with_packs_unless_it_is_given_and_then_it_must_do() -> None:
    on_cpu = ["sampler=nsga2", "engine.device=cpu", "engine.pack=12"]
    assert compose(["sampler=nsga2", "engine.device=cpu"])[0].sampler.lag == 8
    assert compose(["engine.device=cpu", "engine.pack=4"])[0].sampler.lag == 4
    assert compose(on_cpu)[0].sampler.lag == 12
    assert compose([*on_cpu, "engine.workers=3"])[0].sampler.lag == 36
    assert compose([*on_cpu, "sampler.lag=11"])[0].sampler.lag == 11
    with pytest.raises(UsageError, match=r"sampler\.lag: found 10, .* 12; try sampler\.lag=12"):
        compose([*on_cpu, "sampler.lag=10"])
    with pytest.raises(UsageError, match=r"engine\.pack: found 12, expected 1 with plan=lanes"):
        compose([*on_cpu, "plan=lanes"])


@pytest.mark.parametrize(("workers", "lag"), [(1, 1), (2, 3), (30, 29)])
def test_the_lag_of_the_default_sampler_is_what_its_workers_need(workers: int, lag: int) -> None:
    config, _ = compose(["engine.device=cpu", f"engine.workers={workers}"])
    assert config.sampler.lag == lag


KEYS = st.sampled_from(
    ["seed", "name", "space", "data", "train", "sampler", "engine", "limits", "limits.params",
     "floor", "budget", "budget.trials", "train.epochs", "data.limit", "objectives", "storage",
     "train.rate"]
)  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(["null", "true", "1", "-1", "1e9", "nan", "inf", "[]", "{}", "[1,2]", "{a: 1}",
                     "'x'", '"', "${seed}", "a,b", "range(3)", "\\", "", "1.5", "digits", "fast"]),
    st.text(max_size=8),
)  # fmt: skip


@settings(max_examples=60)
@given(st.sampled_from(["", "", "+", "++", "~"]), KEYS, VALUES)
def test_an_override_is_taken_or_refused_in_one_line_but_never_crashes(
    sign: str, key: str, value: str
) -> None:
    message, code = "", 2
    try:
        compose([f"{sign}{key}={value}"])
    except UnitSearchError as error:
        message, code = str(error), error.exit_code
    assert code in (2, 3)
    assert "\n" not in message


def test_the_plain_form_of_a_configuration_reads_back_as_itself() -> None:
    for words in ([], ["space=toy_hybrid", "train=paper", "limits.params=1e5", "sampler=tpe"]):
        config, _ = compose(words)
        plain = yaml.safe_load(yaml.safe_dump(config.plain()))
        assert config_from(plain) == config


def test_a_multirun_is_the_product_of_its_sweeps() -> None:
    jobs = sweep(["seed=1,2", "sampler=nsga2,random", "train.epochs=3"])
    assert len(jobs) == 4
    assert ["seed=2", "sampler=random", "train.epochs=3"] in jobs
    assert sweep(["seed=range(3)"]) == [["seed=0"], ["seed=1"], ["seed=2"]]
    assert sweep([]) == [[]]


def test_every_key_of_the_shipped_yaml_is_one_of_the_configuration() -> None:
    text = (resources.config_folder() / "config.yaml").read_text()
    assert set(re.findall(r"^(\w+):", text, re.M)) - {"defaults"} <= set(compose([])[0].plain())
