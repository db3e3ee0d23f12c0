"""The two kinds of convolution, normal and of binary filters, and the rules that all kinds use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from unitsearch.architecture.bounds import MAX_KERNEL, MAX_WIDTH
from unitsearch.errors import SpecError
from unitsearch.fields import Bool, Enum, Int, Nullable, Schema, Text, field_

ACTIVATIONS = ("relu", "relu6", "silu", "sigmoid", "none")
SELECTIONS = ("softmax", "identity", "fixed")

WIDTH = Int(1, MAX_WIDTH)
KERNEL = Int(1, MAX_KERNEL)
NAME = Nullable(Text(200))
ACTIVATION = Enum(ACTIVATIONS)
NORM = Enum(("batch", "none"))


@dataclass(frozen=True)
class Padding:
    """``same`` (half the kernel, which must be odd) or a number of pixels on every side."""

    expected: ClassVar[str] = "'same' or a whole number of pixels"

    def read(self, value: Any, place: str) -> str | int:
        """Return the padding as it is written in the file."""
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

    out: int = field_(WIDTH)
    kernel: int = field_(KERNEL, 3)
    stride: int = field_(KERNEL, 1)
    padding: str | int = field_(Padding(), "same")
    groups: int = field_(WIDTH, 1)
    bias: bool = field_(Bool(), False)
    norm: str = field_(NORM, "batch")
    act: str = field_(ACTIVATION, "relu")
    name: str | None = field_(NAME, None, compare=False)

    def __post_init__(self) -> None:
        """Check the rules that two fields obey together, and give one padding one spelling."""
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
        padding: Zeros on every side in pixels, as in ``Conv``.
        bank: Binary filters to select from; from 2 to ``out`` × ``splits``, and at most as many
            as there are different ones: 2 to the power of kernel² × channels of a share.
        splits: Shares of the input's channels, which it must divide.
        select: The training of the selection: straight through a ``softmax`` or the ``identity``,
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

    out: int = field_(WIDTH)
    kernel: int = field_(KERNEL, 3)
    stride: int = field_(KERNEL, 1)
    padding: str | int = field_(Padding(), "same")
    bank: int = field_(Int(2, MAX_WIDTH))
    splits: int = field_(WIDTH, 1)
    select: str = field_(Enum(SELECTIONS), "softmax")
    scale: str = field_(Enum(("none", "alpha")), "none")
    norm: str = field_(NORM, "batch")
    act: str = field_(ACTIVATION, "relu")
    name: str | None = field_(NAME, None, compare=False)

    def __post_init__(self) -> None:
        """Check the rules that two fields obey together, and give one padding one spelling."""
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
        """The bits of the index of one filter of the bank: ⌈log2 bank⌉."""
        return (self.bank - 1).bit_length()


def _settle_padding(layer: Conv | Slbf) -> None:
    """Refuse ``same`` with an even kernel, and give one padding one spelling."""
    if layer.padding == "same" and layer.kernel % 2 == 0:
        near = f"try {max(1, layer.kernel - 1)} or {layer.kernel + 1}"
        expected = "an odd number where padding is same"
        raise SpecError(place="kernel", found=layer.kernel, expected=expected, fix=near)
    if layer.kernel % 2 == 1 and layer.padding == layer.kernel // 2:
        object.__setattr__(layer, "padding", "same")
