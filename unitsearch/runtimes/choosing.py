"""Networks in several forms, and the choice of each stack's form by its time in a runtime."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.errors import SpecError
from unitsearch.exports.formats.format import metadata
from unitsearch.exports.runtime_latency import machine
from unitsearch.exports.source_network import DeployedNetwork, SourceNetwork
from unitsearch.files import write_whole
from unitsearch.network.build import build
from unitsearch.network.deployed import deployed
from unitsearch.network.formed import FormedNetwork, StackChoice, in_form
from unitsearch.network.forms import STACK_FORMS, StackSite, stack_parts, stack_sites
from unitsearch.network.latency import times_in_turns
from unitsearch.resources import cache_folder
from unitsearch.runtimes.measuring import ROUNDS, WrittenProgram, on_noise, written
from unitsearch.runtimes.runtime import Program, Runtime
from unitsearch.space import dense

if TYPE_CHECKING:
    from unitsearch.architecture import Architecture

_ROUNDS_OF_A_STACK = 9
_MOST_UNITS = 64  # of a stack that is written unit by unit


def programs(source: SourceNetwork, forms: Sequence[str]) -> dict[str, Program]:
    """Return a network in several forms, by the form; those that are written alike once."""
    sites = stack_sites(deployed(source.architecture)).values()
    made: dict[str, Program] = {}
    seen = set()
    for form in forms:
        if form == "loop" and any(_units(site) > _MOST_UNITS for site in sites):
            continue
        parts = tuple(stack_parts(site.stack, form) for site in sites)
        if parts not in seen:
            seen.add(parts)
            made[form] = _program(source, in_form(source.network, form))
    return made


def chosen_program(runtime: Runtime, source: SourceNetwork) -> tuple[str, Program]:
    """Return a network with each stack in its fastest form, and the forms in words.

    Each kind of stack is measured on its own, once on this machine: see ``stack_times``.
    """

    def choose(choice: StackChoice) -> str:
        times = stack_times(runtime, choice)
        return min(times, key=lambda form: times[form]) if times else choice.forms[0]

    network = in_form(source.network, "auto", choose)
    counted = Counter(network.forms.values())
    words = ", ".join(f"{count} {form}" for form, count in counted.most_common())
    if len(counted) < 2:
        words = next(iter(counted), STACK_FORMS[0])
    return words, _program(source, network)


def stack_times(runtime: Runtime, choice: StackChoice) -> dict[str, float]:
    """Return the seconds of a stack for one image in each form that a runtime takes.

    They are kept in the cache folder, by runtime, version, machine and stack.
    """
    path = cache_folder() / "runtimes" / f"{runtime.name}.json"
    key = _kind(runtime, choice)
    known = _kept(path)
    if key not in known:
        known = {**_kept(path), key: _stack_times(runtime, choice)}
        write_whole(path, json.dumps(known).encode())
    return known[key]


def _program(source: SourceNetwork, network: FormedNetwork) -> Program:
    return Program(network, source.architecture.input, metadata(source))


def _stack_times(runtime: Runtime, choice: StackChoice) -> dict[str, float]:
    calls: dict[str, Callable[[], object]] = {}
    shape = choice.site.shape
    with tempfile.TemporaryDirectory() as folder:
        for form in choice.forms:
            if form == "loop" and _units(choice.site) > _MOST_UNITS:
                continue
            program = Program(DeployedNetwork(choice.build(form)).eval(), shape)
            try:
                one = written(runtime, program, Path(folder) / form, "stack")
                calls[form] = on_noise(one.call(1), shape, 1)
            except SpecError:  # the runtime does not take a stack in this form
                continue
        times = times_in_turns(calls, _ROUNDS_OF_A_STACK) if len(calls) > 1 else {}
    return {form: time.low for form, time in times.items()} or dict.fromkeys(calls, 0.0)


def _kind(runtime: Runtime, choice: StackChoice) -> str:
    """Return the key of a kind of stack in a runtime on this machine."""
    site = choice.site
    facts = (runtime.name, runtime.version, machine(), STACK_FORMS, site.shape, site.stack)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:20]


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
    made = programs(source, STACK_FORMS)
    if len(stack_sites(source.architecture)) > 1:
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
    network = in_form(build(architecture).eval(), STACK_FORMS[0])
    return Program(network, architecture.input)


def _units(site: StackSite) -> int:
    return sum(run.count for run in site.stack.units)
