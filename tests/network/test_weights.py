"""Weights in files, and a network's answer to fixed images."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.network.layouts import SMALL, architecture, images, unsettle
from unitsearch import load_network
from unitsearch.architecture import (
    Architecture,
    read_architecture,
    read_text,
    write_architecture,
    yaml_text,
)
from unitsearch.errors import SpecError
from unitsearch.network.build import Network, build, initialise
from unitsearch.network.weights import (
    digest,
    distance,
    fixed_images,
    load_weights,
    weights_bytes,
)
from unitsearch.network.weights import load_network as load_from

every_layout = pytest.mark.parametrize("spec", SMALL.values(), ids=SMALL.keys())


def trained(spec: Architecture) -> Network:
    network = build(spec)
    unsettle(network)
    return network.eval()


@every_layout
def test_saved_weights_load_to_the_same_logits(spec: Architecture, tmp_path: Path) -> None:
    network = trained(spec)
    file = tmp_path / "weights.safetensors"
    file.write_bytes(weights_bytes(network))
    x = images(spec, dtype=torch.float32)
    assert torch.equal(load_from(spec, file)(x), network(x))


@every_layout
def test_a_network_rebuilt_from_its_files_has_the_same_digest(spec: Architecture) -> None:
    network = trained(spec)
    again = build(read_architecture(read_text(yaml_text(write_architecture(spec))).data))
    load_weights(again, weights_bytes(network), "w")
    assert digest(again) == digest(network)


@every_layout
def test_the_other_plan_has_nearly_the_same_digest(spec: Architecture) -> None:
    network = trained(spec)
    loop = build(spec, plan="loop")
    load_weights(loop, weights_bytes(network), "w")
    assert distance(digest(loop), digest(network)) < 1e-5


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes(weights_bytes(trained(SMALL["gate"])))
    with pytest.raises(
        SpecError, match=r"weights.safetensors: not the weights of this architecture"
    ):
        load_from(SMALL["shuffle"], file)


@pytest.mark.parametrize("content", [b"", b"junk", b"\x00" * 100, b"\xff" * 100])
def test_a_file_of_something_else_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes(content)
    with pytest.raises(SpecError, match="not the weights of this architecture"):
        load_from(SMALL["gate"], file)


def test_half_a_file_is_refused() -> None:
    content = weights_bytes(trained(SMALL["gate"]))
    with pytest.raises(SpecError, match="w: not the weights of this architecture"):
        load_weights(build(SMALL["gate"]), content[: len(content) // 2], "w")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read"):
        load_from(SMALL["gate"], tmp_path / "none.safetensors")


def test_the_public_call_loads_an_architecture_file_with_its_weights(tmp_path: Path) -> None:
    spec = SMALL["residual"]
    network = trained(spec)
    (tmp_path / "a.yaml").write_text(yaml_text(write_architecture(spec)))
    (tmp_path / "a.safetensors").write_bytes(weights_bytes(network))
    again = load_network(tmp_path / "a.yaml")
    assert digest(again) == digest(network)


def test_other_weights_have_another_digest_at_a_distance() -> None:
    network, other = trained(SMALL["residual"]), trained(SMALL["residual"])
    with torch.no_grad():
        next(other.parameters()).add_(0.1)
    assert digest(network) != digest(other)
    assert distance(digest(network), digest(other)) > 0
    assert distance(digest(network), digest(network)) == 0


def test_digests_of_other_numbers_of_classes_are_infinitely_far() -> None:
    network = trained(SMALL["residual"])
    other = trained(
        architecture(
            [{"kind": "flatten"}, {"kind": "linear", "out": 5}, {"kind": "linear", "out": 2}]
        )
    )
    assert distance(digest(network), digest(other)) > 0
    assert distance(digest(build(SMALL["gate"])), "") == float("inf")


def test_taking_a_digest_leaves_the_network_in_its_mode() -> None:
    network = build(SMALL["gate"]).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    digest(network)
    assert network.training
    torch.testing.assert_close(network.state_dict(), before, rtol=0, atol=0)


def test_fixed_images_are_normalised_as_the_architecture_says() -> None:
    data = {"unitsearch": 1, "input": [1, 4, 4], "layers": [{"kind": "flatten"}]}
    plain = read_architecture(data)
    scaled = read_architecture({**data, "mean": [0.5], "std": [0.25]})
    torch.testing.assert_close(fixed_images(scaled), (fixed_images(plain) - 0.5) / 0.25)
    assert fixed_images(plain).shape == (16, 1, 4, 4)


@pytest.mark.parametrize("how", ["default", "kaiming"])
def test_one_seed_sets_the_same_weights_in_either_plan(how: str) -> None:
    states = []
    for plan in ("grouped", "loop"):
        network = build(SMALL["hybrid stack"], plan=plan)
        initialise(network, how, torch.Generator().manual_seed(3))
        states.append(network.state_dict())
    torch.testing.assert_close(states[0], states[1], rtol=0, atol=0)


def test_kaiming_weights_have_the_spread_of_one_unit_not_of_the_group() -> None:
    units = [{"count": 64, "nodes": [2, 4, 2]}]
    spec = architecture([{"kind": "conv", "out": 128}, {"kind": "stack", "units": units}])
    network = build(spec)
    initialise(network, "kaiming", torch.Generator().manual_seed(0))
    hidden = network.state_dict()["layers.1.units.0.layers.0.weights.weight"]
    assert hidden.std().item() == pytest.approx((2 / (4 * 9)) ** 0.5, rel=0.05)
