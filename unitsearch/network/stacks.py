"""Stacks: runs of equal units side by side, and the forms in which they are computed."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unitsearch.network.blocks import Block, GroupedLinear
from unitsearch.network.dense import Columns, columns, run_dense
from unitsearch.network.plans import FORMS
from unitsearch.network.slbf import SlbfConv2d


class UnitRun(nn.Module):
    """``count`` equal units in a row of a stack.

    Parameters are held together, [count · out, …], in both forms: each layer of all units as one
    grouped operation, or split, unit by unit, and concatenated (the definition, BUnit-Net Eq. 3).
    """

    def __init__(self, count: int, layers: list[nn.Module]) -> None:
        super().__init__()
        self.count = count
        self.is_split = False
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, count · outputs, …] from [n, count · inputs, …]."""
        if self.is_split and self.count > 1:
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
    """A stack: the input split over the runs of units in order, their outputs concatenated.

    Attributes:
        form: The form in which it runs; all forms compute the same function.
    """

    def __init__(self, runs: list[UnitRun], shares: list[int]) -> None:
        super().__init__()
        self.units = nn.ModuleList(runs)
        self.shares = shares
        self.form = "grouped"

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms in which it can run."""
        return FORMS if self._columns() is not None else ("grouped", "loop")

    def run_as(self, form: str) -> None:
        """Run in a form from now on; in the grouped one if the stack cannot be dense."""
        self.form = form if form in self.forms else "grouped"
        for run in self.units:
            cast(UnitRun, run).is_split = self.form == "loop"

    def forward(self, x: Tensor) -> Tensor:
        """Return the concatenated outputs of all units."""
        if self.form.startswith("dense"):
            layers = self._columns()
            assert layers is not None  # else ``run_as`` refused this form
            return run_dense(layers, x, torch.bfloat16 if self.form == "dense_bf16" else None)
        if len(self.shares) == 1:
            return cast(Tensor, self.units[0](x))
        parts = torch.split(x, self.shares, dim=1)
        return torch.cat([run(part) for run, part in zip(self.units, parts, strict=True)], dim=1)

    def _columns(self) -> Columns | None:
        return columns([list(cast(UnitRun, run).layers) for run in self.units])
