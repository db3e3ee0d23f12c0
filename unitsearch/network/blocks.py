"""The modules of networks: a layer with norm and activation, sums, branches, gates."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "silu": nn.SiLU,
    "sigmoid": nn.Sigmoid,
}


def activation(name: str) -> nn.Module | None:
    """Return the module of an activation, None for ``none``."""
    return None if name == "none" else _ACTIVATIONS[name]()


class GroupedLinear(nn.Module):
    """``count`` linear layers side by side, each on its share of the features.

    Weights: float [count · out, in], as ``count`` ``nn.Linear`` weights one below the other.
    """

    def __init__(self, count: int, inputs: int, out: int, *, bias: bool) -> None:
        super().__init__()
        self.count, self.inputs, self.out = count, inputs, out
        self.weight = nn.Parameter(torch.empty(count * out, inputs))
        self.bias = nn.Parameter(torch.empty(count * out)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, count · out] from [n, count · in]."""
        weight = self.weight.view(self.count, self.out, self.inputs)
        split = x.view(-1, self.count, self.inputs).transpose(0, 1)
        y = torch.bmm(split, weight.transpose(1, 2)).transpose(0, 1).reshape(x.shape[0], -1)
        return y if self.bias is None else y + self.bias


class Block(nn.Module):
    """A convolution or linear layer, then batch norm and activation if there are any.

    For several equal layers side by side it is one grouped operation.
    """

    def __init__(self, weights: nn.Module, norm: nn.Module | None, act: nn.Module | None) -> None:
        super().__init__()
        self.weights = weights
        self.norm = norm
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        x = self.weights(x)
        if self.norm is not None:
            x = self.norm(x)
        return x if self.act is None else self.act(x)


class Summed(nn.Module):
    """A residual: body plus shortcut, then the activation."""

    def __init__(self, body: nn.Module, shortcut: nn.Module | None, act: nn.Module | None) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        """Return act(body(x) + shortcut(x)); no shortcut is the identity."""
        y = self.body(x) + (x if self.shortcut is None else self.shortcut(x))
        return cast(Tensor, y if self.act is None else self.act(y))


class Branched(nn.Module):
    """Several sequences on one input, or on a share of its channels each, concatenated."""

    def __init__(self, of: list[nn.Module], split: list[int] | None) -> None:
        super().__init__()
        self.of = nn.ModuleList(of)
        self.split = split

    def forward(self, x: Tensor) -> Tensor:
        """Return the concatenated outputs."""
        parts = (
            [x] * len(self.of) if self.split is None else list(torch.split(x, self.split, dim=1))
        )
        return torch.cat([branch(part) for branch, part in zip(self.of, parts, strict=True)], dim=1)


class Gated(nn.Module):
    """The input times the body's output for it."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        """Return x · body(x)."""
        return cast(Tensor, x * self.body(x))


class GlobalAverage(nn.Module):
    """The mean over all pixels of each channel, [n, c, 1, 1]."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the means."""
        return x.mean(dim=(2, 3), keepdim=True)


class Flat(nn.Module):
    """All channels and pixels as one row of features, channels first in any memory format."""

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, c · h · w]."""
        return x.flatten(1)
