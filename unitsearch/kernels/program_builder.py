"""The parts of a program in the making: maps, parameters, taps, operations, and their offsets."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from unitsearch.architecture import Conv, Linear
from unitsearch.kernels import table_layout as t
from unitsearch.kernels.tile_choice import Taps
from unitsearch.shapes import Shape


@dataclass(frozen=True)
class StateEntry:
    """One tensor of a network's state, and its place in the lanes' buffers.

    Attributes:
        name: Its name in ``Network.state_dict()``.
        shape: Its shape.
        place: The buffer: ``weights``, ``running``, or ``steps`` for the count of batches.
        offset: The place of its first number in the buffer.
    """

    name: str
    shape: tuple[int, ...]
    place: str
    offset: int

    @property
    def size(self) -> int:
        """The number of its elements."""
        return math.prod(self.shape)


@dataclass(eq=False)
class FeatureMap:
    """The output of one operation for the whole batch: [block][channel][row][column] registers.

    Attributes:
        offset: Offset in the workspace, in registers.
        channels: The number of channels.
        height: The number of rows.
        width: The number of columns.
        coef: The number of the first channel's coefficients.
        act: The activation that a reader still has to apply.
        is_plain: Whether a reader has neither norm nor activation to apply.
        g: Offset of its gradient; -1 if it has none.
        has_bias: Whether a bias needs the sum of its gradient.
        uses: The number of layers that read it.
        index: Offset of the indices of its maxima; -1 if it has none.
    """

    offset: int
    channels: int
    height: int
    width: int
    coef: int
    act: int = 0
    is_plain: bool = True
    g: int = -1
    has_bias: bool = False
    uses: int = 0
    index: int = -1

    @property
    def pixels(self) -> int:
        """The pixels of one channel."""
        return self.height * self.width

    @property
    def block(self) -> int:
        """The registers from one block of images to the next."""
        return self.channels * self.pixels

    def use(self) -> tuple[FeatureMap, int]:
        """Count one more layer that reads the map; return the map and the number of this use."""
        self.uses += 1
        return self, self.uses


@dataclass(frozen=True)
class ChannelRange:
    """A range of a map's channels, or of its features where it is flat."""

    map: FeatureMap
    first: int
    count: int
    is_flat: bool = False

    @property
    def shape(self) -> Shape:
        """The shape that a layer reads."""
        return (self.count,) if self.is_flat else (self.count, self.map.height, self.map.width)


@dataclass
class Operation:
    """One operation of the forward pass.

    Attributes:
        values: Its columns in the table.
        y: The map that it writes.
        back: The kind of its backward operation; None if it has none.
        x: Its use of the map that it reads; None if no gradient is passed to that map.
        z: Its use of the second operand; None if it has none.
        pooled: The maxima of a convolution: the gradient of the convolution is read there.
    """

    values: t.OperationColumns
    y: FeatureMap
    back: int | None = None
    x: tuple[FeatureMap, int] | None = None
    z: tuple[FeatureMap, int] | None = None
    pooled: ChannelRange | None = None


@dataclass(frozen=True)
class ParameterOffsets:
    """The offsets of the parameters of units of one kind; -1 for those that they do not have."""

    weight: int
    bias: int = -1
    gamma: int = -1
    beta: int = -1
    mean: int = -1
    variance: int = -1

    def past(self, channels: int, size: int) -> ParameterOffsets:
        """Return the offsets for units that begin ``channels`` later, of ``size`` weights each."""
        rest = (self.bias, self.gamma, self.beta, self.mean, self.variance)
        moved = (offset if offset < 0 else offset + channels for offset in rest)
        return ParameterOffsets(self.weight + channels * size, *moved)


