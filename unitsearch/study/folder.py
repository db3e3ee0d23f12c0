"""A study's folder: created, found and read; its files are written whole or not at all."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from unitsearch.errors import StudyError, did_you_mean
from unitsearch.files import write_whole
from unitsearch.study.latencies import with_latencies
from unitsearch.study.lock import LOCK, is_driven
from unitsearch.study.manifest import MANIFEST, Manifest, read_manifest, storage_url
from unitsearch.study.record import Record
from unitsearch.study.store import JOURNAL, Store, open_store

STUDIES = "studies"


def new_folder(name: str | None, space: str) -> Path:
    """Make and return the folder of a new study; without a name the next free number is taken.

    Raises:
        StudyError: If the name is taken or the folder cannot be written.
    """
    studies = Path(STUDIES)
    number = 1
    while True:
        folder = studies / (name or f"{space}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if name is not None and _clear_unfinished(folder):
                return folder
            if name is None and studies.is_dir():
                number += 1
                continue
            if not studies.is_dir():
                raise StudyError(f"{studies}: cannot be written (it is no folder)") from None
            raise StudyError(
                f"there is a study named {name!r} already ({folder})",
                fix=f"go on with it: unitsearch resume {name}; or give another name=…",
            ) from None
        except OSError as error:
            raise StudyError(
                f"{folder}: cannot be written ({error.strerror})",
                fix="start in a folder that you may write to",
            ) from None
        return folder


def _clear_unfinished(folder: Path) -> bool:
    """Say whether a crash ended the creation of the study in ``folder``; clear it if so."""
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else {MANIFEST}
    if not names <= {LOCK, JOURNAL} or is_driven(folder):
        return False
    (folder / JOURNAL).unlink(missing_ok=True)
    return True


def remove_folder(folder: Path) -> None:
    """Remove the folder of a study that could not be created."""
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def remove_torn(folder: Path) -> None:
    """Remove the files that a crash kept ``write_file`` from putting in their place."""
    for path in (*folder.glob(".*"), *folder.glob("*/.*")):
        if re.fullmatch(r"\..+\.[a-z0-9_]{8}", path.name) and path.is_file():
            path.unlink(missing_ok=True)


def weights_path(folder: Path, number: int) -> Path:
    """Return the file of a trial's weights, which is there while it may be on the front."""
    return folder / "trials" / f"{number:05d}.safetensors"


def checkpoint_path(folder: Path, number: int, repeat: int | None = None) -> Path:
    """Return the file of the state of a long training, which is there while it goes on.

    Args:
        folder: The study's folder.
        number: The trial's number.
        repeat: The seed of a repeat; None for the trial's own training.
    """
    name = f"{number:05d}" if repeat is None else f"{number:05d}-{repeat}"
    return folder / f"training-{name}.checkpoint"


def remove_checkpoint(folder: Path, number: int, repeat: int | None = None) -> None:
    """Remove the state kept of a training, and the half of it that a killed worker has written."""
    path = checkpoint_path(folder, number, repeat)
    for kept in (path, *path.parent.glob(f".{path.name}.*")):
        kept.unlink(missing_ok=True)


def find_folder(study: str | Path) -> Path:
    """Return the folder of the study that is named, or whose folder is given.

    Raises:
        StudyError: If that is no study.
    """
    for folder in (Path(study), Path(STUDIES) / study):
        if (folder / MANIFEST).is_file():
            return folder
    known = names()
    advice = did_you_mean(str(study), known) or "there are none in ./studies"
    raise StudyError(f"no study named {str(study)!r}", fix=advice)


def names() -> list[str]:
    """Return the names of the studies in ./studies."""
    paths = Path(STUDIES).glob(f"*/{MANIFEST}") if Path(STUDIES).is_dir() else ()
    return sorted(path.parent.name for path in paths)


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: beside it first, then in its place.

    Raises:
        StudyError: If it cannot be written.
    """
    try:
        write_whole(path, content)
    except OSError as error:
        raise StudyError(f"{path}: cannot be written ({error.strerror})") from None


def study_store(
    folder: Path, manifest: Manifest, *, writer: bool = False, url: str | None = None
) -> Store:
    """Return the store of the study in ``folder``; ``url`` is its storage's, if given in full."""
    return open_store(folder, manifest.name, url or storage_url(manifest), writer=writer)


def read_study(study: str | Path) -> Record:
    """Return a study as it stands, whether it runs or not.

    A trial that was started and is not being trained now is called waiting.

    Raises:
        StudyError: If it is no study, or its store cannot be read.
    """
    folder = find_folder(study)
    manifest = read_manifest(folder)
    store = study_store(folder, manifest)
    try:
        return record_of(folder, manifest, store, driven=is_driven(folder))
    finally:
        store.close()


def record_of(folder: Path, manifest: Manifest, store: Store, *, driven: bool) -> Record:
    """Return the record that a store holds."""
    trials = store.trials()
    if not driven:
        trials = tuple(
            replace(trial, state="waiting") if trial.state == "running" else trial
            for trial in trials
        )
    return Record(manifest.name, folder, manifest, with_latencies(trials, folder))
