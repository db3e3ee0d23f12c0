"""MNN: files that its converter makes from ONNX."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.exports.formats.code_layout import string_literal
from unitsearch.exports.formats.format import INPUT, OUTPUT
from unitsearch.runtimes.runtime import Program, Runtime, converted, quiet
from unitsearch.runtimes.targets.onnxruntime import write_onnx

if TYPE_CHECKING:
    from unitsearch.runtimes.runtime import Images, RuntimeCall

# without MNN.tools.mnnconvert, whose import installs a package that reports each conversion
_CONVERT = "import sys, MNN, _tools; _tools.mnnconvert(sys.argv)"


class Mnn(Runtime):
    """The runtime ``mnn``."""

    name = "mnn"
    title = "MNN"
    packages = ("MNN", "onnx", "onnxscript")
    ending = "mnn"
    # its Winograd convolutions, which are fast, round more than others
    tolerance = 1e-4
    setting = "precision high, without which it may compute in 16 bits"

    def write(self, program: Program, folder: Path, stem: str, batch: int) -> Sequence[str]:
        """Write one MNN file, by way of an ONNX file."""
        made = (folder / self.file_name(stem)).absolute()
        with tempfile.TemporaryDirectory() as between:
            source = write_onnx(program, Path(between), "network.onnx")
            command = [sys.executable, "-c", _CONVERT, "-f", "ONNX", "--modelFile", source]
            command += ["--MNNModel", str(made), "--bizCode", "unitsearch"]
            converted(command, Path(between), made)
        return (made.name,)

    def load(self, path: Path, batch: int) -> RuntimeCall:
        """Return the call of a module on one thread of the CPU, in float32."""
        with quiet():  # it prints what the processor can do
            import MNN.expr as expr
            import MNN.nn as nn

            settings = {"backend": 0, "numThread": 1, "precision": "high"}
            manager = nn.create_runtime_manager((settings,))
            network = nn.load_module_from_file(
                str(path), [INPUT], [OUTPUT], runtime_manager=manager
            )

        def run(images: Images) -> Images:
            answer = network.forward([expr.const(images, list(images.shape), expr.NCHW)])
            logits: Images = expr.convert(answer[0], expr.NCHW).read()
            return logits.reshape(len(images), -1)

        return run

    def usage(self, file: str, shape: Sequence[int]) -> str:
        """Return code that runs the file with MNN and numpy."""
        return (
            "import MNN.expr as expr\nimport MNN.nn as nn\nimport numpy\n\n"
            'settings = {"backend": 0, "numThread": 1, "precision": "high"}\n'
            "manager = nn.create_runtime_manager((settings,))\n"
            f'network = nn.load_module_from_file({string_literal(file)}, ["{INPUT}"], '
            f'["{OUTPUT}"], runtime_manager=manager)\n'
            f'images = numpy.zeros((1, {", ".join(map(str, shape))}), "float32")\n'
            "answer = network.forward([expr.const(images, list(images.shape), expr.NCHW)])\n"
            "logits = expr.convert(answer[0], expr.NCHW).read()\n"
        )
