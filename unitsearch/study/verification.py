"""Verification: recommended trials are trained again with fresh seeds.

At the end of a search some trainings, ``verify`` in the configuration, go to the trials that the
model recommends. What is trained is a function of the trials alone and of no repeat: so a killed
verification continues with what is missing. Repeats enter the beliefs; neither the budget nor a
proposal knows them.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from unitsearch.engine import Job, Outcome
from unitsearch.search.front import hypervolume, most_of_hypervolume, volume_point
from unitsearch.search.seeds import derive
from unitsearch.study.folder import checkpoint_path
from unitsearch.study.jobs import JobBuilder
from unitsearch.study.open_study import OpenStudy, StudyJobs
from unitsearch.study.outcomes import learn_data, repeat_of
from unitsearch.study.recommended import believed
from unitsearch.study.record import Record, Trial
from unitsearch.study.schedule import Schedule
from unitsearch.study.tables import tight_reference

_DIGITS = 12  # of what is compared, so that rounding decides nothing


@dataclass(frozen=True)
class FreshTraining:
    """A training of a trial's network with a fresh seed.

    Attributes:
        number: The trial's number.
        seed: Seed of its weights and batches.
    """

    number: int
    seed: int


def fresh_seed(record: Record, number: int, count: int) -> int:
    """Return the seed of the repeat ``count`` of a trial, from 1."""
    return derive(record.manifest.config.seed, number, f"verify {count}")


def due_at_end(record: Record) -> list[FreshTraining]:
    """Return the trainings with fresh seeds that end a search, a function of its trials alone.

    They are ``verify`` times the trials that count, at most the budget. The members of the front
    take turns: each once before any twice. If there are more members than trainings, those are
    taken that add most hypervolume to each other. Those come first whose accuracy is known least
    and that add most to the front. The baseline is never among them.
    """
    config = record.manifest.config
    share = config.verify * min(record.counted, config.budget.trials)
    trainings = math.ceil(round(share, _DIGITS))
    trials = tuple(replace(trial, repeats=()) for trial in record.trials)
    searched = replace(record, trials=trials) if record.repeats else record
    members = [trial for trial in searched.front if not trial.is_baseline]
    if not members or not trainings:
        return []
    ordered = _in_order(searched, members, trainings)
    return [
        FreshTraining(trial.number, fresh_seed(record, trial.number, 1 + place // len(ordered)))
        for place, trial in zip(range(trainings), ordered * trainings, strict=False)
    ]


def due_for_seeds(record: Record, seeds: int) -> list[FreshTraining]:
    """Return the trainings that give each recommended trial at least ``seeds`` trainings.

    Each trial has its first before any has its second. The baseline is not among them.
    """
    turns: list[list[FreshTraining]] = [[] for _ in range(seeds)]
    for trial in record.front:
        if trial.is_baseline:
            continue
        done = {repeat.seed for repeat in trial.repeats}
        fresh = (fresh_seed(record, trial.number, count) for count in range(1, 2 * seeds))
        missing = [seed for seed in fresh if seed not in done][: max(0, seeds - trial.seeds)]
        for turn, seed in zip(turns, missing, strict=False):
            turn.append(FreshTraining(trial.number, seed))
    return [training for turn in turns for training in turn]


class Verification(StudyJobs):
    """A source of jobs: trainings of trials with fresh seeds, as far as they are not stored."""

    def __init__(
        self,
        study: OpenStudy,
        jobs: JobBuilder,
        schedule: Schedule,
        due: Sequence[FreshTraining],
    ) -> None:
        super().__init__(study)
        self._jobs = jobs
        self._schedule = schedule
        stored = {(t.number, repeat.seed) for t in study.trials for repeat in t.repeats}
        self._missing = [each for each in due if (each.number, each.seed) not in stored]
        self._wanted = len(due)
        self._done = self._wanted - len(self._missing)
        self._next = deque(range(len(self._missing)))
        self._first = len(study.trials)  # numbers of jobs: no trial's, several may be of one trial
        if self._missing:
            members = len({training.number for training in self._missing})
            networks = "1 network" if members == 1 else f"{members} networks"
            study.report(f"verifying {networks} of the front with fresh seeds", stage=self.stage)

    @property
    def stage(self) -> str:
        """The progress in a few words."""
        return f"verifying: {self._done} of {self._wanted} trainings"

    def next_list(self) -> Sequence[Job]:
        """Return the jobs of the next trainings, as many as one worker is given."""
        at_once = self._schedule.lists_at_once(self._study.trials.longest)
        if self._study.signal or self.under_way.lists >= at_once:
            return ()
        share = -(-len(self._next) // self._schedule.workers)  # no worker waits for another's pack
        size = min(self._schedule.list_size, share)
        return [self._job(self._next.popleft()) for _ in range(size)]

    def take(self, job: Job, outcome: Outcome) -> None:
        """Store a training that has ended; one that failed is reported."""
        training = self._missing[job.number - self._first]
        trial = self._study.trials[training.number]
        if outcome.state != "complete":
            self._report(f"trial {trial.number} again: failed ({outcome.reason})")
            return
        learn_data(self._study, outcome)
        repeat = repeat_of(outcome, training.seed)
        self._study.repeat(trial.number, repeat)
        self._done += 1
        again, first = 100 * repeat.accuracy, 100 * (trial.accuracy or 0.0)
        self._report(f"trial {trial.number} again: {again:.1f} % ({first:.1f} % at first)")

    def report(self) -> None:
        """Report how the study stands."""
        self._report()

    def _report(self, news: str = "") -> None:
        numbers = (self._missing[n - self._first].number for n in self.under_way.numbers)
        text = f"{self.stage}, {news}" if news else ""
        self._study.report(text, running=sorted(set(numbers)), stage=self.stage)

    def _job(self, place: int) -> Job:
        training = self._missing[place]
        trial = self._study.trials[training.number]
        checkpoint = checkpoint_path(self._study.folder, training.number, training.seed)
        return self._jobs.training(
            self._first + place, trial.architecture, training.seed, checkpoint
        )


def _in_order(record: Record, members: Sequence[Trial], most: int) -> list[Trial]:
    """Return at most ``most`` members: what is known least and adds most to the others first."""
    reference = tight_reference(record)
    doubts = {t.number: round(record.beliefs[t.number].accuracy_se, _DIGITS) for t in members}
    points = {t.number: volume_point(believed(record, t)) for t in members}
    doubtful = sorted(members, key=lambda t: (-doubts[t.number], t.number))
    places = most_of_hypervolume([points[t.number] for t in doubtful], reference, most)
    chosen = [doubtful[place] for place in places]
    whole = hypervolume([points[t.number] for t in chosen], reference)

    def worth(trial: Trial) -> tuple[float, float, int]:
        others = [points[other.number] for other in chosen if other is not trial]
        gain = whole - hypervolume(others, reference)
        doubt = doubts[trial.number]
        return round(doubt * gain, _DIGITS), doubt, -trial.number

    return sorted(chosen, key=worth, reverse=True)
