"""Lowering: from the architectures of a pack's members to its program, without torch.

The packed tensor holds the channels of all members. A channel run is a sequence of layers of one
member, with the places (numbers in the packed tensor) of the channels that enter it. Lowering
begins with one run for each member; a stack splits each run into one run for each unit. Units of
one profile go through their layers together, whatever member they belong to, and equal layers
become one grouped operation. An example: unit a takes 1 channel, unit b takes 2, both give 1;
member A has a stack of a, a, b and member B has a stack of a, b.

    the packed tensor     0   1   2   3 | 4   5   6     A has places 0-3, B has places 4-6
    runs of the units     Aa  Aa  Ab--- | Ba  Bb---

    Gather                0   1   4 | 2   3   5   6     equal units side by side
    runs of the units     Aa  Aa  Ba| Ab---   Bb---

    Concatenate of        3 x a: one    2 x b: one      each with a WeightedLayers for each layer
                          grouped conv  grouped conv
    the packed tensor     0   1   2 | 3       4
    runs of the units     Aa  Aa  Ba| Ab      Bb

    runs of the members   A: places 0, 1, 3             no step: the places are only written down
                          B: places 2, 4

As places are data of the lowering, splitting, shuffling and concatenating cost nothing. Channels
are moved (``Gather``) only before a step that needs them in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import compress, groupby
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from unitsearch.architecture import (
    Architecture,
    Branches,
    Conv,
    Flatten,
    Gate,
    GlobalPool,
    Layers,
    Linear,
    Pool,
    Residual,
    Shuffle,
    Slbf,
    Stack,
)
from unitsearch.packs.channel_runs import (
    ChannelRun,
    PackedTensor,
    Places,
    geometry_of,
    layer_at,
    unit_geometries,
    unit_profile,
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
    WeightedLayers,
)
from unitsearch.shapes import after

WIDEST = 16  # channels of a layer that the unit kernel takes; for wider ones cuDNN is faster


def lower_to_pack(
    architectures: Sequence[Architecture], *, unit_kernel: bool
) -> tuple[PackProgram, PackLayout]:
    """Return the program of a pack, and the layout of its parameters, statistics and tables.

    The program takes [images, channels of all members, height, width], member by member, and gives
    [images, logits of all members, 1, 1], member by member.

    Args:
        architectures: Canonical, of one skeleton.
        unit_kernel: Whether narrow convolutions of all sizes may run as one kernel.
    """
    layout = PackLayout(len(architectures))
    channels = architectures[0].input[0]
    runs = [
        ChannelRun(m, "layers", one.layers, one.input, np.arange(m * channels, (m + 1) * channels))
        for m, one in enumerate(architectures)
    ]
    lowering = _PackLowering(layout, unit_kernel)
    packed = lowering.sequence(runs, len(runs) * channels)
    lowering.put_in_order(packed)
    return tuple(packed.steps), layout


class _PackLowering:
    """A walk over the layers of all members at once.

    Each method lowers the layer at index ``j`` of all runs: it appends to ``packed.steps`` and
    changes the runs' places.
    """

    def __init__(self, layout: PackLayout, unit_kernel: bool) -> None:
        self.layout = layout
        self.unit_kernel = unit_kernel

    def sequence(self, runs: list[ChannelRun], width: int) -> PackedTensor:
        """Lower the layers of ``runs``, which lie in a tensor of ``width`` channels."""
        packed = PackedTensor(runs, width, [])
        for j in range(len(runs[0].layers)):
            self.layer(packed, j)
        return packed

    def layer(self, packed: PackedTensor, j: int) -> None:
        """Lower the layer at index ``j``: of one kind in all runs, as they have one profile."""
        layer = packed.runs[0].layers[j]
        match layer:
            case Conv() | Linear():
                self.weighted(packed, j)
            case Pool(op=op, kernel=kernel, step=step, padding=padding):
                packed.steps.append(Pooling(op, kernel, step, padding))
            case GlobalPool():
                packed.steps.append(PixelMean())
            case Flatten():
                self.flatten(packed)
            case Shuffle():
                for i, run in enumerate(packed.runs):
                    groups = layer_at(run, j, Shuffle).groups
                    shuffled = run.places.reshape(groups, -1).T.ravel()
                    packed.runs[i] = replace(run, places=shuffled)
            case Stack():
                self.stack(packed, j)
            case Residual():
                self.residual(packed, j)
            case Branches():
                self.branches(packed, j)
            case Gate():
                self.gate(packed, j)
            case Slbf():
                raise AssertionError("binary filters have no skeleton")
            case _:
                assert_never(layer)
        packed.runs = [replace(run, x=after(run.layers[j], run.x)) for run in packed.runs]

    def weighted(self, packed: PackedTensor, j: int) -> None:
        """Lower convolutions or linear layers, with their norms and activations, to one step."""
        geometries = [geometry_of(run.layers[j], run.x) for run in packed.runs]
        fits = self.unit_kernel and _fits_unit_kernel(geometries)
        order = list(range(len(geometries)))
        if not fits and sum(1 for _ in groupby(geometries)) > len(set(geometries)) + 1:
            # gathering channels costs one operation more, each group of equal layers another
            order.sort(key=geometries.__getitem__)
        runs, geometries = [packed.runs[i] for i in order], [geometries[i] for i in order]
        if not fits or not all((np.diff(run.places) == 1).all() for run in runs):
            runs = self.gathered(packed, runs)
        starts = np.cumsum([0, *(geometry.out for geometry in geometries)])
        table = self.unit_table(runs, geometries, starts) if fits else None
        packed.steps.append(self.weighted_layers(runs, geometries, j, table))
        packed.width = int(starts[-1])
        for i, run, start, end in zip(order, runs, starts[:-1], starts[1:], strict=True):
            packed.runs[i] = replace(run, places=np.arange(start, end))

    def weighted_layers(
        self, runs: list[ChannelRun], geometries: list[LayerGeometry], j: int, table: int | None
    ) -> WeightedLayers:
        """Return the step that applies the layers of ``runs``; place their parameters."""
        layer, layout = runs[0].layers[j], self.layout
        assert isinstance(layer, (Conv, Linear))
        owners = [Owner(run.member, f"{run.name}.{j}", run.number) for run in runs]
        outs = [geometry.out for geometry in geometries]
        weight = layout.part(owners, "weights.weight", [each.size for each in geometries])
        bias = norm = None
        has_bias = [geometry.bias for geometry in geometries]
        if any(has_bias):
            biased = list(compress(owners, has_bias))
            bias = layout.part(biased, "weights.bias", list(compress(outs, has_bias)))
        if layer.norm == "batch":
            scale = layout.part(owners, "norm.weight", outs)
            shift = layout.part(owners, "norm.bias", outs)
            norm = Norm(scale, shift, layout.stat(owners, "norm", outs))
        equal = tuple((len(list(same)), geometry) for geometry, same in groupby(geometries))
        return WeightedLayers(equal, weight, bias, norm, layer.act, table)

    def unit_table(
        self, runs: list[ChannelRun], geometries: list[LayerGeometry], starts: NDArray[Any]
    ) -> int:
        """Return the number of the unit kernel's table: see ``WeightedLayers.table``."""
        sizes = np.cumsum([0, *(geometry.size for geometry in geometries)])
        rows = [
            (run.places[0], geometry.inputs, start, geometry.out, size)
            for run, geometry, start, size in zip(
                runs, geometries, starts[:-1], sizes[:-1], strict=True
            )
        ]
        return self.layout.table(np.array(rows, np.int32))

    def flatten(self, packed: PackedTensor) -> None:
        """Make each pixel of each channel a channel of its own."""
        self.put_in_order(packed)
        packed.steps.append(PixelsToChannels())
        start = 0
        for i, run in enumerate(packed.runs):
            end = start + int(np.prod(run.x))
            packed.runs[i] = replace(run, places=np.arange(start, end))
            start = end
        packed.width = start

    def stack(self, packed: PackedTensor, j: int) -> None:
        """Lower a stack: each unit of each run is a run of its own (see the module's example)."""
        units: list[ChannelRun] = []
        owners: list[int] = []  # for each unit the number of its run in ``packed``
        for owner, run in enumerate(packed.runs):
            start = 0
            for r, equal in enumerate(layer_at(run, j, Stack).units):
                name, layers = f"{j}.units.{r}.layers", equal.unit.layers
                for number in range(equal.count):
                    end = start + equal.unit.inputs
                    units.append(run.inner(name, layers, run.places[start:end], number))
                    owners.append(owner)
                    start = end
        sets: dict[object, list[int]] = {}
        for i, unit in enumerate(units):
            sets.setdefault(self.lowered_together(unit), []).append(i)
        for members in sets.values():
            members.sort(key=lambda i: unit_geometries(units[i]))
        order = [i for members in sets.values() for i in members]
        parts, widths = self.separated(packed, units, list(sets.values()))
        places = self.concatenate(packed, parts, widths)
        of_owner: list[list[Places]] = [[] for _ in packed.runs]
        for i in np.argsort(order, kind="stable"):  # back in the order of ``units``
            of_owner[owners[order[i]]].append(places[i])
        packed.runs = [
            replace(run, places=np.concatenate(of_owner[owner]))
            for owner, run in enumerate(packed.runs)
        ]

    def lowered_together(self, unit: ChannelRun) -> object:
        """Return a key that is equal for units that go through their layers in one tensor.

        Where one kernel runs all sizes, the key is the profile. Grouped convolutions take one size
        each; there the sizes are kept apart until the stack's end, which saves copies between the
        layers.
        """
        profiles = unit_profile(unit)
        return profiles if self.unit_kernel else (profiles, unit_geometries(unit))

    def branches(self, packed: PackedTensor, j: int) -> None:
        """Lower branches: each branch of each run is a run of its own."""
        layers = [layer_at(run, j, Branches) for run in packed.runs]
        split, count = layers[0].split is not None, len(layers)
        if not split:  # all branches read the same channels
            self.put_in_order(packed)
        shares = [
            np.split(run.places, np.cumsum(layer.split)[:-1])
            if split
            else [run.places] * len(layer.of)
            for run, layer in zip(packed.runs, layers, strict=True)
        ]
        inner = [
            run.inner(f"{j}.of.{b}", layer.of[b], share[b])
            for b in range(len(layers[0].of))
            for run, layer, share in zip(packed.runs, layers, shares, strict=True)
        ]
        sets = [list(range(first, first + count)) for first in range(0, len(inner), count)]
        widths = None
        if split:
            parts, widths = self.separated(packed, inner, sets)
        else:
            parts = [self.sequence([inner[i] for i in chosen], packed.width) for chosen in sets]
        places = self.concatenate(packed, parts, widths)
        packed.runs = [
            replace(run, places=np.concatenate(places[i::count]))
            for i, run in enumerate(packed.runs)
        ]

    def residual(self, packed: PackedTensor, j: int) -> None:
        """Lower body and shortcut, both in order, then their sum."""
        layers = [layer_at(run, j, Residual) for run in packed.runs]
        body = self.in_order(packed, f"{j}.body", [layer.body for layer in layers])
        shortcut = self.in_order(packed, f"{j}.shortcut", [layer.shortcut for layer in layers])
        packed.steps.append(ResidualSum(tuple(body.steps), tuple(shortcut.steps), layers[0].act))
        packed.width = body.width
        packed.runs = [
            replace(run, places=inner.places)
            for run, inner in zip(packed.runs, body.runs, strict=True)
        ]

    def gate(self, packed: PackedTensor, j: int) -> None:
        """Lower a gate: its body gives one factor for each channel, in the channels' order."""
        self.put_in_order(packed)
        layers = [layer_at(run, j, Gate) for run in packed.runs]
        body = self.in_order(packed, f"{j}.body", [layer.body for layer in layers])
        packed.steps.append(GateProduct(tuple(body.steps)))

    def in_order(
        self, packed: PackedTensor, name: str, sequences: Sequence[Layers]
    ) -> PackedTensor:
        """Lower a sequence inside each run on the run's channels; put the results in order."""
        inner = [
            run.inner(name, sequence, run.places)
            for run, sequence in zip(packed.runs, sequences, strict=True)
        ]
        lowered = self.sequence(inner, packed.width)
        self.put_in_order(lowered)
        return lowered

    def separated(
        self, packed: PackedTensor, runs: list[ChannelRun], sets: list[list[int]]
    ) -> tuple[list[PackedTensor], tuple[int, ...] | None]:
        """Lower sets of runs, each set in a tensor of its own.

        Args:
            packed: The tensor that all runs lie in.
            runs: Runs that have no channel in common.
            sets: The numbers of each set's runs.

        Returns:
            The lowered sets and the channels that each takes; None if the one set takes them all.
        """
        if len(sets) == 1:
            return [self.sequence([runs[i] for i in sets[0]], packed.width)], None
        moved = self.gathered(packed, [runs[i] for chosen in sets for i in chosen])
        parts, widths, first_run, first_place = [], [], 0, 0
        for chosen in sets:
            own = moved[first_run : first_run + len(chosen)]
            width = sum(len(run.places) for run in own)
            own = [replace(run, places=run.places - first_place) for run in own]
            parts.append(self.sequence(own, width))
            widths.append(width)
            first_run, first_place = first_run + len(chosen), first_place + width
        return parts, tuple(widths)

    def concatenate(
        self, packed: PackedTensor, parts: list[PackedTensor], widths: tuple[int, ...] | None
    ) -> list[Places]:
        """Put the outputs of ``parts`` side by side; return the places of each of their runs."""
        if len(parts) == 1:
            packed.steps += parts[0].steps
        else:
            packed.steps.append(Concatenate(tuple(tuple(part.steps) for part in parts), widths))
        places, first = [], 0
        for part in parts:
            places += [run.places + first for run in part.runs]
            first += part.width
        packed.width = first
        return places

    def put_in_order(self, packed: PackedTensor) -> None:
        """Let the packed tensor hold the channels of its runs, run by run, and no others."""
        packed.runs = self.gathered(packed, packed.runs)

    def gathered(self, packed: PackedTensor, runs: list[ChannelRun]) -> list[ChannelRun]:
        """Move channels into the order of ``runs`` if they do not lie in it; return moved runs."""
        index = np.concatenate([run.places for run in runs])
        if len(index) != packed.width or (index != np.arange(packed.width)).any():
            inverse = self.layout.table(np.argsort(index)) if len(index) == packed.width else None
            packed.steps.append(Gather(self.layout.table(index), inverse))
            packed.width = len(index)
        starts = np.cumsum([0, *(len(run.places) for run in runs)])
        return [
            replace(run, places=np.arange(start, end))
            for run, start, end in zip(runs, starts[:-1], starts[1:], strict=True)
        ]


def _fits_unit_kernel(geometries: list[LayerGeometry]) -> bool:
    windows = {(each.kernel, each.stride, each.padding, each.bias) for each in geometries}
    return len(windows) == 1 and all(
        each.kernel > 0 and each.groups == 1 and max(each.inputs, each.out) <= WIDEST
        for each in geometries
    )
