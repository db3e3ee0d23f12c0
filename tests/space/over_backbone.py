"""Spaces over a small backbone, written in a test, and their members."""

# ruff: noqa: E501  (spaces as one would write them)

from __future__ import annotations

import pytest

from tests.space.files import written
from unitsearch.architecture import Architecture, Layer, Residual, Stack
from unitsearch.errors import SpecError
from unitsearch.space import Space, draw, survey
from unitsearch.space.sites import Base

IMAGE = (3, 8, 8)


BACKBONE = """backbone:
  layers:
  - {kind: conv, name: stem, out: 8}
  - kind: residual
    name: stage.0
    body: [{kind: conv, name: conv1, out: 16, stride: 2}, {kind: conv, name: conv2, out: 16, act: none}]
    shortcut: [{kind: conv, name: down, out: 16, kernel: 1, stride: 2, act: none}]
  - kind: residual
    name: stage.1
    body: [{kind: conv, name: conv1, out: 16}, {kind: conv, name: conv2, out: 16, act: none}]
  - {kind: conv, name: tail.a, out: 24, kernel: 1}
  - {kind: conv, name: tail.b, out: 16, kernel: 5}
  - {kind: global_pool, name: pool}
  - {kind: flatten, name: flat}
  - {kind: linear, name: head, out: classes}
baseline: backbone
"""


FILL = "{kind: stack, fill: {nodes: [2, 4, auto]}}"


KINDS = "units: {A: {nodes: [2, 2, auto]}, B: {nodes: [2, 5, auto]}}\n"


HYBRID = (
    KINDS + "replace: [{sites: [stage.*], run: body, with: {kind: stack, fill: {mix: [A, B]}}}]\n"
)


CHOICES = """choices: {n: {choose: [2, 4]}}
replace:
- sites: {choose: {first: [stage.0], all: [stage.*]}}
  run: {choose: [body, conv1]}
  with: {choose: {normal: keep, units: {kind: stack, fill: {nodes: [2, {use: n}, auto], kernel: {choose: [3, 5]}}}}}
"""


def space(rest: str) -> Space:
    return written(BACKBONE + rest, IMAGE)


def over(backbone: str, rest: str = "", image: tuple[int, int, int] = (3, 32, 32)) -> Space:
    return written(f"backbone: {backbone}\nbaseline: backbone\n{rest}", image)


def replacing(new: str, sites: str = "[stage.*]", more: str = "") -> Space:
    return space(f"replace: [{{sites: {sites}, {more} with: {new}}}]\n")


def only(of: Space) -> Architecture:
    """The member that first values make."""
    return draw(of, lambda name, domain: domain.options[0])[1]


def block(of: Space, at: int = 1) -> Residual:
    layer = only(of).layers[at]
    assert isinstance(layer, Residual)
    return layer


def stack(layer: Layer) -> Stack:
    assert isinstance(layer, Stack)
    return layer


def base() -> Base:
    plain = space("")
    return plain.drawn_base(plain.start_draw(lambda name, domain: domain.options[0]))


def refused(rest: str) -> str:
    with pytest.raises(SpecError) as caught:
        survey(space(rest), {}, samples=20)
    return str(caught.value)
