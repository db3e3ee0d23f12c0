"""TensorFlow Lite files: litert-torch makes them, LiteRT and TensorFlow Lite Micro run them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.exports.formats.code_layout import string_literal
from unitsearch.exports.formats.format import Files, Format

if TYPE_CHECKING:
    from torch import Tensor

    from unitsearch.exports.checks import Answer
    from unitsearch.exports.source_network import SourceNetwork


class TfliteFile(Format):
    """The format ``tflite``."""

    description = "the network for TensorFlow Lite, batch norm folded, channels last"
    packages = "ai-edge-litert, or TensorFlow Lite Micro"
    needs_weights = True
    runtime = "LiteRT"

    def files(self, source: SourceNetwork) -> Files:
        """Return the file in float32, then the one in int8 where it is asked for."""
        model = source.lite
        files = {f"{source.stem}.tflite": model.whole.content}
        if model.int8 is not None:
            files[f"{source.stem}.int8.tflite"] = model.int8.content
        return files

    def read(self, source: SourceNetwork, folder: Path) -> Answer:
        """Return the answer of the file in float32 in LiteRT."""
        path = folder / f"{source.stem}.tflite"
        return lite_answer(source, path.name, path.read_bytes())

    def usage(self, source: SourceNetwork) -> str:
        """Return code that runs the file with LiteRT and numpy."""
        channels, height, width = source.architecture.input
        return (
            "import numpy\nfrom ai_edge_litert.interpreter import Interpreter\n\n"
            f"interpreter = Interpreter({string_literal(source.stem + '.tflite')})\n"
            "interpreter.allocate_tensors()\n"
            f'image = numpy.zeros((1, {height}, {width}, {channels}), "float32")\n'
            'interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)\n'
            "interpreter.invoke()\n"
            'logits = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])\n'
        )

    def require_packages(self) -> None:
        """Raise ``PackageError`` unless the packages of the extra ``litert`` are installed."""
        from unitsearch.exports.lite.converting import require_packages

        require_packages()


def lite_answer(source: SourceNetwork, file: str, content: bytes) -> Answer:
    """Return the answer of a TensorFlow Lite file in float32, in LiteRT.

    Args:
        source: The network that it was made from.
        file: Its name.
        content: Its bytes.
    """
    import torch

    from unitsearch.exports.checks import Answer
    from unitsearch.exports.lite.converting import litert_call
    from unitsearch.exports.lite.flatbuffer import description, operations
    from unitsearch.exports.lite.making import channels_last, said

    call, held = litert_call(content), operations(content)
    biases = sum(operation.biases for operation in held)

    def run(images: Tensor) -> Tensor:
        return torch.from_numpy(call(channels_last(images.numpy())))

    return Answer(
        file=file,
        key=description(content).removeprefix("unitsearch "),
        params=sum(operation.weights for operation in held) + biases,
        macs=sum(operation.macs for operation in held),
        run=run,
        is_folded=True,
        in_form=(source.lite.weights + biases, source.lite.macs),
        notes=tuple(said(source.lite, source.cost)),
    )
