"""The made-up records as real studies on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from unitsearch.search.proposals import Proposal
from unitsearch.study.manifest import write_manifest
from unitsearch.study.record import Record, Trial
from unitsearch.study.settings import Budget
from unitsearch.study.store import Store, create_store, open_store


def write_study(root: Path, record: Record, storage: str | None = None) -> Path:
    """Write ``record`` as a study into ``root`` and return its folder."""
    folder = root / record.folder.name
    folder.mkdir(parents=True)
    budget = Budget(trials=len(record.trials))
    config = replace(record.manifest.config, budget=budget, storage=storage)
    write_manifest(folder, replace(record.manifest, name=folder.name, config=config))
    create_store(folder, folder.name, storage).close()
    add_trials(folder, record.trials, storage)
    return folder


def add_trials(folder: Path, trials: Sequence[Trial], storage: str | None = None) -> None:
    """Write more trials into a study, as its driver would."""
    store = open_store(folder, folder.name, storage, writer=True)
    try:
        for trial in trials:
            start(store, trial)
            if trial.state != "running":
                finish(store, trial)
    finally:
        store.close()


def start(store: Store, trial: Trial) -> None:
    proposal = Proposal(trial.values, {}, trial.architecture, trial.key, trial.cost)
    store.start(trial.number, trial.seed, proposal)


def finish(store: Store, trial: Trial) -> None:
    kept = (
        "state", "accuracy", "images", "curve", "loss_curve", "train_seconds", "reason", "digest",
        "plan",
    )  # fmt: skip
    store.finish(trial.number, {key: asdict(replace(trial))[key] for key in kept})


def files(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Return what lies in a folder: content, time of the last change and inode of each file."""
    return {
        str(path.relative_to(folder)): (
            path.read_bytes() if path.is_file() else b"",
            path.stat().st_mtime_ns,
            path.stat().st_ino,
        )
        for path in sorted(folder.rglob("*"))
    }
