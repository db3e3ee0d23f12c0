"""The conversion of networks to TensorFlow Lite, and their quantisation to int8."""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from unitsearch.errors import PackageError, SpecError
from unitsearch.exports.lite.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import nn

    Images = NDArray[np.float32]

_PACKAGES = {
    "ai_edge_litert": "ai-edge-litert",
    "litert_torch": "litert-torch",
    "ai_edge_quantizer": "ai-edge-quantizer",
}


def require_packages() -> None:
    """Raise ``PackageError`` unless the packages of the extra ``litert`` are installed."""
    missing = [package for module, package in _PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise PackageError(
            f"TensorFlow Lite files need {' and '.join(missing)}",
            fix="pip install 'unitsearch[litert]'",
        )


def converted(module: nn.Module, shape: tuple[int, int, int]) -> bytes:
    """Return the TensorFlow Lite file of a module, for one image at a time.

    Args:
        module: A module in eval mode that takes images with their channels last.
        shape: The channels, height and width of an image.

    Raises:
        SpecError: If the converter does not take the module.
    """
    channels, height, width = shape
    image = torch.zeros(1, height, width, channels)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        try:
            with quiet():  # it prints its progress
                import litert_torch

                litert_torch.convert(module, (image,)).export(str(path))
        except Exception as error:  # noqa: BLE001  # it raises errors of several libraries
            reason = str(error).strip().partition("\n")[0]
            raise SpecError(f"litert-torch makes no file of this network ({reason})") from None
        return path.read_bytes()


def quantized(content: bytes, images: Images) -> bytes:
    """Return a file with int8 weights and activations.

    Args:
        content: A file in float32, with the names of its tensors.
        images: The images that ranges are taken from, float32 [n, height, width, channels].

    Raises:
        SpecError: If the quantiser does not take the file.
    """
    try:
        with quiet():
            from ai_edge_quantizer import quantizer, recipe

            maker = quantizer.Quantizer(content, recipe.static_wi8_ai8())
            (name, entry), *_ = _signatures(content)
            samples = [{entry: images[i : i + 1]} for i in range(len(images))]
            ranges = maker.calibrate({name: samples}, num_threads=1)
            made = maker.quantize(ranges, enable_progress_report=False).quantized_model
    except Exception as error:  # noqa: BLE001  # it raises errors of several libraries
        reason = str(error).strip().partition("\n")[0]
        raise SpecError(f"ai-edge-quantizer makes no int8 file of it ({reason})") from None
    return bytes(made)


def litert_call(content: bytes, *, is_reference: bool = False) -> Callable[[Images], Images]:
    """Return a function of float32 [n, height, width, channels] that runs a file in LiteRT.

    It runs one image after the other on one thread and returns float32 logits [n, classes]; images
    and logits of int8 files are brought to their scales.

    Args:
        content: The file.
        is_reference: Whether LiteRT's reference kernels run it; they round as TensorFlow Lite Micro
            does. Its fast kernels differ from them by a step of int8 at times.
    """
    with quiet():
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        kernels = OpResolverType.BUILTIN_REF if is_reference else OpResolverType.AUTO
        interpreter = Interpreter(
            model_content=content, num_threads=1, experimental_op_resolver_type=kernels
        )
        interpreter.allocate_tensors()
    (entry,), (end,) = interpreter.get_input_details(), interpreter.get_output_details()

    def run(images: Images) -> Images:
        logits = []
        for i in range(len(images)):
            interpreter.set_tensor(entry["index"], scaled(images[i : i + 1], entry))
            interpreter.invoke()
            logits.append(unscaled(interpreter.get_tensor(end["index"]), end))
        return np.concatenate(logits)

    return run


def output_step(content: bytes) -> float:
    """Return the distance of two neighbouring logits of an int8 file; 0 for one in float32."""
    with quiet():
        from ai_edge_litert.interpreter import Interpreter

        (end,) = Interpreter(model_content=content).get_output_details()
    return 0.0 if end["dtype"] == np.float32 else float(_scale(end)[0])


def scaled(images: Images, details: dict[str, Any]) -> NDArray[Any]:
    """Return images as the input that ``details`` describes takes them."""
    if details["dtype"] == np.float32:
        return images
    scale, zero = _scale(details)
    steps: NDArray[Any] = np.clip(np.round(images / scale) + zero, -128, 127).astype(np.int8)
    return steps


def unscaled(values: NDArray[Any], details: dict[str, Any]) -> Images:
    """Return the values of the output that ``details`` describes as float32."""
    if details["dtype"] == np.float32:
        return values
    scale, zero = _scale(details)
    result: Images = ((values.astype(np.float32) - zero) * scale).astype(np.float32)
    return result


def _scale(details: dict[str, Any]) -> tuple[np.float32, int]:
    scales = details["quantization_parameters"]
    return np.float32(scales["scales"][0]), int(scales["zero_points"][0])


def _signatures(content: bytes) -> list[tuple[str, str]]:
    """Return the name of each signature of a file and of its first input."""
    from ai_edge_litert.interpreter import Interpreter

    known = Interpreter(model_content=content).get_signature_list()
    return [(name, signature["inputs"][0]) for name, signature in known.items()]
