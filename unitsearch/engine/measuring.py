"""Measurements of networks on the worker's machine, by the name of the metric.

A new measured metric is one more entry of ``MEASUREMENTS``: a job whose task has that name returns
its value as ``Outcome.measurement``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

import torch

from unitsearch.architecture import Architecture
from unitsearch.files import locked
from unitsearch.network.build import build, initialise
from unitsearch.network.latency import inference_times, one_thread
from unitsearch.resources import cache_folder
from unitsearch.search.seeds import derive

ROUNDS = 30

Quartiles = tuple[float, float, float]
"""Lower quartile, median and upper quartile of some rounds."""

Measure = Callable[[Architecture, int, str], Quartiles]
"""Takes an architecture, the seed of its weights and a device; returns the metric's quartiles."""


def latency(architecture: Architecture, seed: int, device: str) -> Quartiles:
    """Return the milliseconds of one image on one thread, in the network's fastest form."""
    network = build(architecture)
    initialise(network, "default", torch.Generator().manual_seed(derive(seed, 0, "weights")))
    with one_thread():
        (time,) = inference_times([network], 1, ROUNDS, device)
    return time.ms()


MEASUREMENTS: Mapping[str, Measure] = MappingProxyType({"latency": latency})


def measure(
    name: str,
    architecture: Architecture,
    seed: int,
    device: str,
    log: Callable[[str], None],
    runtime: str = "",
) -> Quartiles:
    """Return a measurement, made while no other worker measures on this machine.

    All workers of all of a user's studies share one lock. Trainings continue beside a measurement;
    quartiles show their noise.

    Args:
        name: A key of ``MEASUREMENTS``.
        architecture: The network's architecture.
        seed: The seed of its weights.
        device: ``cpu`` or ``cuda``.
        log: Called with a line for the worker's log.
        runtime: For ``latency``: the runtime that it is measured in, on the CPU; unless given the
            network is measured in torch.
    """
    with locked(cache_folder() / "measuring.lock") as is_held:
        if not is_held:
            log(f"{name}: {cache_folder()} has no locks: others may measure at the same time")
        if runtime:
            quartiles: Quartiles = _runtimes("latency").latency_in(runtime, architecture, seed)
            return quartiles
        return MEASUREMENTS[name](architecture, seed, device)


def check_runtime(name: str) -> None:
    """Check that latency can be measured in a runtime on this machine.

    Raises:
        PackageError: If a package of it is not installed.
        UsageError: If there is no such runtime.
    """
    _runtimes("").runtime_named(name, "latency.runtime").require_packages()


def _runtimes(module: str) -> Any:
    """Return a module of the package of runtimes.

    It is imported by its name, as samplers of one's own are: runtimes stand above the engine,
    because they write files as exports do.
    """
    return import_module(".".join(filter(None, ("unitsearch.runtimes", module))))
