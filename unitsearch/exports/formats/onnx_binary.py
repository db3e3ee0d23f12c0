"""Binary filters in ONNX graphs: one bit a weight, made into weights when the file is loaded.

A convolution of an SLBF layer reads weights that a few nodes compute from constants: the bits of
the bank, eight a byte, the number of the filter that each split selects, and a scale for each
filter. Runtimes compute what depends on constants alone once, when they load a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from unitsearch.exports.formats.onnx_graph import weight_name
from unitsearch.network.slbf import SlbfConv2d

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto
    from torch import Tensor, nn

    Array = np.ndarray[Any, Any]

_PLACES = np.arange(7, -1, -1, dtype=np.uint8)  # of the bits of a byte, the first one on the left


@dataclass(frozen=True, eq=False)
class BinaryWeight:
    """The weights of a convolution by binary filters.

    Attributes:
        signs: Whether each number of the bank is +1, bool [filters, numbers of a filter].
        index: The filter of the bank for each split of each output, int64 [outputs · splits].
        scale: The scale of each output, the folded batch norm included, float32 [outputs].
        shape: The shape of the weights.
    """

    signs: Array
    index: Array
    scale: Array
    shape: tuple[int, ...]

    def composed(self) -> Array:
        """Return the weights, float32."""
        signs = np.where(self.signs, np.float32(1), np.float32(-1))
        whole: Array = signs[self.index].reshape(self.shape)
        weights: Array = whole * self.scale.reshape(-1, *[1] * (len(self.shape) - 1))
        return weights


def binary_weights(network: nn.Module, weights: Mapping[str, Tensor]) -> dict[str, BinaryWeight]:
    """Return the binary weights of a network by the name of the folded convolution's weights.

    Args:
        network: The network with its SLBF layers, whose layers a deployed network holds as
            ``layers``.
        weights: The weights of the deployed network. Those that are not what a binary filter gives
            are left out: a stack may hold them in another order.
    """
    found = {}
    for name, layer in network.named_modules():
        weight = weights.get(f"{name}.weight")
        if not isinstance(layer, SlbfConv2d) or weight is None:
            continue
        signs = layer.signs().flatten(1).numpy() > 0
        unit = np.repeat(np.arange(layer.count), layer.out * layer.splits)
        index = layer.selected().flatten().numpy() + layer.size * unit
        firsts = np.where(signs[index.reshape(len(weight), -1)[:, 0], 0], 1, -1)
        scale = weight.flatten(1)[:, 0].numpy() * firsts.astype(np.float32)
        packed = BinaryWeight(signs, index, scale, tuple(weight.shape))
        if torch.equal(torch.from_numpy(packed.composed()), weight):
            found[f"{name}.weight"] = packed
    return found


def with_binary_weights(model: ModelProto, packed: Mapping[str, BinaryWeight]) -> None:
    """Replace weights of ``model`` by nodes that compute them from bits.

    Args:
        model: A model whose weights have the names of ``weight_name``; it is changed.
        packed: The binary weights by the name of the module's weights.
    """
    graph = model.graph
    by_name = {weight_name(name): weight for name, weight in packed.items()}
    replaced = [tensor for tensor in graph.initializer if tensor.name in by_name]
    if not replaced:
        return
    kept = [tensor for tensor in graph.initializer if tensor.name not in by_name]
    nodes = list(graph.node)
    made: list[NodeProto] = []
    for tensor in replaced:
        constants = _constants(tensor.name, by_name[tensor.name])
        kept += constants
        made += _nodes(tensor.name, [constant.name for constant in constants])
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend([*kept, *_shared()])
    graph.node.extend([*made, *nodes])


def _constants(name: str, weight: BinaryWeight) -> list[TensorProto]:
    """Return the bits, the selection, the scales and the shapes of one weight."""
    filters, numbers = weight.signs.shape
    narrow = np.uint8 if weight.index.max(initial=0) < 256 else np.int32
    scale = weight.scale.reshape(-1, *[1] * (len(weight.shape) - 1))
    return [
        _tensor(f"{name}.bits", np.packbits(weight.signs.ravel())[:, None]),
        _tensor(f"{name}.end", np.array([filters * numbers], np.int64)),
        _tensor(f"{name}.bank", np.array([filters, numbers], np.int64)),
        _tensor(f"{name}.index", weight.index.astype(narrow)),
        _tensor(f"{name}.shape", np.array(weight.shape, np.int64)),
        _tensor(f"{name}.scale", scale),
    ]


def _shared() -> list[TensorProto]:
    """Return the constants that all binary weights share."""
    return [
        _tensor("bit.places", _PLACES[None]),
        _tensor("bit.two", np.array(2, np.uint8)),
        _tensor("bit.half", np.array(0.5, np.float32)),
        _tensor("bit.flat", np.array([-1], np.int64)),
        _tensor("bit.zero", np.array([0], np.int64)),
    ]


def _nodes(name: str, constants: list[str]) -> Iterator[NodeProto]:
    """Yield the nodes that compute a weight: bits become signs, which are chosen and scaled."""
    from onnx import TensorProto, helper

    bits, end, bank, index, shape, scale = constants
    steps: tuple[tuple[str, list[str], dict[str, Any]], ...] = (
        ("BitShift", [bits, "bit.places"], {"direction": "RIGHT"}),
        ("Mod", ["bit.two"], {}),
        ("Cast", [], {"to": TensorProto.FLOAT}),
        ("Sub", ["bit.half"], {}),
        ("Sign", [], {}),
        ("Reshape", ["bit.flat"], {}),
        ("Slice", ["bit.zero", end], {}),
        ("Reshape", [bank], {}),
    )
    last = ""
    for number, (operator, inputs, attributes) in enumerate(steps):
        given = [last, *inputs] if last else inputs
        last = f"{name}.{number}"
        yield helper.make_node(operator, given, [last], **attributes)
    rows, chosen, whole = f"{name}.rows", f"{name}.chosen", f"{name}.whole"
    yield helper.make_node("Cast", [index], [rows], to=TensorProto.INT32)
    yield helper.make_node("Gather", [last, rows], [chosen])
    yield helper.make_node("Reshape", [chosen, shape], [whole])
    yield helper.make_node("Mul", [whole, scale], [name])


def _tensor(name: str, values: Array) -> TensorProto:
    from onnx import numpy_helper

    return numpy_helper.from_array(values, name)
