"""What networks are made of, as PyTorch that a person would write: sources for ``python_file``.

Names of attributes are those of ``unitsearch.network``, so that its weights load strictly.
"""

from __future__ import annotations

BLOCK = '''
class Block(nn.Module):
    """A layer with weights, then batch norm and an activation where there are some."""

    def __init__(
        self, weights: nn.Module, norm: nn.Module | None, act: type[nn.Module] | None
    ) -> None:
        super().__init__()
        self.weights = weights
        self.norm = norm or nn.Identity()
        self.act = act() if act else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.norm(self.weights(x)))
'''

CONV = '''
def conv(
    inputs: int,
    outputs: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: int | None = None,
    groups: int = 1,
    bias: bool = False,
    norm: bool = True,
    act: type[nn.Module] | None = nn.ReLU,
) -> Block:
    """Return a convolution; its padding is half the kernel unless given."""
    padding = kernel // 2 if padding is None else padding
    weights = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=bias)
    return Block(weights, nn.BatchNorm2d(outputs) if norm else None, act)
'''

LINEAR = '''
def linear(
    inputs: int,
    outputs: int,
    *,
    bias: bool = True,
    norm: bool = False,
    act: type[nn.Module] | None = None,
) -> Block:
    """Return a fully connected layer."""
    weights = nn.Linear(inputs, outputs, bias=bias)
    return Block(weights, nn.BatchNorm1d(outputs) if norm else None, act)
'''

LINEARS = '''
class GroupedLinear(nn.Module):
    """``count`` fully connected layers side by side, each on its share of the features."""

    def __init__(self, count: int, inputs: int, outputs: int, *, bias: bool) -> None:
        super().__init__()
        self.count = count
        self.weight = nn.Parameter(torch.empty(count * outputs, inputs))
        self.bias = nn.Parameter(torch.empty(count * outputs)) if bias else None
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(inputs**-0.5), inputs**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        shares = x.reshape(len(x), self.count, -1).transpose(0, 1)
        weight = self.weight.view(self.count, -1, self.weight.shape[1])
        y = torch.bmm(shares, weight.transpose(1, 2)).transpose(0, 1).flatten(1)
        return y if self.bias is None else y + self.bias


def linears(
    count: int,
    inputs: int,
    outputs: int,
    *,
    bias: bool = True,
    norm: bool = False,
    act: type[nn.Module] | None = None,
) -> Block:
    """Return ``count`` equal fully connected layers side by side."""
    weights = GroupedLinear(count, inputs, outputs, bias=bias)
    return Block(weights, nn.BatchNorm1d(count * outputs) if norm else None, act)
'''

