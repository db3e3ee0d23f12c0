"""ONNX files hold old operators and few bytes, so that many programs read them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.exports.export_networks import SMALL, source_network
from unitsearch.api import point_architecture
from unitsearch.errors import SpecError
from unitsearch.exports.formats.format import metadata
from unitsearch.exports.formats.onnx_binary import binary_weights
from unitsearch.exports.formats.onnx_file import OnnxFile, onnx_bytes
from unitsearch.exports.loading import untrained_network
from unitsearch.exports.source_network import SourceNetwork
from unitsearch.network.slbf import slbf_layers

onnx = pytest.importorskip("onnx")


def model_of(source: SourceNetwork, **options: int) -> Any:
    return onnx.load_from_string(onnx_bytes(source.program, metadata(source), **options))


def opsets(model: Any) -> list[int]:
    return [entry.version for entry in model.opset_import]


@pytest.mark.parametrize("name", SMALL)
def test_a_file_has_the_oldest_opset_and_no_shapes_of_inner_values(name: str) -> None:
    model = model_of(source_network(SMALL[name]))
    assert (opsets(model), model.ir_version) == ([13], 8)
    assert not model.graph.value_info


@pytest.mark.parametrize("name", SMALL)
def test_a_file_has_no_operator_that_readers_lack(name: str) -> None:
    nodes = model_of(source_network(SMALL[name])).graph.node
    attributes = {(node.op_type, item.name) for node in nodes for item in node.attribute}
    assert not attributes & {("Reshape", "allowzero"), ("Split", "num_outputs")}
    assert "ReduceMean" not in {node.op_type for node in nodes}


def test_a_newer_opset_is_written_on_request() -> None:
    model = model_of(source_network(SMALL["hybrid stack"]), opset=20)
    assert (opsets(model), model.ir_version) == ([20], 9)


def test_an_opset_that_cannot_hold_a_network_is_refused() -> None:
    with pytest.raises(SpecError, match="opset 9 cannot hold this network"):
        model_of(source_network(SMALL["hybrid stack"]), opset=9)


def test_the_file_of_a_tiny_network_is_a_third_larger_than_its_weights_at_most() -> None:
    architecture = point_architecture("lenet_table1:U1")
    source = untrained_network("u1", architecture)
    content = onnx_bytes(source.program, metadata(source))
    weights = 4 * source.deployed_cost.params
    assert len(content) <= 1.35 * weights


@pytest.mark.parametrize("name", ["binary filters", "binary filters in units"])
def test_binary_filters_are_bits_in_the_file(name: str) -> None:
    source = source_network(SMALL[name])
    layers = slbf_layers(source.network)
    assert len(binary_weights(source.network, source.program.state_dict)) == len(layers)
    graph = onnx.load_from_string(OnnxFile().files(source)["one.onnx"]).graph
    bits = [tensor for tensor in graph.initializer if tensor.name.endswith(".bits")]
    assert [math.prod(t.dims) for t in bits] == [-(-one.bank.numel() // 8) for one in layers]


def test_the_file_of_binary_filters_takes_no_more_bytes_than_the_network_has_bits() -> None:
    source = untrained_network("one", point_architecture("slbf_cifar:k16_s2"))
    content = OnnxFile().files(source)["one.onnx"]
    assert 8 * len(content) <= 1.3 * source.cost.bits


def test_weights_made_from_bits_are_counted_and_give_the_same_logits(tmp_path: Path) -> None:
    source = source_network(SMALL["binary filters in units"])
    (tmp_path / "one.onnx").write_bytes(OnnxFile().files(source)["one.onnx"])
    answer = OnnxFile().read(source, tmp_path)
    assert (answer.params, answer.macs) == (source.deployed_cost.params, source.deployed_cost.macs)
    torch.testing.assert_close(answer.run(source.images), source.logits)


def test_weights_that_no_binary_filter_gives_are_kept_as_they_are() -> None:
    source = source_network(SMALL["binary filters"])
    others = {name: tensor + 1.0 for name, tensor in source.program.state_dict.items()}
    assert binary_weights(source.network, others) == {}
