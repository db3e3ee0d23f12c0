"""One network, one key: the canonical order of units and the hash of the canonical form.

The order of a stack's units is free when the tensor entering the stack has one producer, a dense
convolution or linear layer, and one consumer, the stack; when the tensor leaving it has one
consumer, a dense convolution or linear layer; and when between them lie only layers that treat each
channel by itself (``channels`` finds both). Then a permutation of the units is undone by permuting
the producer's and the consumer's weights. All other stacks keep their order: where the splits of an
``Slbf`` layer share one bank, a permutation cannot be undone.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Any, assert_never

from unitsearch.architecture.channels import consumer, producer
from unitsearch.architecture.convolutions import Conv, Slbf
from unitsearch.architecture.layers import (
    Architecture,
    Branches,
    Flatten,
    Gate,
    GlobalPool,
    Layer,
    Layers,
    Linear,
    Pool,
    Residual,
    Shuffle,
    Stack,
    Unit,
    Units,
)
from unitsearch.architecture.writing import write_layer, write_unit


def canonical(architecture: Architecture) -> Architecture:
    """Return the same network with its units in canonical order, equal adjacent ones as one run."""
    layers = canonical_layers(architecture.layers)
    return architecture if layers is architecture.layers else replace(architecture, layers=layers)


def key(architecture: Architecture) -> str:
    """Return 20 hex digits that equal networks share: a hash of the canonical form.

    Names, classes, mean, std and provenance do not enter. Fields at their default are left out of
    the form, so that a field added later changes no key.
    """
    c, h, w = architecture.input
    layers = ",".join([layer_text(layer) for layer in canonical_layers(architecture.layers)])
    form = f'{{"input":[{c},{h},{w}],"layers":[{layers}]}}'
    return hashlib.sha256(form.encode()).hexdigest()[:20]


def canonical_layers(layers: Layers) -> Layers:
    """Return a sequence with every stack in canonical order; the same object if it is already."""
    ordered_layers: list[Layer] = []
    for i, layer in enumerate(layers):
        match layer:
            case Stack():
                free = producer(layers, i) is not None and consumer(layers, i) is not None
                ordered_layers.append(canonical_stack(layer, free=free))
            case Residual(body=body, shortcut=shortcut):
                inner = (canonical_layers(body), canonical_layers(shortcut))
                same = inner[0] is body and inner[1] is shortcut
                ordered_layers.append(
                    layer if same else replace(layer, body=inner[0], shortcut=inner[1])
                )
            case Branches(of=of):
                sequences = tuple(canonical_layers(sequence) for sequence in of)
                same = all(a is b for a, b in zip(sequences, of, strict=True))
                ordered_layers.append(layer if same else replace(layer, of=sequences))
            case Gate(body=body):
                ordered = canonical_layers(body)
                ordered_layers.append(layer if ordered is body else replace(layer, body=ordered))
            case Conv() | Flatten() | GlobalPool() | Linear() | Pool() | Shuffle() | Slbf():
                ordered_layers.append(layer)
            case _:
                assert_never(layer)
    if all(a is b for a, b in zip(ordered_layers, layers, strict=True)):
        return layers
    return tuple(ordered_layers)


def canonical_stack(stack: Stack, *, free: bool) -> Stack:
    """Return ``stack`` with equal adjacent units as one run, sorted first if its order is free."""
    texts = [unit_text(run.unit) for run in stack.units]
    pairs = pairwise(texts)
    if all(a < b for a, b in pairs) if free else all(a != b for a, b in pairs):
        return stack
    runs = sorted(stack.units, key=_unit_text_of) if free else list(stack.units)
    merged = []
    for _, same in groupby(runs, key=_unit_text_of):
        first, *others = same
        total = first.count + sum(run.count for run in others)
        merged.append(Units(total, first.unit) if others else first)
    return Stack(units=tuple(merged), name=stack.name)


def layer_text(layer: Layer) -> str:
    """Return the canonical form of a layer: JSON, keys sorted, defaults and names left out."""
    if isinstance(layer, Stack):
        units = ",".join([f"[{run.count},{unit_text(run.unit)}]" for run in layer.units])
        return f'{{"kind":"stack","units":[{units}]}}'
    return _plain_text(layer)


@lru_cache(maxsize=65_536)
def _plain_text(layer: Layer) -> str:
    return _json(write_layer(layer, compared_only=True))


def unit_text(unit: Unit) -> str:
    """Return the canonical form of a unit, which keeps it, because sampling asks for it often."""
    text: str | None = unit.__dict__.get("_text")
    if text is None:
        text = unit.__dict__["_text"] = _json(write_unit(unit, compared_only=True))
    return text


def _json(plain: Any) -> str:
    return json.dumps(plain, sort_keys=True, separators=(",", ":"))


def _unit_text_of(run: Units) -> str:
    return unit_text(run.unit)
