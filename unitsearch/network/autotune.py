"""Autotuning: the plan in which a network trains fastest, measured once for its kind and machine.

Lanes and torch are compared on a training step of the whole network. Networks of the same input and
of MACs within a factor of four share a measurement if it finds one of the two three times faster;
if not, networks that have the same layers, shapes and MACs within a factor of √2 share one. In
torch, each stack takes the form in which its own forward and backward pass is fastest.
Measurements are stored in the cache folder, so that the workers of one machine, and a resumed
study, choose the same plans.
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
from unitsearch.costs import count, layer_cost, work
from unitsearch.errors import UnitSearchError
from unitsearch.files import locked, write_whole
from unitsearch.kernels import machine_code
from unitsearch.kernels.lane_program import workspace_bytes
from unitsearch.kernels.lanes import Lanes
from unitsearch.network.build import FORMATS, Network, build
from unitsearch.network.plans import AUTO, MEMORY, Plan, plan_from, plan_of
from unitsearch.network.timing import best_times
from unitsearch.resources import cache_folder
from unitsearch.shapes import Shape, after

# Forms that autotuning may choose; bfloat16 rounds, so it must be asked for.
EXACT = ("grouped", "dense", "loop")
# Bytes of maps and gradients that lanes may hold.
LARGEST_WORKSPACE = 2**31
# Multiply-adds of a measured step (see ``costs.work``): about a second of measuring.
_WORK_PER_STEP = 4e9
# Images in a block: lanes work on whole blocks, so steps are measured on whole blocks.
_BLOCK_IMAGES = 16
# Least images of a step that is measured in torch alone.
_LEAST_TORCH_IMAGES = 4
_ROUNDS = 3
# A plan that is so many times faster is also the faster one for networks of similar size and input.
_CLEAR_RATIO = 3.0

Times = dict[str, float]


@dataclass(frozen=True)
class ChosenPlan:
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
) -> ChosenPlan:
    """Return the plan in which ``architecture`` trains.

    Args:
        architecture: The architecture to train.
        wanted: ``auto``, or the text of a plan; grouped torch trains what that plan cannot.
        batch: Images of a step.
        in_memory: Whether the images lie in memory, which lanes need.
        device: The device that trains. Only the CPU is measured: elsewhere ``auto`` is grouped.

    Raises:
        UsageError: If there is no such plan.
    """
    if wanted != AUTO:
        plan = plan_from(wanted)
        if plan.stacks:  # one plan for all networks of a search: not each has all of the stacks
            own = build(architecture).stacks()
            plan = replace(plan, stacks={k: v for k, v in plan.stacks.items() if k in own})
        if plan.runs_in_lanes:
            refused = refusal(architecture, batch, in_memory=in_memory, device=device)
            if refused is not None:
                return ChosenPlan(Plan(), refused)
        return ChosenPlan(plan, "asked for")
    refused = refusal(architecture, batch, in_memory=in_memory, device=device)
    if refused is not None:
        plan = _torch_plan(architecture, batch) if device == "cpu" else Plan()
        return ChosenPlan(plan, refused)
    times = step_times(architecture, batch)
    torch_time = min(seconds for name, seconds in times.items() if name != "lanes")
    why = f"a step of {batch} images: lanes {_ms(times['lanes'])}, torch {_ms(torch_time)}"
    if times["lanes"] <= torch_time:
        return ChosenPlan(Plan("lanes"), why)
    return ChosenPlan(_torch_plan(architecture, batch), why)


def refusal(
    architecture: Architecture, batch: int, *, in_memory: bool, device: str = "cpu"
) -> str | None:
    """Return the reason why lanes cannot train ``architecture``; None if they can."""
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
    return None


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
    times = _stored_or_measured(["step", about, images], measure)
    torch_time = min(seconds for name, seconds in times.items() if name != "lanes")
    if 1 / _CLEAR_RATIO < times["lanes"] / torch_time < _CLEAR_RATIO:
        times = _stored_or_measured(["step", _outline(architecture), images], measure)
    return {name: seconds * batch / images for name, seconds in times.items()}


def stack_times(network: Network, name: str, x: Shape, batch: int, memory: str) -> Times:
    """Return the seconds that each form of a stack takes, forward and backward.

    Args:
        network: The network that holds the stack.
        name: The name of the stack's module.
        x: Shape of the stack's input for one image.
        batch: Images of a step.
        memory: The order of maps in memory.
    """
    layers = dict(zip(network.stacks(), stacks(network.architecture.layers), strict=True))
    images = images_measured(work(layer_cost(layers[name], x)), batch, _LEAST_TORCH_IMAGES)
    question = ["stack", repr(network.get_submodule(name)), list(x), memory, images]
    measure = partial(_forms, network, name, x, images, FORMATS[memory])
    times = _stored_or_measured(question, measure)
    return {form: seconds * batch / images for form, seconds in times.items()}


def plan_times(architecture: Architecture, plans: Sequence[Plan], batch: int) -> Times:
    """Return the seconds of a training step of ``batch`` images in each of torch's ``plans``."""
    images = images_measured(work(count(architecture)), batch, _LEAST_TORCH_IMAGES)
    question = ["plans", _outline(architecture), [str(plan) for plan in plans], images]
    times = _stored_or_measured(question, partial(_whole, architecture, plans, images))
    return {name: seconds * batch / images for name, seconds in times.items()}


