"""onnxruntime: ONNX files of one or any number of images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unitsearch.exports.formats.code_layout import string_literal
from unitsearch.exports.formats.format import INPUT, OUTPUT
from unitsearch.runtimes.runtime import Program, Runtime

if TYPE_CHECKING:
    from unitsearch.runtimes.runtime import Images, RuntimeCall


class OnnxRuntime(Runtime):
    """The runtime ``onnxruntime``."""

    name = "onnxruntime"
    title = "onnxruntime"
    packages = ("onnxruntime", "onnx", "onnxscript")
    ending = "onnx"

    def write(self, program: Program, folder: Path, stem: str, batch: int) -> Sequence[str]:
        """Write one ONNX file."""
        return (write_onnx(program, folder, self.file_name(stem)),)

    def load(self, path: Path, batch: int) -> RuntimeCall:
        """Return the call of a session on one thread of the CPU."""
        session = session_of(path)

        def run(images: Images) -> Images:
            logits: Images = session.run([OUTPUT], {INPUT: images})[0]
            return logits

        return run

    def usage(self, file: str, shape: Sequence[int]) -> str:
        """Return code that runs the file with onnxruntime and numpy."""
        return (
            "import numpy\nimport onnxruntime\n\n"
            f"session = onnxruntime.InferenceSession({string_literal(file)})\n"
            f'images = numpy.zeros((1, {", ".join(map(str, shape))}), "float32")\n'
            f'(logits,) = session.run(["{OUTPUT}"], {{"{INPUT}": images}})\n'
        )


def session_of(path: Path) -> Any:
    """Return a session of onnxruntime on one thread of the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        path.read_bytes(), options, providers=["CPUExecutionProvider"]
    )


def write_onnx(program: Program, folder: Path, name: str) -> str:
    """Write the ONNX file of a program, for any number of images, and return its name."""
    from unitsearch.exports.formats.onnx_file import onnx_bytes

    (folder / name).write_bytes(onnx_bytes(program.exported(None), program.texts))
    return name
