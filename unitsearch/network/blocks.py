"""The modules that networks are made of: a layer with norm and activation, a run of equal units."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unitsearch.network.slbf import SlbfConv2d

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
    """A convolution or linear layer, then batch norm and activation where asked for.

    With ``count`` > 1 it is that many equal layers side by side, as one grouped operation.
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


class Run(nn.Module):
    """``count`` equal units in a row of a stack.

    Parameters are held together, [count · out, …], whatever the plan: ``grouped`` runs each layer
    of all units as one grouped operation, ``loop`` splits, applies unit by unit and concatenates
    (the definition, BUnit-Net Eq. 3).
    """

    def __init__(self, count: int, layers: list[nn.Module], plan: str) -> None:
        super().__init__()
        self.count = count
        self.plan = plan
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, count · outputs, …] from [n, count · inputs, …]."""
        if self.plan == "loop" and self.count > 1:
            self._count_batch()
            units = [self._unit(i, share) for i, share in enumerate(x.chunk(self.count, dim=1))]
            return torch.cat(units, dim=1)
        for layer in self.layers:
            x = layer(x)
        return x

    def _count_batch(self) -> None:
        """Count a training batch in each batch norm, as calling the norm itself would."""
        for layer in self.layers:
            norm = layer.norm if isinstance(layer, Block) else None
            if norm is not None and norm.training:
                cast(Tensor, norm.num_batches_tracked).add_(1)

    def _unit(self, i: int, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = self._share(layer, i, x) if isinstance(layer, Block) else layer(x)
        return x

    def _share(self, block: Block, i: int, x: Tensor) -> Tensor:
        """Apply unit ``i``'s share of a block's weights."""
        weights = block.weights
        if isinstance(weights, nn.Conv2d):
            rows = slice(
                i * weights.out_channels // self.count, (i + 1) * weights.out_channels // self.count
            )
            bias = None if weights.bias is None else weights.bias[rows]
            groups = weights.groups // self.count
            padding = cast("tuple[int, int]", weights.padding)
            x = F.conv2d(x, weights.weight[rows], bias, weights.stride, padding, groups=groups)
        elif isinstance(weights, SlbfConv2d):
            rows = slice(i * weights.out, (i + 1) * weights.out)
            x = weights.share(i, x)
        else:
            linear = cast(GroupedLinear, weights)
            rows = slice(i * linear.out, (i + 1) * linear.out)
            x = F.linear(x, linear.weight[rows], None if linear.bias is None else linear.bias[rows])
        norm = block.norm
        if norm is not None:
            norm = cast(nn.BatchNorm2d, norm)
            mean, var = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
            x = F.batch_norm(
                x, mean[rows], var[rows], norm.weight[rows], norm.bias[rows],
                norm.training, norm.momentum or 0.1, norm.eps,
            )  # fmt: skip
        return x if block.act is None else block.act(x)


class Stacked(nn.Module):
    """A stack: the input split over the runs of units in order, their outputs concatenated."""

    def __init__(self, runs: list[Run], shares: list[int]) -> None:
        super().__init__()
        self.units = nn.ModuleList(runs)
        self.shares = shares

    def forward(self, x: Tensor) -> Tensor:
        """Return the concatenated outputs of all units."""
        if len(self.shares) == 1:
            return cast(Tensor, self.units[0](x))
        parts = torch.split(x, self.shares, dim=1)
        return torch.cat([run(part) for run, part in zip(self.units, parts, strict=True)], dim=1)


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
    """The input times what the body makes of it."""

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
