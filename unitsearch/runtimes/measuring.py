"""Files of one network in a runtime: written, loaded, compared and measured in turns."""

from __future__ import annotations

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
class Loaded:
    """A program in a runtime.

    Attributes:
        files: The names of its files, the one that is loaded first.
        call: Runs it on the number of images that it was loaded for.
    """

    files: Sequence[str]
    call: RuntimeCall


def loaded(runtime: Runtime, program: Program, folder: Path, stem: str, batch: int) -> Loaded:
    """Write a program for a runtime and load it there.

    Raises:
        SpecError: If the runtime takes no such program; with the reason that it gives.
    """
    try:
        names = runtime.write(program, folder, stem, batch)
        return Loaded(names, runtime.load(folder / names[0], batch))
    except Exception as error:  # each runtime raises errors of its own
        raise refused(runtime, stem, error) from error


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
