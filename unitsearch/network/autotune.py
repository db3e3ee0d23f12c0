"""Which plan a network trains in: measured once for its kind and machine, then remembered.

Whether lanes or torch train a network is measured on a training step of all of it. Networks of the
same input and of MACs within a factor of four share a measurement that finds one of the two three
times faster; if it does not, those share one that have the same layers, shapes and MACs within a
factor of √2. In torch, each stack takes the form in which its own forward and backward pass is
fastest. What is measured is kept in the cache folder: the workers of one machine, and a study that
is resumed, choose alike.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from unitsearch.architecture import Architecture, Layers, canonical, stacks
from unitsearch.costs import Cost, count, layer_cost
from unitsearch.errors import UnitSearchError
from unitsearch.files import locked, write_whole
from unitsearch.kernels import cache
from unitsearch.kernels.lane_program import workspace_bytes
from unitsearch.kernels.lanes import Lanes
from unitsearch.network.build import FORMATS, Network, build
from unitsearch.network.plans import AUTO, MEMORY, Plan, plan_from, plan_of
from unitsearch.network.timing import best_times
from unitsearch.resources import cache_folder
from unitsearch.shapes import Shape, after

EXACT = ("grouped", "dense", "loop")  # what may be chosen unasked: bfloat16 rounds
LARGEST_WORKSPACE = 2**31  # bytes of maps and gradients that lanes may hold
_WORK = 4e9  # of one measured step, if that is a block of images at least: see ``work``
_ELEMENT = 50.0  # what a normed element takes, in multiply-adds of a convolution
_BLOCK = 16  # images
_FEW = 4  # images of a step that is measured in torch alone
_ROUNDS = 3
_CLEAR = 3.0  # times faster: then a network of about that size and input is one too

Times = dict[str, float]


@dataclass(frozen=True)
class Choice:
    """A plan, and why it was chosen."""

    plan: Plan
    why: str


def choose(
    architecture: Architecture,
    wanted: str,
    batch: int,
    *,
    in_memory: bool = True,
    device: str = "cpu",
) -> Choice:
    """Return the plan in which ``architecture`` trains.

    Args:
        architecture: What is trained.
        wanted: ``auto``, or the text of a plan; what it cannot do is left to grouped torch.
        batch: Images of a step.
        in_memory: Whether the images lie in memory, where lanes want them.
        device: Where it trains. Nothing is measured but on the CPU: elsewhere ``auto`` is grouped.

    Raises:
        UsageError: If there is no such plan.
    """
    if wanted != AUTO:
        plan = plan_from(wanted)
        if plan.stacks:  # one plan for all networks of a search: not each has all of the stacks
            own = build(architecture).stacks()
            plan = replace(plan, stacks={k: v for k, v in plan.stacks.items() if k in own})
        refused = ""
        if plan.runs_in_lanes:
            refused = refusal(architecture, batch, in_memory=in_memory, device=device)
        return Choice(Plan(), refused) if refused else Choice(plan, "asked for")
    why = refusal(architecture, batch, in_memory=in_memory, device=device)
    if device != "cpu":
        return Choice(Plan(), why)
    if not why:
        times = step_times(architecture, batch)
        found = min(times, key=times.__getitem__)
        rest = min(times[name] for name in times if name != "lanes")
        said = f"a step of {batch} images: lanes {_ms(times['lanes'])}, torch {_ms(rest)}"
        if found == "lanes":
            return Choice(Plan("lanes"), said)
        why = said
    return Choice(_torch_plan(architecture, batch), why)


def refusal(architecture: Architecture, batch: int, *, in_memory: bool, device: str = "cpu") -> str:
    """Return why lanes cannot train ``architecture``, or nothing if they can."""
    if device != "cpu":
        return f"lanes train on the CPU, not on {device}"
    if not in_memory:
        return "lanes train on images in memory"
    try:
        size = workspace_bytes(architecture, batch)
    except UnitSearchError as error:
        return error.message
    if size > LARGEST_WORKSPACE:
        return f"lanes would hold {size / 2**30:.1f} GiB of maps"
    return ""


def step_times(architecture: Architecture, batch: int) -> Times:
    """Return the seconds of a training step of ``batch`` images in lanes and in plans of torch."""
    macs = count(architecture).macs
    images = images_measured(work(count(architecture)), batch)
    measure = partial(_steps, architecture, images)
    about = [
        list(architecture.input),
        any(True for _ in stacks(architecture.layers)),
        round(math.log2(macs) / 2),
    ]
    found = _kept(["step", about, images], measure)
    rest = min(seconds for name, seconds in found.items() if name != "lanes")
    if 1 / _CLEAR < found["lanes"] / rest < _CLEAR:
        found = _kept(["step", _outline(architecture), images], measure)
    return {name: seconds * batch / images for name, seconds in found.items()}


def stack_times(network: Network, name: str, x: Shape, batch: int, memory: str) -> Times:
    """Return the seconds that each form of a stack takes, forward and backward.

    Args:
        network: Whose stack it is.
        name: The name of the stack's module.
        x: Shape of what enters it for one image.
        batch: Images of a step.
        memory: The order of maps in memory.
    """
    layers = dict(zip(network.stacks(), stacks(network.architecture.layers), strict=True))
    images = images_measured(work(layer_cost(layers[name], x)), batch, _FEW)
    said = [repr(network.get_submodule(name)), list(x), memory]
    measure = partial(_forms, network, name, x, images, FORMATS[memory])
    found = _kept(["stack", *said, images], measure)
    return {form: seconds * batch / images for form, seconds in found.items()}


def plan_times(architecture: Architecture, plans: Sequence[Plan], batch: int) -> Times:
    """Return the seconds of a training step of ``batch`` images in each of torch's ``plans``."""
    images = images_measured(work(count(architecture)), batch, _FEW)
    said = [_outline(architecture), [str(plan) for plan in plans]]
    found = _kept(["plans", *said, images], partial(_whole, architecture, plans, images))
    return {name: seconds * batch / images for name, seconds in found.items()}


