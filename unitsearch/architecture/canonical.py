"""One network, one key: the canonical order of units and the hash of the canonical form.

The order of a stack's units is free when the tensor entering the stack has one producer, a dense
convolution or linear layer, and one consumer, the stack; when the tensor leaving it has one
consumer, a dense convolution or linear layer; and when between them lie only layers that treat each
channel by itself (``channels`` finds both). Then a permutation of the units is undone by permuting
the producer's and the consumer's weights. Everything else keeps its order: where the splits of an
``Slbf`` layer share one bank, a permutation cannot be undone.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Any

from unitsearch.architecture.channels import consumer, producer
from unitsearch.architecture.layers import (
    Architecture,
    Branches,
    Gate,
    Layer,
    Layers,
    Residual,
    Stack,
    Unit,
    Units,
)
from unitsearch.architecture.writing import write_layer, write_unit


def canonical(architecture: Architecture) -> Architecture:
    """Return the same network with its units in canonical order and equal neighbours counted."""
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
    found: list[Layer] = []
    for i, layer in enumerate(layers):
        match layer:
            case Stack():
                free = producer(layers, i) is not None and consumer(layers, i) is not None
                found.append(canonical_stack(layer, free=free))
            case Residual(body=body, shortcut=shortcut):
                inner = (canonical_layers(body), canonical_layers(shortcut))
                same = inner[0] is body and inner[1] is shortcut
                found.append(layer if same else replace(layer, body=inner[0], shortcut=inner[1]))
            case Branches(of=of):
                sequences = tuple(canonical_layers(sequence) for sequence in of)
                same = all(a is b for a, b in zip(sequences, of, strict=True))
                found.append(layer if same else replace(layer, of=sequences))
            case Gate(body=body):
                ordered = canonical_layers(body)
                found.append(layer if ordered is body else replace(layer, body=ordered))
            case _:
                found.append(layer)
    if all(a is b for a, b in zip(found, layers, strict=True)):
        return layers
    return tuple(found)


def canonical_stack(stack: Stack, *, free: bool) -> Stack:
    """Return ``stack`` with equal neighbours as one run, sorted first if its order is free."""
    texts = [unit_text(run.unit) for run in stack.units]
    neighbours = pairwise(texts)
    if all(a < b for a, b in neighbours) if free else all(a != b for a, b in neighbours):
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
    """Return the canonical form of a unit, which it keeps: sampling asks for it all the time."""
    found: str | None = unit.__dict__.get("_text")
    if found is None:
        found = unit.__dict__["_text"] = _json(write_unit(unit, compared_only=True))
    return found


def _json(plain: Any) -> str:
    return json.dumps(plain, sort_keys=True, separators=(",", ":"))


def _unit_text_of(run: Units) -> str:
    return unit_text(run.unit)
