"""Networks written out, read back from what was written, and only then put in their place."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from unitsearch.architecture import Architecture, read_architecture, read_text
from unitsearch.errors import CheckError, SpecError, StudyError
from unitsearch.exports.card import Written, card
from unitsearch.exports.checks import TOLERANCE, held
from unitsearch.exports.documents import architecture_yaml
from unitsearch.exports.formats import FORMATS
from unitsearch.exports.latencies import latencies
from unitsearch.exports.story import Story
from unitsearch.exports.subject import Subject
from unitsearch.network.build import Network, build, initialise
from unitsearch.network.weights import digest, distance, load_weights
from unitsearch.study.folder import weights_path
from unitsearch.study.record import Record, Trial

_RUN_BY = {"pt2": "torch.export (pt2)", "onnx": "onnxruntime", "python": "the Python file, eager"}


@dataclass(frozen=True)
class Exported:
    """One network, written out and checked.

    Attributes:
        name: What its files are called.
        files: The first file of each format.
        card: The Markdown file that tells about them.
        differences: The largest difference of a logit on 16 fixed images by format, relative; 0 is
            equal. Formats without weights are left out.
        is_trained: Whether its weights are trained, or random.
    """

    name: str
    files: Mapping[str, Path]
    card: Path
    differences: Mapping[str, float]
    is_trained: bool


def trial_subject(record: Record, trial: Trial, *, weights: bool = True) -> Subject:
    """Return a trial's network as a subject.

    Raises:
        StudyError: If its weights are wanted and were not kept.
        CheckError: If they are not the weights that the trial ended with.
    """
    text = architecture_yaml(record, trial)  # as it will be read: numbers rounded alike
    architecture = read_architecture(read_text(text, f"trial {trial.number}").data)
    stem = f"{trial.number:05d}"
    if not weights:
        return untrained_subject(stem, architecture)
    source = weights_path(record.folder, trial.number)
    if not source.is_file():
        raise StudyError(
            f"the weights of trial {trial.number} were not kept: it is not on the front",
            fix=f"export one of the front, or retrain it: unitsearch train with the file of "
            f"'unitsearch export {record.name} --trial {trial.number} --no-weights'",
        )
    try:
        subject = trained_subject(stem, architecture, source)
    except SpecError as error:
        raise CheckError(f"{error}: does not rebuild") from None
    difference = distance(trial.digest, digest(subject.network))
    if not difference <= TOLERANCE:
        raise CheckError(
            place=str(source),
            found=f"logits that differ by {difference:.2g}",
            expected=f"those of trial {trial.number} (to {TOLERANCE:g})",
        )
    if subject.key != trial.key or subject.cost != trial.cost:
        raise CheckError(
            place=f"trial {trial.number}",
            found=f"{subject.key}, {subject.cost}",
            expected=f"{trial.key}, {trial.cost}",
        )
    return subject


def trained_subject(stem: str, architecture: Architecture, weights: Path) -> Subject:
    """Return the network of an architecture with the weights of a file as a subject.

    Raises:
        SpecError: If the file cannot be read or does not fit.
    """
    network = _network(architecture)
    try:
        content = weights.read_bytes()
    except OSError as error:
        raise SpecError(f"{weights}: cannot be read ({error.strerror or error})") from None
    load_weights(network, content, str(weights))
    return Subject(stem, architecture, network.eval(), True)


def untrained_subject(stem: str, architecture: Architecture) -> Subject:
    """Return the network of an architecture with random weights, the same each time."""
    network = _network(architecture)
    initialise(network, "default", torch.Generator().manual_seed(0))
    return Subject(stem, architecture, network.eval(), False)


def export(
    subject: Subject, story: Story, formats: Sequence[str], folder: Path, *, latency: bool = True
) -> Exported:
    """Write a network in some formats with its card, each file read back before any is in place.

    Args:
        subject: The network.
        story: What the card tells beside it.
        formats: Some of ``FORMATS``.
        folder: Where to; made if it is not there. Files of the same names are replaced.
        latency: Whether the card tells how long an image takes here.

    Raises:
        CheckError: If a file does not answer as the network does; then nothing is left.
        StudyError: If ``folder`` cannot be written.
    """
    was_there = folder.is_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as name:
            written = _staged(subject, formats, Path(name))
            runs = {
                _RUN_BY[one.format]: one.checked.answer.run
                for one in written
                if one.format in _RUN_BY and one.checked.answer.run is not None
            }
            timed = latencies(subject, runs) if latency else []
            about = Path(name) / f"{subject.stem}.MODEL.md"
            _write(about, card(subject, story, written, timed).encode())
            for path in (*(Path(name) / file for one in written for file in one.files), about):
                path.replace(folder / path.name)
    except OSError as error:
        raise StudyError(f"{folder}: cannot be written ({error.strerror or error})") from None
    finally:
        if not was_there and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return Exported(
        name=subject.stem,
        files={one.format: folder / next(iter(one.files)) for one in written},
        card=folder / about.name,
        differences={
            one.format: one.checked.difference
            for one in written
            if one.checked.difference is not None
        },
        is_trained=subject.is_trained,
    )


def _staged(subject: Subject, formats: Sequence[str], folder: Path) -> list[Written]:
    """Write the files of all formats into ``folder`` and read each back."""
    found = []
    for name in formats:
        files = FORMATS[name].files(subject)
        for file, content in files.items():
            _write(folder / file, content)
        found.append(Written(name, files, held(subject, FORMATS[name].read(subject, folder))))
    return found


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _network(architecture: Architecture) -> Network:
    """Return the network of an architecture whose normalisation fits its images.

    Raises:
        SpecError: If it does not.
    """
    for name in ("mean", "std"):
        levels = getattr(architecture, name)
        if levels is not None and len(levels) != architecture.input[0]:
            raise SpecError(
                place=name,
                found=f"{len(levels)} numbers",
                expected=f"{architecture.input[0]}, one for each channel",
            )
    return build(architecture)
