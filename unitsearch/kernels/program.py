"""From an architecture to a table of operations: buffers, parameters, rows. Plain Python."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

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
    Unit,
    Units,
    canonical,
    kind_of,
)
from unitsearch.errors import UsageError
from unitsearch.kernels import choosing
from unitsearch.kernels import table as t
from unitsearch.shapes import Shape, after, after_all, output

ACTS = {"none": 0, "relu": 1, "relu6": 2}
NEAR_BYTES = 1 << 20  # what the second cache holds of a few units: they are worked through together


@dataclass(frozen=True)
class Entry:
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
class Map:
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

    def use(self) -> tuple[Map, int]:
        """Return a token of one more layer that reads it."""
        self.uses += 1
        return self, self.uses


@dataclass(frozen=True)
class View:
    """A range of a map's channels, or of its features where it is flat."""

    map: Map
    first: int
    count: int
    is_flat: bool = False


@dataclass
class Row:
    """One operation; the kind of its way back, and which uses it makes of what it reads."""

    values: dict[int, int]
    back: int | None
    x: tuple[Map, int] | None = None
    z: tuple[Map, int] | None = None


@dataclass(frozen=True)
class Held:
    """Where the parameters of a block lie."""

    weight: int
    bias: int = -1
    gamma: int = -1
    beta: int = -1
    mean: int = -1
    variance: int = -1

    def past(self, channels: int, size: int) -> Held:
        """Return where those of later channels lie, of ``size`` weights each."""
        rest = (self.bias, self.gamma, self.beta, self.mean, self.variance)
        moved = (at if at < 0 else at + channels for at in rest)
        return Held(self.weight + channels * size, *moved)


@dataclass(frozen=True)
class Source:
    """A convolution of the images whose channels a stack takes."""

    conv: Conv
    x: View
    held: Held


@dataclass(frozen=True, eq=False)
class Program:
    """A table of operations and all that it speaks of.

    Attributes:
        forward: int64 [operations, ROW], without the loss.
        loss: Its row.
        backward: Likewise, in the order of the way back.
        taps: int32 [taps, 2].
        phases: int64 [phases, PHASE].
        entries: The network's state, in order.
        weights: How many parameters.
        running: How many running statistics.
        coefs: How many channels have coefficients.
        registers: Size of the workspace.
        numbers: Offsets in it: the numbers from 0 on, the accumulators, the spare plane.
        accumulators: Likewise.
        spare: Likewise.
        classes: Logits of an image.
        blocks: Blocks of images.
    """

    forward: NDArray[np.int64]
    loss: NDArray[np.int64]
    backward: NDArray[np.int64]
    taps: NDArray[np.int32]
    phases: NDArray[np.int64]
    entries: tuple[Entry, ...]
    weights: int
    running: int
    coefs: int
    registers: int
    numbers: int
    accumulators: int
    spare: int
    classes: int
    blocks: int


def unsupported(architecture: Architecture) -> str:
    """Return why lanes cannot run ``architecture``: one sentence, or nothing if they can."""
    try:
        lower(architecture, 1, 16, 64)
    except UsageError as error:
        return error.message
    return ""


def lower(architecture: Architecture, blocks: int, lanes: int, register_bytes: int) -> Program:
    """Return the program of ``architecture`` for a batch of some blocks of ``lanes`` images.

    Raises:
        UsageError: If there is something in it that lanes cannot run.
        ShapeError: If a layer cannot take what enters it.
    """
    output(architecture)
    return _Lowering(blocks, lanes, register_bytes).program(canonical(architecture))


def _refuse(what: str) -> UsageError:
    return UsageError(f"lanes do not run {what}")


