"""LiteRT: TensorFlow Lite files that litert-torch makes, for a fixed number of images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.exports.formats.code_layout import string_literal
from unitsearch.runtimes.runtime import Program, Runtime, quiet

if TYPE_CHECKING:
    from unitsearch.runtimes.runtime import Images, RuntimeCall


class LiteRt(Runtime):
    """The runtime ``litert``."""

    name = "litert"
    title = "LiteRT"
    packages = ("ai-edge-litert", "litert-torch")
    ending = "tflite"
    takes_any_batch = False

    def write(self, program: Program, folder: Path, stem: str, batch: int) -> Sequence[str]:
        """Write one TensorFlow Lite file for ``batch`` images."""
        import torch

        name = self.file_name(stem)
        with quiet():  # it prints its progress
            import litert_torch

            images = torch.zeros(batch, *program.shape)
            litert_torch.convert(program.module, (images,)).export(str(folder / name))
        return (name,)

    def load(self, path: Path, batch: int) -> RuntimeCall:
        """Return the call of an interpreter on one thread of the CPU."""
        with quiet():
            from ai_edge_litert.interpreter import Interpreter

            interpreter = Interpreter(str(path), num_threads=1)
            interpreter.allocate_tensors()
        entry = interpreter.get_input_details()[0]["index"]
        end = interpreter.get_output_details()[0]["index"]

        def run(images: Images) -> Images:
            interpreter.set_tensor(entry, images)
            interpreter.invoke()
            logits: Images = interpreter.get_tensor(end)
            return logits

        return run

    def usage(self, file: str, shape: Sequence[int]) -> str:
        """Return code that runs the file with LiteRT and numpy."""
        return (
            "import numpy\nfrom ai_edge_litert.interpreter import Interpreter\n\n"
            f"interpreter = Interpreter({string_literal(file)})\n"
            "interpreter.allocate_tensors()\n"
            f'images = numpy.zeros((1, {", ".join(map(str, shape))}), "float32")\n'
            'interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images)\n'
            "interpreter.invoke()\n"
            'logits = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])\n'
        )
