"""The store of a study: an Optuna storage, written by one driver alone.

A trial is written when it starts (parameters, key, seed, architecture, all in one record) and when
it ends (its outcome, then its state: a crash between the two leaves a trial whose outcome is known,
and the next open finishes it). If an objective has to be measured once the training has ended, the
training's outcome is written before that, so that a crash does not cost the training. Test
accuracies and repeats are written to the study, because Optuna does not let a finished trial
change: each is one record.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import optuna
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from unitsearch.architecture import Architecture, write_architecture
from unitsearch.costs import COSTS, Cost, count
from unitsearch.errors import PackageError, StudyError, UnitSearchError
from unitsearch.search.proposals import Proposal
from unitsearch.search.quiet import quiet_optuna
from unitsearch.study.journal import ReadOnlyJournal
from unitsearch.study.later_facts import NOTHING, LaterFacts, later_facts, written_repeat
from unitsearch.study.record import Repeat, Trial
from unitsearch.study.stored import Reader

JOURNAL = "journal.log"
# The stored study has these three values whatever the objectives are: see front.volume_point.
_DIRECTIONS = (StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE, StudyDirection.MINIMIZE)
_NAMES = ["accuracy", "flops", "params"]
_STORAGES = ("sqlite", "postgresql", "postgresql+psycopg", "postgresql+psycopg2")
_STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "stopped",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}
_CLOSED = {
    "complete": TrialState.COMPLETE,
    "stopped": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}


class Store:
    """One study in an Optuna storage."""

    def __init__(self, storage: BaseStorage, study_id: int, place: str) -> None:
        self._storage = storage
        self._id = study_id
        self.place = place
        self._read: dict[int, Trial] = {}  # finished trials never change: read once
        self._architectures = Reader()

    def start(self, number: int, seed: int, proposal: Proposal) -> None:
        """Write in one record that trial ``number`` starts."""
        trial = create_trial(
            state=TrialState.RUNNING,
            params={name: proposal.values[name] for name in proposal.distributions},
            distributions=dict(proposal.distributions),
            user_attrs={
                "key": proposal.key,
                "seed": seed,
                "cost": [getattr(proposal.cost, name) for name in COSTS],
                "values": dict(proposal.values),
                "architecture": write_architecture(proposal.architecture),
                "sampler_state": dict(proposal.state),
            },
        )
        with self._errors():
            created = self._storage.create_new_trial(self._id, template_trial=trial)
            written = self._storage.get_trial_number_from_id(created)
        if written != number:
            raise StudyError(
                f"{self.place}: trial {number} was written as {written}: another writer?"
            )

    def hold(self, number: int, outcome: Mapping[str, Any]) -> None:
        """Write the outcome of a training whose trial still lacks a measurement."""
        with self._errors():
            self._storage.set_trial_user_attr(self._trial_id(number), "trained", dict(outcome))

    def held(self) -> dict[int, Mapping[str, Any]]:
        """Return the outcomes of trainings whose trials still lack a measurement, by number."""
        with self._errors():
            trials = self._storage.get_all_trials(self._id, deepcopy=False)
        return {
            trial.number: trial.user_attrs["trained"]
            for trial in trials
            if trial.state == TrialState.RUNNING and "trained" in trial.user_attrs
        }

    def finish(self, number: int, outcome: Mapping[str, Any]) -> None:
        """Write the end of trial ``number``: its outcome, then its state."""
        with self._errors():
            trial_id = self._trial_id(number)
            self._storage.set_trial_user_attr(trial_id, "outcome", dict(outcome))
            self._close(trial_id, outcome)

    def test(self, number: int, accuracy: float, images: int) -> None:
        """Write the accuracy of trial ``number`` on the test images."""
        with self._errors():
            tested = {"accuracy": accuracy, "images": images}
            self._storage.set_study_user_attr(self._id, f"test {number}", tested)

    def repeat(self, number: int, repeat: Repeat) -> None:
        """Write a repeat of trial ``number``."""
        name, facts = written_repeat(number, repeat)
        with self._errors():
            self._storage.set_study_user_attr(self._id, name, facts)

    def trials(self) -> tuple[Trial, ...]:
        """Return all trials in order of their numbers."""
        with self._errors():
            trials = self._storage.get_all_trials(self._id, deepcopy=False)
            later = later_facts(self._storage.get_study_user_attrs(self._id))
        return tuple(self._trial(trial, later.get(trial.number, NOTHING)) for trial in trials)

    def trial(self, number: int) -> Trial:
        """Return one trial."""
        with self._errors():
            trial = self._storage.get_trial(self._trial_id(number))
            later = later_facts(self._storage.get_study_user_attrs(self._id))
        return self._trial(trial, later.get(number, NOTHING))

    def repair(self) -> None:
        """Close the trials whose outcome was written and whose state a crash left as running."""
        with self._errors():
            for trial in self._storage.get_all_trials(self._id, deepcopy=False):
                if trial.state == TrialState.RUNNING and "outcome" in trial.user_attrs:
                    self._close(trial._trial_id, trial.user_attrs["outcome"])

    def counts(self) -> tuple[int, ...]:
        """Return numbers that change as the study does.

        They say how many trials are in each state, and how many tests and repeats there are.
        """
        with self._errors():
            trials = self._storage.get_all_trials(self._id, deepcopy=False)
            states = Counter(trial.state for trial in trials)
            later = len(self._storage.get_study_user_attrs(self._id))
        return *(states[state] for state in TrialState), later

    def close(self) -> None:
        """Let go of files and connections."""
        self._storage.remove_session()
        # readers get their database inside Optuna's cache of finished trials
        storage = getattr(self._storage, "_backend", self._storage)
        if isinstance(storage, optuna.storages.RDBStorage):
            storage.engine.dispose()

    def _trial_id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._id, number)

    def _close(self, trial_id: int, outcome: Mapping[str, Any]) -> None:
        state = _CLOSED[outcome.get("state", "complete")]
        if state != TrialState.COMPLETE:
            self._storage.set_trial_state_values(trial_id, state)
            return
        costs = dict(zip(COSTS, self._storage.get_trial(trial_id).user_attrs["cost"], strict=False))
        values = [outcome["accuracy"], float(costs["flops"]), float(costs["params"])]
        self._storage.set_trial_state_values(trial_id, state, values)

    def _trial(self, trial: FrozenTrial, later: LaterFacts) -> Trial:
        known, tested = self._read.get(trial.number), later.test
        if (
            known is not None
            and (tested is None) == (known.test_accuracy is None)
            and len(later.repeats) == len(known.repeats)
        ):
            return known
        attrs = trial.user_attrs
        outcome = attrs.get("outcome", {})
        finished = trial.state.is_finished()
        architecture = self._architectures.read(attrs["architecture"])
        latency = _quartiles(outcome.get("latency"))
        read = Trial(
            number=trial.number,
            state=_STATES[trial.state],
            key=attrs["key"],
            seed=attrs["seed"],
            values=attrs["values"],
            architecture=architecture,
            cost=_cost(attrs["cost"], architecture),
            accuracy=outcome.get("accuracy") if finished else None,
            images=outcome.get("images", 0),
            test_accuracy=tested["accuracy"] if tested else None,
            test_images=tested["images"] if tested else 0,
            rungs=tuple(outcome.get("rungs", ())),
            rung_losses=tuple(outcome.get("rung_losses", ())),
            curve=tuple(outcome.get("curve", ())),
            loss_curve=tuple(outcome.get("loss_curve", ())),
            train_seconds=outcome.get("train_seconds"),
            reason=outcome.get("reason", ""),
            digest=outcome.get("digest", ""),
            plan=outcome.get("plan", ""),
            latency=latency,
            searched_latency=latency,
            sampler_state=_sampler_state(attrs),
            repeats=later.read_repeats(),
        )
        if finished:
            self._read[trial.number] = read
        return read

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn the errors of Optuna, files and databases into a ``StudyError``."""
        try:
            yield
        except UnitSearchError:
            raise
        except (OSError, KeyError, ValueError, AssertionError) as error:
            raise StudyError(
                f"{self.place}: the store cannot be used ({_first_line(error)})"
            ) from error
        except optuna.exceptions.OptunaError as error:
            raise StudyError(
                f"{self.place}: the store cannot be used ({_first_line(error)})"
            ) from error


