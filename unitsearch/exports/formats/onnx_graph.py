"""ONNX graphs in the form that most runtimes read: old operators, few bytes, no inner shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from unitsearch.errors import SpecError

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

OLDEST = 13  # the oldest opset that is written: Split takes its sizes as an input from it on
_OLDEST_IR = 8  # readers since 2022 know it

Array: TypeAlias = "np.ndarray[Any, Any]"
Constants: TypeAlias = Mapping[str, Array]


def readable(model: ModelProto, opset: int) -> ModelProto:
    """Return a model with the same function that other programs read.

    Reshapes to rows become Flatten and means over a map become GlobalAveragePool, which every
    reader knows. Shapes of inner values are left out: a reader that fixes the batch would find them
    at odds with it. Inner values have numbers for names, weights those of ``weight_name``.

    Args:
        model: A model of opset 18 as torch writes it.
        opset: The opset to write, from 13 on.

    Raises:
        SpecError: If an operator needs a newer opset.
    """
    import onnx
    from onnx import numpy_helper

    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    shapes = _batch_first_shapes(graph, constants)
    graph.initializer.extend(numpy_helper.from_array(s, name) for name, s in shapes.items())
    constants |= shapes
    _drop_unread(graph, shapes)
    nodes = [new for node in graph.node for new in _rewritten(node, constants)]
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    _shorten_names(result)
    read = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    del result.opset_import[:]
    result.opset_import.append(onnx.helper.make_opsetid("", opset))
    oldest_ir = onnx.helper.find_min_ir_version_for(result.opset_import)
    result.ir_version = max(_OLDEST_IR, oldest_ir)
    try:
        onnx.checker.check_model(result, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise SpecError(
            f"opset {opset} cannot hold this network: {reason}", fix="take a newer one: --opset 18"
        ) from None
    return result


def _batch_first_shapes(graph: GraphProto, constants: Constants) -> dict[str, Array]:
    """Return the shapes that nodes make of the batch and constants, with 0 for the batch.

    Some versions of onnxscript leave them to the runtime. A 0 means the size that the reshaped
    value has, whose first axis is the batch.
    """
    first = {
        node.output[0]
        for node in graph.node
        if node.op_type == "Shape" and node.input[0] == graph.input[0].name
    }
    zero = np.zeros(1, np.int64)
    found = {}
    for node in graph.node:
        if node.op_type == "Concat" and node.input[0] in first:
            rest = [constants.get(name) for name in node.input[1:]]
            if all(part is not None and part.dtype == np.int64 for part in rest):
                found[node.output[0]] = np.concatenate([zero, *(p for p in rest if p is not None)])
    return found


def _drop_unread(graph: GraphProto, shapes: Constants) -> None:
    """Remove the nodes that made ``shapes``, and the batch's size if nothing else reads it."""
    nodes = [node for node in graph.node if node.output[0] not in shapes]
    read = {name for node in nodes for name in node.input}
    kept = [node for node in nodes if node.op_type != "Shape" or node.output[0] in read]
    del graph.node[:]
    graph.node.extend(kept)


def _rewritten(node: NodeProto, constants: Constants) -> Iterator[NodeProto]:
    """Yield the nodes in place of one."""
    for field in ("name", "doc_string", "metadata_props"):
        node.ClearField(field)
    _drop(node, _is_default)
    if node.op_type == "Reshape":
        yield _reshape(node, constants)
    elif node.op_type == "ReduceMean":
        yield from _mean(node, constants)
    else:
        if node.op_type == "Split" and len(node.input) > 1:
            _drop(node, lambda name, value: name == "num_outputs")
        yield node


def _reshape(node: NodeProto, constants: Constants) -> NodeProto:
    """Return Flatten in place of a reshape to rows; its shape has the batch or -1 in front."""
    from onnx import helper

    shape = constants.get(node.input[1])
    if shape is not None and len(shape) == 2:
        return helper.make_node("Flatten", node.input[:1], node.output, axis=1)
    _drop(node, lambda name, value: name == "allowzero")
    return node


def _mean(node: NodeProto, constants: Constants) -> Iterator[NodeProto]:
    """Yield GlobalAveragePool in place of a mean over both axes of a map."""
    from onnx import helper

    attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    axes = constants.get(node.input[1]) if len(node.input) > 1 else None
    if axes is None or sorted(int(axis) % 4 for axis in axes) != [2, 3]:
        yield node
        return
    if attributes.get("keepdims", 1):
        yield helper.make_node("GlobalAveragePool", node.input[:1], node.output)
        return
    pooled = f"{node.output[0]}.pooled"
    yield helper.make_node("GlobalAveragePool", node.input[:1], [pooled])
    yield helper.make_node("Flatten", [pooled], node.output, axis=1)


def _is_default(name: str, value: Any) -> bool:
    """Return whether an attribute of a convolution or pool says what holds without it."""
    match name:
        case "auto_pad":
            return bool(value == b"NOTSET")
        case "group":
            return bool(value == 1)
        case "dilations":
            return all(step == 1 for step in value)
        case _:
            return False


def _drop(node: NodeProto, drops: Callable[[str, Any], bool]) -> None:
    from onnx import helper

    kept = [
        item for item in node.attribute if not drops(item.name, helper.get_attribute_value(item))
    ]
    del node.attribute[:]
    node.attribute.extend(kept)


def weight_name(name: str) -> str:
    """Return the name of a weight in a file: its module's, without the levels that say nothing."""
    return ".".join(part for part in name.split(".") if part not in ("layers", "weights"))


def _shorten_names(model: ModelProto) -> None:
    graph = model.graph
    names = {tensor.name: weight_name(tensor.name) for tensor in graph.initializer}
    for tensor in graph.initializer:
        tensor.name = names[tensor.name]
    fixed = {value.name for value in (*graph.input, *graph.output)}
    count = 0
    for node in graph.node:
        for place, name in enumerate(node.output):
            if name and name not in fixed:
                names[name] = node.output[place] = str(count)
                count += 1
        for place, name in enumerate(node.input):
            node.input[place] = names.get(name, name)