def _torch_plan(architecture: Architecture, batch: int) -> Plan:
    """Return the fastest plan of torch: each stack's fastest form, in the faster memory format.

    The plain loop is compared too, so that no slower plan is chosen.
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
    """Return the shape of each stack's input for one image, by the name of its module."""
    shapes: dict[str, Shape] = {}
    hooks = []
    for name, stack in network.stacks().items():

        def note(_: nn.Module, inputs: tuple[torch.Tensor, ...], name: str = name) -> None:
            shapes[name] = tuple(inputs[0].shape[1:])

        hooks.append(stack.register_forward_pre_hook(note))
    was_training = network.training
    with torch.inference_mode():
        network.eval()(torch.zeros(1, *network.architecture.input))
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    return shapes


def _steps(architecture: Architecture, images: int) -> Times:
    """Measure whole training steps: in lanes with the optimiser, in torch without."""
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
        plain = build(architecture, plan=form)
        plain.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub
        calls[form] = partial(_torch_step, plain, x, torch.from_numpy(labels))
    return dict(zip(calls, best_times(list(calls.values()), _ROUNDS), strict=True))


def _torch_step(network: nn.Module, x: torch.Tensor, labels: torch.Tensor) -> None:
    network.zero_grad()
    F.cross_entropy(network(x), labels).backward()  # type: ignore[no-untyped-call]  # torch's stub


def _whole(architecture: Architecture, plans: Sequence[Plan], images: int) -> Times:
    """Measure whole training steps of torch without the optimiser."""
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


def images_measured(each: float, batch: int, least: int = _BLOCK_IMAGES) -> int:
    """Return the number of images, at least ``least``, on which a step is measured.

    Above a block they are whole blocks. ``each`` is the work for one image.
    """
    images = int(_WORK_PER_STEP / (2 * max(each, 1.0)))
    if images >= _BLOCK_IMAGES:
        images = images // _BLOCK_IMAGES * _BLOCK_IMAGES
    return min(batch, max(images, least))


def _outline(architecture: Architecture) -> list[Any]:
    """Return the properties by which networks share a measurement: equal ones share it."""
    outline: list[Any] = [list(architecture.input)]
    x: Shape = architecture.input
    layers: Layers = canonical(architecture).layers
    for layer in layers:
        macs = layer_cost(layer, x).macs
        size = round(2 * math.log2(macs)) if macs else 0
        y = after(layer, x)
        outline.append([type(layer).__name__, list(y), size])
        x = y
    return outline


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms"


# Stored measurements.


def _stored_or_measured(question: list[Any], measure: Callable[[], Times]) -> Times:
    """Return the stored answer to ``question`` on this machine, else measure and store it."""
    text = json.dumps([*question, torch.get_num_threads()], sort_keys=True)
    name = hashlib.sha256(text.encode()).hexdigest()[:20]
    path = cache_folder() / "plans" / _machine() / f"{name}.json"
    if (stored := _read(path)) is not None:
        return stored
    with locked(path.parent / "lock"):  # one process measures at a time
        if (stored := _read(path)) is not None:  # another worker has measured it meanwhile
            return stored
        times = measure()
        with suppress(OSError):  # measured again next time
            write_whole(path, json.dumps({"asked": json.loads(text), "seconds": times}).encode())
        return times


def _read(path: Path) -> Times | None:
    try:
        times = json.loads(path.read_text("utf-8"))["seconds"]
        return {str(name): float(seconds) for name, seconds in times.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@lru_cache
def _machine() -> str:
    """Return a hash of everything besides the network that times depend on."""
    parts = [machine_code.digest(), torch.__version__, metadata.version("unitsearch")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]
