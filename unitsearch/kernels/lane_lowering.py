"""Lowering: from the layers of an architecture to operations, one case for each kind of layer."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypeGuard

from unitsearch.architecture import (
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
    kind_of,
)
from unitsearch.kernels import table_layout as t
from unitsearch.kernels.operations import (
    ACTS,
    add_block,
    add_maxima,
    add_pool,
    input_columns,
    output_columns,
    unsupported_error,
)
from unitsearch.kernels.program_builder import (
    ChannelRange,
    FeatureMap,
    Operation,
    ParameterOffsets,
    ProgramBuilder,
)
from unitsearch.shapes import Shape, after, after_all

NEAR_BYTES = 1 << 20  # size of the second cache: as many units run together as it holds maps of


@dataclass
class LaneLowering:
    """A walk over the layers that adds operations to ``builder``.

    Attributes:
        builder: The program in the making.
        register_bytes: The size of a register.
        keeps_maxima: Whether max poolings may store z, before norm and activation. Linear units
            that split the pixels of a channel can only read plain maps.
    """

    builder: ProgramBuilder
    register_bytes: int
    keeps_maxima: bool

    def sequence(self, layers: Layers, x: ChannelRange, name: str) -> ChannelRange:
        """Lower layers one after the other; return their output."""
        i = 0
        while i < len(layers):
            layer, *following = layers[i : i + 3]
            place = f"{name}.{i}"
            if isinstance(layer, Stack):
                if following and isinstance(following[0], Pool) and not x.is_flat:
                    # each unit's output is pooled while the nearest cache holds it
                    layer = _pooled(layer, following[0])
                    i += 1
                x = self.stack(layer, x, place)
            elif isinstance(layer, Conv) and following and self.is_kept(following[0]):
                x = self.pooled(layer, following[0], x, place)
                i += 1
            else:
                x = self.layer(layer, x, place)
            i += 1
        return x

    def is_kept(self, layer: Layer) -> TypeGuard[Pool]:
        """Return whether ``layer`` is a max pooling that may store z: see ``maxima``."""
        return (
            self.keeps_maxima
            and isinstance(layer, Pool)
            and layer.op == "max"
            and layer.padding == 0
            and layer.kernel**2 <= t.LARGEST_WINDOW
        )

    def pooled(self, conv: Conv, pool: Pool, x: ChannelRange, name: str) -> ChannelRange:
        """Lower a convolution and the max pooling behind it, which alone reads its output."""
        parameters = self.builder.add_parameters(conv, x.count, 1, name)
        shape = after(conv, x.shape)
        y = self.builder.map(*_image(after(pool, shape)))
        to = ChannelRange(y, 0, y.channels)
        z = self.unpooled(shape, 1, to)
        add_block(self.builder, conv, x, 1, x.count, z, parameters, x.map.use())
        return add_maxima(self.builder, pool, z, to)

    def unpooled(self, shape: Shape, count: int, to: ChannelRange) -> ChannelRange:
        """Return a new map whose maxima ``to`` will hold: both share their coefficients."""
        channels, height, width = _image(shape)
        z = self.builder.map(
            count * channels, height, width, has_gradient=False, coef=to.map.coef + to.first
        )
        return ChannelRange(z, 0, z.channels)

    def layer(self, layer: Layer, x: ChannelRange, name: str) -> ChannelRange:
        """Lower one layer."""
        match layer:
            case Conv() | Linear():
                inputs = x.count
                parameters = self.builder.add_parameters(layer, inputs, 1, name)
                shape = after(layer, x.shape)
                y = self.builder.map(*_image(shape))
                return add_block(
                    self.builder,
                    layer,
                    x,
                    1,
                    inputs,
                    ChannelRange(y, 0, y.channels),
                    parameters,
                    x.map.use(),
                )
            case Pool():
                shape = after(layer, x.shape)
                y = self.builder.map(*_image(shape))
                window = (layer.kernel, layer.kernel)
                return add_pool(
                    self.builder, layer, window, x, ChannelRange(y, 0, y.channels), x.map.use()
                )
            case GlobalPool():
                y = self.builder.map(x.count, 1, 1)
                pool = Pool(op="avg", kernel=1)
                window = (x.map.height, x.map.width)
                return add_pool(
                    self.builder, pool, window, x, ChannelRange(y, 0, y.channels), x.map.use()
                )
            case Flatten():
                if x.is_flat:
                    return x
                return ChannelRange(x.map, 0, x.map.block, is_flat=True)
            case Stack():
                return self.stack(layer, x, name)
            case Residual():
                return self.residual(layer, x, name)
            case Slbf() | Branches() | Gate() | Shuffle():
                raise unsupported_error(f"layers of the kind {kind_of(layer)}")

    def stack(self, stack: Stack, x: ChannelRange, name: str) -> ChannelRange:
        """Lower a stack: run after run of equal units, a few units together."""
        shape = after(stack, x.shape)
        y = self.builder.map(*_image(shape))
        acts = {_last_act(run.unit) for run in stack.units}
        if len(acts) > 1:
            raise unsupported_error("a stack whose units end in different activations")
        use = x.map.use()
        first_in = x.first
        first_out = 0
        for r, run in enumerate(stack.units):
            unit = run.unit
            parameters_of: list[ParameterOffsets | None] = []
            share = (unit.inputs, *x.shape[1:])
            shapes: list[Shape] = [share]
            for j, layer in enumerate(unit.layers):
                place = f"{name}.units.{r}.layers.{j}"
                if isinstance(layer, (Conv, Linear)):
                    parameters_of.append(
                        self.builder.add_parameters(layer, shapes[-1][0], run.count, place)
                    )
                elif isinstance(layer, Pool):
                    parameters_of.append(None)
                else:
                    raise unsupported_error(f"layers of the kind {kind_of(layer)}")
                shapes.append(after_all((layer,), shapes[-1]))
            each = self.units_together(run, shapes)
            for u in range(0, run.count, each):
                count = min(each, run.count - u)
                part = ChannelRange(
                    x.map, first_in + u * unit.inputs, count * unit.inputs, x.is_flat
                )
                self.units(
                    unit, u, count, parameters_of, shapes, part,
                    ChannelRange(y, first_out + u * unit.outputs, count * unit.outputs), use,
                )  # fmt: skip
            first_in += run.count * unit.inputs
            first_out += run.count * unit.outputs
        return ChannelRange(y, 0, y.channels, is_flat=len(shape) == 1)

    def units_together(self, run: Units, shapes: list[Shape]) -> int:
        """Return the number of units that run together: the second cache holds all their maps."""
        registers = sum(math.prod(shape) for shape in shapes) * self.builder.blocks
        bytes_of_maps = 2 * registers * self.register_bytes  # with their gradients
        return min(run.count, max(1, NEAR_BYTES // bytes_of_maps))

    def units(
        self, unit: Unit, u: int, count: int, parameters_of: list[ParameterOffsets | None],
        shapes: list[Shape], x: ChannelRange, y: ChannelRange, use: tuple[FeatureMap, int],
    ) -> None:  # fmt: skip
        """Lower ``count`` equal units, from the ``u``-th of their run on."""
        layers = unit.layers
        j = 0
        while j < len(layers):
            layer, inputs = layers[j], shapes[j][0]
            parameters, made_shape = parameters_of[j], shapes[j + 1]
            pool = layers[j + 1] if isinstance(layer, Conv) and j + 1 < len(layers) else None
            pool = pool if pool is not None and self.is_kept(pool) else None
            j += 1 if pool is None else 2
            if j < len(layers):
                channels, height, width = _image(shapes[j])
                feature_map = self.builder.map(count * channels, height, width, j)
                to = ChannelRange(feature_map, 0, feature_map.channels, is_flat=len(shapes[j]) == 1)
            else:
                to = y
            if isinstance(layer, (Conv, Linear)):
                assert parameters is not None
                size = math.prod(_weight_shape(layer, inputs))
                moved = parameters.past(u * layer.out, size // layer.out)
                z = to if pool is None else self.unpooled(made_shape, count, to)
                add_block(self.builder, layer, x, count, inputs, z, moved, use)
                if pool is not None:
                    add_maxima(self.builder, pool, z, to)
            else:
                assert isinstance(layer, Pool)
                add_pool(self.builder, layer, (layer.kernel, layer.kernel), x, to, use)
            x, use = to, to.map.use() if to is not y else use

    def residual(self, residual: Residual, x: ChannelRange, name: str) -> ChannelRange:
        """Lower body and shortcut, then their sum."""
        if x.is_flat or residual.act not in ACTS:
            raise unsupported_error(
                "flat residuals" if x.is_flat else f"the activation {residual.act}"
            )
        body = self.sequence(residual.body, x, f"{name}.body")
        side = self.sequence(residual.shortcut, x, f"{name}.shortcut") if residual.shortcut else x
        if body.is_flat:
            raise unsupported_error("flat residuals")
        y = self.builder.map(body.count, body.map.height, body.map.width)
        y.act = ACTS[residual.act]
        y.is_plain = y.act == 0
        row: t.OperationColumns = {
            "kind": t.ADD_MAPS, "count": body.count, "x_channel": y.pixels,
            "z": side.map.offset + side.first * y.pixels, "z_block": side.map.block,
            "z_coef": side.map.coef + side.first, "z_act": side.map.act,
            "zg": side.map.g, "zg_block": side.map.block,
            **input_columns(body), **output_columns(ChannelRange(y, 0, y.channels)),
        }  # fmt: skip
        self.builder.rows.append(Operation(row, y, t.ADD_MAPS_BACK, body.map.use(), side.map.use()))
        return ChannelRange(y, 0, y.channels)


def _weight_shape(layer: Conv | Linear, inputs: int) -> tuple[int, ...]:
    if isinstance(layer, Conv):
        return (layer.out, inputs // layer.groups, layer.kernel, layer.kernel)
    return (layer.out, inputs)


def _pooled(stack: Stack, pool: Pool) -> Stack:
    """Return a stack whose units end in ``pool``: pooling treats each channel alone."""
    units = tuple(
        Units(run.count, replace(run.unit, layers=(*run.unit.layers, pool))) for run in stack.units
    )
    return replace(stack, units=units)


def _last_act(unit: Unit) -> str:
    return unit.weighted[-1].act


def _image(shape: Shape) -> tuple[int, int, int]:
    return (shape[0], 1, 1) if len(shape) == 1 else (shape[0], shape[1], shape[2])
