"""Networks in several forms, and the choice of each stack's form by its time in a runtime."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch

from unitsearch.errors import SpecError
from unitsearch.exports.formats.format import metadata
from unitsearch.exports.runtime_latency import machine
from unitsearch.exports.source_network import DeployedNetwork, SourceNetwork
from unitsearch.files import write_whole
from unitsearch.network.build import Network, build
from unitsearch.network.inference import folded, inputs_of_stacks, replace_module
from unitsearch.network.latency import times_in_turns
from unitsearch.network.stacks import Stacked, UnitRun
from unitsearch.resources import cache_folder
from unitsearch.runtimes.measuring import ROUNDS, WrittenProgram, on_noise, written
from unitsearch.runtimes.runtime import Program, Runtime
from unitsearch.runtimes.stack_forms import FORMS, stack_in_form
from unitsearch.space import dense

if TYPE_CHECKING:
    from unitsearch.architecture import Architecture

_ROUNDS_OF_A_STACK = 9
_MOST_UNITS = 64  # of a stack that is written unit by unit


def formed(source: SourceNetwork, form_of: Callable[[str, Stacked], str]) -> Program:
    """Return a network for inference, each stack in the form that ``form_of`` names."""
    network = folded(source.network)
    for name, stack in _stacks(network).items():
        module = stack_in_form(stack, form_of(name, stack))
        if module is not None:
            replace_module(network.layers, name, module)
    module = DeployedNetwork(network.layers).eval()
    return Program(module, source.architecture.input, metadata(source))


def programs(source: SourceNetwork, forms: Sequence[str]) -> dict[str, Program]:
    """Return a network in several forms, by the form; in one alone if it has no stacks."""
    stacks = _stacks(source.network)
    if not stacks:
        return {"runs": formed(source, lambda name, stack: "runs")}
    return {
        form: formed(source, lambda name, stack, form=form: form)  # type: ignore[misc]
        for form in forms
        if form != "loop" or all(_units(stack) <= _MOST_UNITS for stack in stacks.values())
    }


def chosen_program(runtime: Runtime, source: SourceNetwork) -> tuple[str, Program]:
    """Return a network with each stack in its fastest form, and the forms in words.

    Each kind of stack is measured on its own, once on this machine: see ``stack_times``.
    """
    network = folded(source.network)
    image = torch.zeros(1, *source.architecture.input)
    choice = {}
    for name, x in inputs_of_stacks(network, image).items():
        stack = network.layers.get_submodule(name)
        assert isinstance(stack, Stacked)  # only stacks have inputs here
        times = stack_times(runtime, stack, tuple(x.shape[1:]))
        choice[name] = min(times, key=lambda form: times[form]) if times else "runs"
    counted = Counter(choice.values())
    if len(counted) < 2:
        words = next(iter(counted), "runs")
    else:
        words = ", ".join(f"{n} {form}" for form, n in counted.most_common())
    return words, formed(source, lambda name, stack: choice.get(name, "runs"))


def stack_times(runtime: Runtime, stack: Stacked, shape: tuple[int, ...]) -> dict[str, float]:
    """Return the seconds of a stack for one image in each form that a runtime takes.

    They are kept in the cache folder, by runtime, version, machine and stack.
    """
    path = cache_folder() / "runtimes" / f"{runtime.name}.json"
    key = _kind(runtime, stack, shape)
    known = _kept(path)
    if key not in known:
        known = {**_kept(path), key: _stack_times(runtime, stack, shape)}
        write_whole(path, json.dumps(known).encode())
    return known[key]


def _stack_times(runtime: Runtime, stack: Stacked, shape: tuple[int, ...]) -> dict[str, float]:
    calls: dict[str, Callable[[], object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for form in FORMS:
            if form == "loop" and _units(stack) > _MOST_UNITS:
                continue
            module = stack_in_form(stack, form)
            if module is None:
                continue
            program = Program(DeployedNetwork(module).eval(), shape)
            try:
                one = written(runtime, program, Path(folder) / form, "stack")
                calls[form] = on_noise(one.call(1), shape, 1)
            except SpecError:  # the runtime does not take a stack in this form
                continue
        times = times_in_turns(calls, _ROUNDS_OF_A_STACK) if len(calls) > 1 else {}
    return {form: time.low for form, time in times.items()} or dict.fromkeys(calls, 0.0)


def _kind(runtime: Runtime, stack: Stacked, shape: tuple[int, ...]) -> str:
    """Return the key of a kind of stack in a runtime on this machine."""
    text = repr((runtime.name, runtime.version, machine(), FORMS, shape, str(stack), stack.shares))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _kept(path: Path) -> dict[str, dict[str, float]]:
    try:
        known: dict[str, dict[str, float]] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known


def fastest(
    runtime: Runtime, made: Mapping[str, Program], folder: Path, stem: str
) -> tuple[str, WrittenProgram]:
    """Return the form that is fastest for one image in a runtime, among those that it takes.

    Args:
        runtime: The runtime.
        made: The network in each form, by the form's name.
        folder: The folder for the files, which get one folder a form.
        stem: The name of the files without their endings.

    Raises:
        SpecError: If it takes none of them.
    """
    files: dict[str, WrittenProgram] = {}
    calls: dict[str, Callable[[], object]] = {}
    refusals: list[SpecError] = []
    for number, (form, program) in enumerate(made.items()):
        try:
            one = written(runtime, program, folder / str(number), stem)
            calls[form] = on_noise(one.call(1), program.shape, 1)
            files[form] = one
        except SpecError as error:
            refusals.append(error)
    if not calls:
        raise refusals[0]
    if len(calls) == 1:
        return next(iter(files.items()))
    times = times_in_turns(calls, ROUNDS)
    # other work of the machine only ever adds to a time, so that the lower quartile has less of it
    best = min(calls, key=lambda form: times[form].low)
    return best, files[best]


def candidates(runtime: Runtime, source: SourceNetwork) -> dict[str, Program]:
    """Return the network in each form, and with each stack in its own fastest one.

    The time of a stack alone does not tell all: runtimes join what stands beside it.
    """
    made = programs(source, FORMS)
    if len(_stacks(source.network)) > 1:
        words, mixed = chosen_program(runtime, source)
        made.setdefault(words, mixed)
    return made


def dense_twin(architecture: Architecture) -> Architecture | None:
    """Return the network with each stack fully connected; None where there is no such one."""
    try:
        twin = dense(architecture)
    except SpecError:  # its units have nothing in common
        return None
    return None if twin.layers == architecture.layers else twin


def program_of(architecture: Architecture) -> Program:
    """Return the program of a network with random weights."""
    network = folded(build(architecture).eval())
    return Program(DeployedNetwork(network.layers).eval(), architecture.input)


def _stacks(network: Network) -> dict[str, Stacked]:
    modules = network.layers.named_modules()
    return {name: module for name, module in modules if isinstance(module, Stacked)}


def _units(stack: Stacked) -> int:
    return sum(cast(UnitRun, run).count for run in stack.units)
