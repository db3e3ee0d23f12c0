"""Networks in eight bits, by the quantiser of onnxruntime, in the form that is fastest there."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.exports.runtime_facts import Int8Facts
from unitsearch.network.latency import times_in_turns
from unitsearch.runtimes.int8_images import Int8Images, error_of_difference
from unitsearch.runtimes.measuring import ROUNDS, on_noise, refused, written
from unitsearch.runtimes.runtime import Program, Runtime, quiet

if TYPE_CHECKING:
    from unitsearch.runtimes.runtime import RuntimeCall


@dataclass(frozen=True, eq=False)
class Quantized:
    """A network in eight bits.

    Attributes:
        content: The bytes of its file.
        facts: Its accuracy, size and time beside those in float32.
    """

    content: bytes
    facts: Int8Facts


def quantized(
    runtime: Runtime,
    programs: Mapping[str, Program],
    float_file: Path,
    images: Int8Images,
) -> Quantized:
    """Return a network in eight bits, in the fastest of several forms.

    Args:
        runtime: onnxruntime.
        programs: The network in each form, by the form's name.
        float_file: Its file in float32, in the form that is fastest in float32.
        images: The images for calibration and accuracy.

    Raises:
        SpecError: If the quantiser takes none of the forms.
    """
    float_call = runtime.load(float_file, 1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        calls: dict[str, RuntimeCall] = {}
        failures: list[Exception] = []
        for form, program in programs.items():
            made = folder / f"{form}.int8.onnx"
            try:
                source = written(runtime, program, folder, form).files[0]
                _quantize(folder / source, made, images)
                calls[form] = runtime.load(made, 1)
            except Exception as error:  # noqa: BLE001  # the quantiser raises errors of its own
                failures.append(error)
        if not calls:
            raise refused(runtime, float_file.name, failures[0])
        shape = next(iter(programs.values())).shape
        timed = {"": float_call, **calls}
        times = times_in_turns(
            {form: on_noise(call, shape, 1) for form, call in timed.items()}, ROUNDS
        )
        best = min(calls, key=lambda form: times[form].low)
        content = (folder / f"{best}.int8.onnx").read_bytes()
        before, after = images.answers(float_call), images.answers(calls[best])
    facts = Int8Facts(
        file="",
        form=best,
        images=len(before),
        accuracy=float(after.mean()),
        accuracy_float=float(before.mean()),
        error=error_of_difference(before, after),
        calibration=len(images.calibration),
        size=len(content),
        size_float=float_file.stat().st_size,
        time=times[best],
        time_float=times[""],
    )
    return Quantized(content, facts)


def _quantize(source: Path, made: Path, images: Int8Images) -> None:
    """Quantise an ONNX file: weights by channel, ranges of values from the calibration."""
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    from unitsearch.exports.formats.format import INPUT

    batches = images.calibration_batches()

    class CalibrationReader(CalibrationDataReader):  # type: ignore[misc]  # untyped
        def get_next(self) -> dict[str, object] | None:
            image = next(batches, None)
            return None if image is None else {INPUT: image}

    prepared = made.with_suffix(".prepared.onnx")
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # it warns that the file was not prepared, although it was
    try:
        with quiet():
            quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
            quantize_static(
                str(prepared),
                str(made),
                CalibrationReader(),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QInt8,
                weight_type=QuantType.QInt8,
            )
    finally:
        logging.disable(before)
