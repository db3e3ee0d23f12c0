"""The request for files of runtimes, as a part of an export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from unitsearch.errors import SpecError, UsageError

if TYPE_CHECKING:
    from unitsearch.data import DataSpec
    from unitsearch.exports.export import Exported
    from unitsearch.exports.source_network import SourceNetwork
    from unitsearch.runtimes.exporting import Target

_QUANTIZES = "onnxruntime"
_LITE = {"tflite", "c"}  # formats that have a file in int8 too


@dataclass(frozen=True, kw_only=True)
class RuntimeRequest:
    """The runtimes that an export writes files for.

    Attributes:
        names: Names of runtimes, as a list or as text with commas.
        form: The form of stacks; ``auto`` for the one that is fastest in each runtime.
        quantize: ``int8`` for a file in eight bits too, in onnxruntime and in the formats
            ``tflite`` and ``c``; empty for float32 alone.
        anyway: Whether an int8 file is kept where it is slower or larger than float32.
        seed: The seed of the images that int8 is calibrated on.
    """

    names: str | Sequence[str] = ()
    form: str = "auto"
    quantize: str = ""
    anyway: bool = False
    seed: int = 0

    def check(self, formats: Sequence[str] = ()) -> None:
        """Check the request before anything is written.

        Args:
            formats: The formats that are written beside the files of runtimes.

        Raises:
            PackageError: If a runtime is not installed.
            UsageError: If there is no such runtime, or none that quantises as asked for.
        """
        from unitsearch.exports.forms import check_form
        from unitsearch.runtimes import RUNTIMES, runtimes_from

        names = runtimes_from(self.names)
        check_form(self.form)
        if self.quantize not in ("", "int8"):
            raise UsageError(place="--quantize", found=self.quantize, expected="int8")
        if self.quantize and _QUANTIZES not in names and not _LITE & set(formats):
            raise UsageError(
                place="--quantize",
                found=f"{self.quantize} without a runtime that it is for",
                expected=f"--runtime {_QUANTIZES} or --format tflite",
            )
        if self.anyway and not self.quantize:
            raise UsageError("--anyway keeps an int8 file: give --quantize int8 too")
        for name in names:
            RUNTIMES[name].require_packages()

    def with_int8(
        self, source: SourceNetwork, data: DataSpec | None, formats: Sequence[str]
    ) -> SourceNetwork:
        """Return a network with the images to quantise it with, where a format asks for them.

        Args:
            source: The network.
            data: The data that it was trained on; None to take those of its provenance.
            formats: The formats that are written.
        """
        if not self.quantize or not _LITE & set(formats):
            return source
        from unitsearch.runtimes.int8_images import int8_images

        images = partial(int8_images, data or _data_of(source), seed=self.seed)
        return replace(source, quantize_with=images)

    def targets(self, source: SourceNetwork, data: DataSpec | None) -> list[Target]:
        """Return the targets for a network.

        Args:
            source: The network.
            data: The data that it was trained on; None to take those of its provenance.
        """
        if not self.names:
            return []
        from unitsearch.runtimes import RUNTIMES, runtimes_from
        from unitsearch.runtimes.exporting import Target

        names = runtimes_from(self.names)
        images = None
        if self.quantize:
            from unitsearch.runtimes.int8_images import int8_images

            images = partial(int8_images, data or _data_of(source), seed=self.seed)
        return [
            Target(RUNTIMES[name], self.form, images if name == _QUANTIZES else None, self.anyway)
            for name in names
        ]

    def check_int8(self, exported: Sequence[Exported], lite: Sequence[str] = ()) -> None:
        """Check that int8 paid for all networks, unless any int8 is to be kept.

        Args:
            exported: The networks.
            lite: Sentences on those whose TensorFlow Lite file is no better in int8.

        Raises:
            SpecError: If it did not for some; their other files are in place.
        """
        if self.anyway:
            return
        refused = [
            f"{done.name} in int8 is {facts.int8.objection} than in float32 on this machine: "
            f"{facts.int8.said()}"
            for done in exported
            for facts in done.runtimes
            if facts.int8 is not None and facts.int8.objection
        ]
        if refused or lite:
            raise SpecError(
                "; ".join([*refused, *lite]),
                fix="all other files are in place, those of TensorFlow Lite in int8 too; "
                "--anyway keeps the int8 file too",
            )


def _data_of(source: SourceNetwork) -> DataSpec:
    """Return the data that a network says it was trained on."""
    from unitsearch.data import NAMES, data_spec

    named = (source.architecture.provenance or {}).get("data")
    if not source.is_trained:
        raise SpecError(
            f"{source.stem} is not trained: int8 is judged by its accuracy",
            fix=f"train it: unitsearch train {source.stem}",
        )
    if named not in NAMES:
        raise SpecError(
            f"{source.stem} does not say which data it was trained on: int8 is calibrated on them",
            fix="export the trial of its study, or train it with unitsearch train",
        )
    return data_spec(named)
