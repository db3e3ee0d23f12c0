"""TensorFlow Lite Micro: what a file takes there and what it answers, from its own interpreter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from unitsearch.errors import SpecError
from unitsearch.exports.lite.converting import scaled, unscaled
from unitsearch.exports.lite.quiet import quiet

if TYPE_CHECKING:
    from unitsearch.exports.lite.converting import Images

_KINDS = re.compile(r"'([^']+)' used (\d+) bytes")
_PARTS = re.compile(r"Arena allocation (total|head|tail) (\d+) bytes")


@dataclass(frozen=True)
class Arena:
    """The memory that TensorFlow Lite Micro takes beside the file.

    Attributes:
        total: Bytes in all, on this machine.
        activations: The part of the activations and of what operations need while they run.
        fixed: The part that lives as long as the interpreter: descriptions of tensors and
            operations, of which pointers are half as large on a microcontroller.
        kinds: The parts of ``fixed`` as the interpreter names them, in bytes.
    """

    total: int
    activations: int
    fixed: int
    kinds: Mapping[str, int]


def has_micro() -> bool:
    """Return whether the interpreter of TensorFlow Lite Micro is installed here."""
    return find_spec("tflite_micro") is not None


def run_micro(content: bytes, images: Images, activation_bytes: int) -> tuple[Images, Arena]:
    """Return the logits of images and the arena of a file in TensorFlow Lite Micro.

    Args:
        content: The file.
        images: Float32 [n, height, width, channels].
        activation_bytes: The exact cost, from which the memory that is offered follows.

    Raises:
        SpecError: If it does not run the file.
    """
    with quiet() as printed:
        from tflite_micro.python.tflite_micro import runtime

        try:
            interpreter = runtime.Interpreter.from_bytes(
                content, arena_size=16 * activation_bytes + 2**22
            )
        except RuntimeError as error:
            lines = [line for line in printed().splitlines() if line.strip()]
            raise SpecError(lines[0].strip() if lines else str(error)) from None
        entry, end = interpreter.get_input_details(0), interpreter.get_output_details(0)
        logits = []
        for i in range(len(images)):
            interpreter.set_input(scaled(images[i : i + 1], entry), 0)
            interpreter.invoke()
            logits.append(unscaled(interpreter.get_output(0), end))
        interpreter.print_allocations()
        text = printed()
    sizes = {name: int(size) for name, size in _PARTS.findall(text)}
    kinds = {name: int(size) for name, size in _KINDS.findall(text)}
    arena = Arena(sizes["total"], sizes["head"], sizes["tail"], kinds)
    return np.concatenate(logits), arena
