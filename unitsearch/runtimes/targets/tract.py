"""tract: ONNX files; the number of images is set when a file is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.exports.formats.code_layout import string_literal
from unitsearch.runtimes.runtime import Program, Runtime
from unitsearch.runtimes.targets.onnxruntime import write_onnx

if TYPE_CHECKING:
    from unitsearch.runtimes.runtime import Images, RuntimeCall


class Tract(Runtime):
    """The runtime ``tract``."""

    name = "tract"
    title = "tract"
    packages = ("tract", "onnx", "onnxscript")
    ending = "onnx"

    def write(self, program: Program, folder: Path, stem: str, batch: int) -> Sequence[str]:
        """Write one ONNX file."""
        return (write_onnx(program, folder, self.file_name(stem)),)

    def load(self, path: Path, batch: int) -> RuntimeCall:
        """Return the call of a model that is made for ``batch`` images."""
        import tract

        model = tract.onnx().load(str(path)).into_model()
        model.transform(tract.SetSymbols({"batch": batch}))
        runnable = model.into_runnable()

        def run(images: Images) -> Images:
            logits: Images = runnable.run([images])[0].to_numpy()
            return logits

        return run

    def usage(self, file: str, shape: Sequence[int]) -> str:
        """Return code that runs the file with tract and numpy."""
        return (
            "import numpy\nimport tract\n\n"
            f"model = tract.onnx().load({string_literal(file)}).into_model()\n"
            'model.transform(tract.SetSymbols({"batch": 1}))\n'
            "network = model.into_runnable()\n"
            f'images = numpy.zeros((1, {", ".join(map(str, shape))}), "float32")\n'
            "logits = network.run([images])[0].to_numpy()\n"
        )
