"""The creation of a study, and its reopening: folder, store, study.yaml, the driver's lock."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from unitsearch.errors import DataError, SpecError, UsageError
from unitsearch.fields import read, write_all
from unitsearch.space import Space, SpaceFile, baseline, bind, survey
from unitsearch.study.config import Config, compose
from unitsearch.study.folder import find_folder, new_folder, remove_folder
from unitsearch.study.lock import driving
from unitsearch.study.manifest import Manifest, SpaceText, read_manifest, write_manifest
from unitsearch.study.settings import Budget
from unitsearch.study.store import check_storage, create_store, without_password

_PACKAGES = ("torch", "optuna", "ray", "numpy")  # that results depend on


@dataclass(frozen=True)
class HeldStudy:
    """A study whose lock this process holds.

    Attributes:
        folder: The study's folder.
        storage: The URL of its storage with the password, which is in no file; None where
            study.yaml and the environment say enough.
    """

    folder: Path
    storage: str | None = None


@contextmanager
def new_study(overrides: Sequence[str], command: str = "") -> Iterator[HeldStudy]:
    """Create the study that ``overrides`` ask for, and hold its lock.

    A study that could not be created leaves no folder; neither does one whose data could not be
    read, so that its name is free for the mended data.
    """
    config, file = compose(overrides)
    space = prepared(config, file)
    folder = new_folder(config.name, space.name)
    with driving(folder):
        try:
            create_store(folder, folder.name, config.storage).close()
        except Exception:
            remove_folder(folder)
            raise
        stored = replace(
            config, name=folder.name, storage=config.storage and without_password(config.storage)
        )
        write_manifest(folder, new_manifest(stored, space, without_password(command)))
        try:
            yield HeldStudy(folder, config.storage)
        except DataError:
            if config.storage is None and all(path.is_file() for path in folder.iterdir()):
                remove_folder(folder)  # nothing was trained
            raise


@contextmanager
def reopened_study(study: str, overrides: Sequence[str]) -> Iterator[HeldStudy]:
    """Hold the lock of a study, whose budget ``overrides`` may raise."""
    folder = find_folder(study)
    with driving(folder):
        manifest = read_manifest(folder, strict=True)
        budget = raised_budget(write_all(manifest.config.budget), overrides)
        raised = replace(manifest.config, budget=read(Budget, budget, "budget"))
        if raised != manifest.config:
            write_manifest(folder, replace(manifest, config=raised))
        yield HeldStudy(folder)


def prepared(config: Config, file: SpaceFile) -> Space:
    """Return the bound space of a run after every check that needs no training.

    Raises:
        DataError: If the data are not there.
        SpecError: If an architecture of the space does not build.
        StudyError: If the storage cannot be one.
        UsageError: If no architecture keeps the limits, or the space does not fit the data.
    """
    from unitsearch.data.download import make_available

    make_available(config.data)
    return checked_space(config, file)


def checked_space(config: Config, file: SpaceFile) -> Space:
    """Return the bound space of a run after every check that needs neither data nor training.

    Raises:
        DataError: If the facts about the data are not known without them.
        SpecError: If an architecture of the space does not build.
        StudyError: If the storage cannot be one.
        UsageError: If no architecture keeps the limits, or the space does not fit the data.
    """
    from unitsearch.data import describe

    if config.storage is not None:
        check_storage(config.storage)
    about = describe(config.data)
    data = config.data
    space = bind(file, about.input, about.classes, data.name, original=data.input)
    baseline(space)
    survey(space, config.largest, samples=200)
    for number, rung in enumerate(config.ladder):
        if rung.size is not None:
            _check_size(space, config, f"ladder[{number}].size", rung.size)
    return space


def _check_size(space: Space, config: Config, place: str, size: int) -> None:
    """Refuse a size of images at which members do not build.

    Raises:
        UsageError: If so.
    """
    image = (space.input[0], size, size)
    small = bind(space.file, image, space.classes, original=space.file.input)
    try:
        baseline(small)
        survey(small, {}, samples=50)
    except SpecError as error:
        raise UsageError(
            place=place, found=size, expected="images that every member takes", fix=str(error)
        ) from None


def new_manifest(config: Config, space: Space, command: str) -> Manifest:
    """Return the manifest of a new study."""
    versions = {"unitsearch": metadata.version("unitsearch"), "python": platform.python_version()}
    return Manifest(
        name=str(config.name),
        command=command or "unitsearch.run(…)",
        config=config,
        versions=versions | {name: metadata.version(name) for name in _PACKAGES},
        space=SpaceText(
            name=space.name, input=space.input, classes=space.classes, text=space.file.text
        ),
    )


def raised_budget(budget: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Return ``budget`` raised as ``overrides`` say; anything else is refused."""
    raised = dict(budget)
    for override in overrides:
        name, equals, value = override.partition("=")
        key = name.removeprefix("budget.")
        if not equals or name == key or key not in raised:
            raise UsageError(
                found=override,
                expected="budget.trials=N or budget.minutes=N: resume may raise budgets only",
                fix="start a new study to change anything else",
            )
        number = None if value == "null" else _number(value)
        try:
            number = getattr(read(Budget, {**raised, key: number}, "budget"), key)
        except SpecError as error:
            raise UsageError(str(error)) from None
        if raised[key] is not None and number is not None and number < raised[key]:
            raise UsageError(
                place=name, found=value, expected=f"at least {raised[key]}: budgets are only raised"
            )
        raised[key] = number
    return raised


def _number(text: str) -> Any:
    """Return the number that ``text`` spells, or the text itself."""
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text
