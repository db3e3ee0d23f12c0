"""A pack's program: what is done to the channels of all members together, as data. Knows no torch.

The maps of all members lie side by side in one tensor, [images, channels, height, width]; flat
features are channels of one pixel. A step names parameters, running statistics and index tables by
their number; ``Pack`` holds them. ``lowering`` makes programs, ``running`` runs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, order=True)
class LayerGeometry:
    """A convolution or linear layer of a unit (or of a whole member), without norm and activation.

    Attributes:
        inputs: Channels that it takes.
        out: Channels that it gives.
        kernel: Side of the window in pixels; 0 for a linear layer.
        stride: Step of the window in pixels.
        padding: Zeros on every side in pixels.
        groups: Channel groups.
        bias: Whether it adds one number per channel.
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
        """The numbers in its weights."""
        return self.out * (self.inputs // self.groups) * max(self.kernel, 1) ** 2


@dataclass(frozen=True)
class Norm:
    """A batch norm over all channels: numbers of its scale, its shift, its running statistics."""

    scale: int
    shift: int
    stats: int


@dataclass(frozen=True)
class WeightedLayers:
    """Many convolutions or linear layers side by side, then norm and activation.

    Attributes:
        geometries: How many of which kind, in the order of their channels.
        weight: Number of their weights, one after the other.
        bias: Number of the biases of those that have one; None if none has.
        norm: The norm over all output channels.
        act: The activation.
        table: Number of a table [layers, 5] of first input channel, inputs, first output channel,
            outputs, place of the weights; set where one kernel may run them all, and the input
            then need not be in order.
    """

    geometries: tuple[tuple[int, LayerGeometry], ...]
    weight: int
    bias: int | None
    norm: Norm | None
    act: str
    table: int | None = None


@dataclass(frozen=True)
class Gather:
    """Channels by number: ``index`` names them, ``inverse`` brings the gradient back.

    ``inverse`` is None where not all channels are taken.
    """

    index: int
    inverse: int | None


@dataclass(frozen=True)
class Pooling:
    """Pooling, ``max`` or ``avg``."""

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
    """Several programs, their outputs one after the other.

    Each takes the input's next ``widths`` channels; all of them take the same where that is None.
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
    """The input times what the body makes of it."""

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
