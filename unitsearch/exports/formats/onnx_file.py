"""ONNX files: torch's exporter makes them, onnxruntime runs them; MACs are counted in the graph."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Collection, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from unitsearch.errors import CheckError, PackageError, SpecError
from unitsearch.exports.formats.code_layout import string_literal
from unitsearch.exports.formats.format import (
    INPUT,
    OUTPUT,
    Files,
    Format,
    metadata,
    one_image_shape,
)
from unitsearch.exports.formats.onnx_binary import BinaryWeight, binary_weights, with_binary_weights
from unitsearch.exports.formats.onnx_graph import OLDEST, readable, weight_name

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram

    from unitsearch.exports.checks import Answer
    from unitsearch.exports.source_network import SourceNetwork

_WRITTEN_OPSET = 18  # the oldest that torch's exporter writes without converting
_LARGEST = (
    2**31 - 2**20
)  # bytes of weights: a protobuf message holds 2 GiB, and the graph needs some


class OnnxFile(Format):
    """The format ``onnx``."""

    description = "the network for ONNX runtimes, batch norm folded"
    packages = "onnxruntime, or another runtime"
    needs_weights = True
    runtime = "onnxruntime"

    def files(self, source: SourceNetwork) -> Files:
        """Return the ONNX file with the metadata of the network."""
        packed = binary_weights(source.network, source.program.state_dict)
        content = onnx_bytes(source.program, metadata(source), packed=packed)
        return {f"{source.stem}.onnx": content}

    def read(self, source: SourceNetwork, folder: Path) -> Answer:
        """Return the answer of the file in onnxruntime."""
        return read_onnx(folder / f"{source.stem}.onnx", source.program)

    def usage(self, source: SourceNetwork) -> str:
        """Return code that runs the file with onnxruntime and numpy."""
        return (
            "import numpy\nimport onnxruntime\n\n"
            f"session = onnxruntime.InferenceSession({string_literal(source.stem + '.onnx')})\n"
            f'images = numpy.zeros(({one_image_shape(source)}), "float32")\n'
            f'(logits,) = session.run(["{OUTPUT}"], {{"{INPUT}": images}})\n'
        )

    def require_packages(self) -> None:
        """Raise ``PackageError`` unless the packages of the extra ``onnx`` are installed."""
        packages = ("onnx", "onnxscript", "onnxruntime")
        missing = [name for name in packages if find_spec(name) is None]
        if missing:
            raise PackageError(
                f"ONNX files need {' and '.join(missing)}", fix="pip install 'unitsearch[onnx]'"
            )


def onnx_bytes(
    program: ExportedProgram,
    texts: Mapping[str, str],
    opset: int = OLDEST,
    packed: Mapping[str, BinaryWeight] | None = None,
) -> bytes:
    """Return the content of a program's ONNX file, with its weights and with ``texts`` as metadata.

    Args:
        program: The program.
        texts: The metadata by key.
        opset: The opset.
        packed: Weights to hold as bits, by name; see ``binary_weights``.

    Raises:
        SpecError: If the weights are more than one ONNX file can hold, or the opset is too old.
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
        warnings.simplefilter("ignore")  # onnxscript warns of what no user can change
        exported = torch.onnx.export(
            program,
            dynamo=True,
            input_names=[INPUT],
            output_names=[OUTPUT],
            opset_version=_WRITTEN_OPSET,
            external_data=False,
            verbose=False,
        )
    model = cast("Any", exported).model_proto
    batch = model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for value in (*model.graph.input, *model.graph.output):
        del value.metadata_props[:]
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param == batch:  # torch gives it a name such as s34
                dim.dim_param = "batch"
    del model.graph.metadata_props[:]
    model = readable(model, opset)
    with_binary_weights(model, packed or {})
    onnx.helper.set_model_props(model, dict(texts))
    return bytes(model.SerializeToString())


def read_onnx(path: Path, program: ExportedProgram) -> Answer:
    """Return the answer of a program's ONNX file in onnxruntime, on one thread.

    Raises:
        CheckError: If onnx's checker finds it wrong, or the runtime cannot load it.
    """
    import onnx
    import onnxruntime
    import torch

    from unitsearch.exports.checks import Answer

    try:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # noqa: BLE001  # each of the three raises errors of its own
        reason = str(error).strip().partition("\n")[0]
        raise CheckError(f"{path.name}: no sound ONNX file ({reason})") from None

    def run(images: Tensor) -> Tensor:
        (logits,) = session.run([OUTPUT], {INPUT: images.numpy()})
        return torch.from_numpy(logits)

    properties = {entry.key: entry.value for entry in model.metadata_props}
    return Answer(
        file=path.name,
        key=properties.get("unitsearch.key", ""),
        params=_weight_count(model, program),
        macs=_macs(model),
        run=run,
        is_folded=True,
    )


def _weight_count(model: Any, program: ExportedProgram) -> int:
    """Return the number of weights that the graph holds; constants without axes do not count.

    A tensor of zeros that the graph lacks counts too: the exporter drops biases that add nothing,
    which are all the biases of a network whose batch norm was never trained.
    """
    from onnx import TensorProto

    sizes: dict[str, int] = {
        tensor.name: math.prod(tensor.dims)
        for tensor in model.graph.initializer
        if tensor.data_type == TensorProto.FLOAT and len(tensor.dims)
    }
    made = {name for node in model.graph.node for name in node.output}
    total: int = 0
    for name, tensor in program.state_dict.items():
        short = weight_name(name)
        total += sizes.pop(short, tensor.numel() if short in made or not tensor.any() else 0)
    return total + sum(size for name, size in sizes.items() if not _is_of_bits(name, made))


def _is_of_bits(name: str, made: Collection[str]) -> bool:
    """Return whether a constant is a part of weights that nodes make from bits."""
    return name.startswith("bit.") or name.rpartition(".")[0] in made


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
        shapes[value.name] = [dim.dim_value or 1 for dim in dims]  # only the batch is unknown: 1
    total = 0
    for node in inferred.graph.node:
        if node.op_type == "Conv":
            total += math.prod(shapes[node.input[1]]) * math.prod(shapes[node.output[0]][2:])
        elif node.op_type == "Gemm":
            total += math.prod(shapes[node.input[1]])
        elif node.op_type == "MatMul":
            total += shapes[node.input[0]][-1] * math.prod(shapes[node.output[0]])
    return total
