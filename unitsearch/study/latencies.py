"""Latencies of a study's networks, measured after the search and kept beside it.

Latency belongs to a machine and to how a network is run there. ``latency.yaml`` holds one run in
which all networks were measured in turns; it is what is shown of them. Where latency is an
objective, the search measured each network itself, with one image at a time on one thread, when its
training had ended: that is a fact of the trial, stands in the store, and is what the front and the
sampler go by, whatever ``latency.yaml`` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unitsearch.architecture import read_file, yaml_text
from unitsearch.errors import StudyError, UnitSearchError
from unitsearch.fields import Float, Int, ListOf, MapOf, Text, field_, read, write_all
from unitsearch.files import write_whole
from unitsearch.study.record import Trial

FILE = "latency.yaml"
_HEAD = "# Written by `unitsearch latency STUDY`: milliseconds an image, quartiles and median.\n"


@dataclass(frozen=True, kw_only=True)
class Latencies:
    """One measurement of several networks, which took turns.

    Attributes:
        batch: Images at a time.
        device: ``cpu`` or ``cuda``.
        threads: Threads of the CPU.
        rounds: The number of times that each was measured.
        networks: By key: milliseconds an image, lower quartile, median and upper quartile.
    """

    batch: int = field_(Int(1))
    device: str = field_(Text(100))
    threads: int = field_(Int(1))
    rounds: int = field_(Int(1))
    networks: Mapping[str, tuple[float, float, float]] = field_(
        MapOf(ListOf(Float(0, above=True), 3, 3))
    )


def read_latencies(folder: Path) -> Latencies | None:
    """Return the content of ``latency.yaml`` in ``folder``; None if nothing was measured.

    Raises:
        StudyError: If the file was not written by ``write_latencies``.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        return read(Latencies, read_file(path).data, title="latencies")
    except UnitSearchError as error:
        raise StudyError(f"{path}: {error}", fix="take it away, or measure again") from None


def write_latencies(folder: Path, latencies: Latencies) -> Path:
    """Write ``latency.yaml`` whole or not at all, and return its path."""
    path = folder / FILE
    plain: dict[str, Any] = write_all(latencies)
    write_whole(path, (_HEAD + yaml_text(plain)).encode())
    return path


def with_latencies(trials: Sequence[Trial], folder: Path) -> tuple[Trial, ...]:
    """Return ``trials`` with the latency of each network that ``latency.yaml`` holds."""
    latencies = read_latencies(folder)
    if latencies is None:
        return tuple(trials)
    networks = latencies.networks
    return tuple(
        replace(trial, latency=networks[trial.key]) if trial.key in networks else trial
        for trial in trials
    )
