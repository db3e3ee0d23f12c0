"""Small networks of every layer kind to export, with weights that all differ."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from tests.records import EVERYTHING
from unitsearch.architecture import Architecture, read_architecture, read_text
from unitsearch.exports.loading import untrained_network
from unitsearch.exports.source_network import SourceNetwork

CONV = {"kind": "conv", "out": 4}
POOLED = {"in": 2, "layers": [
    {"kind": "conv", "out": 3, "kernel": 5, "padding": 1, "bias": True},
    {"kind": "pool", "op": "max", "kernel": 3, "stride": 2},
    {"kind": "conv", "out": 1}]}  # fmt: skip
LAYERS: dict[str, list[Any]] = {
    "hybrid stack": [{"kind": "conv", "out": 7, "name": "stem"}, {"kind": "stack", "units": [
        {"count": 2, "nodes": [1, 2, 1]},
        {"nodes": [2, 3, 2], "bias": True, "act": "silu"},
        {"count": 3, "nodes": [1, 1, 2], "norm": "none"}]}, CONV],
    "strides, groups and pooling in units": [
        CONV, {"kind": "stack", "units": [{"count": 2, **POOLED}]}, CONV,
        {"kind": "stack", "units": [
            {"count": 2, "nodes": [1, 2, 1], "stride": [2, 1]},
            {"nodes": [2, 2, 2], "stride": [1, 2], "groups": [1, 2]}]}],
    "units alike but for one number": [CONV, {"kind": "stack", "units": [
        {"nodes": [1, 2, 1]}, {"nodes": [1, 2, 1], "kernel": 5},
        {"nodes": [1, 2, 1], "act": "silu"}, {"nodes": [1, 2, 1], "act": ["silu", "none"]}]}],
    "every kind of convolution": [
        {**CONV, "kernel": 4, "padding": 1}, {**CONV, "groups": 4, "stride": 2, "bias": True},
        {**CONV, "groups": 2, "norm": "none"}, {**CONV, "act": "none"},
        *({**CONV, "act": act} for act in ("relu6", "silu", "sigmoid"))],
    "residuals": [CONV, {"kind": "residual", "body": [CONV, {**CONV, "act": "none"}]},
        {"kind": "residual", "act": "silu",
         "body": [{"kind": "conv", "out": 6, "stride": 2},
                  {"kind": "stack", "units": [{"count": 3, "nodes": [2, 2, 2]}]}],
         "shortcut": [{"kind": "conv", "out": 6, "stride": 2, "kernel": 1, "act": "none"}]},
        {"kind": "residual", "act": "none", "body": [{"kind": "conv", "out": 6}]}],
    "branches": [CONV,
        {"kind": "branches", "of": [[{"kind": "conv", "out": 2}], [], [CONV]]},
        {"kind": "branches", "split": [1, 9], "of": [[], [{"kind": "conv", "out": 5}]]},
        {"kind": "shuffle", "groups": 2}],
    "gates": [CONV, {"kind": "gate", "body": [
        {"kind": "global_pool"},
        {"kind": "conv", "out": 2, "kernel": 1, "bias": True, "norm": "none", "act": "silu"},
        {"kind": "conv", "out": 4, "kernel": 1, "bias": True, "norm": "none", "act": "sigmoid"}]},
        {"kind": "gate", "body": [{**CONV, "act": "sigmoid"}]}],
    "binary filters": [CONV, *[
        {"kind": "slbf", "out": 4, "kernel": k, "bank": 6, "splits": 2, "select": select,
         "scale": scale, "padding": 1, "stride": stride, "norm": norm}
        for k, select, scale, stride, norm in (
            (3, "softmax", "alpha", 1, "batch"), (5, "identity", "none", 2, "none"),
            (2, "fixed", "alpha", 1, "batch"))]],
    "binary filters in units": [{"kind": "conv", "out": 7}, {"kind": "stack", "units": [
        {"count": 2, "in": 2, "layers": [
            {"kind": "slbf", "out": 4, "bank": 3, "splits": 2, "select": "identity"},
            {"kind": "slbf", "out": 3, "bank": 5, "splits": 4, "scale": "alpha"}]},
        {"count": 3, "in": 1, "layers": [CONV, {"kind": "pool", "kernel": 3, "stride": 1,
            "padding": 1}, {"kind": "slbf", "out": 2, "bank": 4, "splits": 4, "select": "fixed",
            "norm": "none"}]}]}],
    "every kind of pooling": [CONV,
        {"kind": "pool", "op": "max", "kernel": 3, "stride": 2, "padding": 1},
        {"kind": "pool", "op": "avg", "kernel": 3, "stride": 1, "padding": 1},
        {"kind": "global_pool"}],
    "linear units": [{"kind": "flatten"}, {"kind": "linear", "out": 7, "norm": "batch"},
        {"kind": "stack", "units": [
            {"count": 2, "nodes": [1, 2, 1], "of": "linear"},
            {"nodes": [2, 3, 1], "of": "linear", "norm": "batch", "bias": False},
            {"count": 3, "nodes": [1, 2, 2], "of": "linear", "norm": ["batch", "none"]}]}],
}  # fmt: skip


def architecture(layers: list[Any]) -> Architecture:
    """Return the architecture of ``layers`` on images 2×8×8, with a classifier of three classes."""
    flat = any(layer["kind"] == "flatten" for layer in layers)
    head = [] if flat else [{"kind": "flatten"}]
    head.append({"kind": "linear", "out": 3})
    return read_architecture({"unitsearch": 1, "input": [2, 8, 8], "layers": [*layers, *head]})


# All of them in a row but for those that need a flat input, so that one program holds them all.
IN_A_ROW = read_architecture(
    {
        "unitsearch": 1,
        "input": [2, 64, 64],
        "layers": [
            *(layer for name, layers in LAYERS.items() if "linear" not in name for layer in layers),
            *LAYERS["linear units"],
            {"kind": "linear", "out": 3},
        ],
    }
)
SMALL = {name: architecture(layers) for name, layers in LAYERS.items()}
ALL_KINDS = replace(
    read_architecture(read_text(EVERYTHING).data),
    mean=(0.5, 0.25, 0.125),
    std=(0.25, 0.5, 0.3),
    classes=tuple(f"class {i}" for i in range(100)),
)


def source_network(
    described: Architecture, stem: str = "one", *, trained: bool = True
) -> SourceNetwork:
    """Return a network in which all numbers differ, those of batch norm too."""
    source = untrained_network(stem, described)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, tensor in sorted(source.network.state_dict().items()):
            if tensor.is_floating_point():
                noise = torch.rand(tensor.shape, generator=generator)
                tensor.copy_(noise + 0.5 if name.endswith("running_var") else noise - 0.4)
    return replace(source, is_trained=trained)
