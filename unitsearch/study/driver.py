"""The search loop: ask, admit, train, tell. The driver is the store's only writer."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
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
from unitsearch.study.config import Config, config_from
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
from unitsearch.study.store import Store
from unitsearch.study.tables import front_trials, reference_point

# So many failures in a row say that the study itself is broken, not its candidates.
FAILURES_IN_A_ROW = 10
_TICK = 0.25
_SHORT_SECONDS = 30.0


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
    began: float = field(default_factory=time.monotonic)
    running: dict[int, Job] = field(default_factory=dict)
    generations: dict[int, int | None] = field(default_factory=dict)
    trials: dict[int, Trial] = field(default_factory=dict)
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
    """
    config = config_from(facts["config"])
    remove_torn(folder)
    store = open_study(folder, facts, writer=True, url=storage)
    engine = open_engine(config.engine.name, config.engine.workers, config.engine.address, folder)
    try:
        if engine.workers > config.sampler.lag + 1:
            engine.workers = config.sampler.lag + 1  # more could only wait
        proposer = Proposer(
            space_of(facts),
            config.sampler,
            config.seed,
            [metric(name) for name in config.objectives],
            config.floor or 0.0,
            config.largest,
        )
        run = _Run(folder, facts, config, store, engine, proposer, watch)
        record = record_of(folder, facts, store, driven=True)
        run.trials = {trial.number: trial for trial in record.trials}
        run.generations = store.generations()
        for trial in record.trials:
            if trial.state != "running":  # a crash may have come between its end and this
                remove_checkpoint(folder, trial.number)
        with _signals(run):
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
        while _wants_more(run, waiting) and len(run.running) < _at_once(run):
            number = waiting.pop(0) if waiting else len(run.trials)
            if number not in run.trials and not _claim(run, number):
                break
            _submit(run, run.trials[number])
        if not run.running:
            return
        for outcome in run.engine.collect(_TICK):
            _tell(run, outcome)
        run.report()


def _at_once(run: _Run) -> int:
    """Return how many trials may be with the engine: while they are short, one waits a worker.

    So no worker waits for the driver. Long ones are not started before their time: whoever
    interrupts the study waits for all that were.
    """
    workers = run.engine.workers
    seconds = [trial.train_seconds for trial in run.trials.values() if trial.train_seconds]
    if not seconds or max(seconds) > _SHORT_SECONDS:
        return workers
    return min(2 * workers, run.config.sampler.lag + 1)


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


def _submit(run: _Run, trial: Trial) -> None:
    job = _job(run, trial.number, "train", trial.architecture, trial.seed)
    run.running[trial.number] = job
    run.engine.submit([job])
    run.report(f"trial {trial.number} started")


def _job(
    run: _Run, number: int, task: str, architecture: Architecture, seed: int, weights: bytes = b""
) -> Job:
    kept: dict[str, Any] = {}
    if task == "train" and run.config.engine.checkpoint is not None:
        path = checkpoint_path(run.folder.absolute(), number)
        kept = {"checkpoint": str(path), "minutes": run.config.engine.checkpoint}
    return Job(
        number=number,
        task=task,
        architecture=write_architecture(architecture),
        seed=seed,
        recipe=write_all(run.config.train),
        data=write_all(run.config.data),
        plan=run.config.plan,
        weights=weights,
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
    run.trials[outcome.number] = run.store.trials()[outcome.number]
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
    last = ended[-FAILURES_IN_A_ROW:]
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
            if run.running.pop(outcome.number, None) and outcome.accuracy is not None:
                run.store.test(outcome.number, outcome.accuracy, outcome.images)
        run.report()
    run.trials = {trial.number: trial for trial in run.store.trials()}


def _prune(run: _Run) -> None:
    """Remove the weights of trials that are off the front; before the baseline is known, none."""
    record = run.record
    if record.baseline is None:
        return
    keep = {trial.number for trial in front_trials(record)} | {0} | set(run.running)
    for path in (run.folder / "trials").glob("*.safetensors"):
        if path.stem.isdigit() and int(path.stem) not in keep:
            path.unlink(missing_ok=True)


@contextmanager
def _signals(run: _Run) -> Iterator[None]:
    """Let a first Ctrl-C or SIGTERM stop the asking, and a second one leave at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if run.signal:
            raise KeyboardInterrupt
        run.signal = number
        run.report(
            f"stopping: {len(run.running)} running trials are finished first; "
            "again to leave them (resume runs them anew)"
        )

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
