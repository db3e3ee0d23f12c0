"""A plain script that searches: Optuna's NSGA-II over a space, each network trained by a loop.

Each process that is started with the same journal does a share of the trials:
``python -m benchmarks.search.plain_search TASK JOURNAL``. TASK is a JSON file with the table's
name, the seed and the number of trials.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def open_study(task: dict[str, Any], journal: Path) -> Any:
    """Return the study that all processes share."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        study_name="plain",
        storage=JournalStorage(JournalFileBackend(str(journal))),
        load_if_exists=True,
        directions=["maximize", "minimize", "minimize"],
        sampler=optuna.samplers.NSGAIISampler(seed=task["seed"]),
    )


def search(written: Path, journal: Path) -> None:
    """Do trials until the study has as many as the task wants."""
    import optuna
    import torch

    from benchmarks.plain import Plain
    from benchmarks.search.spec import find
    from unitsearch.architecture import write_architecture
    from unitsearch.costs import count
    from unitsearch.search.distributions import distribution_of
    from unitsearch.space import draw

    torch.set_num_threads(1)
    task = json.loads(written.read_text())
    space = find(task["table"]).read_spec().bound
    study = open_study(task, journal)
    train = Plain(written, 0)
    while True:
        trial = study.ask()
        if trial.number >= task["trials"]:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            return

        def choose(name: str, domain: Any, trial: Any = trial) -> Any:
            distribution = distribution_of(domain)
            single = distribution.single()
            return domain.options[0] if single else trial._suggest(name, distribution)

        values, architecture = draw(space, choose)
        row = {"architecture": write_architecture(architecture), "seed": trial.number}
        train.networks = {trial.number: row}
        done = train(trial.number)
        trial.set_user_attr("values", dict(values))
        cost = count(architecture)
        study.tell(trial, [done["accuracy"], float(cost.flops), float(cost.params)])


if __name__ == "__main__":
    search(Path(sys.argv[1]), Path(sys.argv[2]))
