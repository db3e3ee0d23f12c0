"""A study is run with a sampler and a stopping rule of a user's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.study.real_studies import QUICK, call, listed, resume
from unitsearch.search.configured import SamplerConfig
from unitsearch.search.testing import first_observation, large_space, observed, problem_of, propose

NAME = "tests.search.own_sampler:Own"
RULE = "tests.search.own_sampler:ShareOfBaseline"
WORDS = ["run", *QUICK, f"sampler={NAME}", "sampler.draws=3", "sampler.lag=2", "name=own"]
WORDS = [word for word in WORDS if "population" not in word]


def keys_alone(length: int) -> list[str]:
    """Return the keys that the sampler proposes without a study."""
    space = large_space()
    sampler = SamplerConfig(NAME, settings={"draws": 3}).make(problem_of(space, seed=3))
    trials = [first_observation(space)]
    while len(trials) < length:
        proposal = propose(sampler, trials)
        assert proposal is not None
        trials.append(observed(len(trials), proposal, {}))
    return [trial.key for trial in trials]


@pytest.mark.slow
def test_a_study_with_a_sampler_of_ones_own_is_run_and_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = call(tmp_path, *WORDS, "budget.trials=3")
    assert done.returncode == 0, done.stderr
    resume(tmp_path / "studies" / "own", ["budget.trials=5"])
    assert [row["key"] for row in listed(tmp_path, "own")] == keys_alone(5)
    stored = yaml.safe_load((tmp_path / "studies" / "own" / "study.yaml").read_text("utf-8"))
    assert stored["config"]["sampler"] == {"name": NAME, "draws": 3, "lag": 2}


def test_a_study_with_a_sampler_and_a_rule_of_ones_own_is_planned(tmp_path: Path) -> None:
    done = call(tmp_path, *WORDS, f"stopping={RULE}", "--dry-run")
    assert done.returncode == 0, done.stderr


def test_a_class_that_is_not_there_is_refused_before_a_study_is_made(tmp_path: Path) -> None:
    done = call(tmp_path, *WORDS[:-3], "sampler=tests.search.own_sampler:Owl", "name=own")
    assert done.returncode == 2
    assert "did you mean 'Own'?" in done.stderr
    assert not (tmp_path / "studies").exists()


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("sampler=tests.search.own_sampler:Repeating", "expected an untried architecture"),
        ("sampler=tests.search.own_sampler:Numbering", "expected a Proposal or None"),
        ("stopping=tests.search.own_sampler:OneBar", "expected a tuple of 2 bars"),
    ],
)
def test_a_class_that_breaks_its_protocol_ends_the_run_with_the_reason(
    tmp_path: Path, word: str, reason: str
) -> None:
    words = [*WORDS[:-3], "train.epochs=2", "name=own"]
    done = call(tmp_path, *words, word)
    assert done.returncode == 2, done.stderr
    assert reason in done.stderr.splitlines()[-1]
