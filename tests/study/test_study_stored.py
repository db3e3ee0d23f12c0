"""Architectures from a store are read as anywhere else, only faster."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from unitsearch import resources
from unitsearch.api import bound_space
from unitsearch.architecture import read_architecture, read_file, write_architecture
from unitsearch.errors import SpecError
from unitsearch.space import at_random, draw
from unitsearch.study.stored import Reader


@pytest.mark.parametrize("name", resources.names("search_spaces"))
def test_members_of_every_space_are_read_as_anywhere_else(name: str) -> None:
    space, reader = bound_space(name), Reader()
    choose = at_random(random.Random(0))
    for _ in range(20):
        plain = write_architecture(draw(space, choose)[1])
        assert reader.read(plain) == read_architecture(plain)


def test_every_kind_of_layer_is_read_as_anywhere_else() -> None:
    path = Path(__file__).parents[1] / "architecture" / "every_kind.yaml"
    plain = read_file(path).data
    assert Reader().read(plain) == read_architecture(plain)


def test_units_that_were_not_written_in_canonical_order_are_put_in_it() -> None:
    units = [{"count": 1, "nodes": [1, 3, 1]}, {"count": 2, "nodes": [1, 2, 1]}]
    layers = [
        {"kind": "conv", "out": 3},
        {"kind": "stack", "name": "one", "units": units},
        {"kind": "conv", "out": 3},
    ]
    plain = {"unitsearch": 1, "input": [1, 8, 8], "layers": layers}
    read = Reader().read(plain)
    assert read == read_architecture(plain)
    assert [run.count for run in read.layers[1].units] == [2, 1]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "layers",
    [
        [{"kind": "conv", "out": 0}],
        [{"kind": "cnov", "out": 3}],
        [{"kind": "stack", "name": 3, "units": [{"nodes": [1, 2, 1]}]}],
        [{"kind": "stack", "name": "s", "units": [{"nodes": [1, True, 1]}]}],
        [{"kind": "stack", "name": "s", "units": []}],
        [3],
        [],
    ],
)
def test_what_is_no_architecture_is_refused(layers: object) -> None:
    reader = Reader()
    reader.read({"unitsearch": 1, "input": [1, 8, 8], "layers": [
        {"kind": "stack", "name": "s", "units": [{"nodes": [1, 1, 1]}]}]})  # fmt: skip
    with pytest.raises(SpecError):
        reader.read({"unitsearch": 1, "input": [1, 8, 8], "layers": layers})
