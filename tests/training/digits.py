"""A small network on a few of the digits, and a way to end its training in the middle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from unitsearch.architecture import read_architecture
from unitsearch.data import data_spec
from unitsearch.data.sets import DataSet, load
from unitsearch.network.build import Network, build, initialise

HEAD = [{"kind": "flatten"}, {"kind": "linear", "out": 10}]
STACK = [
    {"kind": "conv", "out": 4},
    {"kind": "stack", "units": [{"count": 2, "nodes": [2, 3, 2]}]},
    {"kind": "pool", "op": "max", "kernel": 2},
]


class Killed(BaseException):
    """The end of a training in its middle."""


def short_digits() -> DataSet:
    """Three hundred digits to train on and one hundred to validate on."""
    return load(data_spec("digits", limit=300, validation=100))


def one_network(layers: list[dict[str, Any]] = STACK, plan: str = "grouped") -> Network:
    """A network of these layers and a linear head, with the weights of seed 0."""
    plain = {"unitsearch": 1, "input": [1, 8, 8], "layers": [*layers, *HEAD]}
    network = build(read_architecture(plain), plan=plan)
    initialise(network, "default", torch.Generator().manual_seed(0))
    return network


def killed_after(
    until: int | None, epochs: list[int] | None = None
) -> Callable[[int, float], None]:
    """A callback that lists the epochs and raises ``Killed`` at the end of epoch ``until``."""

    def on_epoch(epoch: int, accuracy: float) -> None:
        if epochs is not None:
            epochs.append(epoch)
        if epoch == until:
            raise Killed

    return on_epoch