def _torch_plan(architecture: Architecture, batch: int) -> Plan:
    """Return the fastest plan of torch: what stacks like best, in the order that suits the whole.

    The plain loop takes part, so that nothing is chosen that is slower.
    """
    network = build(architecture)
    shapes = entering(network)
    plans = {}
    for memory in MEMORY:
        forms = {}
        for name, x in shapes.items():
            times = stack_times(network, name, x, batch, memory)
            forms[name] = min(times, key=times.__getitem__)
        plan = plan_of(forms, memory)
        plans[str(plan)] = plan
    if shapes:
        loop = Plan("loop", memory="contiguous")
        plans[str(loop)] = loop
    times = plan_times(architecture, list(plans.values()), batch)
    return plans[min(times, key=times.__getitem__)]


def entering(network: Network) -> dict[str, Shape]:
    """Return the shape of what enters each stack for one image, by the name of its module."""
    found: dict[str, Shape] = {}
    hooks = []
    for name, stack in network.stacks().items():

        def note(_: nn.Module, inputs: tuple[torch.Tensor, ...], name: str = name) -> None:
            found[name] = tuple(inputs[0].shape[1:])

        hooks.append(stack.register_forward_pre_hook(note))
    was_training = network.training
    with torch.inference_mode():
        network.eval()(torch.zeros(1, *network.architecture.input))
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    return found


def _steps(architecture: Architecture, images: int) -> Times:
    """Measure whole training steps, the optimiser's part in lanes included."""
    rng = np.random.default_rng(0)
    architecture = replace(architecture, provenance=None)
    pixels = rng.integers(0, 256, (images, *architecture.input), np.uint8)
    network = build(architecture)
    x = torch.from_numpy(pixels).float().div_(255).contiguous(memory_format=torch.channels_last)
    classes = network.eval()(x[:1]).shape[1]
    labels = rng.integers(0, classes, images)
    lanes = Lanes(architecture, images)
    lanes.load({name: t.numpy() for name, t in network.state_dict().items()})
    rows = np.arange(images)
    calls: dict[str, Callable[[], object]] = {
        "lanes": partial(lanes.train_step, pixels, labels, rows, 0.0)
    }
    for form in ("grouped", "loop") if network.stacks() else ("grouped",):
        one = build(architecture, plan=form)
        one.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub
        calls[form] = partial(_torch_step, one, x, torch.from_numpy(labels))
    return dict(zip(calls, best_times(list(calls.values()), _ROUNDS), strict=True))


