"""Channel runs: the state of the lowering of a pack, see ``pack_lowering``. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unitsearch.architecture import Conv, Layer, Layers, Linear
from unitsearch.packs.pack_program import LayerGeometry, Step
from unitsearch.packs.skeletons import profile
from unitsearch.shapes import Shape, after

Places: TypeAlias = NDArray[np.int64]
"""The numbers of some channels in the packed tensor."""


@dataclass(frozen=True, eq=False)
class ChannelRun:
    """A sequence of layers of one member, and the channels that enter its next layer.

    Attributes:
        member: The number of the member in the pack.
        name: The name of the sequence's module in the member's network.
        layers: The sequence.
        x: The shape that enters the next layer.
        places: The places of the channels that enter the next layer, in their order.
        number: Which of the equal units of ``name``; 0 for a sequence that is no unit.
    """

    member: int
    name: str
    layers: Layers
    x: Shape
    places: Places
    number: int = 0

    def inner(self, name: str, layers: Layers, places: Places, number: int = 0) -> ChannelRun:
        """Return a run of layers inside this run's next layer, on some of its channels."""
        x = (len(places), *self.x[1:])
        return ChannelRun(self.member, f"{self.name}.{name}", layers, x, places, number)


@dataclass
class PackedTensor:
    """A packed tensor and the steps that make it: it changes with each layer that is lowered.

    Attributes:
        runs: The channel runs that it holds.
        width: The number of its channels.
        steps: The steps so far.
    """

    runs: list[ChannelRun]
    width: int
    steps: list[Step]


def layer_at(run: ChannelRun, j: int, cls: type[Any]) -> Any:
    """Return the layer at index ``j`` of a run, which is of class ``cls``."""
    layer = run.layers[j]
    assert isinstance(layer, cls), (layer, cls)
    return layer


def geometry_of(layer: Layer, x: Shape) -> LayerGeometry:
    """Return the geometry of a convolution or linear layer that reads the shape ``x``."""
    if isinstance(layer, Conv):
        return LayerGeometry(
            x[0], layer.out, layer.kernel, layer.stride, layer.margin, layer.groups, layer.bias
        )
    assert isinstance(layer, Linear), layer
    return LayerGeometry(x[0], layer.out, 0, bias=layer.bias)


def unit_profile(unit: ChannelRun) -> tuple[str, ...]:
    """Return the profiles of a unit's layers: equal for units that can go through them together."""
    x, profiles = unit.x, []
    for layer in unit.layers:
        profiles.append(profile(layer, x))
        x = after(layer, x)
    return tuple(profiles)


def unit_geometries(unit: ChannelRun) -> tuple[LayerGeometry, ...]:
    """Return the geometries of a unit's convolutions and linear layers."""
    x, geometries = unit.x, []
    for layer in unit.layers:
        if isinstance(layer, (Conv, Linear)):
            geometries.append(geometry_of(layer, x))
        x = after(layer, x)
    return tuple(geometries)
