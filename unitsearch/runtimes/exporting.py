"""The file of a network for one runtime: the fastest form, compared, measured, and its facts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.costs import count
from unitsearch.errors import SpecError
from unitsearch.exports.runtime_facts import BatchTimes, RuntimeFacts
from unitsearch.exports.runtime_latency import machine
from unitsearch.exports.source_network import SourceNetwork
from unitsearch.network.forms import STACK_FORMS
from unitsearch.network.latency import one_thread, times_in_turns
from unitsearch.runtimes.choosing import (
    candidates,
    dense_twin,
    fastest,
    program_of,
    programs,
)
from unitsearch.runtimes.int8 import quantized
from unitsearch.runtimes.int8_images import Int8Images
from unitsearch.runtimes.measuring import (
    ROUNDS,
    WrittenProgram,
    check_logits,
    on_noise,
    written,
)
from unitsearch.runtimes.runtime import Program, Runtime

if TYPE_CHECKING:
    from unitsearch.architecture import Architecture

MANY = 16  # images of the second measurement
_ROUNDS_OF_MANY = 11


@dataclass(frozen=True)
class Target:
    """A runtime to export to.

    Attributes:
        runtime: The runtime.
        form: The form of stacks; ``auto`` for the one that is fastest there.
        images: The images to quantise with; None for float32 alone.
        keeps_any_int8: Whether the int8 file is kept where it is slower or larger.
    """

    runtime: Runtime
    form: str = "auto"
    images: Callable[[Architecture], Int8Images] | None = None
    keeps_any_int8: bool = False

    def check(self, source: SourceNetwork) -> None:
        """Raise ``SpecError`` if the runtime cannot take the network."""
        reason = self.runtime.refusal(source.architecture)
        if reason:
            raise SpecError(f"{self.runtime.title} does not take {source.stem}: {reason}")

    def write(self, source: SourceNetwork, folder: Path) -> RuntimeFacts:
        """Write the files of a network into ``folder`` and return their facts.

        Raises:
            CheckError: If outputs differ from the network's.
            SpecError: If the runtime or the quantiser does not take the network.
        """
        self.check(source)
        with one_thread():
            return self._written(source, folder)

    def _written(self, source: SourceNetwork, folder: Path) -> RuntimeFacts:
        runtime, architecture = self.runtime, source.architecture
        with tempfile.TemporaryDirectory() as name:
            made = self._candidates(source)
            form, chosen = fastest(runtime, made, Path(name), source.stem)
            files = {file: (chosen.folder / file).read_bytes() for file in chosen.files}
            found = _difference(chosen, source)
            compared, ratio = {"network": chosen}, None
            twin = dense_twin(architecture)
            if twin is not None:
                ratio = count(twin).macs / source.cost.macs
                program = program_of(twin)
                compared["twin"] = written(runtime, program, Path(name) / "twin", "twin")
            times = tuple(_times(compared, batch) for batch in (1, MANY))
        for file, content in files.items():
            (folder / file).write_bytes(content)
        facts = RuntimeFacts(
            runtime=runtime.name,
            title=runtime.title,
            version=runtime.version,
            files=files,
            form=form,
            difference=found,
            tolerance=runtime.tolerance,
            setting=runtime.setting,
            times=times,
            macs_ratio=ratio,
            machine=machine(),
            rounds=ROUNDS,
            usage=runtime.usage(chosen.files[0], architecture.input),
        )
        return facts if self.images is None else self._with_int8(source, folder, facts)

    def _candidates(self, source: SourceNetwork) -> dict[str, Program]:
        if self.form == "auto":
            return candidates(self.runtime, source)
        return programs(source, (self.form,))

    def _with_int8(self, source: SourceNetwork, folder: Path, facts: RuntimeFacts) -> RuntimeFacts:
        assert self.images is not None
        float_file = folder / next(iter(facts.files))
        images = self.images(source.architecture)
        made = quantized(self.runtime, programs(source, STACK_FORMS), float_file, images)
        if made.facts.objection and not self.keeps_any_int8:
            return replace(facts, int8=made.facts)
        name = f"{float_file.name.removesuffix('.onnx')}.int8.onnx"
        (folder / name).write_bytes(made.content)
        files = {**facts.files, name: made.content}
        return replace(facts, files=files, int8=replace(made.facts, file=name))


def _difference(chosen: WrittenProgram, source: SourceNetwork) -> float:
    """Return the largest difference of logits, of single images and of several at a time."""
    images, logits, file = source.images.numpy(), source.logits.numpy(), chosen.files[0]
    runtime, call = chosen.runtime, chosen.call(1)
    found = [
        check_logits(runtime, file, call, images[at : at + 1], logits[at : at + 1])
        for at in range(4)
    ]
    for batch in (3, len(images)) if runtime.takes_any_batch else ():
        call = chosen.call(batch)
        found.append(check_logits(runtime, file, call, images[:batch], logits[:batch]))
    return max(found)


def _times(compared: Mapping[str, WrittenProgram], batch: int) -> BatchTimes:
    """Return the times of a network and its twin for a number of images, in turns."""
    calls = {
        role: on_noise(one.call(batch), one.program.shape, batch) for role, one in compared.items()
    }
    times = times_in_turns(calls, ROUNDS if batch == 1 else _ROUNDS_OF_MANY)
    return BatchTimes(batch, times["network"], times.get("twin"))
