"""The third fold: the network of an architecture.

Parameters, their names and shapes do not depend on the plan, so that weights trained in one plan
load in any other; ``build(architecture)`` alone gives the plain network of ordinary torch modules,
which any counter of FLOPs can count.
"""

from __future__ import annotations

import math
from typing import assert_never, cast

import torch
from torch import Tensor, nn

from unitsearch.architecture import (
    Architecture,
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
    Units,
    canonical,
)
from unitsearch.errors import UsageError
from unitsearch.network.blocks import (
    Block,
    Branched,
    Flat,
    Gated,
    GlobalAverage,
    GroupedLinear,
    Summed,
    activation,
)
from unitsearch.network.plans import MEMORY, Plan, plan_from, plan_of
from unitsearch.network.slbf import SlbfConv2d
from unitsearch.network.stacks import Stacked, UnitRun
from unitsearch.shapes import Shape, after, after_all, output

FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


class Network(nn.Module):
    """A network and the architecture that it was built from.

    ``forward`` takes float [n, channels, height, width], normalised, and returns logits [n,
    classes]; it is fastest with images in ``memory_format``.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.layers = _sequence(architecture.layers, architecture.input)
        self.runs_in_lanes = False
        self.memory = MEMORY[0]

    def stacks(self) -> dict[str, Stacked]:
        """Return the stacks by the names of their modules."""
        return {name: m for name, m in self.named_modules() if isinstance(m, Stacked)}

    @property
    def plan(self) -> Plan:
        """The plan in which it runs."""
        if self.runs_in_lanes:
            return Plan("lanes")
        return plan_of({name: stack.form for name, stack in self.stacks().items()}, self.memory)

    @property
    def memory_format(self) -> torch.memory_format:
        """The memory format of maps in its plan."""
        return FORMATS[self.memory]

    def run_as(self, plan: Plan) -> None:
        """Run in a plan from now on; lanes train and test the network, ``forward`` is torch's.

        Raises:
            UsageError: If the plan names a stack that the network does not have.
        """
        stacks = self.stacks()
        for name in plan.stacks:
            if name not in stacks:
                raise UsageError(
                    place="plan",
                    found=name,
                    expected=f"one of the stacks {', '.join(stacks)}" if stacks else "no stack",
                )
        self.runs_in_lanes, self.memory = plan.runs_in_lanes, plan.memory
        for name, stack in stacks.items():
            stack.run_as(plan.form(name))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        return cast(Tensor, self.layers(x))


def build(architecture: Architecture, *, plan: str = "grouped") -> Network:
    """Return a network of ``architecture`` with torch's default weights.

    Args:
        architecture: The architecture; its units are put in canonical order.
        plan: The plan in which it runs: see ``Plan``. All plans compute the same function with the
            same parameters.

    Raises:
        ShapeError: If a layer cannot take what enters it.
        UsageError: If there is no such plan.
    """
    parsed = plan_from(plan)
    output(architecture)
    network = Network(canonical(architecture))
    network.run_as(parsed)
    initialise(network, "default", torch.Generator().manual_seed(torch.initial_seed() % 2**63))
    return network


def initialise(network: nn.Module, how: str, generator: torch.Generator) -> None:
    """Set all weights from ``generator``, layer by layer in order.

    Args:
        network: The network.
        how: ``default``, as torch sets a layer (uniform within 1/√fan-in), or ``kaiming``, as the
            papers' code does (convolutions Kaiming normal over fan-out, linear weights normal with
            σ 0.01, biases as torch sets them). Fans are those of one unit, not of the group. SLBF
            layers are set as ``SlbfConv2d.reset`` says either way.
        generator: Source of all random numbers, on the CPU.
    """
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear, GroupedLinear)):
                weight = module.weight
                fan_in = math.prod(weight.shape[1:])
                bound = 1 / math.sqrt(fan_in)
                if how == "default":
                    weight.uniform_(-bound, bound, generator=generator)
                elif isinstance(module, nn.Conv2d):
                    rows = module.out_channels // module.groups
                    fan_out = rows * math.prod(module.kernel_size)
                    weight.normal_(0, math.sqrt(2 / fan_out), generator=generator)
                else:
                    weight.normal_(0, 0.01, generator=generator)
                if module.bias is not None:
                    module.bias.uniform_(-bound, bound, generator=generator)
            elif isinstance(module, SlbfConv2d):
                module.reset(generator)
            elif isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.reset_parameters()


def stacked(stack: Stack, x: Shape) -> Stacked:
    """Return a stack on an input of shape ``x``, its runs as they are."""
    shares = [run.count * run.unit.inputs for run in stack.units]
    return Stacked([_run(run, x) for run in stack.units], shares)


def _sequence(layers: Layers, x: Shape) -> nn.Sequential:
    modules = []
    for layer in layers:
        modules.append(_module(layer, x))
        x = after(layer, x)
    return nn.Sequential(*modules)


def _module(layer: Layer, x: Shape) -> nn.Module:
    match layer:
        case Conv() | Linear() | Slbf():
            return _block(layer, x, 1)
        case Pool(op="max"):
            return nn.MaxPool2d(layer.kernel, layer.step, layer.padding)
        case Pool():
            return nn.AvgPool2d(layer.kernel, layer.step, layer.padding)
        case GlobalPool():
            return GlobalAverage()
        case Flatten():
            return Flat()
        case Stack():
            return stacked(layer, x)
        case Residual(body=body, shortcut=shortcut):
            side = _sequence(shortcut, x) if shortcut else None
            return Summed(_sequence(body, x), side, activation(layer.act))
        case Branches(of=of, split=split):
            shares_in = [x] * len(of) if split is None else [(c, *x[1:]) for c in split]
            branches: list[nn.Module] = [
                _sequence(s, share) for s, share in zip(of, shares_in, strict=True)
            ]
            return Branched(branches, None if split is None else list(split))
        case Gate(body=body):
            return Gated(_sequence(body, x))
        case Shuffle(groups=groups):
            return nn.ChannelShuffle(groups)
        case _:
            assert_never(layer)


def _run(run: Units, x: Shape) -> UnitRun:
    share: Shape = (run.unit.inputs, *x[1:])
    modules: list[nn.Module] = []
    for layer in run.unit.layers:
        if isinstance(layer, (Conv, Linear, Slbf)):
            modules.append(_block(layer, share, run.count))
        else:
            modules.append(_module(layer, share))
        share = after_all((layer,), share)
    return UnitRun(run.count, modules)


def _block(layer: Conv | Linear | Slbf, x: Shape, count: int) -> Block:
    """Return ``count`` equal layers side by side as one block."""
    width = count * layer.out
    weights: nn.Module
    norm: nn.Module | None = None
    if isinstance(layer, Conv):
        weights = nn.Conv2d(
            count * x[0], width, layer.kernel, layer.stride, layer.margin,
            groups=count * layer.groups, bias=layer.bias,
        )  # fmt: skip
        norm = nn.BatchNorm2d(width) if layer.norm == "batch" else None
    elif isinstance(layer, Slbf):
        weights = SlbfConv2d(count, x[0], layer)
        norm = nn.BatchNorm2d(width) if layer.norm == "batch" else None
    else:
        if count == 1:
            weights = nn.Linear(x[0], width, bias=layer.bias)
        else:
            weights = GroupedLinear(count, x[0], layer.out, bias=layer.bias)
        norm = nn.BatchNorm1d(width) if layer.norm == "batch" else None
    return Block(weights, norm, activation(layer.act))
