"""What a program speaks of: maps and their views, parameters, taps; and where each of them lies."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from unitsearch.architecture import Conv, Linear
from unitsearch.kernels import table_layout as t
from unitsearch.kernels.tile_choice import Taps
from unitsearch.shapes import Shape


@dataclass(frozen=True)
class StateEntry:
    """One tensor of a network's state, and where its numbers lie."""

    name: str
    shape: tuple[int, ...]
    place: str  # "weights", "running" or "steps"
    at: int

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)


@dataclass(eq=False)
class FeatureMap:
    """What one operation leaves for the whole batch: [block][channel][y][x] registers.

    Attributes:
        at: Offset in registers.
        channels: How many.
        height: Rows.
        width: Columns.
        coef: The first channel's coefficients.
        act: Activation to be applied on reading.
        is_plain: Whether neither norm nor activation is left to be applied.
        g: Offset of its gradient; -1 if it has none.
        has_bias: Whether a bias wants the sum of its gradient.
        uses: How many layers read it.
        index: Offset of the places of its maxima; -1 if it has none.
    """

    at: int
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
        """Pixels of one channel."""
        return self.height * self.width

    @property
    def block(self) -> int:
        """Registers from one block of images to the next."""
        return self.channels * self.pixels

    def use(self) -> tuple[FeatureMap, int]:
        """Return a token of one more layer that reads it."""
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
        """What a layer sees."""
        return (self.count,) if self.is_flat else (self.count, self.map.height, self.map.width)


@dataclass
class Operation:
    """One operation.

    Attributes:
        values: Its columns.
        y: What it leaves.
        back: The kind of its way back, if it has one.
        x: The use that it makes of what it reads.
        z: Likewise of its second operand.
        pooled: The maxima that are kept of a convolution: its gradient is handed back there.
    """

    values: t.OperationColumns
    y: FeatureMap
    back: int | None = None
    x: tuple[FeatureMap, int] | None = None
    z: tuple[FeatureMap, int] | None = None
    pooled: ChannelRange | None = None


@dataclass(frozen=True)
class ParameterOffsets:
    """Where the parameters of a block lie."""

    weight: int
    bias: int = -1
    gamma: int = -1
    beta: int = -1
    mean: int = -1
    variance: int = -1

    def past(self, channels: int, size: int) -> ParameterOffsets:
        """Return where those of later channels lie, of ``size`` weights each."""
        rest = (self.bias, self.gamma, self.beta, self.mean, self.variance)
        moved = (at if at < 0 else at + channels for at in rest)
        return ParameterOffsets(self.weight + channels * size, *moved)


@dataclass
class ProgramBuilder:
    """The memory of a program in the making.

    Attributes:
        blocks: Blocks of images.
        rows: The operations so far.
        entries: The network's state so far.
        taps: All that were asked for, once each, and where they lie.
        phases: Likewise, rows of the table of phases.
        registers: Size of the workspace; ``weights``, ``running`` and ``coefs`` likewise.
        staged: Registers that an operation stages of its input at most.
        gradients: Likewise of its gradient.
        spare: Likewise of a gradient that is to be added.
        sums: Likewise of sums for each weight and lane.
        shared: Largest hidden gradient of each depth.
        hidden: Maps that share the memory of their gradients, with their depths.
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
        """Return the offset of so many registers more."""
        at = self.registers
        self.registers += registers
        return at

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
        """Return a new map; hidden ones of one depth share the memory of their gradients."""
        found = FeatureMap(0, channels, height, width, self.coefs if coef is None else coef)
        found.at = self.take(found.block * self.blocks)
        if coef is None:
            self.coefs += channels
        if not has_gradient:
            return found
        if depth is None:
            found.g = self.take(found.block * self.blocks)
        else:
            size = found.block * self.blocks
            self.shared[depth] = max(self.shared.get(depth, 0), size)
            self.hidden.append((found, depth))
        return found

    def entry(self, name: str, shape: tuple[int, ...], place: str) -> int:
        """Return where a new tensor of the network's state lies."""
        at = {"weights": self.weights, "running": self.running, "steps": 0}[place]
        found = StateEntry(name, shape, place, at)
        self.entries.append(found)
        if place == "weights":
            self.weights += found.size
        elif place == "running":
            self.running += found.size
        return at

    def hold(self, layer: Conv | Linear, inputs: int, count: int, name: str) -> ParameterOffsets:
        """Register the parameters of a block, in the order of the torch modules."""
        width = count * layer.out
        if isinstance(layer, Conv):
            shape: tuple[int, ...] = (width, inputs // layer.groups, layer.kernel, layer.kernel)
        else:
            shape = (width, inputs)
        held = ParameterOffsets(self.entry(f"{name}.weights.weight", shape, "weights"))
        if layer.bias:
            held = replace(held, bias=self.entry(f"{name}.weights.bias", (width,), "weights"))
        if layer.norm == "batch":
            held = replace(
                held,
                gamma=self.entry(f"{name}.norm.weight", (width,), "weights"),
                beta=self.entry(f"{name}.norm.bias", (width,), "weights"),
                mean=self.entry(f"{name}.norm.running_mean", (width,), "running"),
                variance=self.entry(f"{name}.norm.running_var", (width,), "running"),
            )
            self.entry(f"{name}.norm.num_batches_tracked", (), "steps")
        return held

    def taps_of(self, taps: Taps) -> int:
        """Return where these taps lie."""
        if taps not in self.taps:
            self.taps[taps] = self.tap_count
            self.tap_count += len(taps)
        return self.taps[taps]
