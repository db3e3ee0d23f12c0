"""OpenVINO: ONNX files, run in float32; its default on some processors is bfloat16."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.exports.formats.code_layout import string_literal
from unitsearch.runtimes.runtime import Program, Runtime
from unitsearch.runtimes.targets.onnxruntime import write_onnx

if TYPE_CHECKING:
    from unitsearch.runtimes.runtime import Images, RuntimeCall


class OpenVino(Runtime):
    """The runtime ``openvino``."""

    name = "openvino"
    title = "OpenVINO"
    packages = ("openvino", "onnx", "onnxscript")
    ending = "onnx"
    setting = "INFERENCE_PRECISION_HINT=f32, without which it may compute in bfloat16"

    def write(self, program: Program, folder: Path, stem: str, batch: int) -> Sequence[str]:
        """Write one ONNX file."""
        return (write_onnx(program, folder, self.file_name(stem)),)

    def load(self, path: Path, batch: int) -> RuntimeCall:
        """Return the call of a request on one thread of the CPU, in float32."""
        import openvino

        core = openvino.Core()
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
        }
        request = core.compile_model(core.read_model(path), "CPU", settings).create_infer_request()

        def run(images: Images) -> Images:
            logits: Images = request.infer({0: images})[0]
            return logits

        return run

    def usage(self, file: str, shape: Sequence[int]) -> str:
        """Return code that runs the file with OpenVINO and numpy."""
        return (
            "import numpy\nimport openvino\n\n"
            'settings = {"INFERENCE_PRECISION_HINT": "f32"}  # else it may compute in bfloat16\n'
            f"network = openvino.Core().compile_model({string_literal(file)}, "
            '"CPU", settings)\n'
            f'images = numpy.zeros((1, {", ".join(map(str, shape))}), "float32")\n'
            "logits = network(images)[0]\n"
        )