def _sampler_state(attrs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the sampler's bookkeeping of a trial, as this release or the first one wrote it."""
    generation = attrs.get("generation")
    first: Mapping[str, Any] = {} if generation is None else {"generation": generation}
    state: Mapping[str, Any] = attrs.get("sampler_state", first)
    return state


def _quartiles(stored: list[float] | None) -> tuple[float, float, float] | None:
    return None if stored is None else (stored[0], stored[1], stored[2])


def _cost(stored: list[int], architecture: Architecture) -> Cost:
    """Return a stored cost; what a study of an earlier release did not store is counted now."""
    if len(stored) == len(COSTS):
        return Cost(*stored)
    counted = count(architecture)
    return Cost(*stored, *(getattr(counted, name) for name in COSTS[len(stored) :]))


def create_store(folder: Path, name: str, url: str | None) -> Store:
    """Return a new study's store: a journal in ``folder``, or the storage at ``url``.

    Raises:
        StudyError: If there is a study of that name in the storage, or it cannot be reached.
    """
    storage, place = _open(folder, url, writer=True)
    try:
        with quiet_optuna():
            study_id = storage.create_new_study(list(_DIRECTIONS), name)
        storage.set_study_system_attr(study_id, "study:metric_names", _NAMES)
    except optuna.exceptions.DuplicatedStudyError:
        raise StudyError(
            f"{place} already holds a study named {name!r}", fix="give another name=…, or resume it"
        ) from None
    except Exception as error:  # noqa: BLE001  # SQLAlchemy and drivers raise their own kinds
        raise StudyError(f"{place}: cannot be written ({_first_line(error)})") from None
    return Store(storage, study_id, place)


def open_store(folder: Path, name: str, url: str | None, *, writer: bool = False) -> Store:
    """Return the store of an existing study; a ``writer`` repairs what a crash left.

    Raises:
        StudyError: If it is missing or damaged.
    """
    journal = folder / JOURNAL
    if url is None and not journal.is_file():
        raise StudyError(f"{journal}: no such store", fix="is the study's folder complete?")
    if url is None and writer:
        _mend(journal)
    storage, place = _open(folder, url, writer=writer)
    try:
        study_id = storage.get_study_id_from_name(name)
    except KeyError:
        raise StudyError(f"{place} holds no study named {name!r}") from None
    except Exception as error:  # noqa: BLE001  # SQLAlchemy and drivers raise their own kinds
        raise StudyError(f"{place}: cannot be read ({_first_line(error)})") from None
    store = Store(storage, study_id, place)
    if writer:
        store.repair()
    return store


def without_password(url: str) -> str:
    """Return a storage URL with its password left out, for files and messages."""
    url = re.sub(r"(://[^/@:]*):[^@]*@", r"\1@", url)
    return re.sub(r"([?&])password=[^&\s\"']*", r"\1", url).replace("?&", "?")


def check_storage(url: str) -> None:
    """Refuse a storage that cannot be one; nothing is opened.

    Raises:
        StudyError: If it is of an unknown kind, or a file in a folder that is not there.
    """
    shown, file = without_password(url), sqlite_file(url)
    if urlsplit(url).scheme not in _STORAGES:
        raise StudyError(
            f"storage {shown}: unknown kind", fix="give sqlite:///FILE or postgresql://…"
        )
    if file is not None and not file.absolute().parent.is_dir():
        raise StudyError(f"storage {shown}: there is no folder {file.parent}", fix="make it first")


def sqlite_file(url: str) -> Path | None:
    """Return the file of an SQLite storage, None for any other."""
    file = url.removeprefix("sqlite:///").partition("?")[0]
    return Path(file) if urlsplit(url).scheme == "sqlite" else None


def _open(folder: Path, url: str | None, *, writer: bool) -> tuple[BaseStorage, str]:
    if url is None:
        path = folder / JOURNAL
        try:
            lines = JournalFileBackend(str(path)) if writer else ReadOnlyJournal(path)
            return JournalStorage(lines), str(path)
        except (OSError, ValueError, KeyError) as error:
            raise StudyError(f"{path}: cannot be read ({_first_line(error)})") from None
    check_storage(url)
    shown = without_password(url)
    if urlsplit(url).scheme == "postgresql":
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    try:
        with quiet_optuna():
            database = optuna.storages.RDBStorage(url)
        # its cache reads finished trials once; writers are to see what is there
        return (database if writer else optuna.storages.get_storage(database)), shown
    except ImportError:
        raise PackageError(
            f"storage {shown} needs a driver", fix="pip install 'unitsearch[postgres]'"
        ) from None
    except Exception as error:  # noqa: BLE001  # SQLAlchemy and drivers raise their own kinds
        raise StudyError(f"storage {shown}: cannot be opened ({_first_line(error)})") from None


def _mend(journal: Path) -> None:
    """Cut off a torn last line and take away a dead writer's lock; the driver's lock is held."""
    for stale in journal.parent.glob(f"{journal.name}.lock*"):
        stale.unlink(missing_ok=True)
    with journal.open("r+b") as file:
        content = file.read()
        end = content.rfind(b"\n") + 1
        if end < len(content):
            file.truncate(end)
        last = content[:end].rstrip(b"\n").rfind(b"\n") + 1
        try:
            if content[last:end].strip():
                json.loads(content[last:end])
        except ValueError:  # a block of zeros that a power cut left
            file.truncate(last)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    text = without_password(lines[0]) if lines else type(error).__name__
    return re.sub(r"password=\S+", "password=…", text)
