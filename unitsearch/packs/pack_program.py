"""A pack's program: the steps from the packed images to the logits, as data without torch.

The maps of all members lie side by side in one tensor, [images, channels, height, width]; flat
features are channels of one pixel. A step names parameters, running statistics and index tables by
their number in ``PackLayout``; ``Pack`` holds their values. ``pack_lowering`` makes programs,
``pack_execution`` runs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, order=True)
class LayerGeometry:
    """The sizes of a convolution or linear layer of one unit (or of a whole member).

    Attributes:
        inputs: Input channels.
        out: Output channels.
        kernel: Side of the window in pixels; 0 for a linear layer.
        stride: Step of the window in pixels.
        padding: Zeros on every side in pixels.
        groups: Channel groups.
        bias: Whether it has a bias.
    """

    inputs: int
    out: int
    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1
    bias: bool = False

    @property
    def size(self) -> int:
        """The number of its weights."""
        return self.out * (self.inputs // self.groups) * max(self.kernel, 1) ** 2


@dataclass(frozen=True)
class Norm:
    """A batch norm over all channels: the numbers of its scale, shift and running statistics."""

    scale: int
    shift: int
    stats: int


@dataclass(frozen=True)
class WeightedLayers:
    """Many convolutions or linear layers side by side, then norm and activation.

    Attributes:
        geometries: Groups of equal layers as (count, geometry), in the order of their channels.
        weight: The number of the part that holds their weights, one layer after the other.
        bias: The number of the part that holds the biases of the layers that have one; None if no
            layer has a bias.
        norm: The norm over all output channels.
        act: The activation.
        table: The number of an int32 table [layers, 5]: first input channel, input channels, first
            output channel, output channels, first weight. It is set where one launch of the unit
            kernel may run all layers; their input channels then may lie in any order.
    """

    geometries: tuple[tuple[int, LayerGeometry], ...]
    weight: int
    bias: int | None
    norm: Norm | None
    act: str
    table: int | None = None


@dataclass(frozen=True)
class Gather:
    """Channels in another order: output channel i is input channel ``index[i]``.

    ``inverse`` is the table that gathers the gradient back; None if some channels are left out.
    """

    index: int
    inverse: int | None


@dataclass(frozen=True)
class Pooling:
    """Pooling by windows, ``max`` or ``avg``."""

    op: str
    kernel: int
    stride: int
    padding: int


@dataclass(frozen=True)
class PixelMean:
    """The mean over all pixels of each channel."""


@dataclass(frozen=True)
class PixelsToChannels:
    """Each pixel becomes a channel, the pixels of a channel in a row."""


@dataclass(frozen=True)
class Concatenate:
    """The outputs of several programs, one after the other.

    Program i takes the next ``widths[i]`` channels of the input; each takes all if that is None.
    """

    of: tuple[PackProgram, ...]
    widths: tuple[int, ...] | None


@dataclass(frozen=True)
class ResidualSum:
    """Body plus shortcut, then an activation; an empty shortcut is the identity."""

    body: PackProgram
    shortcut: PackProgram
    act: str


@dataclass(frozen=True)
class GateProduct:
    """The input times the output of the body, one factor for each image and channel."""

    body: PackProgram


Step: TypeAlias = (
    WeightedLayers
    | Gather
    | Pooling
    | PixelMean
    | PixelsToChannels
    | Concatenate
    | ResidualSum
    | GateProduct
)
PackProgram: TypeAlias = tuple[Step, ...]
