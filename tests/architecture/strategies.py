"""Hypothesis strategies for architectures: every layer kind, layers that fit each other."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from unitsearch.architecture import (
    Architecture,
    Branches,
    Conv,
    Flatten,
    Gate,
    GlobalPool,
    Layer,
    Linear,
    Pool,
    Residual,
    Shuffle,
    Slbf,
    Stack,
    Unit,
    Units,
)
from unitsearch.architecture.convolutions import ACTIVATIONS, SELECTIONS
from unitsearch.shapes import Shape, after

WIDTHS = st.integers(1, 6)
ACTS = st.sampled_from(ACTIVATIONS)
NORMS = st.sampled_from(("batch", "none"))
NAMES = st.none() | st.sampled_from(("stem", "s1", "a b", "ß"))


def _divisors(of: int, also: int) -> list[int]:
    return [d for d in range(1, of + 1) if of % d == 0 and also % d == 0]


@st.composite
def convs(draw: Any, x: Shape, out: int | None = None, keep: bool = False) -> Conv:
    """A convolution that takes ``x``; ``keep`` leaves the size as it is."""
    side = min(x[1:])
    kernel = draw(st.sampled_from([k for k in (1, 2, 3, 5) if k <= side + 1]))
    if keep:
        kernel = kernel if kernel % 2 else kernel - 1
    odd = kernel % 2 == 1
    paddings: list[str | int] = ["same"] if keep else [*(["same"] if odd else []), 1, 2]
    padding = draw(st.sampled_from(paddings))
    depthwise = draw(st.booleans()) and out is None
    width = x[0] if depthwise else out or draw(WIDTHS)
    groups = x[0] if depthwise else draw(st.sampled_from(_divisors(x[0], width)))
    return Conv(
        out=width,
        kernel=kernel,
        stride=1 if keep else draw(st.sampled_from((1, 1, 2))),
        padding=padding,
        groups=groups,
        bias=draw(st.booleans()),
        norm=draw(NORMS),
        act=draw(ACTS),
        name=draw(NAMES),
    )


@st.composite
def slbfs(draw: Any, x: Shape, kernel: int | None = None, stride: int | None = None) -> Slbf:
    """An SLBF layer that takes ``x``, with any bank of at most all the different filters."""
    side = min(x[1:])
    out = draw(WIDTHS)
    splits = draw(st.sampled_from(_divisors(x[0], x[0])))
    window = kernel or draw(st.sampled_from([k for k in (1, 2, 3, 5) if k <= side + 1]))
    different = 2 ** min(window**2 * (x[0] // splits), 10)
    out = max(out, 2) if splits == 1 else out
    return Slbf(
        out=out,
        kernel=window,
        stride=stride or draw(st.sampled_from((1, 1, 2))),
        padding="same" if window % 2 else 1,
        bank=draw(st.integers(2, min(out * splits, different))),
        splits=splits,
        select=draw(st.sampled_from(SELECTIONS)),
        scale=draw(st.sampled_from(("none", "alpha"))),
        norm=draw(NORMS),
        act=draw(ACTS),
        name=draw(NAMES),
    )


def linears(out: int | None = None) -> st.SearchStrategy[Linear]:
    width = WIDTHS if out is None else st.just(out)
    return st.builds(Linear, out=width, bias=st.booleans(), norm=NORMS, act=ACTS, name=NAMES)


@st.composite
def pools(draw: Any, x: Shape) -> Pool:
    kernel = draw(st.integers(1, min(3, *x[1:])))
    stride = draw(st.none() | st.integers(1, 3))
    padding = draw(st.integers(0, kernel // 2))
    op = draw(st.sampled_from(("max", "avg")))
    return Pool(op=op, kernel=kernel, stride=stride, padding=padding, name=draw(NAMES))


@st.composite
def units(draw: Any, inputs: int, shape: Shape, steps: list[Any]) -> Unit:
    """A unit of ``inputs`` that follows ``steps``, so that all units of a stack fit together."""
    layers: list[Layer] = []
    for step in steps:
        if isinstance(step, Pool):
            layers.append(step)
        elif step == "linear":
            layers.append(draw(linears()))
        elif draw(st.integers(0, 3)) == 0:
            entering = [layer.out for layer in layers if isinstance(layer, (Conv, Slbf))] or [
                inputs
            ]
            layers.append(draw(slbfs((entering[-1], *shape[1:]), *step)))
        else:
            out = draw(WIDTHS)
            before = layers[-1].out if layers and isinstance(layers[-1], (Conv, Slbf)) else inputs
            grouped = draw(st.sampled_from(_divisors(before, out))) if step[1] == 1 else 1
            layers.append(
                Conv(
                    out=out,
                    kernel=step[0],
                    stride=step[1],
                    groups=grouped if not any(isinstance(layer, Pool) for layer in layers) else 1,
                    bias=draw(st.booleans()),
                    norm=draw(NORMS),
                    act=draw(ACTS),
                    name=draw(NAMES),
                )
            )
    return Unit(inputs=inputs, layers=tuple(layers))


@st.composite
def stacks(draw: Any, x: Shape) -> Stack:
    """A stack that uses up the channels of ``x``."""
    if len(x) == 1:
        steps: list[Any] = ["linear"] * draw(st.integers(2, 3))
    else:
        kernel, stride = draw(st.sampled_from((1, 3))), draw(st.sampled_from((1, 1, 2)))
        steps = [(kernel, stride), (3, 1)]
        if draw(st.booleans()) and min(x[1:]) >= 4:
            steps.insert(1, Pool(op=draw(st.sampled_from(("max", "avg"))), kernel=2))
    left, runs = x[0], []
    while left:
        inputs = draw(st.integers(1, min(3, left)))
        count = draw(st.integers(1, min(3, left // inputs)))
        runs.append(Units(count, draw(units(inputs, x, steps))))
        left -= inputs * count
    return Stack(units=tuple(runs), name=draw(NAMES))


@st.composite
def sequences(draw: Any, x: Shape, depth: int = 1, most: int = 3) -> tuple[Layer, ...]:
    """Up to ``most`` layers one after the other."""
    layers: list[Layer] = []
    for _ in range(draw(st.integers(0, most))):
        layer = draw(one_layer(x, depth))
        layers.append(layer)
        x = after(layer, x)
    return tuple(layers)


@st.composite
def one_layer(draw: Any, x: Shape, depth: int) -> Layer:
    if len(x) == 1:
        return draw(st.one_of(linears(), stacks(x)))
    plain = [convs(x), slbfs(x), pools(x), stacks(x), st.builds(GlobalPool, name=NAMES)]
    plain.append(st.builds(Flatten, name=NAMES))
    shuffles = [d for d in _divisors(x[0], x[0]) if d > 1]
    if shuffles:
        plain.append(st.builds(Shuffle, groups=st.sampled_from(shuffles), name=NAMES))
    if depth:
        plain += [residuals(x, depth - 1), branches(x, depth - 1), gates(x, depth - 1)]
    return draw(st.one_of(plain))


@st.composite
def residuals(draw: Any, x: Shape, depth: int) -> Residual:
    stride = draw(st.sampled_from((1, 2)))
    out = draw(WIDTHS) if stride == 2 else x[0]
    body: list[Layer] = [Conv(out=out, stride=stride)]
    if draw(st.booleans()):
        body.append(Conv(out=out, groups=out, act="none", name=draw(NAMES)))
    elif draw(st.booleans()):
        body.append(draw(_kept_stack(out)))
    shortcut = (Conv(out=out, kernel=1, stride=stride, act="none"),) if stride == 2 else ()
    return Residual(body=tuple(body), shortcut=shortcut, act=draw(ACTS), name=draw(NAMES))


@st.composite
def _kept_stack(draw: Any, width: int) -> Stack:
    hidden = draw(WIDTHS)
    unit = Unit(inputs=1, layers=(Conv(out=hidden), Conv(out=1, act="none")))
    return Stack(units=(Units(width, unit),))


@st.composite
def branches(draw: Any, x: Shape, depth: int) -> Branches:
    split = None
    shares: list[Shape] = [x] * draw(st.integers(1, 3))
    if x[0] > 1 and draw(st.booleans()):
        first = draw(st.integers(1, x[0] - 1))
        split = (first, x[0] - first)
        shares = [(c, *x[1:]) for c in split]
    of = tuple(draw(st.lists(convs(share, keep=True), max_size=1).map(tuple)) for share in shares)
    return Branches(of=of, split=split, name=draw(NAMES))


@st.composite
def gates(draw: Any, x: Shape, depth: int) -> Gate:
    squeeze = Conv(out=draw(WIDTHS), kernel=1, bias=True, norm="none", act="silu")
    back = Conv(out=x[0], kernel=1, bias=True, norm="none", act="sigmoid")
    body: tuple[Layer, ...] = (squeeze, back)
    return Gate(body=(GlobalPool(), *body) if draw(st.booleans()) else body, name=draw(NAMES))


@st.composite
def architectures(draw: Any, classes: int | None = None, most: int = 4) -> Architecture:
    """An architecture of any layers that fit; with ``classes`` it ends in so many features."""
    image = draw(st.tuples(st.integers(1, 4), st.integers(4, 8), st.integers(4, 8)))
    layers = list(draw(sequences(image, most=most)))
    x: Shape = image
    for layer in layers:
        x = after(layer, x)
    if classes is not None:
        if len(x) == 3:
            layers.append(Flatten())
        layers.append(Linear(out=classes))
    elif not layers:
        layers.append(draw(convs(image)))
    return Architecture(
        input=image,
        layers=tuple(layers),
        classes=draw(st.none() | st.just(("cat", "dog"))),
        mean=draw(st.none() | st.just((0.5,) * image[0])),
        std=draw(st.none() | st.just((0.25,) * image[0])),
        provenance=draw(st.none() | st.just({"study": "s", "trial": 3})),
    )
