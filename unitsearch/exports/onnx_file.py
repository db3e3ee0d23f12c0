"""ONNX files: made by torch's exporter, counted from their own graph, run by onnxruntime."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from unitsearch.errors import CheckError, PackageError, SpecError
from unitsearch.exports.checks import Answer
from unitsearch.exports.subject import INPUT, OUTPUT

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram

OPSET = (
    18  # the oldest that torch's exporter writes without converting; runtimes since 2023 know it
)
_LARGEST = 2**31 - 2**20  # bytes of a protobuf message, some left for the graph


def demand() -> None:
    """Raise ``PackageError`` unless the packages of the extra ``onnx`` are there."""
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise PackageError(
            f"ONNX files need {' and '.join(missing)}", fix="pip install 'unitsearch[onnx]'"
        )


def onnx_bytes(program: ExportedProgram, facts: Mapping[str, str]) -> bytes:
    """Return a program as the content of an ONNX file, weights inside, with facts as metadata.

    Raises:
        SpecError: If the weights are more than one ONNX file can hold.
    """
    import onnx
    import torch

    size = sum(tensor.numel() * tensor.element_size() for tensor in program.state_dict.values())
    if size > _LARGEST:
        raise SpecError(
            f"an ONNX file holds at most 2 GiB, these weights take {size / 2**30:.1f} GiB",
            fix="export pt2 instead",
        )
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # of onnxscript's, which no user can do anything about
        made = torch.onnx.export(
            program,
            dynamo=True,
            input_names=[INPUT],
            output_names=[OUTPUT],
            opset_version=OPSET,
            external_data=False,
            verbose=False,
        )
    model = cast("Any", made).model_proto
    batch = model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for node in model.graph.node:  # stack traces, with paths of this machine
        del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param == batch:  # a name of torch's, such as s34
                dim.dim_param = "batch"
    del model.graph.metadata_props[:]
    onnx.helper.set_model_props(model, dict(facts))
    return cast(bytes, model.SerializeToString())


def read_onnx(path: Path, program: ExportedProgram) -> Answer:
    """Return what an ONNX file, made from a program, answers in onnxruntime, on one thread.

    Raises:
        CheckError: If onnx's checker finds it wrong, or the runtime cannot load it.
    """
    import onnx
    import onnxruntime
    import torch

    try:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # noqa: BLE001  # all three raise kinds of their own
        said = str(error).strip().partition("\n")[0]
        raise CheckError(f"{path.name}: no sound ONNX file ({said})") from None

    def run(images: Tensor) -> Tensor:
        (logits,) = session.run([OUTPUT], {INPUT: images.numpy()})
        return torch.from_numpy(logits)

    props = {prop.key: prop.value for prop in model.metadata_props}
    return Answer(
        file=path.name,
        key=props.get("unitsearch.key", ""),
        params=_numbers(model, program),
        macs=_macs(model),
        run=run,
        is_folded=True,
    )


def _numbers(model: Any, program: ExportedProgram) -> int:
    """Return how many numbers of the program the graph holds, constants without axes left out.

    A tensor of zeros that is not there counts too: the exporter drops biases that add nothing,
    which are all those of a network whose batch norm was never trained.
    """
    from onnx import TensorProto

    sizes = {
        tensor.name: math.prod(tensor.dims)
        for tensor in model.graph.initializer
        if tensor.data_type == TensorProto.FLOAT and len(tensor.dims)
    }
    total: int = sum(sizes.values())
    for name, tensor in program.state_dict.items():
        if name not in sizes and not tensor.any():
            total += tensor.numel()
    return total


def _macs(model: Any) -> int:
    """Return the MACs of one image, from the shapes of convolutions and matrix products."""
    import onnx

    single = onnx.ModelProto()
    single.CopyFrom(model)
    single.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    del single.graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(single, data_prop=True)
    shapes = {tensor.name: list(tensor.dims) for tensor in inferred.graph.initializer}
    for value in (*inferred.graph.value_info, *inferred.graph.input, *inferred.graph.output):
        dims = value.type.tensor_type.shape.dim
        shapes[value.name] = [dim.dim_value or 1 for dim in dims]  # what is not known is the batch
    total = 0
    for node in inferred.graph.node:
        if node.op_type == "Conv":
            total += math.prod(shapes[node.input[1]]) * math.prod(shapes[node.output[0]][2:])
        elif node.op_type == "Gemm":
            total += math.prod(shapes[node.input[1]])
        elif node.op_type == "MatMul":
            total += shapes[node.input[0]][-1] * math.prod(shapes[node.output[0]])
    return total
