"""Units in another order, with their weights: the same function."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
import torch

from tests.network.layouts import CONV, HEAD, UNITS, images, unsettle
from unitsearch.architecture import Architecture, Stack, key, read_layer
from unitsearch.costs import count
from unitsearch.network.build import Network

POOL = {"kind": "pool", "kernel": 2}
SEVEN = {"kind": "conv", "out": 7, "bias": True, "act": "silu"}
SLBF = {"kind": "slbf", "bank": 5, "scale": "alpha"}
PLACES: dict[str, tuple[list[Any], list[Any]]] = {
    "between convs": ([SEVEN], [CONV, *HEAD]),
    "before flatten and linear": ([SEVEN, POOL], [POOL, *HEAD]),
    "between depth-wise convs": (
        [SEVEN, {**SEVEN, "groups": 7}],
        [POOL, {"kind": "conv", "out": 10, "groups": 10}, CONV, *HEAD],
    ),
    "between binary filters": (
        [SEVEN, {**SLBF, "out": 7, "splits": 7}, POOL],
        [{**SLBF, "out": 5, "splits": 1}, CONV, *HEAD],
    ),
    "after fixed binary filters": (
        [SEVEN, {**SLBF, "out": 7, "splits": 7, "select": "fixed"}],
        [{**SLBF, "out": 5, "splits": 1, "select": "identity"}, *HEAD],
    ),
    "before global pooling": ([SEVEN], [{"kind": "global_pool"}, *HEAD]),
    "between linear layers": (
        [{"kind": "flatten"}, {"kind": "linear", "out": 7, "norm": "batch"}],
        [{"kind": "linear", "out": 3}],
    ),
}  # fmt: skip


def network_of(before: list[Any], units: list[Any], after: list[Any]) -> Network:
    """A network in the order given: ``build`` would put the units in canonical order."""
    plain = [*before, {"kind": "stack", "units": units}, *after]
    layers = tuple(read_layer(layer, f"layers[{i}]") for i, layer in enumerate(plain))
    return Network(Architecture(input=(2, 8, 8), layers=layers)).double()


def moved(
    tensor: torch.Tensor, widths: list[int], order: tuple[int, ...], dim: int
) -> torch.Tensor:
    """``tensor`` with its blocks of ``widths`` along ``dim`` in another order."""
    blocks = tensor.split(widths, dim)
    return torch.cat([blocks[i] for i in order], dim)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("order", list(permutations(range(3)))[1:])
def test_permuted_units_compute_the_same_function(place: str, order: tuple[int, ...]) -> None:
    before, after = PLACES[place]
    units: list[dict[str, Any]] = UNITS
    if place == "between linear layers":
        units = [
            {"count": u.get("count", 1), "nodes": u["nodes"], "of": "linear", "act": act}
            for u, act in zip(UNITS, ("relu", "silu", "sigmoid"), strict=True)
        ]
    network = network_of(before, units, after)
    permuted = network_of(before, [units[i] for i in order], after)
    unsettle(network)
    network.eval()
    permuted.eval()
    position = len(before)
    stack = network.architecture.layers[position]
    assert isinstance(stack, Stack)
    ins = [run.count * run.unit.inputs for run in stack.units]
    outs = [run.count * run.unit.outputs for run in stack.units]
    dense_after = next(
        i
        for i, layer in enumerate(after, position + 1)
        if layer["kind"] == "linear"
        or (layer.get("groups", 1) == 1 and layer["kind"] in ("conv", "slbf"))
    )
    kinds = [layer["kind"] for layer in before]
    unchanged = range(kinds.index("slbf")) if "slbf" in kinds else range(0)
    state = {}
    for name, tensor in network.state_dict().items():
        i = int(name.split(".")[1])
        if i in unchanged or (i < position and name.endswith("weights.bank")):
            pass  # layers before the producer, and the bank that all its filters share
        elif i < position and tensor.ndim:  # rows of the producer and of per-channel layers
            tensor = moved(tensor, ins, order, 0)
        elif i == position:
            _, _, _, run, *rest = name.split(".")
            name = ".".join(["layers", str(position), "units", str(order.index(int(run))), *rest])
        elif position < i < dense_after and tensor.ndim:
            tensor = moved(tensor, outs, order, 0)
        elif i == dense_after and name.endswith(("weights.weight", "weights.bank")):
            # the consumer's columns
            pixels = tensor.shape[1] // sum(outs)
            tensor = moved(tensor, [width * pixels for width in outs], order, 1)
        state[name] = tensor
    permuted.load_state_dict(state)
    x = images(network.architecture)
    torch.testing.assert_close(permuted(x), network(x), rtol=1e-10, atol=1e-10)
    assert key(permuted.architecture) == key(network.architecture)
    assert count(permuted.architecture) == count(network.architecture)
