"""The shape that leaves a layer, compared with torch's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from tests.architecture.strategies import architectures, convs, pools
from unitsearch.architecture import (
    Architecture,
    Conv,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Pool,
    Stack,
    Unit,
    Units,
)
from unitsearch.errors import ShapeError
from unitsearch.shapes import after, after_all, output, say

IMAGES = st.tuples(st.integers(1, 4), st.integers(1, 12), st.integers(1, 12))


@given(IMAGES, st.data())
def test_a_conv_gives_the_shape_that_torch_gives(x: tuple[int, ...], data: Any) -> None:
    conv: Conv = data.draw(convs(x))
    weight = torch.zeros(conv.out, x[0] // conv.groups, conv.kernel, conv.kernel)
    y = F.conv2d(torch.zeros(1, *x), weight, None, conv.stride, conv.margin, groups=conv.groups)
    assert after(conv, x) == tuple(y.shape[1:])


@given(IMAGES, st.data())
def test_a_pooling_gives_the_shape_that_torch_gives(x: tuple[int, ...], data: Any) -> None:
    pool: Pool = data.draw(pools(x))
    y = F.max_pool2d(torch.zeros(1, *x), pool.kernel, pool.step, pool.padding)
    assert after(pool, x) == tuple(y.shape[1:])


@pytest.mark.parametrize(
    ("layer", "x", "y"),
    [
        (Linear(out=5), (7,), (5,)),
        (GlobalPool(), (3, 5, 4), (3, 1, 1)),
        (Flatten(), (3, 5, 4), (60,)),
        (Flatten(), (7,), (7,)),
        (Conv(out=8, kernel=5, padding=0), (1, 28, 28), (8, 24, 24)),
        (Conv(out=1, kernel=1), (1, 1, 1), (1, 1, 1)),
    ],
)
def test_the_shape_after(layer: Layer, x: tuple[int, ...], y: tuple[int, ...]) -> None:
    assert after(layer, x) == y


def test_a_stack_gives_the_outputs_of_all_units() -> None:
    units = (
        Units(2, Unit(inputs=1, layers=(Conv(out=2, stride=2), Conv(out=3)))),
        Units(1, Unit(inputs=2, layers=(Conv(out=1), Conv(out=4, stride=2)))),
    )
    assert after(Stack(units=units), (4, 8, 8)) == (10, 4, 4)


def test_units_that_end_in_other_sizes_do_not_fit_together() -> None:
    units = (
        Units(1, Unit(inputs=1, layers=(Conv(out=2, stride=2), Conv(out=1)))),
        Units(1, Unit(inputs=1, layers=(Conv(out=2), Conv(out=1)))),
    )
    with pytest.raises(ShapeError, match=r"units\[1\]: found 'a unit that gives 1×8×8'"):
        after(Stack(units=units), (2, 8, 8))


def test_an_error_names_the_layer_it_stands_in() -> None:
    with pytest.raises(ShapeError) as caught:
        after_all((Conv(out=3), Linear(out=3)), (1, 8, 8), "layers")
    assert caught.value.place == "layers[1].kind"


@given(architectures(classes=3))
def test_a_classifier_gives_its_classes(architecture: Architecture) -> None:
    assert output(architecture) == (3,)


def test_shapes_are_said_as_people_write_them() -> None:
    assert (say((8, 24, 24)), say((32,))) == ("8×24×24", "32 features")