@dataclass
class ProgramBuilder:
    """A program in the making: the operations so far, and the sizes of all buffers.

    Attributes:
        blocks: The number of blocks of images.
        rows: The operations of the forward pass so far.
        entries: The tensors of the network's state so far.
        taps: All lists of taps, each held once, with the place of its first tap.
        tap_count: The number of taps in all lists.
        phases: The rows of the table of phases.
        registers: The size of the workspace so far, in registers.
        weights: The number of parameters so far.
        running: The number of running statistics so far.
        coefs: The number of channels with coefficients so far.
        staged: The most registers that an operation needs for its staged input.
        gradients: The most registers that an operation needs for its staged gradient.
        spare: The most registers that an operation needs for a gradient before it is added.
        sums: The most registers that an operation needs for sums of weight gradients.
        shared: The registers of the largest hidden gradient at each depth of a unit.
        hidden: The maps inside units, whose gradients share memory, with their depths.
    """

    blocks: int
    rows: list[Operation] = field(default_factory=list)
    entries: list[StateEntry] = field(default_factory=list)
    taps: dict[Taps, int] = field(default_factory=dict)
    tap_count: int = 0
    phases: list[tuple[int, ...]] = field(default_factory=list)
    registers: int = 0
    weights: int = 0
    running: int = 0
    coefs: int = 0
    staged: int = 1
    gradients: int = 1
    spare: int = 1
    sums: int = 1
    shared: dict[int, int] = field(default_factory=dict)
    hidden: list[tuple[FeatureMap, int]] = field(default_factory=list)

    def take(self, registers: int) -> int:
        """Reserve registers of the workspace; return the offset of the first."""
        offset = self.registers
        self.registers += registers
        return offset

    def map(
        self,
        channels: int,
        height: int,
        width: int,
        depth: int | None = None,
        *,
        has_gradient: bool = True,
        coef: int | None = None,
    ) -> FeatureMap:
        """Return a new map.

        Args:
            channels: The number of channels.
            height: The number of rows.
            width: The number of columns.
            depth: The depth in a unit of a hidden map: the gradients of all hidden maps of one
                depth share memory, as units are run one after the other.
            has_gradient: Whether the map has a gradient.
            coef: The number of its first coefficients, if another map has made them.
        """
        feature_map = FeatureMap(0, channels, height, width, self.coefs if coef is None else coef)
        feature_map.offset = self.take(feature_map.block * self.blocks)
        if coef is None:
            self.coefs += channels
        if not has_gradient:
            return feature_map
        if depth is None:
            feature_map.g = self.take(feature_map.block * self.blocks)
        else:
            size = feature_map.block * self.blocks
            self.shared[depth] = max(self.shared.get(depth, 0), size)
            self.hidden.append((feature_map, depth))
        return feature_map

    def entry(self, name: str, shape: tuple[int, ...], place: str) -> int:
        """Add a tensor to the network's state; return its offset."""
        offset = {"weights": self.weights, "running": self.running, "steps": 0}[place]
        entry = StateEntry(name, shape, place, offset)
        self.entries.append(entry)
        if place == "weights":
            self.weights += entry.size
        elif place == "running":
            self.running += entry.size
        return offset

    def add_parameters(
        self, layer: Conv | Linear, inputs: int, count: int, name: str
    ) -> ParameterOffsets:
        """Add the parameters of ``count`` equal layers, in the order of the torch modules."""
        width = count * layer.out
        if isinstance(layer, Conv):
            shape: tuple[int, ...] = (width, inputs // layer.groups, layer.kernel, layer.kernel)
        else:
            shape = (width, inputs)
        parameters = ParameterOffsets(self.entry(f"{name}.weights.weight", shape, "weights"))
        if layer.bias:
            parameters = replace(
                parameters, bias=self.entry(f"{name}.weights.bias", (width,), "weights")
            )
        if layer.norm == "batch":
            parameters = replace(
                parameters,
                gamma=self.entry(f"{name}.norm.weight", (width,), "weights"),
                beta=self.entry(f"{name}.norm.bias", (width,), "weights"),
                mean=self.entry(f"{name}.norm.running_mean", (width,), "running"),
                variance=self.entry(f"{name}.norm.running_var", (width,), "running"),
            )
            self.entry(f"{name}.norm.num_batches_tracked", (), "steps")
        return parameters

    def taps_of(self, taps: Taps) -> int:
        """Return the place of the first of these taps; add them if they are new."""
        if taps not in self.taps:
            self.taps[taps] = self.tap_count
            self.tap_count += len(taps)
        return self.taps[taps]
