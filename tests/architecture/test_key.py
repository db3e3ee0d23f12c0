"""The key of an architecture: the values that change it and those that do not."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from unitsearch.architecture import key, read_architecture

LAYERS: list[Any] = [
    {"kind": "conv", "out": 4},
    {"kind": "stack", "units": [{"count": 2, "nodes": [2, 4, 2]}]},
    {"kind": "pool", "kernel": 2},
    {"kind": "flatten"},
    {"kind": "linear", "out": 10},
]


def key_of(layers: list[Any], **outside: Any) -> str:
    data = {"unitsearch": 1, "input": [1, 8, 8], "layers": layers, **outside}
    return key(read_architecture(data))


def with_layer(at: int, **keys: Any) -> list[Any]:
    return [{**layer, **keys} if i == at else layer for i, layer in enumerate(LAYERS)]


@pytest.mark.parametrize(
    "outside",
    [
        {"classes": ["a", "b"]},
        {"mean": [0.5]},
        {"std": [0.5]},
        {"provenance": {"trial": 7, "by": {"study": "x"}}},
    ],
    ids=lambda outside: next(iter(outside)),
)
def test_is_outside_the_key(outside: dict[str, Any]) -> None:
    assert key_of(LAYERS, **outside) == key_of(LAYERS)


@pytest.mark.parametrize("at", range(5))
def test_a_layers_name_is_outside_the_key(at: int) -> None:
    assert key_of(with_layer(at, name="mine")) == key_of(LAYERS)


@pytest.mark.parametrize("named", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize("nested", [False, True])
def test_a_name_inside_a_unit_is_outside_the_key(named: tuple[int, ...], nested: bool) -> None:
    def found(names: tuple[int, ...]) -> str:
        inner: list[Any] = [{"kind": "conv", "out": 5}, {"kind": "conv", "out": 4}]
        for i in names:
            inner[i] = {**inner[i], "name": "mine"}
        stack: list[Any] = [{"kind": "stack", "units": [{"in": 4, "layers": inner}]}]
        if nested:
            stack = [{"kind": "residual", "body": stack}]
        return key_of([{"kind": "conv", "out": 4}, *stack])

    assert found(named) == found(())


@pytest.mark.parametrize(
    ("at", "spelt"),
    [
        (0, {"padding": 1}),
        (0, {"kernel": 3, "stride": 1, "padding": "same", "groups": 1}),
        (0, {"bias": False, "norm": "batch", "act": "relu"}),
        (0, {"name": None}),
        (2, {"stride": 2}),
        (2, {"stride": None, "op": "max", "padding": 0}),
        (4, {"bias": True, "norm": "none", "act": "none"}),
        (1, {"units": [{"count": 1, "nodes": [2, 4, 2]}, {"nodes": [2, 4, 2]}]}),
        (1, {"units": [{"count": 2, "nodes": [2, 4, 2], "of": "conv", "kernel": [3, 3]}]}),
        (1, {"units": [{"count": 2, "in": 2, "layers": [
            {"kind": "conv", "out": 4}, {"kind": "conv", "out": 2, "padding": 1}]}]}),
        (0, {"out": 4.0}),
    ],
)  # fmt: skip
def test_another_spelling_of_the_same_layer_has_the_same_key(
    at: int, spelt: dict[str, Any]
) -> None:
    assert key_of(with_layer(at, **spelt)) == key_of(LAYERS)


@pytest.mark.parametrize(
    ("at", "changed"),
    [
        (0, {"kernel": 5}),
        (0, {"padding": 0}),
        (0, {"bias": True}),
        (0, {"norm": "none"}),
        (0, {"act": "silu"}),
        (0, {"stride": 2}),
        (1, {"units": [{"count": 2, "nodes": [2, 3, 2]}]}),
        (1, {"units": [{"count": 2, "nodes": [2, 4, 4, 2]}]}),
        (1, {"units": [{"count": 2, "nodes": [2, 4, 2], "kernel": [1, 3]}]}),
        (2, {"op": "avg"}),
        (2, {"stride": 1}),
        (4, {"bias": False}),
        (4, {"out": 9}),
    ],
)
def test_another_network_has_another_key(at: int, changed: dict[str, Any]) -> None:
    assert key_of(with_layer(at, **changed)) != key_of(LAYERS)


def test_same_padding_is_half_the_kernel() -> None:
    for kernel in (1, 3, 5, 7):
        assert key_of(with_layer(0, kernel=kernel, padding=kernel // 2)) == key_of(
            with_layer(0, kernel=kernel)
        )


def test_another_input_has_another_key() -> None:
    data = {"unitsearch": 1, "layers": [{"kind": "conv", "out": 4}]}
    keys = {
        key(read_architecture({**data, "input": shape}))
        for shape in ([1, 8, 8], [1, 8, 9], [2, 8, 8])
    }
    assert len(keys) == 3


def test_a_key_is_twenty_hex_digits() -> None:
    assert len(key_of(LAYERS)) == 20
    int(key_of(LAYERS), 16)


def test_keys_of_earlier_releases_still_hold() -> None:
    """Compare with stored keys: a change of the canonical form would orphan those of studies."""
    assert key_of(LAYERS) == "9bf19bffac9262fe7e5d"
    residual = {"kind": "residual", "body": [{"kind": "conv", "out": 4}], "act": "none"}
    assert key_of([{"kind": "conv", "out": 4}, residual]) == "b7d393d02f02a7a0b14a"


def test_another_process_finds_the_same_key() -> None:
    code = (
        "from unitsearch.architecture import key, read_architecture as r\n"
        "d = {'unitsearch': 1, 'input': [1, 8, 8], 'layers': " + repr(LAYERS) + "}\n"
        "print(key(r(d)))"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert process.strip() == key_of(LAYERS)
