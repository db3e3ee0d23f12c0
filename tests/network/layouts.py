"""Small networks of every layer kind, for tests that build them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from unitsearch.architecture import Architecture, read_architecture

CONV = {"kind": "conv", "out": 4}
HEAD = [{"kind": "flatten"}, {"kind": "linear", "out": 3}]
UNITS = [
    {"count": 2, "nodes": [1, 2, 1]},
    {"nodes": [2, 3, 2], "bias": True, "act": "silu"},
    {"count": 3, "nodes": [1, 1, 2], "norm": "none"},
]
STACK = {"kind": "stack", "units": UNITS}
POOLED = {"in": 2, "layers": [
    {"kind": "conv", "out": 3, "kernel": 5, "padding": 1, "bias": True},
    {"kind": "pool", "op": "max", "kernel": 3, "stride": 2},
    {"kind": "conv", "out": 1}]}  # fmt: skip
GATE = {"kind": "gate", "body": [
    {"kind": "global_pool"},
    {"kind": "conv", "out": 2, "kernel": 1, "bias": True, "norm": "none", "act": "silu"},
    {"kind": "conv", "out": 4, "kernel": 1, "bias": True, "norm": "none", "act": "sigmoid"},
]}  # fmt: skip
SEVEN = {"kind": "conv", "out": 7}

LAYERS: dict[str, list[Any]] = {
    "hybrid stack": [SEVEN, STACK, CONV],
    "equal units": [CONV, {"kind": "stack", "units": [{"count": 4, "nodes": [1, 3, 1]}]}, CONV],
    "two hidden layers": [CONV, {"kind": "stack", "units": [{"count": 2, "nodes": [2, 3, 3, 2]}]}],
    "strides in units": [CONV, {"kind": "stack", "units": [
        {"count": 2, "nodes": [1, 2, 1], "stride": [2, 1]},
        {"nodes": [2, 2, 1], "stride": [1, 2]}]}],
    "pooling in units": [CONV, {"kind": "stack", "units": [{"count": 2, **POOLED}]}],
    "average pooling in units": [CONV, {"kind": "stack", "units": [{"count": 2, "in": 2, "layers": [
        CONV, {"kind": "pool", "op": "avg", "kernel": 2}, {"kind": "conv", "out": 1}]}]}],
    "grouped units": [CONV, {"kind": "stack", "units": [
        {"count": 2, "nodes": [2, 4, 2], "groups": 2, "kernel": [1, 3]}]}],
    "depth-wise": [CONV, {**CONV, "groups": 4, "stride": 2}, {**CONV, "groups": 2}],
    "pooling": [CONV, {"kind": "pool", "op": "max", "kernel": 3, "stride": 2, "padding": 1},
                {"kind": "pool", "op": "avg", "kernel": 2}],
    "padded average pooling": [CONV, {"kind": "pool", "op": "avg", "kernel": 3, "padding": 1}],
    "even kernel": [{**CONV, "kernel": 4, "padding": 1}],
    "every activation": [{**CONV, "act": act} for act in ("relu6", "silu", "sigmoid", "none")],
    "residual": [CONV, {"kind": "residual", "body": [CONV, {**CONV, "act": "none"}]}],
    "residual with shortcut": [CONV, {"kind": "residual", "act": "silu",
        "body": [{"kind": "conv", "out": 6, "stride": 2},
                 {"kind": "stack", "units": [{"count": 3, "nodes": [2, 2, 2]}]}],
        "shortcut": [{"kind": "conv", "out": 6, "stride": 2, "kernel": 1, "act": "none"}]}],
    "branches": [CONV, {"kind": "branches", "of": [
        [{"kind": "conv", "out": 2}], [], [STACK_4 := {"kind": "stack", "units": [
            {"count": 4, "nodes": [1, 2, 1]}]}]]}],
    "split branches": [CONV, {"kind": "branches", "split": [1, 3], "of": [
        [], [{"kind": "conv", "out": 3}]]}, {"kind": "shuffle", "groups": 2}, STACK_4],
    "gate": [CONV, GATE],
    "gate of every pixel": [CONV, {"kind": "gate", "body": [{**CONV, "act": "sigmoid"}]}],
    "shuffle": [CONV, {"kind": "shuffle", "groups": 2}, STACK_4, {"kind": "shuffle", "groups": 2}],
    "global pooling": [CONV, {"kind": "global_pool"}],
    "linear units": [{"kind": "flatten"}, {"kind": "linear", "out": 7, "norm": "batch"},
        {"kind": "stack", "units": [
            {"count": 2, "nodes": [1, 2, 1], "of": "linear"},
            {"nodes": [2, 3, 1], "of": "linear", "norm": "batch", "bias": False},
            {"count": 3, "nodes": [1, 2, 2], "of": "linear", "norm": ["batch", "none"]}]}],
    "a stack on the input": [{"kind": "stack", "units": [{"count": 2, "nodes": [1, 2, 3]}]}, CONV],
    "binary filters": [CONV, {"kind": "slbf", "out": 6, "bank": 5, "splits": 2}],
    "binary filters of every selection": [CONV, *[
        {"kind": "slbf", "out": 4, "kernel": k, "bank": 6, "splits": 2, "select": select,
         "scale": scale, "padding": 1, "stride": stride}
        for k, select, scale, stride in (
            (3, "softmax", "alpha", 1), (5, "identity", "none", 2), (2, "fixed", "alpha", 1))]],
    "binary filters in units": [SEVEN, {"kind": "stack", "units": [
        {"count": 2, "in": 2, "layers": [
            {"kind": "slbf", "out": 4, "bank": 3, "splits": 2, "select": "identity"},
            {"kind": "slbf", "out": 3, "bank": 5, "splits": 4, "scale": "alpha"}]},
        {"count": 3, "in": 1, "layers": [CONV, {"kind": "pool", "kernel": 3, "stride": 1,
            "padding": 1}, {"kind": "slbf", "out": 2, "bank": 4, "splits": 4, "select": "fixed",
            "norm": "none"}]}]}],
    "stacks in a row": [CONV, STACK_4, {"kind": "stack", "units": [
        {"nodes": [1, 2, 1]}, {"nodes": [3, 2, 1]}]}],
}  # fmt: skip


def architecture(layers: list[Any], image: tuple[int, int, int] = (2, 8, 8)) -> Architecture:
    """The architecture of ``layers`` and a classifier of three classes after them."""
    flat = any(layer["kind"] == "flatten" for layer in layers)
    head = HEAD[1:] if flat else HEAD
    return read_architecture({"unitsearch": 1, "input": list(image), "layers": [*layers, *head]})


SMALL = {name: architecture(layers) for name, layers in LAYERS.items()}


def images(spec: Architecture, count: int = 4, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """A few images of noise."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, *spec.input, generator=generator, dtype=dtype)


def on_small_images(spec: Architecture) -> Architecture:
    """The same layers on images of at most 64 pixels a side."""
    c, h, w = spec.input
    return replace(spec, input=(c, min(h, 64), min(w, 64)))


def unsettle(network: torch.nn.Module) -> None:
    """Give every number of a network another value: fresh norms are all equal."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, tensor in sorted(network.state_dict().items()):
            if tensor.is_floating_point():
                noise = torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype)
                tensor.copy_(noise + 0.5 if name.endswith("running_var") else noise - 0.4)
