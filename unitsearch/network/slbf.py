"""Convolutions by a shared bank of binary filters (SLBF), trained through proxies.

A layer's weights are signs of full-precision proxies (the bank) and arguments of the maximum of
others (the selection). Both are trained straight through: forward the binary value, backward the
gradient as if the proxy stood there.

Source:
    Lan and Lan 2021 (AAAI 35(9)). Known of it, from abstract and reviews: a set of binary filters
    that all filters of a layer share, selected by indicators and stacked; proxies of both, updated
    with the straight-through estimator; and that stacking filters equals selecting and stacking
    the maps that the binary filters make (split, transform, merge). Ours, because the text of its
    method could not be read: everything that this module adds to that, above all its
    straight-through estimators, the scale, the initialisation and the clamp.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unitsearch.architecture import Slbf
from unitsearch.errors import UsageError

ROUTES = ("compose", "split_transform_merge")

_SIGMA_BANK = 0.1
_SIGMA_LOGITS = 0.01
_LEAD = 0.08  # added to the selected logit at the start: 8 sigma keep the balanced selection


class SlbfConv2d(nn.Module):
    """``count`` equal SLBF convolutions side by side, each with a bank of its own.

    Parameters, held together for all of them:

    - ``bank``: float [count · bank, q, d, d], proxies of the binary filters; q = inputs / splits.
    - ``logits``: float [count · out, splits, bank], proxies of the selection. Where the selection
      is ``fixed`` there is a buffer in its place, ``index``: int64 [count · out, splits].
    - ``alpha``: float [count · out], the filters' scales; none unless asked for, and then all
      weights are ±1/√(d² inputs).

    Attributes:
        route: ``compose`` (stack the filters, then one convolution) or ``split_transform_merge``
            (apply every binary filter to every split, then sum the selected maps); both are the
            same function, forward and backward.
    """

    def __init__(self, count: int, inputs: int, layer: Slbf) -> None:
        """Make the convolutions of ``layer``, each on ``inputs`` channels."""
        super().__init__()
        self.count, self.inputs, self.out, self.kernel = count, inputs, layer.out, layer.kernel
        self.stride, self.padding = layer.stride, layer.margin
        self.size, self.splits, self.select = layer.bank, layer.splits, layer.select
        self.route = "compose"
        self.gain = 1 / math.sqrt(self.kernel**2 * inputs)
        filters, depth = count * self.size, inputs // self.splits
        self.bank = nn.Parameter(torch.empty(filters, depth, self.kernel, self.kernel))
        self.logits: nn.Parameter | None = None
        self.index: Tensor | None = None
        rows = count * self.out
        if self.select == "fixed":
            del self.index  # a buffer cannot take the place of an attribute
            self.register_buffer("index", torch.zeros(rows, self.splits, dtype=torch.int64))
        else:
            self.logits = nn.Parameter(torch.empty(rows, self.splits, self.size))
        self.alpha = nn.Parameter(torch.empty(rows)) if layer.scale == "alpha" else None

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, count · out, h', w'] from [n, count · inputs, h, w]."""
        return self._units(x, 0, self.count)

    def share(self, i: int, x: Tensor) -> Tensor:
        """Return [n, out, h', w'] of the ``i``-th convolution alone, from [n, inputs, h, w]."""
        return self._units(x, i, 1)

    def signs(self) -> Tensor:
        """Return the binary filters, -1 or +1, as float [count · bank, q, d, d]."""
        return binary(self.bank)

    def selected(self) -> Tensor:
        """Return the number of the filter that each split selects: int64 [count · out, splits]."""
        return self.logits.argmax(-1) if self.logits is not None else cast(Tensor, self.index)

    def filters(self) -> Tensor:
        """Return the composed and scaled weights, float [count · out, inputs, d, d]."""
        return self._filters(0, self.count) * self._scale(0, self.count).view(-1, 1, 1, 1)

    def reset(self, generator: torch.Generator) -> None:
        """Reset proxies, selection and scales: a random selection that uses all filters equally.

        Source: ours. A spread of 0.01 of the bank ends with twice as many flipped signs, one of 1
            with a fifth, at accuracies within noise.
        """
        places = self.out * self.splits
        orders = [torch.randperm(places, generator=generator) for _ in range(self.count)]
        index = (torch.cat(orders) % self.size).view(-1, self.splits)
        with torch.no_grad():
            self.bank.normal_(0, _SIGMA_BANK, generator=generator)
            if self.logits is None:
                cast(Tensor, self.index).copy_(index)
            else:
                self.logits.normal_(0, _SIGMA_LOGITS, generator=generator)
                self.logits.add_(F.one_hot(index, self.size), alpha=_LEAD)
            if self.alpha is not None:
                self.alpha.fill_(self.gain)

    def _units(self, x: Tensor, first: int, count: int) -> Tensor:
        """Apply ``count`` of the convolutions, from ``first`` on, to their channels."""
        scale = self._scale(first, count)
        if self.route == "compose":
            weights = self._filters(first, count) * scale.view(-1, 1, 1, 1)
            return F.conv2d(x, weights, None, self.stride, self.padding, groups=count)
        return self._merged(self._maps(x, first, count), first, count) * scale.view(1, -1, 1, 1)

    def _scale(self, first: int, count: int) -> Tensor:
        """Return the scale of each filter: float [count · out], or [1] for all."""
        if self.alpha is None:
            return self.bank.new_tensor([self.gain])
        return self.alpha[first * self.out : (first + count) * self.out]

    def _filters(self, first: int, count: int) -> Tensor:
        """Return the composed weights without scale, float [count · out, inputs, d, d]."""
        signs = self._signs(first, count).reshape(count, self.size, -1)
        if self.training:  # as a product, so that both factors get a gradient
            chosen = self._chosen(first, count).view(count, self.out * self.splits, self.size)
            composed = chosen @ signs
        else:
            rows = self.selected()[first * self.out : (first + count) * self.out]
            rows = rows.reshape(count, self.out * self.splits, 1)
            composed = signs.gather(1, rows.expand(-1, -1, signs.shape[2]))
        return composed.reshape(count * self.out, self.inputs, self.kernel, self.kernel)

    def _maps(self, x: Tensor, first: int, count: int) -> Tensor:
        """Return the map of every filter on every split: [n, count · splits · bank, h', w']."""
        n, _, h, w = x.shape
        depth = self.inputs // self.splits
        shares = x.reshape(n, count, self.splits, depth, h, w).transpose(1, 2)
        shares = shares.reshape(n * self.splits, count * depth, h, w)
        signs = self._signs(first, count)
        maps = F.conv2d(shares, signs, None, self.stride, self.padding, groups=count)
        h, w = maps.shape[2:]
        maps = maps.reshape(n, self.splits, count, self.size, h, w).transpose(1, 2)
        return maps.reshape(n, count * self.splits * self.size, h, w)

    def _merged(self, maps: Tensor, first: int, count: int) -> Tensor:
        """Return the sum of the maps that each filter selects: [n, count · out, h', w']."""
        each = self.splits * self.size
        if self.training:
            weights = self._chosen(first, count).reshape(-1, each, 1, 1)
            return F.conv2d(maps, weights, groups=count)
        rows = self.selected()[first * self.out : (first + count) * self.out]
        rows = rows + self.size * torch.arange(self.splits, device=rows.device)
        unit = torch.arange(count, device=rows.device).repeat_interleave(self.out)
        rows = rows + each * unit.view(-1, 1)
        n, _, h, w = maps.shape
        chosen = maps[:, rows.flatten()]
        return chosen.view(n, count * self.out, self.splits, h, w).sum(2)

    def _signs(self, first: int, count: int) -> Tensor:
        """Return some of the binary filters; the gradient passes where the proxy is in [-1, 1]."""
        proxy = self.bank[first * self.size : (first + count) * self.size]
        clipped = proxy.clamp(-1, 1)
        return binary(proxy) + (clipped - clipped.detach())

    def _chosen(self, first: int, count: int) -> Tensor:
        """Return the selection as zeros and ones, float [count · out, splits, bank]."""
        rows = slice(first * self.out, (first + count) * self.out)
        hard = F.one_hot(self.selected()[rows], self.size).to(self.bank.dtype)
        if self.logits is None:
            return hard
        soft = self.logits[rows]
        if self.select == "softmax":
            soft = soft.softmax(-1)
        return hard + (soft - soft.detach())


def binary(proxy: Tensor) -> Tensor:
    """Return the signs of ``proxy`` as numbers -1 and +1 of its type; the sign of 0 is +1."""
    return (proxy.detach() >= 0).to(proxy.dtype) * 2 - 1


def slbf_layers(network: nn.Module) -> list[SlbfConv2d]:
    """Return the SLBF convolutions of ``network`` in order."""
    return [module for module in network.modules() if isinstance(module, SlbfConv2d)]


def clamp_(layers: Sequence[SlbfConv2d]) -> None:
    """Clamp the proxies of all banks to [-1, 1], beyond which they get no gradient."""
    with torch.no_grad():
        for layer in layers:
            layer.bank.clamp_(-1, 1)


def use_route(network: nn.Module, route: str) -> None:
    """Let every SLBF convolution of ``network`` compute by ``route``, one of ``ROUTES``.

    Raises:
        UsageError: If there is no such route.
    """
    if route not in ROUTES:
        raise UsageError(place="route", found=route, expected=f"one of {', '.join(ROUTES)}")
    for layer in slbf_layers(network):
        layer.route = route
