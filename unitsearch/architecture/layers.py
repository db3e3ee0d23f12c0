"""The closed set of layer kinds: frozen data, no weights, no torch, no behaviour.

Composite layers are sequences of layers, and nothing else nests, so that every fold over an
architecture (shape, cost, network) is a short recursion. To add a kind: a class here, its name in
``KINDS`` and in the union ``Layer``, and a case in each fold; the type checker names every fold
that lacks the case. Convolutions have a module of their own, ``convolutions``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from unitsearch.architecture.bounds import MAX_KERNEL, MAX_WIDTH
from unitsearch.architecture.convolutions import ACTIVATION, KERNEL, NAME, NORM, WIDTH, Conv, Slbf
from unitsearch.errors import SpecError
from unitsearch.fields import Bool, Enum, Float, Int, ListOf, Nullable, Text, field_


@dataclass(frozen=True, kw_only=True)
class Linear:
    """A fully connected layer on a flat input, then batch norm and activation where asked for.

    Attributes:
        out: Output features.
        bias: Whether it adds one number per feature.
        norm: ``batch`` or ``none``.
        act: Activation after the norm.
    """

    out: int = field_(WIDTH)
    bias: bool = field_(Bool(), True)
    norm: str = field_(NORM, "none")
    act: str = field_(ACTIVATION, "none")
    name: str | None = field_(NAME, None, compare=False)


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
    kernel: int = field_(KERNEL, 2)
    stride: int | None = field_(Nullable(KERNEL), None)
    padding: int = field_(Int(0, MAX_KERNEL), 0)
    name: str | None = field_(NAME, None, compare=False)

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

    name: str | None = field_(NAME, None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Flatten:
    """All channels and pixels as one row of features: (c, h, w) becomes (c·h·w,)."""

    name: str | None = field_(NAME, None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Shuffle:
    """A channel shuffle (ShuffleNet): groups × channels, transposed, which mixes the groups."""

    groups: int = field_(Int(2, MAX_WIDTH))
    name: str | None = field_(NAME, None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A small network, a few channels wide; a stack holds many of them side by side.

    Attributes:
        inputs: Channels (or features) that enter it; written ``in`` in a file.
        layers: Convolutions (normal ones or ``Slbf``) or linear layers, at least two of them (one
            hidden layer of nodes or more), with pooling between them where wanted.

    Raises:
        SpecError: If it has no hidden layer.

    Source:
        BUnit-Net, §III and Eq. (2): input, hidden and output nodes, such as 2-4-2.
    """

    inputs: int = field_(WIDTH, key="in")
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
        """Channels (or features) that leave it."""
        return self.weighted[-1].out

    @cached_property
    def _hash(self) -> int:
        return hash((self.inputs, self.layers))

    def __hash__(self) -> int:
        """Return the hash, computed once: sampling looks units up all the time."""
        return self._hash

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields alone: the hash that is kept beside them holds in one process only."""
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
        """Channels that enter all units together."""
        return sum(run.count * run.unit.inputs for run in self.units)

    @property
    def outputs(self) -> int:
        """Channels that leave all units together."""
        return sum(run.count * run.unit.outputs for run in self.units)

    @property
    def size(self) -> int:
        """The number of units."""
        return sum(run.count for run in self.units)


@dataclass(frozen=True, kw_only=True)
class Residual:
    """A body and a shortcut on the same input, summed, then an activation.

    An empty shortcut is the identity.
    """

    body: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = ()
    act: str = field_(ACTIVATION, "relu")
    name: str | None = field_(NAME, None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Branches:
    """Several sequences on one input, or on a share of its channels each, concatenated.

    Attributes:
        of: The sequences; an empty one passes its input through.
        split: Channels of the input for each sequence; all of them to every one unless given.
    """

    of: tuple[tuple[Layer, ...], ...]
    split: tuple[int, ...] | None = field_(Nullable(ListOf(WIDTH, 1, 64)), None)
    name: str | None = field_(NAME, None, compare=False)

    def __post_init__(self) -> None:
        """Check that every sequence has its share."""
        if self.split is not None and len(self.split) != len(self.of):
            expected = f"one number of channels for each of the {len(self.of)} sequences"
            raise SpecError(place="split", found=list(self.split), expected=expected)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The input times the output of its body on it (squeeze-and-excitation)."""

    body: tuple[Layer, ...]
    name: str | None = field_(NAME, None, compare=False)


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
        layers: The layers, in order.
        classes: Names of the classes, where known; not part of the key.
        mean: Mean of each channel of the data, pixels in [0, 1]; not part of the key.
        std: Standard deviation of each channel of the data; not part of the key.
        provenance: Its origin (study, trial, accuracy …); not part of the key.
    """

    input: tuple[int, int, int]
    layers: Layers
    classes: tuple[str, ...] | None = field_(Nullable(ListOf(Text(200))), None, compare=False)
    mean: tuple[float, ...] | None = field_(Nullable(ListOf(Float(-1e6))), None, compare=False)
    std: tuple[float, ...] | None = field_(
        Nullable(ListOf(Float(0, above=True))), None, compare=False
    )
    provenance: Mapping[str, Any] | None = field(default=None, compare=False)
