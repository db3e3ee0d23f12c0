"""The search loop: ask, admit, train, tell. The driver is the store's only writer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from unitsearch.engine import open_engine
from unitsearch.metrics import metric
from unitsearch.search.proposals import SearchProblem
from unitsearch.study import lists
from unitsearch.study.claiming import room, submit, wants_more
from unitsearch.study.config import config_from, wanted_packs
from unitsearch.study.folder import (
    open_study,
    record_of,
    remove_checkpoint,
    remove_torn,
    space_of,
)
from unitsearch.study.running import TICK, End, Progress, Run
from unitsearch.study.signals import until_second_signal
from unitsearch.study.telling import check_health, prune, tell, test_front


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
    problem = SearchProblem(
        space_of(facts),
        config.seed,
        tuple(metric(name) for name in config.objectives),
        config.floor or 0.0,
    )
    sampler = config.sampler.make(problem)
    remove_torn(folder)
    store = open_study(folder, facts, writer=True, url=storage)
    engine = open_engine(asked.name, asked.workers, asked.address, folder, device)
    try:
        wanted = wanted_packs(config, device, engine.workers)
        engine.workers, size = lists.workers_and_list(wanted)  # more workers could only wait
        run = Run(folder, facts, config, store, engine, problem, sampler, watch, device, size)
        if size < (wanted.size or 1):
            run.report(f"packs of {size}: sampler.lag={wanted.lag} allows no more")
        record = record_of(folder, facts, store, driven=True)
        run.sampler_states = store.sampler_states()
        for trial in record.trials:
            run.put(trial)
        run.ended_before = frozenset(t.number for t in record.trials if t.state != "running")
        for trial in record.trials:
            if trial.state != "running":  # a crash may have come between its end and this
                remove_checkpoint(folder, trial.number)
        with until_second_signal(run.stop):
            _search(run)
            if not run.signal:
                test_front(run)
        prune(run)
        final = record_of(folder, facts, store, driven=False)
        why = "interrupted" if run.signal else run.why
        return End(why, final, run.signal)
    finally:
        engine.close()
        store.close()


def _search(run: Run) -> None:
    waiting = [n for n, trial in sorted(run.trials.items()) if trial.state == "running"]
    while True:
        check_health(run)
        while wants_more(run, waiting) and submit(run, waiting, room(run, waiting)):
            pass
        if not run.running:
            return
        for outcome in run.engine.collect(TICK):
            tell(run, outcome)
        run.report()
