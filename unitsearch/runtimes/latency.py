"""The latency of a member of a search in a runtime."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from unitsearch.architecture import Architecture
from unitsearch.exports.source_network import SourceNetwork
from unitsearch.network.build import build, initialise
from unitsearch.network.latency import one_thread, times_in_turns
from unitsearch.runtimes import runtime_named
from unitsearch.runtimes.choosing import chosen_program
from unitsearch.runtimes.exporting import Target
from unitsearch.runtimes.measuring import ROUNDS, on_noise, written
from unitsearch.search.seeds import derive


def latency_in(name: str, architecture: Architecture, seed: int) -> tuple[float, float, float]:
    """Return the milliseconds of one image on one thread, in the network's fastest form.

    Args:
        name: The runtime's.
        architecture: The network's architecture.
        seed: The seed of its weights, on which the time does not depend.

    Returns:
        Lower quartile, median and upper quartile.

    Raises:
        PackageError: If the runtime is not installed on this machine.
        SpecError: If the runtime does not take the network.
    """
    runtime = runtime_named(name, "latency.runtime")
    runtime.require_packages()
    network = build(architecture)
    initialise(network, "default", torch.Generator().manual_seed(derive(seed, 0, "weights")))
    source = SourceNetwork("network", architecture, network.eval(), False)
    Target(runtime).check(source)
    with one_thread(), tempfile.TemporaryDirectory() as folder:
        _, program = chosen_program(runtime, source)
        call = written(runtime, program, Path(folder), source.stem).call(1)
        (time,) = times_in_turns({"": on_noise(call, architecture.input, 1)}, ROUNDS).values()
    return 1e3 * time.low, 1e3 * time.median, 1e3 * time.high
