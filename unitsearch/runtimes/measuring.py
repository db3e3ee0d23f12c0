"""Files of one network in a runtime: written, loaded, compared and measured in turns."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unitsearch.errors import CheckError, SpecError, UnitSearchError
from unitsearch.runtimes.runtime import Program, Runtime

if TYPE_CHECKING:
    from unitsearch.runtimes.runtime import Images, RuntimeCall

ROUNDS = 21  # timings of each call


@dataclass(frozen=True, eq=False)
class WrittenProgram:
    """A program in a file of a runtime.

    Attributes:
        runtime: The runtime.
        program: The program.
        folder: The folder of its files.
        stem: The name of its files without their endings.
        files: The names of its files, the one that is loaded first.
    """

    runtime: Runtime
    program: Program
    folder: Path
    stem: str
    files: Sequence[str]

    def call(self, batch: int) -> RuntimeCall:
        """Return the function that runs it on ``batch`` images at a time.

        Raises:
            SpecError: If the runtime does not take it.
        """
        try:
            if batch == 1 or self.runtime.takes_any_batch:
                return self.runtime.load(self.folder / self.files[0], batch)
            with tempfile.TemporaryDirectory() as name:
                files = self.runtime.write(self.program, Path(name), self.stem, batch)
                return self.runtime.load(Path(name) / files[0], batch)
        except Exception as error:  # each runtime raises errors of its own
            raise refused(self.runtime, self.stem, error) from error


def written(runtime: Runtime, program: Program, folder: Path, stem: str) -> WrittenProgram:
    """Write a program for a runtime, for one image or any number of them.

    Raises:
        SpecError: If the runtime takes no such program; with the reason that it gives.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = runtime.write(program, folder, stem, 1)
    except Exception as error:  # each runtime raises errors of its own
        raise refused(runtime, stem, error) from error
    return WrittenProgram(runtime, program, folder, stem, files)


def refused(runtime: Runtime, stem: str, error: Exception) -> SpecError:
    """Return the error for a network that a runtime did not take."""
    if isinstance(error, UnitSearchError):
        reason = error.reason
    else:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return SpecError(
        f"{runtime.title} {runtime.version} does not take {stem}: {reason[:300]}",
        fix="export another format or form, or use another runtime",
    )


def difference(expected: Images, logits: Images) -> float:
    """Return the largest difference of a logit, as a share of the largest; infinite if unlike."""
    if expected.shape != logits.shape or not np.isfinite(logits).all():
        return float("inf")
    scale = float(np.abs(expected).max()) or 1.0
    return float(np.abs(expected.astype("float64") - logits).max()) / scale


def check_logits(
    runtime: Runtime, file: str, call: RuntimeCall, images: Images, expected: Images
) -> float:
    """Return the difference of the logits of ``images`` from the expected ones.

    Raises:
        CheckError: If it is larger than the runtime's tolerance.
    """
    found = difference(expected, np.asarray(call(images)))
    if not found <= runtime.tolerance:
        raise CheckError(
            place=file,
            found=f"logits in {runtime.title} that differ by {found:.2g} of the largest",
            expected=f"those of the network (to {runtime.tolerance:g})",
        )
    return found


def on_noise(call: RuntimeCall, shape: Sequence[int], batch: int) -> Callable[[], object]:
    """Return a call without arguments, on ``batch`` fixed images."""
    generator = np.random.default_rng(0)
    return partial(call, generator.standard_normal((batch, *shape)).astype("float32"))
