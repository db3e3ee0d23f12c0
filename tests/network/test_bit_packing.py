"""Packed weights of binary filters: as small as counted, and the same network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from tests.network.layouts import architecture, images, unsettle
from unitsearch.architecture import Architecture, Slbf, key, read_architecture, write_architecture
from unitsearch.costs import count
from unitsearch.errors import SpecError
from unitsearch.network.bit_packing import packed_bytes
from unitsearch.network.build import Network, build, initialise
from unitsearch.network.slbf import slbf_layers
from unitsearch.network.weights import (
    digest,
    distance,
    load_network,
    load_weights,
    weights_bytes,
)

POOL = {"kind": "pool"}
LENET: list[dict[str, Any]] = [
    {"kind": "conv", "out": 20, "kernel": 5, "padding": 0},
    POOL,
    {"kind": "slbf", "out": 50, "kernel": 5, "padding": 0, "bank": 16, "splits": 2},
    POOL,
    {"kind": "slbf", "out": 500, "kernel": 4, "padding": 0, "bank": 32, "splits": 2},
    {"kind": "flatten"},
    {"kind": "linear", "out": 10},
]
ONE = {"kind": "slbf", "out": 6, "bank": 5, "splits": 2}  # 5 filters: indices of 3 bits
CONV2 = Slbf(out=64, bank=16, splits=2, norm="none")


def lenet(**keys: Any) -> Architecture:
    layers = [{**layer, **keys} if layer["kind"] == "slbf" else layer for layer in LENET]
    return read_architecture({"unitsearch": 1, "input": [1, 28, 28], "layers": layers})


def trained(spec: Architecture, seed: int = 5) -> Network:
    network = build(spec)
    unsettle(network)
    initialise(network, "default", torch.Generator().manual_seed(seed))
    return network.eval()


def test_the_second_convolution_for_digits_takes_352_bytes() -> None:
    spec = Architecture(input=(32, 4, 4), layers=(CONV2,))
    tensors = load(packed_bytes(build(spec)))
    assert count(spec).bits == 2816
    assert tensors["bits"].numel() == 352
    assert tensors["floats"].numel() == 0


def test_bits_are_signs_and_then_selections_most_significant_first() -> None:
    network = trained(architecture([{"kind": "slbf", "out": 3, "kernel": 1, "bank": 3}]))
    (layer,) = slbf_layers(network)
    assert layer.logits is not None
    with torch.no_grad():
        layer.bank.copy_(torch.tensor([[0.5, -0.1], [0.0, 0.2], [-1.0, -0.3]]).view(3, 2, 1, 1))
        layer.logits.copy_(torch.eye(3).flip(0).view(3, 1, 3))  # filters 2, 1, 0
    assert load(packed_bytes(network))["bits"].tolist() == [0b10_11_00_10, 0b01_00_0000]


@pytest.mark.parametrize("select", ["softmax", "identity", "fixed"])
@pytest.mark.parametrize("scale", ["none", "alpha"])
def test_the_file_is_as_small_as_counted(select: str, scale: str) -> None:
    spec = lenet(select=select, scale=scale)
    size, counted = len(weights_bytes(trained(spec))), count(spec).bits / 8
    assert counted <= size <= 1.05 * counted
    assert size - counted < 400


def test_the_replaced_layers_take_less_than_a_bit_a_weight() -> None:
    for layer in LENET:
        if layer["kind"] == "slbf":
            binary = Slbf(**{k: v for k, v in layer.items() if k != "kind"}, norm="none")
            c = 20 if binary.out == 50 else 50
            spec = Architecture(input=(c, 12, 12), layers=(binary,))
            assert 32 * binary.kernel**2 * c * binary.out / count(spec).bits > 32


@pytest.mark.parametrize("plan", ["grouped", "loop"])
@pytest.mark.parametrize("select", ["softmax", "identity", "fixed"])
@pytest.mark.parametrize("scale", ["none", "alpha"])
def test_packed_weights_load_to_equal_outputs(
    select: str, scale: str, plan: str, tmp_path: Path
) -> None:
    spec = lenet(select=select, scale=scale)
    network = trained(spec)
    file = tmp_path / "lenet.safetensors"
    file.write_bytes(weights_bytes(network))
    again = load_network(spec, file, plan=plan)
    x = images(spec, dtype=torch.float32)
    assert torch.equal(again(x), network(x))
    assert digest(again) == digest(network)
    for layer, same in zip(slbf_layers(network), slbf_layers(again), strict=True):
        assert torch.equal(layer.signs(), same.signs())
        assert torch.equal(layer.selected(), same.selected())


@pytest.mark.parametrize("wrong", [-1, 5])
def test_an_unpacked_selection_of_no_filter_of_the_bank_is_refused(wrong: int) -> None:
    spec = architecture([{"kind": "slbf", "out": 6, "bank": 5, "select": "fixed"}])
    tensors = dict(build(spec).state_dict())
    (name,) = (name for name in tensors if name.endswith("index"))
    tensors[name] = torch.full_like(tensors[name], wrong)
    with pytest.raises(SpecError, match=rf"w: .* filter {wrong}', expected filters of a bank of 5"):
        load_weights(build(spec), save(tensors), "w")


def test_packing_unpacked_weights_gives_the_same_file() -> None:
    spec = lenet()
    content = weights_bytes(trained(spec))
    again = build(spec)
    load_weights(again, content, "w")
    assert weights_bytes(again) == content


def test_memory_format_and_mode_do_not_change_the_file() -> None:
    network = trained(lenet())
    content = weights_bytes(network)
    network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert weights_bytes(network) == content


def test_networks_without_binary_filters_keep_their_tensors() -> None:
    network = build(architecture([{"kind": "conv", "out": 4}]))
    assert set(load(weights_bytes(network))) == set(network.state_dict())


def test_a_file_with_the_proxies_loads_too() -> None:
    spec = lenet()
    network = trained(spec)
    again = build(spec)
    load_weights(again, save(dict(network.state_dict())), "w")
    assert digest(again) == digest(network)
    assert torch.equal(slbf_layers(again)[0].bank, slbf_layers(network)[0].bank)


def test_weights_packed_for_another_architecture_are_refused() -> None:
    content = weights_bytes(trained(architecture([ONE])))
    other = architecture([{**ONE, "select": "identity"}])
    with pytest.raises(SpecError, match=f"w: not the weights .*expected {key(other)}"):
        load_weights(build(other), content, "w")
    with pytest.raises(SpecError, match="w: not the weights of this architecture"):
        load_weights(build(architecture([{"kind": "conv", "out": 6}])), content, "w")


@pytest.mark.parametrize("damage", ["fewer bits", "more floats", "other numbers", "no key"])
def test_a_damaged_packed_file_is_refused(damage: str) -> None:
    spec = architecture([ONE])
    tensors = load(weights_bytes(trained(spec)))
    metadata = {"key": key(spec)}
    if damage == "fewer bits":
        tensors["bits"] = tensors["bits"][:-1]
    elif damage == "more floats":
        tensors["floats"] = torch.cat([tensors["floats"], torch.zeros(1)])
    elif damage == "other numbers":
        tensors["bits"] = tensors["bits"].float()
    else:
        metadata = {}
    with pytest.raises(SpecError, match="w: not the weights of this architecture"):
        load_weights(build(spec), save(tensors, metadata=metadata), "w")


def test_a_selection_beyond_the_bank_is_refused() -> None:
    spec = architecture([ONE])
    tensors = load(weights_bytes(trained(spec)))
    bits = np.unpackbits(tensors["bits"].numpy())
    bits[-6 * 2 * 3 - (-(5 * 9 + 36) % 8) :][:3] = 1  # filter 7 of 5
    tensors["bits"] = torch.from_numpy(np.packbits(bits))
    with pytest.raises(SpecError, match="a selection of filter 7"):
        load_weights(build(spec), save(tensors, metadata={"key": key(spec)}), "w")


def test_an_architecture_read_again_takes_the_packed_weights() -> None:
    spec = lenet()
    network = trained(spec)
    again = build(read_architecture(write_architecture(spec)))
    load_weights(again, weights_bytes(network), "w")
    assert distance(digest(again), digest(network)) == 0