def _torch_step(network: nn.Module, x: torch.Tensor, labels: torch.Tensor) -> None:
    network.zero_grad()
    F.cross_entropy(network(x), labels).backward()  # type: ignore[no-untyped-call]  # torch's stub


def _whole(architecture: Architecture, plans: Sequence[Plan], images: int) -> Times:
    """Measure whole training steps of torch but for the optimiser's part."""
    calls = []
    for plan in plans:
        network = build(replace(architecture, provenance=None), plan=str(plan))
        network.to(memory_format=network.memory_format)  # type: ignore[call-overload]  # torch's stub
        x = torch.rand(images, *architecture.input).contiguous(memory_format=network.memory_format)
        with torch.no_grad():
            classes = network(x).shape[1]
        labels = torch.randint(classes, (images,))
        calls.append(partial(_torch_step, network, x, labels))
    return dict(zip(map(str, plans), best_times(calls, _ROUNDS), strict=True))


def _forms(
    network: Network, name: str, shape: Shape, images: int, memory: torch.memory_format
) -> Times:
    stack = network.stacks()[name]
    before = stack.form
    x = torch.rand(images, *shape, requires_grad=True)
    if len(shape) == 3:
        x = x.detach().contiguous(memory_format=memory).requires_grad_()
    stack.to(memory_format=memory)  # type: ignore[call-overload]  # torch's stub

    def run(form: str) -> None:
        stack.run_as(form)
        stack(x).sum().backward()

    forms = [form for form in EXACT if form in stack.forms]
    times = best_times([partial(run, form) for form in forms], _ROUNDS)
    stack.run_as(before)
    return dict(zip(forms, times, strict=True))


def work(cost: Cost) -> float:
    """Return about how much a training step does for one image, in multiply-adds.

    Maps are read and written, normed and activated: where few channels meet large maps this takes
    longer than the sums. The papers' FLOPs count four for each normed element.
    """
    return 3 * cost.macs + _ELEMENT * (cost.flops - 2 * cost.macs) / 4


def images_measured(each: float, batch: int, least: int = _BLOCK) -> int:
    """Return how many images a step of so much work for each is measured on, at least ``least``.

    Above a block they are whole blocks.
    """
    able = int(_WORK / (2 * max(each, 1.0)))
    able = able // _BLOCK * _BLOCK if able >= _BLOCK else able
    return min(batch, max(able, least))


def _outline(architecture: Architecture) -> list[Any]:
    """Return what networks have in common that share a measurement."""
    found: list[Any] = [list(architecture.input)]
    x: Shape = architecture.input
    layers: Layers = canonical(architecture).layers
    for layer in layers:
        macs = layer_cost(layer, x).macs
        size = round(2 * math.log2(macs)) if macs else 0
        y = after(layer, x)
        found.append([type(layer).__name__, list(y), size])
        x = y
    return found


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms"


# What was measured.


def _kept(asked: list[Any], measure: Callable[[], Times]) -> Times:
    """Return what was measured before under ``asked`` on this machine, else measure it now."""
    said = json.dumps([*asked, torch.get_num_threads()], sort_keys=True)
    name = hashlib.sha256(said.encode()).hexdigest()[:20]
    return _remembered(cache_folder() / "plans" / _machine() / f"{name}.json", said, measure)


def _remembered(path: Path, said: str, measure: Callable[[], Times]) -> Times:
    if (known := _read(path)) is not None:
        return known
    with locked(path.parent / "lock"):  # one process measures at a time
        if (known := _read(path)) is not None:  # another worker was faster
            return known
        times = measure()
        with suppress(OSError):  # measured again next time
            write_whole(path, json.dumps({"asked": json.loads(said), "seconds": times}).encode())
        return times


def _read(path: Path) -> Times | None:
    try:
        found = json.loads(path.read_text("utf-8"))["seconds"]
        return {str(name): float(seconds) for name, seconds in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@lru_cache
def _machine() -> str:
    """Return a hash of what times depend on besides the network."""
    parts = [cache.digest(), torch.__version__, metadata.version("unitsearch")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]
