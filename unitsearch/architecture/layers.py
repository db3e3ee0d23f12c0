"""The closed set of layer kinds: frozen data, no weights, no torch, no behaviour.

Composite layers are sequences of layers, and nothing else nests, so that every fold over an
architecture (shape, cost, network) is a short recursion. To add a kind: a class here with its name
in ``KINDS``, and one function in each fold; the type checker names a fold that forgot it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

from unitsearch.errors import SpecError
from unitsearch.fields import Flag, ListOf, Maybe, OneOf, Real, Schema, Text, Whole, setting

# Bounds that hold before anything is allocated: a file cannot ask for more than a machine has.
MAX_WIDTH = 65_536
MAX_KERNEL = 255
MAX_LAYERS = 2_000
MAX_DEPTH = 8
MAX_SIDE = 4_096

ACTIVATIONS = ("relu", "relu6", "silu", "sigmoid", "none")

_width = Whole(1, MAX_WIDTH)
_kernel = Whole(1, MAX_KERNEL)
_name = Maybe(Text(200))


@dataclass(frozen=True)
class Padding:
    """``same`` (half the kernel, which must be odd) or a number of pixels on every side."""

    expected: ClassVar[str] = "'same' or a whole number of pixels"

    def read(self, value: Any, place: str) -> str | int:
        """Return the padding as the file says it."""
        if value == "same":
            return "same"
        try:
            return Whole(0, MAX_KERNEL).read(value, place)
        except SpecError:
            raise SpecError(place=place, found=value, expected=self.expected) from None

    def write(self, value: str | int) -> str | int:
        """Return the padding as plain data."""
        return value

    def schema(self) -> Schema:
        """Return the JSON Schema of a padding."""
        return {"anyOf": [{"const": "same"}, Whole(0, MAX_KERNEL).schema()]}


@dataclass(frozen=True, kw_only=True)
class Conv:
    """A square 2-D convolution, then batch norm and activation where they are asked for.

    Attributes:
        out: Output channels.
        kernel: Side of the window in pixels.
        stride: Step of the window in pixels.
        padding: Zeros on every side in pixels; ``same`` keeps the size at stride 1. A ``same`` that
            equals a number of pixels is that number, so that one network has one key.
        groups: Channel groups; as many as input channels make it depth-wise.
        bias: Whether the convolution adds one number per channel.
        norm: ``batch`` or ``none``.
        act: Activation after the norm.

    Raises:
        SpecError: If ``padding`` is ``same`` and ``kernel`` is even, or ``groups`` does not divide
            ``out``.
    """

    out: int = setting(_width)
    kernel: int = setting(_kernel, 3)
    stride: int = setting(_kernel, 1)
    padding: str | int = setting(Padding(), "same")
    groups: int = setting(_width, 1)
    bias: bool = setting(Flag(), False)
    norm: str = setting(OneOf(("batch", "none")), "batch")
    act: str = setting(OneOf(ACTIVATIONS), "relu")
    name: str | None = setting(_name, None, compare=False)

    def __post_init__(self) -> None:
        """Check what concerns two fields, and give one padding one spelling."""
        if self.padding == "same" and self.kernel % 2 == 0:
            near = f"try {max(1, self.kernel - 1)} or {self.kernel + 1}"
            expected = "an odd number where padding is same"
            raise SpecError(place="kernel", found=self.kernel, expected=expected, fix=near)
        if self.kernel % 2 == 1 and self.padding == self.kernel // 2:
            object.__setattr__(self, "padding", "same")
        if self.out % self.groups:
            expected = f"a divisor of out, which is {self.out}"
            raise SpecError(place="groups", found=self.groups, expected=expected)

    @property
    def margin(self) -> int:
        """The zeros on every side in pixels."""
        return self.kernel // 2 if isinstance(self.padding, str) else self.padding


@dataclass(frozen=True, kw_only=True)
class Linear:
    """A fully connected layer on a flat input, then batch norm and activation where asked for.

    Attributes:
        out: Output features.
        bias: Whether it adds one number per feature.
        norm: ``batch`` or ``none``.
        act: Activation after the norm.
    """

    out: int = setting(_width)
    bias: bool = setting(Flag(), True)
    norm: str = setting(OneOf(("batch", "none")), "none")
    act: str = setting(OneOf(ACTIVATIONS), "none")
    name: str | None = setting(_name, None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A square pooling window.

    Attributes:
        op: ``max`` or ``avg`` (the average counts padded zeros).
        kernel: Side of the window in pixels.
        stride: Step of the window in pixels; the kernel's side unless given.
        padding: Pixels added on every side, at most half the kernel.
    """

    op: str = setting(OneOf(("max", "avg")), "max")
    kernel: int = setting(_kernel, 2)
    stride: int | None = setting(Maybe(_kernel), None)
    padding: int = setting(Whole(0, MAX_KERNEL), 0)
    name: str | None = setting(_name, None, compare=False)

    def __post_init__(self) -> None:
        """Check the padding, and give one stride one spelling."""
        if self.padding > self.kernel // 2:
            expected = f"at most half the kernel, which is {self.kernel}"
            raise SpecError(place="padding", found=self.padding, expected=expected)
        if self.stride == self.kernel:
            object.__setattr__(self, "stride", None)

    @property
    def step(self) -> int:
        """The stride in pixels."""
        return self.stride or self.kernel


