"""Source networks: of a trial with its weights, or of an architecture with or without weights."""

from __future__ import annotations

from pathlib import Path

import torch

from unitsearch.architecture import Architecture, read_architecture, read_text
from unitsearch.errors import CheckError, SpecError, StudyError
from unitsearch.exports.checks import TOLERANCE
from unitsearch.exports.documents import architecture_yaml
from unitsearch.exports.source_network import SourceNetwork
from unitsearch.network.build import Network, build, initialise
from unitsearch.network.weights import digest, distance, load_weights
from unitsearch.study.folder import weights_path
from unitsearch.study.record import Record, Trial


def trial_network(record: Record, trial: Trial, *, weights: bool = True) -> SourceNetwork:
    """Return the network of a trial.

    Raises:
        StudyError: If ``weights`` is set and its weights were not kept.
        CheckError: If the weights are not the weights with which the trial ended.
    """
    text = architecture_yaml(record, trial)  # the file's numbers are rounded
    architecture = read_architecture(read_text(text, f"trial {trial.number}").data)
    stem = f"{trial.number:05d}"
    if not weights:
        return untrained_network(stem, architecture)
    path = weights_path(record.folder, trial.number)
    if not path.is_file():
        raise StudyError(
            f"the weights of trial {trial.number} were not kept: it is not on the front",
            fix=f"export one of the front, or retrain it: unitsearch train with the file of "
            f"'unitsearch export {record.name} --trial {trial.number} --no-weights'",
        )
    try:
        source = trained_network(stem, architecture, path)
    except SpecError as error:
        raise CheckError(f"{error}: does not rebuild") from None
    difference = distance(trial.digest, digest(source.network))
    if not difference <= TOLERANCE:
        raise CheckError(
            place=str(path),
            found=f"logits that differ by {difference:.2g}",
            expected=f"those of trial {trial.number} (to {TOLERANCE:g})",
        )
    if source.key != trial.key or source.cost != trial.cost:
        raise CheckError(
            place=f"trial {trial.number}",
            found=f"{source.key}, {source.cost}",
            expected=f"{trial.key}, {trial.cost}",
        )
    return source


def trained_network(stem: str, architecture: Architecture, weights: Path) -> SourceNetwork:
    """Return the network of an architecture with the weights of a file.

    Raises:
        SpecError: If the file cannot be read or does not fit.
    """
    network = _built(architecture)
    try:
        content = weights.read_bytes()
    except OSError as error:
        raise SpecError(f"{weights}: cannot be read ({error.strerror or error})") from None
    load_weights(network, content, str(weights))
    return SourceNetwork(stem, architecture, network.eval(), True)


def untrained_network(stem: str, architecture: Architecture) -> SourceNetwork:
    """Return the network of an architecture with random weights, the same each time."""
    network = _built(architecture)
    initialise(network, "default", torch.Generator().manual_seed(0))
    return SourceNetwork(stem, architecture, network.eval(), False)


def _built(architecture: Architecture) -> Network:
    """Return the network of an architecture.

    Raises:
        SpecError: If its normalisation does not fit its images.
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
