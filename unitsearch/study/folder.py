"""A study's folder: created, found, its facts and files written whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from unitsearch.architecture import Document, read_file, read_text, yaml_text
from unitsearch.data import DataSpec
from unitsearch.errors import SpecError, StudyError, did_you_mean
from unitsearch.fields import read
from unitsearch.files import write_whole
from unitsearch.space import Space, bind, space_from
from unitsearch.study.latencies import with_latencies
from unitsearch.study.lock import LOCK, is_driven
from unitsearch.study.record import Record
from unitsearch.study.store import JOURNAL, Store, open_store

STUDIES = "studies"
MANIFEST = "study.yaml"
_HEAD = (
    "# What this study is: written by unitsearch, read by it again. The trials are in the store.\n"
)


def new_folder(name: str | None, space: str) -> Path:
    """Make and return the folder of a new study; without a name the next free number is taken.

    Raises:
        StudyError: If the name is taken or the folder cannot be written.
    """
    home = Path(STUDIES)
    number = 1
    while True:
        folder = home / (name or f"{space}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if name is not None and _is_unborn(folder):
                return folder
            if name is None and home.is_dir():
                number += 1
                continue
            if not home.is_dir():
                raise StudyError(f"{home}: cannot be written (it is no folder)") from None
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


def _is_unborn(folder: Path) -> bool:
    """Say whether a crash left ``folder`` before its study was there; take away what it left."""
    left = {path.name for path in folder.iterdir()} if folder.is_dir() else {MANIFEST}
    if not left <= {LOCK, JOURNAL} or is_driven(folder):
        return False
    (folder / JOURNAL).unlink(missing_ok=True)
    return True


def remove_torn(folder: Path) -> None:
    """Remove what ``write_file`` had not put in its place when a crash came."""
    for path in (*folder.glob(".*"), *folder.glob("*/.*")):
        if re.fullmatch(r"\..+\.[a-z0-9_]{8}", path.name) and path.is_file():
            path.unlink(missing_ok=True)


def weights_path(folder: Path, number: int) -> Path:
    """Return where the weights of a trial lie while it is on the running front."""
    return folder / "trials" / f"{number:05d}.safetensors"


def checkpoint_path(folder: Path, number: int) -> Path:
    """Return where the state of a long training is kept while it goes on."""
    return folder / f"training-{number:05d}.checkpoint"


def remove_checkpoint(folder: Path, number: int) -> None:
    """Remove the state kept of a training, and what a killed worker had half written of it."""
    path = checkpoint_path(folder, number)
    for left in (path, *path.parent.glob(f".{path.name}.*")):
        left.unlink(missing_ok=True)


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
    home = Path(STUDIES)
    return sorted(path.parent.name for path in home.glob(f"*/{MANIFEST}")) if home.is_dir() else []


def read_facts(folder: Path) -> dict[str, Any]:
    """Return the content of study.yaml.

    Raises:
        StudyError: If it is damaged.
    """
    try:
        data = read_file(folder / MANIFEST).data
    except SpecError as error:
        raise StudyError(str(error)) from None
    facts = data if isinstance(data, dict) else {}
    config: Any = facts.get("config")
    if (
        not isinstance(facts.get("name"), str)
        or any(not isinstance(facts.get(key), dict) for key in ("config", "space", "data"))
        or any(key not in config for key in ("budget", "data", "train", "floor", "objectives"))
    ):
        raise StudyError(
            f"{folder / MANIFEST}: not the facts of a study",
            expected="the keys name, config, space and data, as unitsearch wrote them",
        )
    return facts


def write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write study.yaml."""
    write_file(folder / MANIFEST, (_HEAD + yaml_text(facts)).encode())


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: beside it first, then in its place.

    Raises:
        StudyError: If it cannot be written.
    """
    try:
        write_whole(path, content)
    except OSError as error:
        raise StudyError(f"{path}: cannot be written ({error.strerror})") from None


def space_of(facts: Mapping[str, Any]) -> Space:
    """Return the space as it stood when the study was created."""
    said = facts["space"]
    document: Document = read_text(said["text"], f"{said['name']}.yaml (as in the study)")
    spec = data_of(facts)
    image, classes = tuple(said["input"]), int(said["classes"])
    return bind(
        space_from(document, said["name"]), (image[0], image[1], image[2]), classes, spec.name
    )


def data_of(facts: Mapping[str, Any]) -> DataSpec:
    """Return the specification of the study's data."""
    return read(DataSpec, facts["config"]["data"], "data")


def storage_url(facts: Mapping[str, Any]) -> str | None:
    """Return the URL of the study's storage, None for its own journal.

    A password is never written to a file: it comes from UNITSEARCH_STORAGE_PASSWORD, or from where
    the database's own client looks (PGPASSWORD, ~/.pgpass).
    """
    url = facts["config"].get("storage")
    password = os.environ.get("UNITSEARCH_STORAGE_PASSWORD")
    if url and password and re.match(r"[\w+]+://[^/@:]+@", url):
        return str(url).replace("@", f":{quote(password, safe='')}@", 1)
    return None if url is None else str(url)


def open_study(
    folder: Path, facts: Mapping[str, Any], *, writer: bool = False, url: str | None = None
) -> Store:
    """Return the store of the study in ``folder``; ``url`` is its storage's, if given in full."""
    return open_store(folder, str(facts["name"]), url or storage_url(facts), writer=writer)


def read_study(study: str | Path) -> Record:
    """Return a study as it stands, whether it runs or not.

    A trial that was started and is not being run by anyone is called waiting.

    Raises:
        StudyError: If it is no study, or its store cannot be read.
    """
    folder = find_folder(study)
    facts = read_facts(folder)
    store = open_study(folder, facts)
    try:
        return record_of(folder, facts, store, driven=is_driven(folder))
    finally:
        store.close()


def record_of(folder: Path, facts: Mapping[str, Any], store: Store, *, driven: bool) -> Record:
    """Return the record that a store holds."""
    from dataclasses import replace

    trials = store.trials()
    if not driven:
        trials = tuple(
            replace(trial, state="waiting") if trial.state == "running" else trial
            for trial in trials
        )
    return Record(str(facts["name"]), folder, facts, with_latencies(trials, folder))
