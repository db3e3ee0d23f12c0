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
from unitsearch.fields import Bool, Enum, Float, Int, ListOf, Nullable, Schema, Text, field_

# Bounds that hold before anything is allocated: a file cannot ask for more than a machine has.
MAX_WIDTH = 65_536
MAX_KERNEL = 255
MAX_LAYERS = 2_000
MAX_DEPTH = 8
MAX_SIDE = 4_096

ACTIVATIONS = ("relu", "relu6", "silu", "sigmoid", "none")
SELECTIONS = ("softmax", "identity", "fixed")

_width = Int(1, MAX_WIDTH)
_kernel = Int(1, MAX_KERNEL)
_name = Nullable(Text(200))


@dataclass(frozen=True)
class Padding:
    """``same`` (half the kernel, which must be odd) or a number of pixels on every side."""

    expected: ClassVar[str] = "'same' or a whole number of pixels"

    def read(self, value: Any, place: str) -> str | int:
        """Return the padding as the file says it."""
        if value == "same":
            return "same"
        try:
            return Int(0, MAX_KERNEL).read(value, place)
        except SpecError:
            raise SpecError(place=place, found=value, expected=self.expected) from None

    def write(self, value: str | int) -> str | int:
        """Return the padding as plain data."""
        return value

    def schema(self) -> Schema:
        """Return the JSON Schema of a padding."""
        return {"anyOf": [{"const": "same"}, Int(0, MAX_KERNEL).schema()]}


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

    out: int = field_(_width)
    kernel: int = field_(_kernel, 3)
    stride: int = field_(_kernel, 1)
    padding: str | int = field_(Padding(), "same")
    groups: int = field_(_width, 1)
    bias: bool = field_(Bool(), False)
    norm: str = field_(Enum(("batch", "none")), "batch")
    act: str = field_(Enum(ACTIVATIONS), "relu")
    name: str | None = field_(_name, None, compare=False)

    def __post_init__(self) -> None:
        """Check what concerns two fields, and give one padding one spelling."""
        _settle_padding(self)
        if self.out % self.groups:
            expected = f"a divisor of out, which is {self.out}"
            raise SpecError(place="groups", found=self.groups, expected=expected)

    @property
    def margin(self) -> int:
        """The zeros on every side in pixels."""
        return self.kernel // 2 if isinstance(self.padding, str) else self.padding


@dataclass(frozen=True, kw_only=True)
class Slbf:
    """A convolution whose filters are stacked from a bank of binary filters that all share.

    The input's channels are cut into ``splits`` equal shares in order. The bank holds ``bank``
    filters of values -1 and +1, as deep as one share; each output filter selects one of them for
    every share, and the selected ones stacked are its weights. Then batch norm and activation.

    Attributes:
        out: Output channels (filters).
        kernel: Side of the window in pixels.
        stride: Step of the window in pixels.
        padding: As of ``Conv``.
        bank: Binary filters to select from; from 2 to ``out`` × ``splits``, and no more than
            there are different ones: 2 to the power of kernel² × channels of a share.
        splits: Shares of the input's channels, which it must divide.
        select: How the selection is trained: straight through a ``softmax`` or the ``identity``,
            or not at all (``fixed``: drawn with the first weights, balanced).
        scale: ``none`` (all weights ±1/√fan-in, which stores nothing) or ``alpha`` (a trained
            number for each filter).
        norm: ``batch`` or ``none``.
        act: Activation after the norm.

    Raises:
        SpecError: If ``padding`` is ``same`` and ``kernel`` is even, or the bank holds more
            filters than there are places for them.

    Source:
        Lan and Lan 2021, "Compressing deep convolutional neural networks by stacking
        low-dimensional binary convolution filters" (AAAI 35(9)). Known from its abstract: filters
        are selected from a set of low-dimensional binary ones and stacked, and the set is shared
        by all filters of a layer. Ours, because the text of its method could not be read: equal
        shares in order, one bank for all of them, the bounds of ``bank``, ``select`` and
        ``scale``.
    """

    out: int = field_(_width)
    kernel: int = field_(_kernel, 3)
    stride: int = field_(_kernel, 1)
    padding: str | int = field_(Padding(), "same")
    bank: int = field_(Int(2, MAX_WIDTH))
    splits: int = field_(_width, 1)
    select: str = field_(Enum(SELECTIONS), "softmax")
    scale: str = field_(Enum(("none", "alpha")), "none")
    norm: str = field_(Enum(("batch", "none")), "batch")
    act: str = field_(Enum(ACTIVATIONS), "relu")
    name: str | None = field_(_name, None, compare=False)

    def __post_init__(self) -> None:
        """Check what concerns two fields, and give one padding one spelling."""
        _settle_padding(self)
        if self.bank > self.out * self.splits:
            expected = (
                f"at most out × splits, which is {self.out * self.splits}: "
                "each filter selects one for every split"
            )
            raise SpecError(place="bank", found=self.bank, expected=expected)

    @property
    def margin(self) -> int:
        """The zeros on every side in pixels."""
        return self.kernel // 2 if isinstance(self.padding, str) else self.padding

    @property
    def index_bits(self) -> int:
        """The bits that say which filter of the bank is meant: ⌈log2 bank⌉."""
        return (self.bank - 1).bit_length()


