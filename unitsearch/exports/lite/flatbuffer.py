"""The content of TensorFlow Lite files: operations, weights, and what can be left out of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

_IDENTIFIER = b"TFL3"
_PIXELS_AFTER = {"CONV_2D", "DEPTHWISE_CONV_2D"}
_WEIGHTED = {*_PIXELS_AFTER, "FULLY_CONNECTED"}


@dataclass(frozen=True)
class LiteOperation:
    """One operation of a file.

    Attributes:
        name: As TensorFlow Lite calls it: ``CONV_2D``.
        inputs: Shapes of its inputs, weights and biases among them.
        outputs: Shapes of its outputs.
    """

    name: str
    inputs: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[int, ...], ...]

    @property
    def weights(self) -> int:
        """The weights that it holds, without biases."""
        return math.prod(self.inputs[1]) if self.name in _WEIGHTED else 0

    @property
    def biases(self) -> int:
        """The biases that it holds: none where they are zero, or were moved to the next layer."""
        return sum(map(math.prod, self.inputs[2:])) if self.name in _WEIGHTED else 0

    @property
    def macs(self) -> int:
        """Its multiply-accumulates for one image."""
        pixels = math.prod(self.outputs[0][1:3]) if self.name in _PIXELS_AFTER else 1
        return self.weights * pixels


def operations(content: bytes) -> list[LiteOperation]:
    """Return the operations of a file, in order."""
    model, names = _model(content), _names()
    (graph,) = model.subgraphs
    shapes = [tuple(map(int, tensor.shape)) for tensor in graph.tensors]
    return [
        LiteOperation(
            names[model.operatorCodes[op.opcodeIndex].builtinCode],
            tuple(shapes[i] for i in op.inputs if i >= 0),
            tuple(shapes[i] for i in op.outputs),
        )
        for op in graph.operators
    ]


def description(content: bytes) -> str:
    """Return the description that a file holds."""
    return (cast("bytes | None", _model(content).description) or b"").decode(errors="replace")


def lean(content: bytes, text: str) -> bytes:
    """Return a file without the names of its tensors, and with ``text`` as its description.

    The names repeat the path of each module; in small networks they are half of the file. Large
    weights lie behind the flatbuffer after a quantisation, where TensorFlow Lite Micro does not
    look: they are put inside.
    """
    import flatbuffers

    model = _model(content)
    for buffer in model.buffers:
        if buffer.offset > 1:
            start, end = buffer.offset, buffer.offset + buffer.size
            buffer.data = np.frombuffer(content[start:end], dtype=np.uint8)
            buffer.offset = buffer.size = 0
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.name = None
    model.description = text.encode()
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def _model(content: bytes) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromPackedBuf(content, 0)


def _names() -> dict[int, str]:
    from ai_edge_litert import schema_py_generated as schema

    names = vars(schema.BuiltinOperator)
    return {code: name for name, code in names.items() if isinstance(code, int)}
