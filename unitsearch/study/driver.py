"""The search loop: ask, admit, train, tell. The driver is the store's only writer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from unitsearch.architecture import Architecture, key, write_architecture
from unitsearch.costs import count
from unitsearch.engine import Engine, Job, Outcome, open_engine
from unitsearch.errors import DataError, StudyError
from unitsearch.fields import write_all
from unitsearch.metrics import metric
from unitsearch.search.proposals import Past, Proposal, Proposer
from unitsearch.search.seeds import derive
from unitsearch.space import baseline
from unitsearch.study import lists
from unitsearch.study.config import Config, config_from, wanted_packs
from unitsearch.study.folder import (
    checkpoint_path,
    open_study,
    record_of,
    remove_checkpoint,
    remove_torn,
    space_of,
    weights_path,
    write_facts,
    write_file,
)
from unitsearch.study.record import Record, Trial
from unitsearch.study.signals import until_second_signal
from unitsearch.study.store import Store
from unitsearch.study.tables import front_trials, reference_point

# So many failures in a row say that the study itself is broken, not its candidates.
FAILURES_IN_A_ROW = 10
_TICK = 0.25


@dataclass(frozen=True)
class Progress:
    """What a run reports while it goes on.

    Attributes:
        record: The study as it stands.
        running: Numbers of the trials being trained.
        workers: How many workers there are.
        seconds: Time since this run began.
        news: What has just happened, in a line; empty for a tick.
    """

    record: Record
    running: tuple[int, ...]
    workers: int
    seconds: float
    news: str = ""


@dataclass(frozen=True)
class End:
    """How a run ended: ``budget``, ``minutes``, ``exhausted`` or ``interrupted``, and the study."""

    why: str
    record: Record
    signal: int = 0


@dataclass
class _Run:
    folder: Path
    facts: dict[str, Any]
    config: Config
    store: Store
    engine: Engine
    proposer: Proposer
    watch: Callable[[Progress], None]
    device: str = "cpu"
    size: int = 1  # trials of a list
    began: float = field(default_factory=time.monotonic)
    running: dict[int, Job] = field(default_factory=dict)
    lists: list[list[int]] = field(default_factory=list)
    generations: dict[int, int | None] = field(default_factory=dict)
    trials: dict[int, Trial] = field(default_factory=dict)
    ended_before: frozenset[int] = frozenset()
    signal: int = 0
    why: str = ""

    @property
    def record(self) -> Record:
        ordered = tuple(self.trials[number] for number in sorted(self.trials))
        return Record(str(self.facts["name"]), self.folder, self.facts, ordered)

    def report(self, news: str = "") -> None:
        seconds = time.monotonic() - self.began
        running = tuple(sorted(self.running))
        self.watch(Progress(self.record, running, self.engine.workers, seconds, news))

    def stop(self, number: int) -> None:
        self.signal = number
        self.report(
            f"stopping: {len(self.running)} running trials are finished first; "
            "again to leave them (resume runs them anew)"
        )


def drive(
    folder: Path,
    facts: dict[str, Any],
    watch: Callable[[Progress], None],
    storage: str | None = None,
) -> End:
    """Run the study in ``folder`` until its budget is spent; the caller holds its lock.

    Trials that were started and not finished are run again first, with the same architecture and
    seed. At the end, unless interrupted, the front is tested on the test images, each member once.

    Args:
        folder: The study's folder.
        facts: The content of study.yaml; split, classes and reference point are added to it.
        watch: Called with the progress, at least four times a second.
        storage: The storage's URL with its password, which is in no file.

    Raises:
        DataError: If the data cannot be read before the baseline is known; nothing is told of that
            to the store, so that the study can be resumed with the data mended.
        StudyError: If the baseline fails, too many trials fail in a row, or the data have changed.
        UsageError: If the study wants a GPU and there is none.
    """
    config = config_from(facts["config"])
    device, asked = config.engine.found_device, config.engine
    remove_torn(folder)
    store = open_study(folder, facts, writer=True, url=storage)
    engine = open_engine(asked.name, asked.workers, asked.address, folder, device)
    try:
        wanted = wanted_packs(config, device, engine.workers)
        engine.workers, size = lists.workers_and_list(wanted)  # more workers could only wait
        proposer = Proposer(
            space_of(facts),
            config.sampler,
            config.seed,
            [metric(name) for name in config.objectives],
            config.floor or 0.0,
            config.largest,
        )
        run = _Run(folder, facts, config, store, engine, proposer, watch, device, size)
        if size < (wanted.size or 1):
            run.report(f"packs of {size}: sampler.lag={wanted.lag} allows no more")
        record = record_of(folder, facts, store, driven=True)
        run.trials = {trial.number: trial for trial in record.trials}
        run.generations = store.generations()
        run.ended_before = frozenset(t.number for t in record.trials if t.state != "running")
        for trial in record.trials:
            if trial.state != "running":  # a crash may have come between its end and this
                remove_checkpoint(folder, trial.number)
        with until_second_signal(run.stop):
            _search(run)
            if not run.signal:
                _test(run)
        _prune(run)
        final = record_of(folder, facts, store, driven=False)
        why = "interrupted" if run.signal else run.why
        return End(why, final, run.signal)
    finally:
        engine.close()
        store.close()


def _search(run: _Run) -> None:
    waiting = [n for n, trial in sorted(run.trials.items()) if trial.state == "running"]
    while True:
        _check_health(run)
        while _wants_more(run, waiting) and _submit(run, waiting, _room(run, waiting)):
            pass
        if not run.running:
            return
        for outcome in run.engine.collect(_TICK):
            _tell(run, outcome)
        run.report()


def _room(run: _Run, waiting: Sequence[int]) -> int:
    """Return how many trials the next list has; 0 while it is better to wait for outcomes."""
    workers, lag = run.engine.workers, run.config.sampler.lag
    seconds = [trial.train_seconds for trial in run.trials.values() if trial.train_seconds]
    complete = sum(trial.state == "complete" for trial in run.trials.values())
    under_way, number = len(run.running) + len(waiting), len(run.trials)
    seen = min([*run.running, *waiting, number]) + lag + 1  # proposals from here on see too little
    new = min(seen - number, run.config.budget.trials - complete - under_way)
    free = len(waiting) + (0 if run.why == "exhausted" else max(new, 0))
    free = min(free, lists.at_once(workers, run.size, lag, seconds) - len(run.running))
    run.lists = [
        left for numbers in run.lists if (left := [n for n in numbers if n in run.running])
    ]
    return lists.room(run.size, free, workers, len(run.lists))


def _wants_more(run: _Run, waiting: list[int]) -> bool:
    if run.signal:
        return False
    minutes = run.config.budget.minutes
    if minutes is not None and time.monotonic() - run.began > 60 * minutes:
        run.why = "minutes"
        return False
    if waiting:
        return True
    if run.why == "exhausted":
        return False
    complete = sum(trial.state == "complete" for trial in run.trials.values())
    if complete + len(run.running) >= run.config.budget.trials:
        run.why = "budget"
        return False
    # the outcomes that the next proposal sees must be there
    seen = len(run.trials) - run.config.sampler.lag
    return not any(number < seen for number in run.running)


def _claim(run: _Run, number: int) -> bool:
    """Write the start of trial ``number``; False when the space has nothing left to try."""
    if number == 0:
        architecture = baseline(run.proposer.space)
        proposal = Proposal({}, {}, architecture, key(architecture), count(architecture))
    else:
        past = [_past(run, run.trials[n]) for n in range(number)]
        found = run.proposer.propose(number, past)
        if found is None:
            run.why = "exhausted"
            return False
        proposal = found
    seed = derive(run.config.seed, number, "train")
    run.store.start(
        number,
        proposal.architecture,
        proposal.key,
        seed,
        proposal.cost,
        proposal.values,
        proposal.distributions,
        proposal.generation,
    )
    run.generations[number] = proposal.generation
    run.trials[number] = Trial(
        number,
        "running",
        proposal.key,
        seed,
        proposal.values,
        proposal.architecture,
        proposal.cost,
    )
    return True


def _past(run: _Run, trial: Trial) -> Past:
    return Past(
        trial.number,
        trial.key,
        trial.values,
        trial.cost,
        trial.accuracy if trial.state == "complete" else None,
        run.generations.get(trial.number),
    )


def _submit(run: _Run, waiting: list[int], size: int) -> bool:
    """Start a list of up to ``size`` trials, those that wait first; say whether there is one."""
    jobs: list[Job] = []
    while len(jobs) < size and _wants_more(run, waiting):
        number = waiting.pop(0) if waiting else len(run.trials)
        if number not in run.trials and not _claim(run, number):
            break
        trial = run.trials[number]
        jobs.append(_job(run, number, "train", trial.architecture, trial.seed))
        run.running[number] = jobs[-1]
    if jobs:
        run.engine.submit(jobs)
        run.lists.append([job.number for job in jobs])
    for job in jobs:
        run.report(f"trial {job.number} started")
    return bool(jobs)


def _job(
    run: _Run, number: int, task: str, architecture: Architecture, seed: int, weights: bytes = b""
) -> Job:
    kept: dict[str, Any] = {}
    if task == "train" and run.config.engine.checkpoint is not None:
        path = checkpoint_path(run.folder.absolute(), number)
        kept = {"checkpoint": str(path), "minutes": run.config.engine.checkpoint}
    if task == "train" and run.size > 1:
        kept["pack"] = wanted_packs(run.config, run.device, 1).size
    return Job(
        number=number,
        task=task,
        architecture=write_architecture(architecture),
        seed=seed,
        recipe=write_all(run.config.train),
        data=write_all(run.config.data),
        plan=run.config.plan,
        weights=weights,
        device=run.device,
        **kept,
    )


def _tell(run: _Run, outcome: Outcome) -> None:
    """Keep an outcome: weights first, then the store, so that a crash between loses nothing."""
    if outcome.number not in run.running:
        return
    if outcome.kind == "data" and run.record.baseline is None:
        raise DataError(outcome.reason.removeprefix("data: "))
    if outcome.ok:
        _learn(run, outcome)
        write_file(weights_path(run.folder, outcome.number), outcome.weights)
        facts: dict[str, Any] = {
            "state": "complete",
            "accuracy": outcome.accuracy,
            "images": outcome.images,
            "curve": [round(a, 6) for a in outcome.curve],
            "train_seconds": round(outcome.train_seconds, 3),
            "digest": outcome.digest,
            "plan": outcome.plan,
        }
    else:
        facts = {"state": "failed", "kind": outcome.kind, "reason": outcome.reason}
    run.store.finish(outcome.number, facts)
    remove_checkpoint(run.folder, outcome.number)
    del run.running[outcome.number]
    run.trials[outcome.number] = run.store.trial(outcome.number)
    trial = run.trials[outcome.number]
    _prune(run)
    if outcome.ok:
        run.report(f"trial {trial.number} complete: {100 * (trial.accuracy or 0):.1f} %")
    else:
        run.report(f"trial {trial.number} failed: {trial.reason}")


def _learn(run: _Run, outcome: Outcome) -> None:
    """Add to study.yaml what only a worker could tell; hold later workers against it."""
    split = run.facts.get("split")
    if split is None:
        run.facts["split"] = outcome.split_hash
        run.facts["classes"] = list(outcome.classes)
        run.facts["mean"] = list(outcome.mean)
        run.facts["std"] = list(outcome.std)
        write_facts(run.folder, run.facts)
    elif split != outcome.split_hash:
        raise StudyError(
            f"the data have changed: their split is {outcome.split_hash}, the study's is {split}",
            fix="put the files back that the study began with, or start a new study",
        )


def _check_health(run: _Run) -> None:
    first = run.trials.get(0)
    if first is not None and first.state == "failed":
        diverged = first.reason.startswith("diverged")
        recipe = "try another recipe (train.rate=…, train.epochs=…), data or baseline"
        raise StudyError(
            f"the baseline failed ({first.reason}), so nothing can be compared with it",
            fix=recipe if diverged else f"see {run.folder / 'workers.log'}",
        )
    if first is not None and first.state == "complete" and "reference" not in run.facts:
        run.facts["reference"] = list(reference_point(first))
        write_facts(run.folder, run.facts)
    ended = [trial for trial in run.record.trials if trial.state in ("complete", "failed")]
    # those of an earlier run are left out: what broke then may have been mended since
    last = [trial for trial in ended if trial.number not in run.ended_before][-FAILURES_IN_A_ROW:]
    if len(last) == FAILURES_IN_A_ROW and all(trial.state == "failed" for trial in last):
        raise StudyError(
            f"{FAILURES_IN_A_ROW} trials in a row failed; the last: {last[-1].reason}",
            fix=f"see {run.folder / 'workers.log'}",
        )


def _test(run: _Run) -> None:
    """Test the front, and the baseline, on the test images: each once, at the end."""
    record = run.record
    wanted = {trial.number: trial for trial in front_trials(record)}
    if record.baseline is not None:
        wanted[0] = record.baseline
    for trial in wanted.values():
        weights = weights_path(run.folder, trial.number)
        if trial.test_accuracy is None and weights.is_file():
            job = _job(
                run, trial.number, "test", trial.architecture, trial.seed, weights.read_bytes()
            )
            run.running[trial.number] = job
            run.engine.submit([job])
    if run.running:
        run.report(f"testing {len(run.running)} networks on the test images")
    while run.running and not run.signal:
        for outcome in run.engine.collect(_TICK):
            if not run.running.pop(outcome.number, None):
                continue
            if outcome.accuracy is None:
                run.report(f"trial {outcome.number} could not be tested: {outcome.reason}")
            else:
                run.store.test(outcome.number, outcome.accuracy, outcome.images)
        run.report()
    run.trials = {trial.number: trial for trial in run.store.trials()}


def _prune(run: _Run) -> None:
    """Remove the weights of trials that are off the front; before the baseline is known, none."""
    record = run.record
    if record.baseline is None:
        return
    files = (run.folder / "trials").glob("*.safetensors")
    weights = {int(path.stem): path for path in files if path.stem.isdigit()}
    # what left the front stays off it: those that still have weights are compared, not all
    able = tuple(t for t in record.trials if t.number in weights or t.is_baseline)
    keep = {t.number for t in front_trials(replace(record, trials=able))} | {0} | set(run.running)
    for number, path in weights.items():
        if number not in keep:
            path.unlink(missing_ok=True)
