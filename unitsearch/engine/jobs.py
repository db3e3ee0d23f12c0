"""What is sent to a worker and what comes back. Knows no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Job:
    """One network to train, or one trained network to test.

    Attributes:
        number: The trial's number.
        task: ``train`` or ``test``.
        architecture: The architecture as plain data.
        seed: Seed of weights, order and augmentation.
        recipe: The recipe as plain data.
        data: The data's specification as plain data.
        plan: How the network runs: ``auto`` or the text of a plan.
        watch: For ``train``: whether accuracy is measured on the ``validation`` images, or on the
            ``test`` images, as only reproductions of the papers may.
        weights: For ``test``: the bytes of the trained weights.
        checkpoint: For ``train``: the file that a long training's state is kept in; a worker that
            does not see its folder keeps none. None if empty.
        minutes: How often it is kept at most.
        device: Where it is trained or tested: ``cpu`` or ``cuda``.
        pack: For ``train``: with how many of its list it may train as one pack, itself included;
            as many as is fastest by measurement if None.
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

    @property
    def key(self) -> tuple[int, str]:
        """What it is told apart by: its number and task."""
        return self.number, self.task


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    Attributes:
        number: The trial's number.
        task: ``train`` or ``test``.
        ok: Whether it was done; if not, ``reason`` says why.
        kind: Of a failure: diverged, memory, killed, data or error.
        reason: Of a failure, in one line.
        accuracy: On the images that the job watches (train) or the test images (test), a fraction.
        images: How many images that is.
        curve: Accuracy after each epoch, on the images that the job watches.
        loss_curve: Mean cross-entropy of the same images after each epoch, in nats.
        train_seconds: Time in the worker.
        digest: Logits on 16 fixed images.
        mean: The mean that pixels were normalised by, per channel.
        std: The standard deviation likewise.
        classes: Names of the classes.
        split_hash: Of the data's split.
        plan: How the network ran: the text of a plan, or ``pack of N``; and the device, unless it
            was the CPU alone.
        weights: The trained weights, as the bytes of a safetensors file.
    """

    number: int
    task: str
    ok: bool
    kind: str = ""
    reason: str = ""
    accuracy: float | None = None
    images: int = 0
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


class Engine(Protocol):
    """Who trains: jobs in, outcomes out.

    Which worker takes which job never changes a result; that of a pack depends on its other members
    by rounding alone.
    """

    workers: int

    def submit(self, jobs: Sequence[Job]) -> None:
        """Hand over a list of jobs for one worker; those that may train as packs do.

        Each has its outcome as soon as it is done.
        """

    def collect(self, timeout: float) -> list[Outcome]:
        """Return the outcomes that have come, waiting up to ``timeout`` seconds for the first."""

    def close(self) -> None:
        """End all workers; what they were at is given up."""


def to_message(item: Job | Outcome) -> tuple[dict[str, Any], bytes]:
    """Return a job or outcome as JSON data and the bytes that go beside it."""
    plain = asdict(item)
    return plain, plain.pop("weights")


def outcome_from(message: Mapping[str, Any], weights: bytes) -> Outcome:
    """Return the outcome that ``to_message`` took apart."""
    lists = ("curve", "loss_curve", "mean", "std", "classes")
    plain: dict[str, Any] = {
        key: tuple(value) if key in lists else value for key, value in message.items()
    }
    return Outcome(**plain, weights=weights)


def job_from(message: Mapping[str, Any], weights: bytes) -> Job:
    """Return the job that ``to_message`` took apart."""
    return Job(**message, weights=weights)