BINARY = '''
class BinaryConv(nn.Module):
    """``count`` convolutions side by side, their filters stacked from shared binary ones (SLBF).

    Each convolution has a bank of filters of values -1 and +1, as deep as one of ``splits`` equal
    shares of its input. An output filter selects one of them for every share; the selected ones
    stacked are its weights. Both are trained straight through: forward the binary value, backward
    as if the number that it comes from stood there. After a step clamp ``bank`` to [-1, 1].
    """

    def __init__(
        self,
        count: int,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int,
        padding: int,
        bank: int,
        splits: int,
        select: str,
        alpha: bool,
    ) -> None:
        super().__init__()
        self.count, self.size, self.select = count, bank, select
        self.stride, self.padding = stride, padding
        self.shape = (count * outputs, inputs, kernel, kernel)
        self.gain = (kernel**2 * inputs) ** -0.5
        self.bank = nn.Parameter(0.1 * torch.randn(count * bank, inputs // splits, kernel, kernel))
        places = torch.cat([torch.randperm(outputs * splits) % bank for _ in range(count)])
        places = places.view(-1, splits)
        if select == "fixed":
            self.register_buffer("index", places)
        else:
            start = 0.01 * torch.randn(count * outputs, splits, bank)
            self.logits = nn.Parameter(start + 0.08 * F.one_hot(places, bank))
        self.alpha = nn.Parameter(torch.full((count * outputs,), self.gain)) if alpha else None

    def forward(self, x: Tensor) -> Tensor:
        scale = self.gain if self.alpha is None else self.alpha.view(-1, 1, 1, 1)
        weights = self.filters() * scale
        return F.conv2d(x, weights, None, self.stride, self.padding, groups=self.count)

    def filters(self) -> Tensor:
        """Return the stacked filters of -1 and +1: float [count * outputs, inputs, k, k]."""
        clipped = self.bank.clamp(-1, 1)
        signs = (self.bank.detach() >= 0) * 2.0 - 1.0 + (clipped - clipped.detach())
        signs = signs.view(self.count, self.size, -1)
        index = self.index if self.select == "fixed" else self.logits.argmax(-1)
        if self.training:  # as a product, which passes the gradient on to both
            chosen = F.one_hot(index, self.size).to(signs.dtype)
            if self.select != "fixed":
                soft = self.logits.softmax(-1) if self.select == "softmax" else self.logits
                chosen = chosen + (soft - soft.detach())
            stacked = chosen.view(self.count, -1, self.size) @ signs
        else:
            chosen_of_each = index.view(self.count, -1)
            stacked = torch.stack([s[chosen] for s, chosen in zip(signs, chosen_of_each)])
        return stacked.reshape(self.shape)


def binary_conv(
    inputs: int,
    outputs: int,
    kernel: int,
    *,
    bank: int,
    splits: int = 1,
    select: str = "softmax",
    alpha: bool = False,
    count: int = 1,
    stride: int = 1,
    padding: int | None = None,
    norm: bool = True,
    act: type[nn.Module] | None = nn.ReLU,
) -> Block:
    """Return ``count`` equal binary convolutions; padding is half the kernel unless given."""
    weights = BinaryConv(
        count,
        inputs,
        outputs,
        kernel,
        stride=stride,
        padding=kernel // 2 if padding is None else padding,
        bank=bank,
        splits=splits,
        select=select,
        alpha=alpha,
    )
    return Block(weights, nn.BatchNorm2d(count * outputs) if norm else None, act)
'''

UNITS = '''
class Units(nn.Module):
    """Equal units side by side: each of their layers is one grouped operation for all of them."""

    def __init__(self, inputs: int, *layers: nn.Module) -> None:
        super().__init__()
        self.inputs = inputs  # channels (or features) that they take together
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Stack(nn.Module):
    """Units of several kinds side by side.

    The channels are split over them in order, and what they give is concatenated in order.
    """

    def __init__(self, *units: Units) -> None:
        super().__init__()
        self.units = nn.ModuleList(units)
        self.shares = [each.inputs for each in units]

    def forward(self, x: Tensor) -> Tensor:
        shares = torch.split(x, self.shares, dim=1)
        return torch.cat([units(share) for units, share in zip(self.units, shares)], dim=1)
'''

RESIDUAL = '''
class Residual(nn.Module):
    """A body and a shortcut on the same input, summed, then an activation."""

    def __init__(
        self,
        body: list[nn.Module],
        shortcut: list[nn.Module] | None = None,
        act: type[nn.Module] | None = nn.ReLU,
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)
        self.shortcut = nn.Sequential(*shortcut) if shortcut else nn.Identity()
        self.act = act() if act else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.body(x) + self.shortcut(x))
'''

BRANCHES = '''
class Branches(nn.Module):
    """Several sequences on one input, or on a share of its channels each, concatenated."""

    def __init__(self, *of: list[nn.Module], split: list[int] | None = None) -> None:
        super().__init__()
        self.of = nn.ModuleList(nn.Sequential(*layers) for layers in of)
        self.split = split

    def forward(self, x: Tensor) -> Tensor:
        shares = torch.split(x, self.split, dim=1) if self.split else [x] * len(self.of)
        return torch.cat([branch(share) for branch, share in zip(self.of, shares)], dim=1)
'''

GATE = '''
class Gate(nn.Module):
    """The input times what the body makes of it (squeeze-and-excitation)."""

    def __init__(self, *body: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.body(x)
'''

LOAD = '''
def load(path: str | Path | None = None) -> Network:
    """Return the network with its trained weights, from beside this file unless given."""
    path = path or Path(__file__).with_suffix(".pt")
    network = Network()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval()
'''

# The order in which they stand in a file.
ORDER = (BLOCK, CONV, LINEAR, LINEARS, BINARY, UNITS, RESIDUAL, BRANCHES, GATE)
