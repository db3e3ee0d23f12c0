"""The Python file of a network: readable, free of anything but torch, and the same network."""

from __future__ import annotations

import ast
import random
import subprocess
import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.exports.export_networks import ALL_KINDS, SMALL, source_network
from unitsearch import resources
from unitsearch.api import bound_space
from unitsearch.architecture import Architecture
from unitsearch.exports.formats.python_source import python_text
from unitsearch.network.build import Network, build
from unitsearch.space import at_random, baseline, draw

NETWORKS = {**SMALL, "every kind of layer": ALL_KINDS}


def module(architecture: Architecture) -> Any:
    imported = types.ModuleType("network")
    text = python_text(architecture, "network.pt")
    exec(compile(text, "network.py", "exec"), imported.__dict__)
    return imported


@pytest.mark.parametrize("name", NETWORKS)
def test_the_class_takes_our_weights_strictly_and_gives_our_logits(name: str) -> None:
    ours = source_network(NETWORKS[name])
    theirs = module(NETWORKS[name]).Network().eval()
    theirs.load_state_dict(ours.network.state_dict(), strict=True)
    with torch.inference_mode():
        torch.testing.assert_close(theirs(ours.images), ours.logits, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_it_trains_as_ours_does(name: str) -> None:
    ours = source_network(NETWORKS[name]).network.double().train()
    theirs = module(NETWORKS[name]).Network().double().train()
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(6, *NETWORKS[name].input, dtype=torch.float64)
    for network in (ours, theirs):
        network(images).square().mean().backward()
    others = dict(theirs.named_parameters())
    for parameter, tensor in ours.named_parameters():
        torch.testing.assert_close(others[parameter].grad, tensor.grad, rtol=1e-8, atol=1e-10)
    for buffer, tensor in ours.named_buffers():
        torch.testing.assert_close(theirs.get_buffer(buffer), tensor, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("space", resources.names("search_spaces"))
def test_members_of_every_shipped_space_have_our_parameters(space: str) -> None:
    bound = bound_space(space)
    drawn = [draw(bound, at_random(random.Random(seed)))[1] for seed in range(2)]
    for one in (baseline(bound), *drawn):
        with torch.device("meta"):  # names and shapes alone
            ours, theirs = Network(one), module(one).Network()
        expected = {name: tensor.shape for name, tensor in ours.state_dict().items()}
        assert {name: tensor.shape for name, tensor in theirs.state_dict().items()} == expected


@pytest.mark.parametrize("name", ["hybrid stack", "linear units", "binary filters"])
def test_its_first_weights_are_spread_as_ours_are(name: str) -> None:
    torch.manual_seed(0)
    ours, theirs = build(NETWORKS[name]), module(NETWORKS[name]).Network()
    for tensor, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert tensor.shape == other.shape
        if tensor.numel() >= 40:
            assert 0.7 < float(other.detach().std() / tensor.detach().std()) < 1.4


@pytest.mark.parametrize("weights", ["network.pt", None])
def test_it_is_laid_out_as_ruff_does_and_has_nothing_unused(
    weights: str | None, tmp_path: Path
) -> None:
    shipped = {space: baseline(bound_space(space)) for space in resources.names("search_spaces")}
    for name, one in {**NETWORKS, **shipped}.items():
        (tmp_path / f"{name.replace(' ', '_')}.py").write_text(python_text(one, weights))
    options = ["--isolated", "--line-length", "100", "--no-cache", str(tmp_path)]
    for words in (["format", "--diff"], ["check", "--select", "E,F,W,I,B,UP", "--ignore", "B905"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, *options], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", NETWORKS)
def test_it_imports_torch_and_the_standard_library_alone(name: str) -> None:
    tree = ast.parse(python_text(NETWORKS[name], "network.pt"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import)
             for alias in node.names}  # fmt: skip
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= {"__future__", "pathlib", "torch"}


def test_a_plain_network_is_a_short_file() -> None:
    text = python_text(SMALL["every kind of pooling"], None)
    assert "class Stack" not in text
    assert "def load" not in text
    assert len(text.splitlines()) < 110


def test_equal_units_are_one_class_and_unlike_ones_have_names_of_their_own() -> None:
    text = python_text(SMALL["units alike but for one number"], None)
    classes = [line for line in text.splitlines() if line.startswith("class Units_")]
    assert len(classes) == len(set(classes)) == 4
    assert "class Units_1_2_1_k5_5(Units):" in classes


def test_normalisation_and_classes_are_written_where_they_are_known() -> None:
    imported = module(ALL_KINDS)
    assert (
        ALL_KINDS.mean, ALL_KINDS.std, ALL_KINDS.classes,
    ) == (imported.MEAN, imported.STD, imported.CLASSES)  # fmt: skip
    pixels = torch.rand(2, 3, 32, 32)
    expected = (pixels[:, 1] - 0.25) / 0.5
    torch.testing.assert_close(imported.normalised(pixels)[:, 1], expected)
    assert not hasattr(module(SMALL["gates"]), "normalised")


@pytest.mark.parametrize(
    "name",
    [
        '"""\nimport os',
        "\\",
        "a\\",
        "'''",
        "\n\r\t\0",
        "x\x1b[31m",
        "ß 猫 \U0001f408",
        "\u2028",
        "",
    ],
)
def test_no_name_from_a_file_can_become_code(name: str) -> None:
    layers = tuple(replace(layer, name=name or None) for layer in ALL_KINDS.layers)
    architecture = replace(ALL_KINDS, layers=layers, classes=(name, f"{name}\"'{name}"))
    imported = module(architecture)
    assert architecture.classes == imported.CLASSES
    assert not hasattr(imported, "os")
