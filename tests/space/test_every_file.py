"""Every YAML file is a test case: drop one into search_spaces/ or tests/ and it is checked here."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.space.files import ARCHITECTURES, SPACES, bound, some
from unitsearch import load_architecture
from unitsearch.architecture import (
    architecture_schema,
    key,
    read_architecture,
    read_text,
    write_architecture,
    yaml_text,
)
from unitsearch.costs import count
from unitsearch.network.build import build
from unitsearch.shapes import output
from unitsearch.space import baseline, expectations, load_space, point, survey
from unitsearch.space.members import try_every_option
from unitsearch.space.schema import space_schema

SPACE_SCHEMA = jsonschema.Draft202012Validator(space_schema())
ARCHITECTURE_SCHEMA = jsonschema.Draft202012Validator(architecture_schema())
POINTS = [(name, p) for name, path in SPACES.items() for p in load_space(path).points]

every_space = pytest.mark.parametrize("path", SPACES.values(), ids=SPACES.keys())


def test_the_schemas_are_schemas() -> None:
    jsonschema.Draft202012Validator.check_schema(space_schema())
    jsonschema.Draft202012Validator.check_schema(architecture_schema())


def test_every_shipped_space_is_a_test_case() -> None:
    shipped = {name for name in SPACES if name.startswith("search_spaces/")}
    wanted = {
        "lenet_hybrid", "lenet_table1", "mlp", "toy_hybrid", "slbf_cifar",
        "vgg16_cifar", "vgg19_tiny", "resnet18_cifar", "resnet34_imagenet", "resnet50_imagenet",
        "mobilenetv2_cifar", "shufflenetv2_cifar", "efficientnet_b0_imagenet",
    }  # fmt: skip
    assert {f"search_spaces/{name}.yaml" for name in wanted} <= shipped


@every_space
def test_the_space_keeps_its_schema(path: Path) -> None:
    SPACE_SCHEMA.validate(yaml.safe_load(path.read_text()))


@every_space
def test_two_hundred_members_build_and_some_keep_the_limits(path: Path) -> None:
    space = bound(path)
    costs = survey(space, space.limits, samples=200)
    assert 0 < costs.admitted <= 200
    assert 0 < costs.cheapest.params <= costs.dearest.params


@every_space
def test_every_option_of_every_parameter_builds(path: Path) -> None:
    assert try_every_option(bound(path)) >= 1


@every_space
def test_the_baseline_builds_and_answers_every_class(path: Path) -> None:
    space = bound(path)
    network = baseline(space)
    assert output(network) == (space.classes,)
    assert count(network).params > 0


@pytest.mark.parametrize(("name", "wanted"), POINTS, ids=[f"{n}:{p}" for n, p in POINTS])
def test_the_cost_of_a_point_is_the_expected_one(name: str, wanted: str) -> None:
    space = bound(SPACES[name], wanted)
    assert output(point(space, wanted)) == (space.classes,)
    for expected, computed in expectations(space, wanted).values():
        assert computed == expected


@every_space
def test_members_come_back_from_yaml_and_json_with_their_keys(path: Path) -> None:
    for _, architecture in some(bound(path), 10, seed=1):
        plain = write_architecture(architecture)
        from_yaml = read_architecture(read_text(yaml_text(plain)).data)
        from_json = read_architecture(read_text(json.dumps(plain), "a.json").data)
        assert from_yaml == from_json == architecture
        assert key(from_yaml) == key(from_json) == key(architecture)


@every_space
def test_members_keep_the_schema_of_architectures(path: Path) -> None:
    for _, architecture in some(bound(path), 3, seed=2):
        ARCHITECTURE_SCHEMA.validate(json.loads(json.dumps(write_architecture(architecture))))


@every_space
def test_a_member_becomes_a_network(path: Path) -> None:
    (_, architecture), *_ = some(bound(path), 1, seed=3)
    assert sum(p.numel() for p in build(architecture).parameters()) == count(architecture).params


@pytest.mark.parametrize("path", ARCHITECTURES.values(), ids=ARCHITECTURES.keys())
def test_the_architecture_loads_keeps_its_schema_and_is_counted(path: Path) -> None:
    ARCHITECTURE_SCHEMA.validate(yaml.safe_load(path.read_text()))
    assert count(load_architecture(path)).params > 0
