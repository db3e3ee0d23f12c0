"""Real searches of a table's whole space, judged by trainings that no search saw."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.search.measures import modelled_front, raw_front, reference_of, volume
from benchmarks.search.recording import Trainings
from benchmarks.search.results import Results, SearchName
from benchmarks.search.running import Measurement
from benchmarks.search.spec import Place, TableSpec
from benchmarks.search.table import BASELINE, Recorded, append, read_trainings
from unitsearch.api import load_study, resume_study, run_study
from unitsearch.engine import open_engine
from unitsearch.search.proposals import Observation, Proposal
from unitsearch.study.driver import run_jobs
from unitsearch.study.lock import driving
from unitsearch.study.record import Record
from unitsearch.study.trial_log import TrialLog

FRESH = 3  # trainings behind a true accuracy
STUDIES = Path("studies")


@dataclass(frozen=True)
class RealSearch:
    """A finished study, and the trials that it recommends along the way.

    Attributes:
        name: The searcher and the seed.
        seen: The trials, in order.
        seconds: The training seconds of each.
        fronts: By the number of trials that it saw: the front by the observed accuracies, and that
            of the model.
    """

    name: SearchName
    seen: list[Observation]
    seconds: list[float]
    fronts: dict[int, tuple[list[Observation], list[Observation]]]


def study_name(table: str, name: SearchName) -> str:
    """Return the name of the study of a real search."""
    return f"real-{table}-{name.searcher}-{name.seed}"


def search(place: Place, name: SearchName, steps: Sequence[int]) -> RealSearch:
    """Run a search, or go on with it, and return what it recommends after each number of trials.

    Args:
        place: The table whose space and settings are used.
        name: The sampler, its lag (0 for the one that a run chooses) and the seed.
        steps: Numbers of trials, ascending; the last is the budget.
    """
    spec = place.read_spec()
    study = study_name(place.name, name)
    lag = [f"sampler.lag={name.lag}"] if name.lag else []
    budget = f"budget.trials={steps[-1]}"
    if (STUDIES / study / "study.yaml").is_file():
        record = load_study(study).record
        if len(record.trials) < steps[-1]:
            record = resume_study(study, [budget], _silent).record
    else:
        given = [f"sampler={name.searcher}", *lag, f"seed={name.seed}", f"name={study}", budget]
        whole = [*spec.overrides, *given, "verify=0", "stopping=none"]
        record = run_study(whole, _silent).record
    return _recommended(name, record, spec, steps)


def _recommended(
    name: SearchName, record: Record, spec: TableSpec, steps: Sequence[int]
) -> RealSearch:
    seen = TrialLog(record.trials, record.manifest.config.points).observations
    floor = spec.config.floor or 0.0
    fronts = {
        step: (raw_front(seen[:step], floor), modelled_front(seen[:step], floor))
        for step in steps
        if step <= len(seen)
    }
    return RealSearch(name, seen, [t.train_seconds or 0.0 for t in record.trials], fronts)


def recommended_by(searches: Sequence[RealSearch]) -> list[Proposal]:
    """Return the baseline and all members that the searches recommend on their way."""
    return [
        _proposal(item)
        for one in searches
        for fronts in one.fronts.values()
        for item in (one.seen[BASELINE], *fronts[0], *fronts[1])
    ]


def true_of(
    place: Place, members: Sequence[Proposal], fresh: int, watch: Callable[[str], None]
) -> dict[str, float]:
    """Return the true accuracies of members by key, each the mean of ``fresh`` trainings.

    The trainings are appended to a file, so that a killed run goes on. The hypervolume of a noisy
    truth is too large, the more so the more members a front has: the more trainings, the less.
    """
    spec = place.read_spec()
    file = Place(f"{place.name}_real", place.folder / "results")
    file.folder.mkdir(exist_ok=True)
    wanted = {member.key: member for member in members}
    known: dict[tuple[str, int], float] = {
        (training.key, training.seed): training.accuracy for training in read_trainings(file)
    }
    due = [
        (member, seed)
        for member in wanted.values()
        for seed in range(fresh)
        if (member.key, seed) not in known
    ]
    watch(f"{place.name}: {len(wanted)} members to know, {len(due)} trainings to do")

    def take(training: Recorded) -> None:
        append(file, spec.bound.name, [training])
        known[training.key, training.seed] = training.accuracy

    folder = Path(tempfile.gettempdir()) / f"table-{file.name}"
    folder.mkdir(exist_ok=True)
    if due:
        with driving(folder):
            engine = open_engine("local", spec.config.engine.workers, None, folder, "cpu")
            try:
                run_jobs(Trainings(due, spec, folder, take), engine)
            finally:
                engine.close()
    return {key: sum(known[key, seed] for seed in range(fresh)) / fresh for key in wanted}


def measured(spec: TableSpec, one: RealSearch, true: dict[str, float]) -> list[Measurement]:
    """Return the measures of a real search by true accuracies."""
    first = one.seen[BASELINE]
    reference = reference_of(spec, true[first.key], first.cost)

    def hypervolume(members: Sequence[Observation], accuracies: Sequence[float]) -> float:
        return volume([member.cost for member in members], accuracies, reference)

    result = []
    for step, (raw, model) in one.fronts.items():
        by_model = hypervolume(model, [true[m.key] for m in model])
        by_raw = hypervolume(raw, [true[m.key] for m in raw])
        result.append(
            Measurement(
                trainings=step,
                trials=step,
                seconds=sum(one.seconds[:step]),
                raw=by_raw,
                model=by_model,
                raw_smooth=by_raw,
                model_smooth=by_model,
                raw_members=len(raw),
                model_members=len(model),
                observed=hypervolume(raw, [m.accuracy or 0.0 for m in raw]),
                ask=0.0,
            )
        )
    return result


def _proposal(item: Observation) -> Proposal:
    assert item.architecture is not None  # a study keeps it
    return Proposal(item.values, {}, item.architecture, item.key, item.cost, {})


def steps_to(most: int) -> list[int]:
    """Return the numbers of trials after which a search of ``most`` is measured."""
    steps = [*range(12, 40, 4), *range(40, 60, 5), *range(60, 100, 10), *range(100, 10_001, 20)]
    return [*(step for step in steps if step < most), most]


def compare(
    place: Place, wanted: Mapping[str, int], runs: int, fresh: int, watch: Callable[[str], None]
) -> Results:
    """Run real searches, or go on with them, and return their measures.

    Args:
        place: The table whose space and settings are used.
        wanted: The trials of a search of each sampler.
        runs: Searches of each, with seeds from 0.
        fresh: Trainings behind a true accuracy.
        watch: Called with a line of news.
    """
    done = []
    for seed in range(runs):
        for searcher, trials in wanted.items():
            done.append(search(place, SearchName(searcher, 0, seed), steps_to(trials)))
            watch(f"{place.name}: real search of {searcher} with seed {seed}, {trials} trials")
    true = true_of(place, recommended_by(done), fresh, watch)
    spec = place.read_spec()
    return {one.name: measured(spec, one, true) for one in done}


def _silent(_: object) -> None:
    pass