@dataclass(frozen=True, kw_only=True)
class GlobalPool:
    """The mean over all pixels of each channel: (c, h, w) becomes (c, 1, 1)."""

    name: str | None = setting(_name, None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Flatten:
    """All channels and pixels as one row of features: (c, h, w) becomes (c·h·w,)."""

    name: str | None = setting(_name, None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Shuffle:
    """A channel shuffle (ShuffleNet): groups × channels, transposed, so that groups meet."""

    groups: int = setting(Whole(2, MAX_WIDTH))
    name: str | None = setting(_name, None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A small network of its own, a few channels wide; a stack puts many side by side.

    Attributes:
        inputs: Channels (or features) that it takes; written ``in`` in a file.
        layers: Convolutions or linear layers, at least two of them (one hidden layer of nodes or
            more), with pooling between them where wanted.

    Raises:
        SpecError: If it has no hidden layer.

    Source:
        BUnit-Net, §III and Eq. (2): input, hidden and output nodes, such as 2-4-2.
    """

    inputs: int = setting(_width, key="in")
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        """Check that there is a hidden layer and that only a unit's kinds are inside."""
        for i, layer in enumerate(self.layers):
            if not isinstance(layer, (Conv, Linear, Pool)):
                raise SpecError(
                    place=f"layers[{i}].kind",
                    found=kind_of(layer),
                    expected="a layer that a unit may hold: conv, linear or pool",
                )
        if len(self.weighted) < 2:
            raise SpecError(
                found=f"a unit with {len(self.weighted)} weight layer(s), so no hidden layer",
                expected="two conv or linear layers or more (nodes: in, hidden, out)",
                fix="try nodes: [1, 2, 1]",
            )

    @cached_property
    def weighted(self) -> tuple[Conv | Linear, ...]:
        """The layers that hold weights, in order."""
        return tuple(layer for layer in self.layers if isinstance(layer, (Conv, Linear)))

    @property
    def nodes(self) -> tuple[int, ...]:
        """Input, hidden and output nodes, as the papers write them (2-4-2)."""
        return (self.inputs, *(layer.out for layer in self.weighted))

    @property
    def outputs(self) -> int:
        """Channels (or features) that it gives."""
        return self.weighted[-1].out

    @cached_property
    def _hash(self) -> int:
        return hash((self.inputs, self.layers))

    def __hash__(self) -> int:
        """Return the hash, computed once: sampling looks units up all the time."""
        return self._hash


@dataclass(frozen=True)
class Units:
    """``count`` equal units in a row."""

    count: int
    unit: Unit


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Independent units side by side (BUnit-Net Eq. 3).

    The input's channels are split in order, each unit works on its share, and the outputs are
    concatenated in order.
    """

    units: tuple[Units, ...]
    name: str | None = None

    def __eq__(self, other: object) -> bool:
        """Compare the units; the name is not part of the network."""
        return isinstance(other, Stack) and self.units == other.units

    def __hash__(self) -> int:
        """Return the hash of the units."""
        return hash(self.units)

    @property
    def inputs(self) -> int:
        """Channels that all units take together."""
        return sum(run.count * run.unit.inputs for run in self.units)

    @property
    def outputs(self) -> int:
        """Channels that all units give together."""
        return sum(run.count * run.unit.outputs for run in self.units)

    @property
    def size(self) -> int:
        """How many units there are."""
        return sum(run.count for run in self.units)


@dataclass(frozen=True, kw_only=True)
class Residual:
    """A body and a shortcut on the same input, summed, then an activation.

    An empty shortcut is the identity.
    """

    body: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = ()
    act: str = setting(OneOf(ACTIVATIONS), "relu")
    name: str | None = setting(_name, None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Branches:
    """Several sequences on one input, or on a share of its channels each, concatenated.

    Attributes:
        of: The sequences; an empty one passes its input through.
        split: Channels of the input for each sequence; all of them to every one unless given.
    """

    of: tuple[tuple[Layer, ...], ...]
    split: tuple[int, ...] | None = setting(Maybe(ListOf(_width, 1, 64)), None)
    name: str | None = setting(_name, None, compare=False)

    def __post_init__(self) -> None:
        """Check that every sequence has its share."""
        if self.split is not None and len(self.split) != len(self.of):
            expected = f"one number of channels for each of the {len(self.of)} sequences"
            raise SpecError(place="split", found=list(self.split), expected=expected)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The input times what its body makes of it (squeeze-and-excitation)."""

    body: tuple[Layer, ...]
    name: str | None = setting(_name, None, compare=False)


Layer: TypeAlias = (
    Conv | Linear | Pool | GlobalPool | Flatten | Stack | Residual | Branches | Gate | Shuffle
)
Layers: TypeAlias = tuple[Layer, ...]

KINDS: dict[str, type[Any]] = {
    "conv": Conv,
    "linear": Linear,
    "pool": Pool,
    "global_pool": GlobalPool,
    "flatten": Flatten,
    "stack": Stack,
    "residual": Residual,
    "branches": Branches,
    "gate": Gate,
    "shuffle": Shuffle,
}
_KIND_OF = {cls: kind for kind, cls in KINDS.items()}


def kind_of(layer: Layer) -> str:
    """Return the kind of ``layer`` as a file spells it."""
    return _KIND_OF[type(layer)]


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The complete description of one network.

    Attributes:
        input: (channels, height, width) of one image.
        layers: What is applied to it, in order.
        classes: Names of the classes, where known; not part of the key.
        mean: Mean of each channel of the data, pixels in [0, 1]; not part of the key.
        std: Standard deviation likewise.
        provenance: Where it came from (study, trial, accuracy …); not part of the key.
    """

    input: tuple[int, int, int]
    layers: Layers
    classes: tuple[str, ...] | None = setting(Maybe(ListOf(Text(200))), None, compare=False)
    mean: tuple[float, ...] | None = setting(Maybe(ListOf(Real(-1e6))), None, compare=False)
    std: tuple[float, ...] | None = setting(Maybe(ListOf(Real(0, above=True))), None, compare=False)
    provenance: Mapping[str, Any] | None = field(default=None, compare=False)
