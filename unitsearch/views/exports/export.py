"""Architectures and weights written out, rebuilt from what was written, and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unitsearch.architecture import Architecture, key, read_architecture, read_file
from unitsearch.costs import count
from unitsearch.errors import CheckError, StudyError
from unitsearch.study.folder import weights_path, write_file
from unitsearch.study.record import Record, Trial
from unitsearch.views.exports.leavings import architecture_yaml

# Logits of a rebuilt network may differ by what another machine's arithmetic rounds otherwise.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Exported:
    """One network written out and checked.

    Attributes:
        number: The trial's number.
        architecture: The YAML file.
        weights: The safetensors file beside it.
        difference: The largest difference of a logit on 16 fixed images, relative; 0 is equal.
    """

    number: int
    architecture: Path
    weights: Path
    difference: float


def export(record: Record, trials: Sequence[Trial], folder: Path) -> list[Exported]:
    """Write the architectures and weights of ``trials`` and check what was written.

    Raises:
        StudyError: If a trial's weights were not kept, or ``folder`` cannot be written.
        CheckError: If what was written does not rebuild to the trial's key, costs and outputs.
    """
    found = []
    for trial in trials:
        source = weights_path(record.folder, trial.number)
        if not source.is_file():
            raise StudyError(
                f"the weights of trial {trial.number} were not kept: it is not on the front",
                fix=f"export one of the front, or retrain it: unitsearch train with the file of "
                f"'unitsearch export {record.name} --trial {trial.number} --no-weights'",
            )
        path = folder / f"{trial.number:05d}.yaml"
        write_file(path, architecture_yaml(record, trial).encode())
        write_file(path.with_suffix(".safetensors"), source.read_bytes())
        found.append(check(trial, path, path.with_suffix(".safetensors")))
    return found


def export_architectures(record: Record, trials: Sequence[Trial], folder: Path) -> list[Path]:
    """Write the architectures of ``trials`` alone, and check their keys and costs."""
    found = []
    for trial in trials:
        path = folder / f"{trial.number:05d}.yaml"
        write_file(path, architecture_yaml(record, trial).encode())
        _rebuilt(trial, path)
        found.append(path)
    return found


def check(trial: Trial, path: Path, weights: Path) -> Exported:
    """Rebuild a network from its two files and hold it against its trial.

    Raises:
        CheckError: If its key, costs, parameters or outputs are not the trial's.
    """
    from unitsearch.network.weights import digest, distance, load_network

    architecture = _rebuilt(trial, path)
    try:
        network = load_network(architecture, weights)
    except ValueError as error:
        raise CheckError(f"{path}: does not rebuild ({error})") from None
    held = sum(parameter.numel() for parameter in network.parameters())
    if held != trial.cost.params:
        raise CheckError(
            place=str(path), found=f"{held} parameters", expected=f"{trial.cost.params}"
        )
    difference = distance(trial.digest, digest(network))
    if not difference <= TOLERANCE:
        raise CheckError(
            place=str(weights),
            found=f"logits that differ by {difference:.2g}",
            expected=f"those of trial {trial.number} (to {TOLERANCE:g})",
        )
    return Exported(trial.number, path, weights, difference)


def _rebuilt(trial: Trial, path: Path) -> Architecture:
    architecture = read_architecture(read_file(path).data)
    if key(architecture) != trial.key:
        raise CheckError(place=str(path), found=f"key {key(architecture)}", expected=trial.key)
    if count(architecture) != trial.cost:
        raise CheckError(place=str(path), found=str(count(architecture)), expected=str(trial.cost))
    return architecture
