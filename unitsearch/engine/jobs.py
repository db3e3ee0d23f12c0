"""Jobs, which are sent to workers, and outcomes, which come back. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from unitsearch.training.bars import Bar, bar_from

PACE = "pace"  # the task of a job that asks for the times of a network's steps

Key = tuple[int, str]
"""The unique id of a job: its trial's number and its task."""


@dataclass(frozen=True)
class Job:
    """One network to train, one trained network to test, or one network to measure.

    Attributes:
        number: The trial's number.
        task: ``train``, ``test``, ``pace`` (see ``unitsearch.engine.pace``), or the name of a
            measurement: a key of ``unitsearch.engine.measuring.MEASUREMENTS``, such as ``latency``.
        architecture: The architecture as plain data.
        seed: Seed of weights, order and augmentation.
        recipe: The recipe as plain data.
        data: The data's specification as plain data.
        plan: The execution plan of a training or test: ``auto`` or the text of a plan.
        watch: For ``train``: whether accuracy is measured on the ``validation`` images, or on the
            ``test`` images, as only reproductions of the papers may.
        weights: For ``test``: the bytes of the trained weights.
        checkpoint: For ``train``: the file that holds a long training's state; a worker that does
            not see its folder writes none. No file if empty.
        minutes: The least time between two writes of that file.
        device: The device that the job runs on: ``cpu`` or ``cuda``.
        pack: For ``train``: the number of jobs of its list, itself included, that may train with it
            as one pack; None for the number that a measurement finds fastest.
        ladder: For ``train``: the shorter trainings that come first, each with its own ``recipe``
            and ``data``, the first one first.
        runtime: For ``latency``: the runtime that it is measured in; torch as a study runs networks
            if empty.
        bars: For ``train``: the bar that the training must clear at the end of each rung of the
            ladder, and then after each epoch, the first epoch's first; None where there is no bar,
            and epochs beyond the tuple have none. A training that misses a bar stops there. The
            last epoch's bar is ignored: that training is complete.
    """

    number: int
    task: str
    architecture: Mapping[str, Any]
    seed: int
    recipe: Mapping[str, Any]
    data: Mapping[str, Any]
    plan: str = "auto"
    watch: str = "validation"
    weights: bytes = field(default=b"", repr=False)
    checkpoint: str = ""
    minutes: float = 5.0
    device: str = "cpu"
    pack: int | None = 1
    ladder: tuple[Mapping[str, Any], ...] = ()
    runtime: str = ""
    bars: tuple[Bar | None, ...] = ()

    @property
    def key(self) -> Key:
        """The job's unique id: its number and task."""
        return self.number, self.task


@dataclass(frozen=True)
class Outcome:
    """The result of a job.

    Attributes:
        number: The trial's number.
        task: The job's task.
        state: ``complete``, ``failed``, or ``stopped``: a training that missed a bar.
        kind: Of a failure: diverged, memory, killed, data or error.
        reason: Of a failed or stopped job, in one line.
        accuracy: On the images that the job watches (train) or the test images (test), a fraction.
        images: The number of those images.
        rungs: Accuracy at the end of each rung of the ladder, on the validation images in its size.
        rung_losses: Mean cross-entropy of the same images, in nats.
        curve: Accuracy after each epoch, on the images that the job watches.
        loss_curve: Mean cross-entropy of the same images after each epoch, in nats.
        train_seconds: Time in the worker.
        digest: Logits on 16 fixed images.
        mean: The mean that pixels were normalised by, per channel.
        std: The standard deviation that pixels were normalised by, per channel.
        classes: Names of the classes.
        split_hash: Hash of the data's split.
        plan: The execution plan: the text of a plan, or ``pack of N``; and the device, unless it
            was the CPU alone.
        weights: The trained weights, as the bytes of a safetensors file; empty unless complete.
        measurement: The result of a measurement: lower quartile, median and upper quartile; of
            ``pace`` the times that ``measure_pace`` says.
    """

    number: int
    task: str
    state: str
    kind: str = ""
    reason: str = ""
    accuracy: float | None = None
    images: int = 0
    rungs: tuple[float, ...] = ()
    rung_losses: tuple[float, ...] = ()
    curve: tuple[float, ...] = ()
    loss_curve: tuple[float, ...] = ()
    train_seconds: float = 0.0
    digest: str = ""
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    classes: tuple[str, ...] = ()
    split_hash: str = ""
    plan: str = ""
    weights: bytes = field(default=b"", repr=False)
    measurement: tuple[float, float, float] | None = None

    @property
    def key(self) -> Key:
        """The unique id of the job: its number and task."""
        return self.number, self.task

    @property
    def is_complete(self) -> bool:
        """Whether the job was done to its end."""
        return self.state == "complete"

    @property
    def epochs(self) -> int:
        """The number of epochs that were trained and evaluated."""
        return len(self.curve)

    @property
    def latency(self) -> tuple[float, float, float] | None:
        """Milliseconds an image: lower quartile, median, upper quartile; None if not measured."""
        return self.measurement if self.task == "latency" else None


class Engine(Protocol):
    """A set of workers that take jobs and return outcomes.

    Which worker takes which job never changes the result of a training or test; a result of a pack
    depends on its other members by rounding alone.
    """

    workers: int

    def submit(self, jobs: Sequence[Job]) -> None:
        """Queue a list of jobs for one worker; those that may train as packs do.

        Each has its outcome as soon as it is done.
        """

    def collect(self, timeout: float) -> list[Outcome]:
        """Return the outcomes that have come, waiting up to ``timeout`` seconds for the first."""

    def close(self) -> None:
        """End all workers; unfinished jobs are given up."""


def to_message(item: Job | Outcome) -> tuple[dict[str, Any], bytes]:
    """Return a job or outcome as JSON data and the bytes that go beside it."""
    plain = asdict(item)
    return plain, plain.pop("weights")


def outcome_from(message: Mapping[str, Any], weights: bytes) -> Outcome:
    """Return the outcome that ``to_message`` turned into JSON data and bytes."""
    return Outcome(**_with_tuples(message), weights=weights)


def job_from(message: Mapping[str, Any], weights: bytes) -> Job:
    """Return the job that ``to_message`` turned into JSON data and bytes."""
    plain = _with_tuples(message)
    return Job(**{**plain, "bars": tuple(map(bar_from, plain["bars"]))}, weights=weights)


_TUPLES = (
    "ladder", "bars", "rungs", "rung_losses", "curve", "loss_curve", "mean", "std", "classes",
    "measurement",
)  # fmt: skip


def _with_tuples(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a message; JSON turned tuples into lists."""
    return {
        name: tuple(value) if name in _TUPLES and value is not None else value
        for name, value in message.items()
    }