@dataclass
class _Lowering:
    blocks: int
    lanes: int
    register_bytes: int
    rows: list[Row] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    taps: list[choosing.Taps] = field(default_factory=list)
    tap_at: dict[choosing.Taps, int] = field(default_factory=dict)
    tap_count: int = 0
    phases: list[tuple[int, ...]] = field(default_factory=list)
    registers: int = 0
    weights: int = 0
    running: int = 0
    coefs: int = 0
    staged: int = 1
    gradients: int = 1
    spare: int = 1
    shared: dict[int, int] = field(default_factory=dict)  # largest hidden gradient by depth
    hidden: list[tuple[Map, int]] = field(default_factory=list)

    # Memory.

    def take(self, registers: int) -> int:
        at = self.registers
        self.registers += registers
        return at

    def map(self, channels: int, height: int, width: int, depth: int | None = None) -> Map:
        """Return a new map; hidden ones of one depth share the memory of their gradients."""
        found = Map(0, channels, height, width, self.coefs)
        found.at = self.take(found.block * self.blocks)
        self.coefs += channels
        if depth is None:
            found.g = self.take(found.block * self.blocks)
        else:
            size = found.block * self.blocks
            self.shared[depth] = max(self.shared.get(depth, 0), size)
            self.hidden.append((found, depth))
        return found

    def entry(self, name: str, shape: tuple[int, ...], place: str) -> int:
        at = {"weights": self.weights, "running": self.running, "steps": 0}[place]
        found = Entry(name, shape, place, at)
        self.entries.append(found)
        if place == "weights":
            self.weights += found.size
        elif place == "running":
            self.running += found.size
        return at

    def hold(self, layer: Conv | Linear, inputs: int, count: int, name: str) -> Held:
        """Register the parameters of a block, in the order of the torch modules."""
        width = count * layer.out
        if isinstance(layer, Conv):
            shape: tuple[int, ...] = (width, inputs // layer.groups, layer.kernel, layer.kernel)
        else:
            shape = (width, inputs)
        held = Held(self.entry(f"{name}.weights.weight", shape, "weights"))
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

    def taps_of(self, taps: choosing.Taps) -> int:
        """Return where these taps lie."""
        if taps not in self.tap_at:
            self.tap_at[taps] = self.tap_count
            self.taps.append(taps)
            self.tap_count += len(taps)
        return self.tap_at[taps]

    # Layers.

    def sequence(self, layers: Layers, x: View, name: str) -> View:
        i = 0
        while i < len(layers):
            layer, *following = layers[i : i + 3]
            place = f"{name}.{i}"
            source = None
            if isinstance(layer, Conv) and self.is_image(x) and layer.groups == 1:
                # a convolution of the images is made by and by, as the units behind it want it
                if following and isinstance(following[0], Stack):
                    source = Source(layer, x, self.hold(layer, x.count, 1, place))
                    _, height, width = _image(after(layer, _shape(x)))
                    x = View(Map(0, layer.out, height, width, 0), 0, layer.out)
                    layer, *following = following
                    i += 1
                    place = f"{name}.{i}"
            if isinstance(layer, Stack):
                if following and isinstance(following[0], Pool) and not x.is_flat:
                    # each unit's share is pooled while the near cache holds it
                    layer = _pooled(layer, following[0])
                    i += 1
                x = self.stack(layer, x, place, source)
            else:
                x = self.layer(layer, x, place)
            i += 1
        return x

    @staticmethod
    def is_image(x: View) -> bool:
        """Say whether ``x`` are the images, of which no gradient is wanted."""
        return x.map.coef == 0 and x.map.g < 0 and not x.is_flat

    def layer(self, layer: Layer, x: View, name: str) -> View:
        match layer:
            case Conv() | Linear():
                inputs = x.count
                held = self.hold(layer, inputs, 1, name)
                shape = after(layer, _shape(x))
                y = self.map(*_image(shape))
                return self.block(layer, x, 1, inputs, View(y, 0, y.channels), held, x.map.use())
            case Pool():
                shape = after(layer, _shape(x))
                y = self.map(*_image(shape))
                window = (layer.kernel, layer.kernel)
                return self.pool(layer, window, x, View(y, 0, y.channels), x.map.use())
            case GlobalPool():
                y = self.map(x.count, 1, 1)
                pool = Pool(op="avg", kernel=1)
                window = (x.map.height, x.map.width)
                return self.pool(pool, window, x, View(y, 0, y.channels), x.map.use())
            case Flatten():
                if x.is_flat:
                    return x
                return View(x.map, 0, x.map.block, is_flat=True)
            case Stack():
                return self.stack(layer, x, name, None)
            case Residual():
                return self.residual(layer, x, name)
            case Slbf() | Branches() | Gate() | Shuffle():
                raise _refuse(f"layers of the kind {kind_of(layer)}")

    def stack(self, stack: Stack, x: View, name: str, source: Source | None) -> View:
        """Lower a stack, a few units after another; their input is made then if it has a source."""
        shape = after(stack, _shape(x))
        y = self.map(*_image(shape))
        acts = {_act_left(run.unit) for run in stack.units}
        if len(acts) > 1:
            raise _refuse("a stack whose units end in different activations")
        use = x.map.use() if source is None else source.x.map.use()
        first_in = x.first
        first_out = 0
        for r, run in enumerate(stack.units):
            unit = run.unit
            helds: list[Held | None] = []
            share = (unit.inputs, *_shape(x)[1:])
            shapes: list[Shape] = [share]
            for j, layer in enumerate(unit.layers):
                place = f"{name}.units.{r}.layers.{j}"
                if isinstance(layer, (Conv, Linear)):
                    helds.append(self.hold(layer, shapes[-1][0], run.count, place))
                elif isinstance(layer, Pool):
                    helds.append(None)
                else:
                    raise _refuse(f"layers of the kind {kind_of(layer)}")
                shapes.append(after_all((layer,), shapes[-1]))
            each = self.together(run, shapes)
            for u in range(0, run.count, each):
                count = min(each, run.count - u)
                part = View(x.map, first_in + u * unit.inputs, count * unit.inputs, x.is_flat)
                part_use = use
                if source is not None:
                    part = self.share_of(source, part, use)
                    part_use = part.map.use()
                self.units(
                    unit, u, count, helds, shapes, part,
                    View(y, first_out + u * unit.outputs, count * unit.outputs), part_use,
                )  # fmt: skip
            first_in += run.count * unit.inputs
            first_out += run.count * unit.outputs
        return View(y, 0, y.channels, is_flat=len(shape) == 1)

    def share_of(self, source: Source, part: View, use: tuple[Map, int]) -> View:
        """Lower the part of a convolution of the images that makes some of its channels."""
        conv, inputs = replace(source.conv, out=part.count), source.x.count
        made = self.map(part.count, part.map.height, part.map.width, -1)
        size = math.prod(self._weight_shape(source.conv, inputs)[1:])
        held = source.held.past(part.first, size)
        return self.block(conv, source.x, 1, inputs, View(made, 0, part.count), held, use)

    def together(self, run: Units, shapes: list[Shape]) -> int:
        """Return how many units are worked through together: what the second cache holds."""
        bytes_ = sum(math.prod(shape) for shape in shapes) * self.blocks * self.register_bytes
        return min(run.count, max(1, NEAR_BYTES // (2 * bytes_)))

    def units(
        self, unit: Unit, u: int, count: int, helds: list[Held | None], shapes: list[Shape],
        x: View, y: View, use: tuple[Map, int],
    ) -> None:  # fmt: skip
        """Lower ``count`` equal units from the ``u``-th of their run on."""
        for j, layer in enumerate(unit.layers):
            inputs = shapes[j][0]
            if j + 1 < len(unit.layers):
                channels, height, width = _image(shapes[j + 1])
                made = self.map(count * channels, height, width, j)
                to = View(made, 0, made.channels, is_flat=len(shapes[j + 1]) == 1)
            else:
                to = y
            held = helds[j]
            if isinstance(layer, (Conv, Linear)):
                assert held is not None
                size = math.prod(self._weight_shape(layer, inputs))
                moved = held.past(u * layer.out, size // layer.out)
                self.block(layer, x, count, inputs, to, moved, use)
            else:
                assert isinstance(layer, Pool)
                self.pool(layer, (layer.kernel, layer.kernel), x, to, use)
            x, use = to, to.map.use() if to is not y else use

    @staticmethod
    def _weight_shape(layer: Conv | Linear, inputs: int) -> tuple[int, ...]:
        if isinstance(layer, Conv):
            return (layer.out, inputs // layer.groups, layer.kernel, layer.kernel)
        return (layer.out, inputs)

    def residual(self, residual: Residual, x: View, name: str) -> View:
        if x.is_flat or residual.act not in ACTS:
            raise _refuse(
                "flat residuals" if x.is_flat else f"the activation {residual.act}"
            )
        body = self.sequence(residual.body, x, f"{name}.body")
        side = self.sequence(residual.shortcut, x, f"{name}.shortcut") if residual.shortcut else x
        if body.is_flat:
            raise _refuse("flat residuals")
        y = self.map(body.count, body.map.height, body.map.width)
        y.act = ACTS[residual.act]
        y.is_plain = y.act == 0
        row = {
            t.KIND: t.TOTAL, t.COUNT: body.count, t.X_CHANNEL: y.pixels,
            t.Z: side.map.at + side.first * y.pixels, t.Z_BLOCK: side.map.block,
            t.Z_COEF: side.map.coef + side.first, t.Z_ACT: side.map.act,
            t.ZG: side.map.g, t.ZG_BLOCK: side.map.block,
            **self._x(body), **self._y(View(y, 0, y.channels)),
        }  # fmt: skip
        self.rows.append(Row(row, t.TOTAL_BACK, body.map.use(), side.map.use()))
        return View(y, 0, y.channels)

    def _x(self, x: View) -> dict[int, int]:
        m = x.map
        return {
            t.X: m.at + x.first * m.pixels, t.X_BLOCK: m.block, t.X_CHANNEL: m.pixels,
            t.X_COEF: m.coef + x.first, t.X_ACT: m.act, t.X_HEIGHT: m.height, t.X_WIDTH: m.width,
            t.XG: m.g if m.g < 0 else m.g + x.first * m.pixels, t.XG_BLOCK: m.block,
        }  # fmt: skip

    def _y(self, y: View) -> dict[int, int]:
        m = y.map
        return {
            t.Y: m.at + y.first * m.pixels, t.Y_BLOCK: m.block, t.Y_CHANNEL: m.pixels,
            t.Y_COEF: m.coef + y.first, t.Y_ACT: m.act, t.Y_HEIGHT: m.height, t.Y_WIDTH: m.width,
            t.G: m.g if m.g < 0 else m.g + y.first * m.pixels, t.G_BLOCK: m.block,
        }  # fmt: skip

    def pool(
        self, pool: Pool, window: tuple[int, int], x: View, y: View, use: tuple[Map, int]
    ) -> View:
        if math.prod(window) > t.LARGEST_WINDOW and pool.op == "max":
            raise _refuse("maxima over more than 225 pixels")
        m = x.map
        side = pool.padding
        row = {
            t.KIND: t.POOL, t.COUNT: x.count, t.KERNEL: window[0], t.KERNEL_WIDTH: window[1],
            t.STRIDE: pool.step, t.PADDING: side, t.OPERATOR: 0 if pool.op == "max" else 1,
            t.S_ROW: m.width + 2 * side,
            **self._x(x), **self._y(y),
        }  # fmt: skip
        if pool.op == "max":
            if y.map.index < 0:
                y.map.index = self.take(y.map.block * self.blocks)
            row[t.INDEX] = y.map.index + y.first * y.map.pixels
        self.staged = max(self.staged, (m.height + 2 * side) * (m.width + 2 * side))
        self.spare = max(self.spare, m.pixels)
        self.rows.append(Row(row, t.POOL_BACK, use))
        return y

    def block(
        self, layer: Conv | Linear, x: View, count: int, inputs: int, y: View, held: Held,
        use: tuple[Map, int],
    ) -> View:  # fmt: skip
        """Lower ``count`` equal layers side by side."""
        if layer.act not in ACTS:
            raise _refuse(f"the activation {layer.act}")
        has_norm = layer.norm == "batch"
        y.map.act = ACTS[layer.act]
        y.map.is_plain = y.map.is_plain and not has_norm and y.map.act == 0
        y.map.has_bias = y.map.has_bias or layer.bias
        row = {
            t.NORM: int(has_norm), t.WEIGHT: held.weight, t.BIAS: held.bias, t.GAMMA: held.gamma,
            t.BETA: held.beta, t.MEAN: held.mean, t.VARIANCE: held.variance,
        }  # fmt: skip
        if isinstance(layer, Linear):
            row |= self._linear(layer, x, count, inputs, y)
            back = t.LINEAR_BACK
        else:
            row |= self._convolution(layer, x, count, inputs, y)
            back = t.CONVOLUTION_BACK
        self.rows.append(Row(row, back, use))
        return replace(y, is_flat=isinstance(layer, Linear))

    def _convolution(
        self, conv: Conv, x: View, count: int, inputs: int, y: View
    ) -> dict[int, int]:
        k, stride, side = conv.kernel, conv.stride, conv.margin
        if side >= k and k > 1 or (k == 1 and side):
            raise _refuse("padding as wide as the kernel")
        count, inputs, outputs = count * conv.groups, inputs // conv.groups, conv.out // conv.groups
        m, n = x.map, y.map
        row = {
            t.KIND: t.CONVOLUTION, t.COUNT: count, t.INPUTS: inputs, t.OUTPUTS: outputs,
            t.KERNEL: k, t.STRIDE: stride, t.PADDING: side, **self._x(x), **self._y(y),
        }  # fmt: skip
        is_direct = m.is_plain and side == 0
        s_row = m.width + 2 * side
        s_channel = m.pixels if is_direct else s_row * (m.height + 2 * side)
        taps = choosing.forward_taps(inputs, k, s_channel, s_row)
        size = choosing.output_size(
            outputs, n.height, n.width, len(taps), is_spaced=stride != 1
        )
        weight = choosing.weight_size(outputs, inputs, k)
        row |= {
            t.IS_DIRECT: int(is_direct), t.S_ROW: s_row, t.S_CHANNEL: s_channel,
            t.TAPS: self.taps_of(taps), t.TAP_COUNT: len(taps),
            t.TILE_CHANNELS: size[0], t.TILE_ROWS: size[1], t.TILE_COLUMNS: size[2],
            t.WEIGHT_OUTPUTS: weight[0], t.WEIGHT_ROWS: weight[1], t.WEIGHT_COLUMNS: weight[2],
        }  # fmt: skip
        self.staged = max(self.staged, inputs * s_channel)
        return row

    def _backward(self, row: dict[int, int]) -> None:
        """Settle how a convolution's gradients are staged, once it is known which are wanted."""
        k, stride, side = row[t.KERNEL], row[t.STRIDE], row[t.PADDING]
        inputs, outputs = row[t.INPUTS], row[t.OUTPUTS]
        height, width = row[t.X_HEIGHT], row[t.X_WIDTH]
        y_height, y_width = row[t.Y_HEIGHT], row[t.Y_WIDTH]
        low = high = 0
        if row[t.XG] >= 0:
            low, high = choosing.reach(height, y_height, k, stride, side)
            low_2, high_2 = choosing.reach(width, y_width, k, stride, side)
            low, high = max(low, low_2), max(high, high_2)
        is_direct = not row[t.NORM] and low == high == 0
        d_row = y_width + low + high
        d_channel = y_width * y_height if is_direct else d_row * (y_height + low + high)
        row |= {
            t.IS_DIRECT_BACK: int(is_direct), t.D_ROW: d_row, t.D_CHANNEL: d_channel,
            t.D_LOW: low, t.D_HIGH: high, t.PHASES: len(self.phases), t.PHASE_COUNT: 0,
        }  # fmt: skip
        self.gradients = max(self.gradients, outputs * d_channel)
        if row[t.XG] < 0:
            return
        self.spare = max(self.spare, inputs * height * width)
        phases = choosing.backward_phases(
            outputs, inputs, height, width, k, stride, side, d_channel, d_row
        )
        row[t.PHASE_COUNT] = len(phases)
        for taps, *rest in phases:
            self.phases.append((self.taps_of(taps), len(taps), *rest))
        taps, _, _, rows, columns = phases[0]
        size = choosing.output_size(inputs, rows, columns, len(taps), is_spaced=False)
        row |= {t.BACK_CHANNELS: size[0], t.BACK_ROWS: size[1], t.BACK_COLUMNS: size[2]}

    def _linear(
        self, linear: Linear, x: View, count: int, inputs: int, y: View
    ) -> dict[int, int]:
        m, features = x.map, count * inputs
        share = m.pixels
        coef, rest = divmod(x.first, share)
        row = {
            t.KIND: t.LINEAR, t.COUNT: count, t.INPUTS: inputs, t.OUTPUTS: linear.out,
            **self._x(x), **self._y(y),
        }  # fmt: skip
        if rest or features % share:
            if not m.is_plain or m.has_bias:
                raise _refuse("linear units that cut the pixels of a channel apart")
            share = math.gcd(x.first, features)
            coef = 0  # all are 1 and 0
            assert m.block >= features
        row |= {t.X: m.at + x.first, t.X_COEF: m.coef + coef, t.X_SHARE: share}
        if m.g >= 0:
            row[t.XG] = m.g + x.first
        forward = choosing.forward_taps(inputs, 1, self.blocks, 0)
        back = tuple((o * self.blocks, o * inputs) for o in range(linear.out))
        size = choosing.output_size(linear.out, 1, self.blocks, inputs, is_spaced=False)
        back_size = choosing.output_size(inputs, 1, self.blocks, linear.out, is_spaced=False)
        weight = choosing.weight_size(linear.out, inputs, 1)
        row |= {
            t.TAPS: self.taps_of(forward), t.TAP_COUNT: inputs, t.PHASES: self.taps_of(back),
            t.TILE_CHANNELS: size[0], t.TILE_ROWS: 1, t.TILE_COLUMNS: size[2],
            t.BACK_CHANNELS: back_size[0], t.BACK_ROWS: 1, t.BACK_COLUMNS: back_size[2],
            t.WEIGHT_OUTPUTS: weight[0], t.WEIGHT_ROWS: weight[1], t.WEIGHT_COLUMNS: 1,
        }  # fmt: skip
        self.staged = max(self.staged, features * self.blocks)
        self.gradients = max(self.gradients, count * linear.out * self.blocks)
        self.spare = max(self.spare, features * self.blocks)
        return row

    # All together.

    def program(self, architecture: Architecture) -> Program:
        channels, height, width = architecture.input
        enter = self.map(channels, height, width)
        self.registers -= enter.block * self.blocks  # its gradient is not wanted
        enter.g = -1
        self.rows.append(
            Row({t.KIND: t.ENTER, t.INPUTS: self.lanes, t.OUTPUTS: channels,
                 **self._y(View(enter, 0, channels))}, None)
        )  # fmt: skip
        x = self.sequence(architecture.layers, View(enter, 0, channels), "layers")
        if not x.is_flat or x.map.pixels != 1 or x.map is enter:
            raise _refuse("networks that do not end in a linear layer")
        loss = Row({t.KIND: t.LOSS, t.INPUTS: self.lanes, t.OUTPUTS: x.count, **self._x(x)}, None)
        loss.x = x.map.use()
        at = {depth: self.take(size) for depth, size in self.shared.items()}
        for made, depth in self.hidden:
            made.g = at[depth]
        self._hand_gradients_on([loss, *reversed(self.rows)])
        for row in self.rows:
            if row.values[t.KIND] == t.CONVOLUTION:
                self._backward(row.values)
        staged, gradients = self.take(self.staged), self.take(self.gradients)
        for row in self.rows:
            row.values[t.S], row.values[t.D] = staged, gradients
        forward = self._table([row.values for row in self.rows])
        backward = self._table(
            [
                row.values | {t.KIND: row.back}
                for row in reversed(self.rows)
                if row.back is not None and not (row.back == t.POOL_BACK and row.values[t.XG] < 0)
            ]
        )
        taps = np.array([tap for some in self.taps for tap in some], np.int32).reshape(-1, 2)
        phases = np.array(self.phases, np.int64).reshape(-1, t.PHASE)
        spare, numbers = self.take(self.spare), self.take(t.LARGEST_WINDOW + 1)
        accumulators = self.take(64)
        return Program(
            forward=forward, loss=self._table([loss.values])[0], backward=backward,
            taps=taps, phases=phases, entries=tuple(self.entries), weights=self.weights,
            running=self.running, coefs=self.coefs, registers=self.registers, numbers=numbers,
            accumulators=accumulators, spare=spare, classes=x.count, blocks=self.blocks,
        )  # fmt: skip

    def _hand_gradients_on(self, back: list[Row]) -> None:
        """Fill in gradients' places, and who stores, adds and finishes, in the way back's order."""
        order: dict[int, list[int]] = {}
        for row in back:
            for use in (row.z, row.x):
                if use is not None and use[1] not in order.setdefault(id(use[0]), []):
                    order[id(use[0])].append(use[1])
        for row in back:
            values = row.values
            for use, mode, place, like in (
                (row.x, t.XG_MODE, t.XG, t.X), (row.z, t.ZG_MODE, t.ZG, t.Z),
            ):  # fmt: skip
                if use is None:
                    continue
                made, number = use
                if made.g < 0:
                    values[place] = -1
                    continue
                values[place] = made.g + values[like] - made.at
                uses = order[id(made)]
                values[mode] = 0 if number == uses[0] else t.ADD
                if number == uses[-1] and (not made.is_plain or made.has_bias):
                    values[mode] |= t.FINISH
        made_by = {id(m): m for m, _ in self.hidden}
        for m in made_by.values():
            for row in self.rows:
                y = row.values.get(t.Y, -1)
                if m.at <= y < m.at + m.block * self.blocks:
                    row.values[t.G] = m.g + y - m.at

    def _table(self, rows: list[Any]) -> NDArray[np.int64]:
        found = np.zeros((len(rows), t.ROW), np.int64)
        for i, row in enumerate(rows):
            row = {t.BLOCKS: self.blocks} | row
            found[i, list(row)] = list(row.values())
        return found


def _pooled(stack: Stack, pool: Pool) -> Stack:
    """Return a stack whose units end in ``pool``: pooling knows no neighbours."""
    units = tuple(
        Units(run.count, replace(run.unit, layers=(*run.unit.layers, pool))) for run in stack.units
    )
    return replace(stack, units=units)


def _act_left(unit: Unit) -> str:
    return unit.weighted[-1].act


def _shape(x: View) -> Shape:
    return (x.count,) if x.is_flat else (x.count, x.map.height, x.map.width)


def _image(shape: Shape) -> tuple[int, int, int]:
    return (shape[0], 1, 1) if len(shape) == 1 else (shape[0], shape[1], shape[2])