def _settle_padding(layer: Conv | Slbf) -> None:
    """Refuse ``same`` with an even kernel, and give one padding one spelling."""
    if layer.padding == "same" and layer.kernel % 2 == 0:
        near = f"try {max(1, layer.kernel - 1)} or {layer.kernel + 1}"
        expected = "an odd number where padding is same"
        raise SpecError(place="kernel", found=layer.kernel, expected=expected, fix=near)
    if layer.kernel % 2 == 1 and layer.padding == layer.kernel // 2:
        object.__setattr__(layer, "padding", "same")


@dataclass(frozen=True, kw_only=True)
class Linear:
    """A fully connected layer on a flat input, then batch norm and activation where asked for.

    Attributes:
        out: Output features.
        bias: Whether it adds one number per feature.
        norm: ``batch`` or ``none``.
        act: Activation after the norm.
    """

    out: int = field_(_width)
    bias: bool = field_(Bool(), True)
    norm: str = field_(Enum(("batch", "none")), "none")
    act: str = field_(Enum(ACTIVATIONS), "none")
    name: str | None = field_(_name, None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A square pooling window.

    Attributes:
        op: ``max`` or ``avg`` (the average counts padded zeros).
        kernel: Side of the window in pixels.
        stride: Step of the window in pixels; the kernel's side unless given.
        padding: Pixels added on every side, at most half the kernel.
    """

    op: str = field_(Enum(("max", "avg")), "max")
    kernel: int = field_(_kernel, 2)
    stride: int | None = field_(Nullable(_kernel), None)
    padding: int = field_(Int(0, MAX_KERNEL), 0)
    name: str | None = field_(_name, None, compare=False)

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

    name: str | None = field_(_name, None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Flatten:
    """All channels and pixels as one row of features: (c, h, w) becomes (c·h·w,)."""

    name: str | None = field_(_name, None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Shuffle:
    """A channel shuffle (ShuffleNet): groups × channels, transposed, so that groups meet."""

    groups: int = field_(Int(2, MAX_WIDTH))
    name: str | None = field_(_name, None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A small network of its own, a few channels wide; a stack puts many side by side.

    Attributes:
        inputs: Channels (or features) that it takes; written ``in`` in a file.
        layers: Convolutions (normal ones or ``Slbf``) or linear layers, at least two of them (one
            hidden layer of nodes or more), with pooling between them where wanted.

    Raises:
        SpecError: If it has no hidden layer.

    Source:
        BUnit-Net, §III and Eq. (2): input, hidden and output nodes, such as 2-4-2.
    """

    inputs: int = field_(_width, key="in")
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        """Check that there is a hidden layer and that only a unit's kinds are inside."""
        for i, layer in enumerate(self.layers):
            if not isinstance(layer, (Conv, Linear, Pool, Slbf)):
                raise SpecError(
                    place=f"layers[{i}].kind",
                    found=kind_of(layer),
                    expected="a layer that a unit may hold: conv, slbf, linear or pool",
                )
        if len(self.weighted) < 2:
            raise SpecError(
                found=f"a unit with {len(self.weighted)} weight layer(s), so no hidden layer",
                expected="two conv, slbf or linear layers or more (nodes: in, hidden, out)",
                fix="try nodes: [1, 2, 1]",
            )

    @cached_property
    def weighted(self) -> tuple[Conv | Slbf | Linear, ...]:
        """The layers that hold weights, in order."""
        return tuple(layer for layer in self.layers if isinstance(layer, (Conv, Slbf, Linear)))

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

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields alone: what is kept besides is another process's hash."""
        return {"inputs": self.inputs, "layers": self.layers}


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
    act: str = field_(Enum(ACTIVATIONS), "relu")
    name: str | None = field_(_name, None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Branches:
    """Several sequences on one input, or on a share of its channels each, concatenated.

    Attributes:
        of: The sequences; an empty one passes its input through.
        split: Channels of the input for each sequence; all of them to every one unless given.
    """

    of: tuple[tuple[Layer, ...], ...]
    split: tuple[int, ...] | None = field_(Nullable(ListOf(_width, 1, 64)), None)
    name: str | None = field_(_name, None, compare=False)

    def __post_init__(self) -> None:
        """Check that every sequence has its share."""
        if self.split is not None and len(self.split) != len(self.of):
            expected = f"one number of channels for each of the {len(self.of)} sequences"
            raise SpecError(place="split", found=list(self.split), expected=expected)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The input times what its body makes of it (squeeze-and-excitation)."""

    body: tuple[Layer, ...]
    name: str | None = field_(_name, None, compare=False)


Layer: TypeAlias = (
    Conv
    | Linear
    | Pool
    | GlobalPool
    | Flatten
    | Stack
    | Residual
    | Branches
    | Gate
    | Shuffle
    | Slbf
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
    "slbf": Slbf,
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
    classes: tuple[str, ...] | None = field_(Nullable(ListOf(Text(200))), None, compare=False)
    mean: tuple[float, ...] | None = field_(Nullable(ListOf(Float(-1e6))), None, compare=False)
    std: tuple[float, ...] | None = field_(
        Nullable(ListOf(Float(0, above=True))), None, compare=False
    )
    provenance: Mapping[str, Any] | None = field(default=None, compare=False)
