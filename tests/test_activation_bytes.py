"""The peak of living activations is that of a list of operations with the life of each tensor."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given

from tests.architecture.strategies import architectures
from tests.space.files import bound
from unitsearch.architecture import (
    Architecture,
    Branches,
    Conv,
    Flatten,
    Gate,
    Layer,
    Layers,
    Linear,
    Pool,
    Residual,
    Stack,
    Unit,
    Units,
    canonical,
)
from unitsearch.costs import count, layer_cost
from unitsearch.shapes import Shape, after, after_all
from unitsearch.space import point
from unitsearch.space.members import within


@dataclass
class Program:
    """Operations in order, each with the tensors that it reads and writes, by number."""

    sizes: list[int] = field(default_factory=list)
    operations: list[tuple[list[int], list[int]]] = field(default_factory=list)

    def tensor(self, shape: Shape) -> int:
        self.sizes.append(math.prod(shape))
        return len(self.sizes) - 1

    def run(self, reads: list[int], writes: list[Shape]) -> list[int]:
        outputs = [self.tensor(shape) for shape in writes]
        self.operations.append((reads, outputs))
        return outputs

    def peak(self) -> int:
        born, last = {0: 0}, {0: 0}
        for time, (reads, writes) in enumerate(self.operations):
            born |= dict.fromkeys(writes, time)
            last |= dict.fromkeys([*reads, *writes], time)
        last[len(self.sizes) - 1] = len(self.operations)
        alive = [
            sum(self.sizes[t] for t in born if born[t] <= time <= last[t])
            for time in range(max(1, len(self.operations)))
        ]
        return max(alive)


def follow(program: Program, layers: Layers, tensor: int, x: Shape) -> int:
    for layer in layers:
        tensor = step(program, layer, tensor, x)
        x = after(layer, x)
    return tensor


def step(program: Program, layer: Layer, tensor: int, x: Shape) -> int:
    y = after(layer, x)
    match layer:
        case Flatten():
            return tensor
        case Stack():
            return side_by_side(program, layer, tensor, x)
        case Residual():
            body = follow(program, layer.body, tensor, x)
            side = follow(program, layer.shortcut, tensor, x)
            return program.run([body, side], [y])[0]
        case Gate():
            return program.run([tensor, follow(program, layer.body, tensor, x)], [y])[0]
        case Branches():
            parts, shapes = [tensor] * len(layer.of), [x] * len(layer.of)
            if layer.split is not None:
                shapes = [(c, *x[1:]) for c in layer.split]
                parts = program.run([tensor], shapes)
            ends = [
                follow(program, sequence, part, shape)
                for sequence, part, shape in zip(layer.of, parts, shapes, strict=True)
            ]
            return program.run(ends, [y])[0]
        case _:
            return program.run([tensor], [y])[0]


def side_by_side(program: Program, stack: Stack, tensor: int, x: Shape) -> int:
    """One operation a step; the output of a unit that has ended is written again by each."""
    units = [run.unit for run in stack.units for _ in range(run.count)]
    for depth in range(max(len(unit.layers) for unit in units)):
        writes = sum(
            math.prod(after_all(unit.layers[: depth + 1], (unit.inputs, *x[1:])))
            for unit in units
            if depth < len(unit.layers)
        )
        (tensor,) = program.run([tensor], [(writes,)])
    return tensor


def is_even(layers: Layers) -> bool:
    """Whether the units of every stack have equally many layers, as those in operations do."""
    stacks = [layer for layer in layers if isinstance(layer, Stack)]
    return all(len({len(run.unit.layers) for run in stack.units}) == 1 for stack in stacks)


@given(architectures())
def test_it_is_the_peak_of_a_list_of_operations(architecture: Architecture) -> None:
    if not is_even(architecture.layers):
        return
    program = Program()
    follow(program, architecture.layers, program.tensor(architecture.input), architecture.input)
    assert count(architecture).activation_bytes == program.peak()


@given(architectures())
def test_the_order_of_units_does_not_change_it(architecture: Architecture) -> None:
    ordered = count(canonical(architecture)).activation_bytes
    assert ordered == count(architecture).activation_bytes


def test_a_layer_needs_its_input_and_its_output() -> None:
    assert layer_cost(Conv(out=4), (3, 8, 8)).activation_bytes == 64 * (3 + 4)
    assert layer_cost(Pool(), (4, 8, 8)).activation_bytes == 4 * (64 + 16)
    assert layer_cost(Linear(out=10), (32,)).activation_bytes == 42
    assert layer_cost(Flatten(), (4, 8, 8)).activation_bytes == 256


def test_an_identity_keeps_its_input_until_the_sum() -> None:
    body = (Conv(out=8), Conv(out=4, act="none"))
    block = Residual(body=body)
    assert layer_cost(block, (4, 8, 8)).activation_bytes == 64 * (4 + 8 + 4)
    beside = Residual(body=(Conv(out=4, act="none"),))
    assert layer_cost(beside, (4, 8, 8)).activation_bytes == 64 * (4 + 4 + 4)


def test_the_input_of_a_gate_lives_beside_its_body() -> None:
    gate = Gate(body=(Conv(out=8), Conv(out=4)))
    assert layer_cost(gate, (4, 8, 8)).activation_bytes == 64 * (4 + 8 + 4)


def test_shares_of_a_split_are_all_written_at_once() -> None:
    split = Branches(of=((), (Conv(out=2),)), split=(6, 2))
    assert layer_cost(split, (8, 4, 4)).activation_bytes == 16 * 16
    apart = Branches(of=((Conv(out=3),), (Conv(out=2),)))
    assert layer_cost(apart, (8, 4, 4)).activation_bytes == 16 * (8 + 3 + 2)


def test_the_first_layers_of_all_units_run_together() -> None:
    wide = Unit(inputs=1, layers=(Conv(out=5), Conv(out=1)))
    late = Unit(inputs=1, layers=(Conv(out=1), Conv(out=7)))
    stack = Stack(units=(Units(2, wide), Units(1, late)))
    assert layer_cost(stack, (3, 4, 4)).activation_bytes == 16 * max(3 + 11, 11 + 9)


def test_a_unit_that_has_ended_keeps_its_output() -> None:
    short = Unit(inputs=1, layers=(Conv(out=1), Conv(out=2)))
    deep = Unit(inputs=1, layers=(Conv(out=1), Conv(out=3), Conv(out=2)))
    stack = Stack(units=(Units(2, short), Units(1, deep)))
    steps = (3 + 3, 3 + 7, 2 * 2 + 3 + 2)
    assert layer_cost(stack, (3, 4, 4)).activation_bytes == 16 * max(steps)
    behind = Residual(body=(Conv(out=3), stack, Conv(out=3)))
    assert layer_cost(behind, (3, 4, 4)).activation_bytes == 16 * (3 + max(*steps, 6 + 3))


def test_a_limit_bounds_it() -> None:
    cost = count(point(bound("lenet_table1", "U1"), "U1"))
    assert within(cost, {"activation_bytes": cost.activation_bytes})
    assert not within(cost, {"activation_bytes": cost.activation_bytes - 1})


@pytest.mark.parametrize(("name", "size"), [("U1", 8 * 24 * 24 + 16 * 22 * 22)])
def test_the_network_of_the_paper_is_counted_by_hand(name: str, size: int) -> None:
    assert count(point(bound("lenet_table1", name), name)).activation_bytes == size
