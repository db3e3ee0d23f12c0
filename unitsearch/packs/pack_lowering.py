"""From the architectures of a pack's members to its program. Knows no torch.

Every member is a strand: a sequence of layers and the channels of the packed tensor that enter it.
A stack turns each strand into as many as it has units; units of one profile, whosever they are,
go through their layers together, equal layers as one grouped operation. Where a channel lies is
kept in a table for each strand, so that splitting, shuffling and concatenating cost nothing;
channels are moved only before a step that needs them in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, TypeAlias, assert_never

import numpy as np
from numpy.typing import NDArray

from unitsearch.architecture import (
    Architecture,
    Branches,
    Conv,
    Flatten,
    Gate,
    GlobalPool,
    Layer,
    Layers,
    Linear,
    Pool,
    Residual,
    Shuffle,
    Slbf,
    Stack,
)
from unitsearch.packs.pack_layout import Owner, PackLayout
from unitsearch.packs.pack_program import (
    Concatenate,
    GateProduct,
    Gather,
    LayerGeometry,
    Norm,
    PackProgram,
    PixelMean,
    PixelsToChannels,
    Pooling,
    ResidualSum,
    Step,
    WeightedLayers,
)
from unitsearch.packs.skeletons import profile
from unitsearch.shapes import Shape, after

WIDEST = 16  # channels of a layer that the unit kernel takes; wider ones are cuDNN's field

Places: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _ChannelRun:
    """A sequence of layers of one member, and where the channels that enter it lie."""

    member: int
    name: str
    layers: Layers
    x: Shape
    places: Places
    number: int = 0  # of the unit in its run

    def inner(self, name: str, layers: Layers, places: Places, number: int = 0) -> _ChannelRun:
        """Return a strand inside this one, on some of its channels."""
        x = (len(places), *self.x[1:])
        return _ChannelRun(self.member, f"{self.name}.{name}", layers, x, places, number)


@dataclass
class _PackedTensor:
    """Strands side by side, the width of the tensor they are in, and the steps so far."""

    strands: list[_ChannelRun]
    width: int
    steps: list[Step]


def lower_to_pack(
    architectures: Sequence[Architecture], *, unit_kernel: bool
) -> tuple[PackProgram, PackLayout]:
    """Return the program of a pack, and what its numbers stand for.

    It takes [images, all members' channels, height, width], member by member, and gives the logits
    likewise.

    Args:
        architectures: Canonical, of one skeleton.
        unit_kernel: Whether narrow convolutions of all sizes may run as one kernel.
    """
    layout = PackLayout(len(architectures))
    channels = architectures[0].input[0]
    strands = [
        _ChannelRun(m, "layers", one.layers, one.input, np.arange(m * channels, (m + 1) * channels))
        for m, one in enumerate(architectures)
    ]
    lowering = _PackLowering(layout, unit_kernel)
    flow = lowering.sequence(strands, len(strands) * channels)
    lowering.put_in_order(flow)
    return tuple(flow.steps), layout


class _PackLowering:
    def __init__(self, layout: PackLayout, unit_kernel: bool) -> None:
        self.layout = layout
        self.unit_kernel = unit_kernel

    def sequence(self, strands: list[_ChannelRun], width: int) -> _PackedTensor:
        flow = _PackedTensor(strands, width, [])
        for j in range(len(strands[0].layers)):
            self.layer(flow, j)
        return flow

    def layer(self, flow: _PackedTensor, j: int) -> None:
        layer = flow.strands[0].layers[j]
        match layer:
            case Conv() | Linear():
                self.weigh(flow, j)
            case Pool(op=op, kernel=kernel, step=step, padding=padding):
                flow.steps.append(Pooling(op, kernel, step, padding))
            case GlobalPool():
                flow.steps.append(PixelMean())
            case Flatten():
                self.flatten(flow)
            case Shuffle():
                for i, strand in enumerate(flow.strands):
                    groups = _at(strand, j, Shuffle).groups
                    shuffled = strand.places.reshape(groups, -1).T.ravel()
                    flow.strands[i] = replace(strand, places=shuffled)
            case Stack():
                self.stack(flow, j)
            case Residual():
                self.residual(flow, j)
            case Branches():
                self.branches(flow, j)
            case Gate():
                self.gate(flow, j)
            case Slbf():
                raise AssertionError("no skeleton holds it")
            case _:
                assert_never(layer)
        flow.strands = [replace(s, x=after(s.layers[j], s.x)) for s in flow.strands]

    def weigh(self, flow: _PackedTensor, j: int) -> None:
        geometries = [_geometry(strand.layers[j], strand.x) for strand in flow.strands]
        fits = self.unit_kernel and _fits_unit_kernel(geometries)
        order = list(range(len(geometries)))
        if not fits and sum(1 for _ in groupby(geometries)) > len(set(geometries)) + 1:
            # gathering channels costs one operation more, each run of equal layers another
            order.sort(key=geometries.__getitem__)
        strands, geometries = [flow.strands[i] for i in order], [geometries[i] for i in order]
        if not fits or not all((np.diff(strand.places) == 1).all() for strand in strands):
            strands = self.take(flow, strands)
        layer, layout, outs = strands[0].layers[j], self.layout, [kind.out for kind in geometries]
        assert isinstance(layer, (Conv, Linear))
        owners = [Owner(strand.member, f"{strand.name}.{j}", strand.number) for strand in strands]
        weight = layout.part(owners, "weights.weight", [kind.size for kind in geometries])
        bias = norm = table = None
        if any(kind.bias for kind in geometries):
            biased = [owner for owner, kind in zip(owners, geometries, strict=True) if kind.bias]
            bias = layout.part(biased, "weights.bias", [k.out for k in geometries if k.bias])
        if layer.norm == "batch":
            scale = layout.part(owners, "norm.weight", outs)
            shift = layout.part(owners, "norm.bias", outs)
            norm = Norm(scale, shift, layout.stat(owners, "norm", outs))
        starts = np.cumsum([0, *outs])
        if fits:
            sizes = np.cumsum([0, *(kind.size for kind in geometries)])
            rows = [
                (strand.places[0], kind.inputs, start, kind.out, size)
                for strand, kind, start, size in zip(
                    strands, geometries, starts[:-1], sizes[:-1], strict=True
                )
            ]
            table = self.layout.table(np.array(rows, np.int32))
        equal = tuple((len(list(same)), kind) for kind, same in groupby(geometries))
        flow.steps.append(WeightedLayers(equal, weight, bias, norm, layer.act, table))
        flow.width = int(starts[-1])
        placed = list(flow.strands)
        for i, strand, start, out in zip(order, strands, starts[:-1], outs, strict=True):
            placed[i] = replace(strand, places=np.arange(start, start + out))
        flow.strands = placed

    def flatten(self, flow: _PackedTensor) -> None:
        self.put_in_order(flow)
        flow.steps.append(PixelsToChannels())
        at = 0
        for i, strand in enumerate(flow.strands):
            size = int(np.prod(strand.x))
            flow.strands[i] = replace(strand, places=np.arange(at, at + size))
            at += size
        flow.width = at

    def stack(self, flow: _PackedTensor, j: int) -> None:
        units: list[_ChannelRun] = []
        owners: list[int] = []
        for owner, strand in enumerate(flow.strands):
            at = 0
            for r, run in enumerate(_at(strand, j, Stack).units):
                for number in range(run.count):
                    share = strand.places[at : at + run.unit.inputs]
                    inner = strand.inner(f"{j}.units.{r}.layers", run.unit.layers, share, number)
                    units.append(inner)
                    owners.append(owner)
                    at += run.unit.inputs
        families: dict[object, list[int]] = {}
        for i, unit in enumerate(units):
            families.setdefault(self.family(unit), []).append(i)
        for family in families.values():
            family.sort(key=lambda i: _geometries(units[i]))
        order = [i for family in families.values() for i in family]
        flows, widths = self.shared(flow, units, list(families.values()))
        placed = self.join(flow, flows, widths)
        of_owner: list[list[Places]] = [[] for _ in flow.strands]
        for i in np.argsort(order, kind="stable"):
            of_owner[owners[order[i]]].append(placed[i])
        flow.strands = [
            replace(strand, places=np.concatenate(of_owner[owner]))
            for owner, strand in enumerate(flow.strands)
        ]

    def family(self, unit: _ChannelRun) -> object:
        """Return what units share that go through their layers in one tensor.

        Where one kernel runs all sizes, that is the profile. Grouped convolutions take one size
        each, and to keep sizes apart until the stack's end saves copies between them.
        """
        return _profiles(unit) if self.unit_kernel else (_profiles(unit), _geometries(unit))

    def branches(self, flow: _PackedTensor, j: int) -> None:
        inner: list[_ChannelRun] = []
        of = [_at(strand, j, Branches) for strand in flow.strands]
        shares = [
            [strand.places] * len(layer.of)
            if layer.split is None
            else np.split(strand.places, np.cumsum(layer.split)[:-1])
            for strand, layer in zip(flow.strands, of, strict=True)
        ]
        count = len(of)
        for b in range(len(of[0].of)):
            inner += [
                strand.inner(f"{j}.of.{b}", layer.of[b], share[b])
                for strand, layer, share in zip(flow.strands, of, shares, strict=True)
            ]
        sets = [list(range(at, at + count)) for at in range(0, len(inner), count)]
        if of[0].split is None:
            self.put_in_order(flow)
            inner = [
                replace(one, places=flow.strands[i % count].places) for i, one in enumerate(inner)
            ]
            flows = [self.sequence([inner[i] for i in one], flow.width) for one in sets]
            placed = self.join(flow, flows, None)
        else:
            placed = self.join(flow, *self.shared(flow, inner, sets))
        flow.strands = [
            replace(strand, places=np.concatenate(placed[i::count]))
            for i, strand in enumerate(flow.strands)
        ]

    def residual(self, flow: _PackedTensor, j: int) -> None:
        layers = [_at(strand, j, Residual) for strand in flow.strands]
        both = []
        for side, sequences in (
            ("body", [layer.body for layer in layers]),
            ("shortcut", [layer.shortcut for layer in layers]),
        ):
            inner = [
                strand.inner(f"{j}.{side}", sequence, strand.places)
                for strand, sequence in zip(flow.strands, sequences, strict=True)
            ]
            both.append(self.sequence(inner, flow.width))
            self.put_in_order(both[-1])
        body, shortcut = both
        flow.steps.append(ResidualSum(tuple(body.steps), tuple(shortcut.steps), layers[0].act))
        self.adopt(flow, body)

    def gate(self, flow: _PackedTensor, j: int) -> None:
        self.put_in_order(flow)
        inner = [
            strand.inner(f"{j}.body", _at(strand, j, Gate).body, strand.places)
            for strand in flow.strands
        ]
        body = self.sequence(inner, flow.width)
        self.put_in_order(body)
        flow.steps.append(GateProduct(tuple(body.steps)))

    def adopt(self, flow: _PackedTensor, inner: _PackedTensor) -> None:
        """Let the strands of ``flow`` lie where those of ``inner`` do."""
        flow.width = inner.width
        flow.strands = [
            replace(strand, places=other.places)
            for strand, other in zip(flow.strands, inner.strands, strict=True)
        ]

    def shared(
        self, flow: _PackedTensor, strands: list[_ChannelRun], sets: list[list[int]]
    ) -> tuple[list[_PackedTensor], tuple[int, ...] | None]:
        """Lower sets of strands that share the channels among them, each on its own channels."""
        if len(sets) == 1:
            return [self.sequence([strands[i] for i in sets[0]], flow.width)], None
        moved = self.take(flow, [strands[i] for one in sets for i in one])
        flows, widths, at, first = [], [], 0, 0
        for one in sets:
            own = moved[at : at + len(one)]
            width = sum(len(strand.places) for strand in own)
            own = [replace(strand, places=strand.places - first) for strand in own]
            flows.append(self.sequence(own, width))
            widths.append(width)
            at, first = at + len(one), first + width
        return flows, tuple(widths)

    def join(
        self, flow: _PackedTensor, flows: list[_PackedTensor], widths: tuple[int, ...] | None
    ) -> list[Places]:
        """Put the outputs of ``flows`` side by side; return where each of their strands lies."""
        if len(flows) == 1:
            flow.steps += flows[0].steps
        else:
            flow.steps.append(Concatenate(tuple(tuple(inner.steps) for inner in flows), widths))
        placed, at = [], 0
        for inner in flows:
            placed += [strand.places + at for strand in inner.strands]
            at += inner.width
        flow.width = at
        return placed

    def put_in_order(self, flow: _PackedTensor) -> None:
        """Let the channels lie strand by strand, and no others among them."""
        flow.strands = self.take(flow, flow.strands)

    def take(self, flow: _PackedTensor, strands: list[_ChannelRun]) -> list[_ChannelRun]:
        """Move channels so that they lie in the order of ``strands``, if they do not already."""
        index = np.concatenate([strand.places for strand in strands])
        if len(index) != flow.width or (index != np.arange(flow.width)).any():
            inverse = self.layout.table(np.argsort(index)) if len(index) == flow.width else None
            flow.steps.append(Gather(self.layout.table(index), inverse))
            flow.width = len(index)
        starts = np.cumsum([0, *(len(strand.places) for strand in strands)])
        return [
            replace(strand, places=np.arange(start, start + len(strand.places)))
            for strand, start in zip(strands, starts[:-1], strict=True)
        ]


def _at(strand: _ChannelRun, j: int, cls: type[Any]) -> Any:
    layer = strand.layers[j]
    assert isinstance(layer, cls), (layer, cls)
    return layer


def _geometry(layer: Layer, x: Shape) -> LayerGeometry:
    if isinstance(layer, Conv):
        return LayerGeometry(
            x[0], layer.out, layer.kernel, layer.stride, layer.margin, layer.groups, layer.bias
        )
    assert isinstance(layer, Linear), layer
    return LayerGeometry(x[0], layer.out, 0, bias=layer.bias)


def _fits_unit_kernel(geometries: list[LayerGeometry]) -> bool:
    windows = {(kind.kernel, kind.stride, kind.padding, kind.bias) for kind in geometries}
    return len(windows) == 1 and all(
        kind.kernel > 0 and kind.groups == 1 and max(kind.inputs, kind.out) <= WIDEST
        for kind in geometries
    )


def _profiles(strand: _ChannelRun) -> tuple[str, ...]:
    """Return what units must share to go through their layers together."""
    x, found = strand.x, []
    for layer in strand.layers:
        found.append(profile(layer, x))
        x = after(layer, x)
    return tuple(found)


def _geometries(strand: _ChannelRun) -> tuple[LayerGeometry, ...]:
    x, found = strand.x, []
    for layer in strand.layers:
        if isinstance(layer, (Conv, Linear)):
            found.append(_geometry(layer, x))
        x = after(layer, x)
    return tuple(found)
