"""A network in any form has the function of the network, and the size of its description."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.network.layouts import SMALL, images, unsettle
from tests.space.files import SPACES, bound, some
from unitsearch.architecture import Architecture, Stack, read_architecture, stacks
from unitsearch.costs import count
from unitsearch.exports.checks import counted_macs
from unitsearch.network.build import Network, build
from unitsearch.network.deployed import deployed
from unitsearch.network.formed import StackChoice, in_form
from unitsearch.network.forms import STACK_FORMS, distinct_forms, formed, stack_parts, stack_sites
from unitsearch.space import point

LARGE = ("imagenet", "vgg19_tiny")


def made(architecture: Architecture) -> Network:
    network = build(architecture)
    unsettle(network)
    return network.eval()


def agree(network: Network, form: str) -> None:
    x = images(network.architecture).float()
    written = in_form(network, form)
    with torch.inference_mode():
        expected, logits = network(x), written(x)
    scale = max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(logits / scale, expected / scale, rtol=0, atol=1e-5)
    cost = count(formed(deployed(network.architecture), written.forms))
    assert sum(p.numel() for p in written.parameters()) == cost.params
    assert counted_macs(written, x[:1]) == cost.macs


@pytest.mark.parametrize("form", STACK_FORMS)
@pytest.mark.parametrize("name", SMALL)
def test_every_kind_of_layer_has_its_function_in_every_form(name: str, form: str) -> None:
    agree(made(SMALL[name]), form)


@pytest.mark.parametrize(
    "path",
    [p for p in SPACES.values() if p.parent.name == "search_spaces" and not p.stem.endswith(LARGE)],
    ids=lambda path: path.stem,
)
def test_a_random_member_has_its_function_in_every_form(path: Path) -> None:
    (_, architecture), *_ = some(bound(path), 1, seed=3)
    network = made(architecture)
    for form in STACK_FORMS:
        agree(network, form)


def units(*nodes: tuple[int, ...], **options: object) -> Stack:
    runs = [{"count": count, "nodes": widths, **options} for count, *widths in nodes]
    stem = {"kind": "conv", "out": sum(count * widths[0] for count, *widths in nodes)}
    layers = [stem, {"kind": "stack", "units": runs}]
    read = read_architecture({"unitsearch": 1, "input": [1, 8, 8], "layers": layers})
    return next(stacks(read.layers))


def sizes(stack: Stack, form: str) -> list[tuple[int, int]]:
    return [(part.count, len(part.units)) for part in stack_parts(stack, form)]


def test_runs_are_parts_of_equal_neighbours_and_a_loop_has_a_part_for_each_unit() -> None:
    stack = units((8, 1, 3, 1), (2, 2, 4, 2))
    assert sizes(stack, "runs") == [(8, 1), (2, 1)]
    assert sizes(stack, "loop") == [(1, 1)] * 10


def test_a_mask_joins_all_units_that_differ_in_their_widths_alone() -> None:
    assert sizes(units((8, 1, 3, 1), (2, 2, 4, 2)), "masked") == [(1, 10)]
    other = units((2, 1, 3, 1), kernel=5).units
    both = Stack(units=(*units((8, 1, 3, 1)).units, *other))
    assert sizes(both, "masked") == [(1, 8), (1, 2)]


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ((20, 1, 3, 1), [(4, 5)]),
        ((8, 2, 4, 2), [(2, 4)]),
        ((7, 2, 4, 2), [(1, 4), (1, 3)]),
        ((8, 8, 8, 8), [(4, 2)]),
        ((8, 16, 16, 16), [(8, 1)]),
        ((1, 1, 3, 1), [(1, 1)]),
    ],
)
def test_a_block_holds_units_up_to_sixteen_channels(
    run: tuple[int, ...], expected: list[tuple[int, int]]
) -> None:
    assert sizes(units(run), "blocks") == expected


def test_forms_that_are_one_are_offered_once() -> None:
    assert distinct_forms(units((1, 2, 4, 2))) == ("runs",)
    assert distinct_forms(units((8, 16, 16, 16))) == ("runs", "masked", "loop")


def test_a_chooser_sees_every_stack_once_and_decides() -> None:
    network = made(SMALL["residual with shortcut"])
    seen: list[StackChoice] = []

    def choose(choice: StackChoice) -> str:
        seen.append(choice)
        x = torch.zeros(1, *choice.site.shape)
        shapes = {tuple(choice.build(form)(x).shape) for form in choice.forms}
        assert len(shapes) == 1
        return choice.forms[-1]

    written = in_form(network, "auto", choose)
    assert [choice.site.name for choice in seen] == list(network.stacks())
    assert written.forms == dict.fromkeys(network.stacks(), "loop")


def test_sites_are_the_stacks_of_the_network_by_name() -> None:
    for architecture in SMALL.values():
        network = build(architecture)
        assert list(stack_sites(network.architecture)) == list(network.stacks())


def test_no_choice_writes_runs_and_no_permutation() -> None:
    network = made(point(bound("toy_hybrid"), "No.1"))
    assert set(in_form(network, "auto").forms.values()) == {"runs"}


def test_units_are_described_with_their_zeros() -> None:
    (part,) = stack_parts(units((2, 1, 3, 1)), "masked")
    assert (part.group.nodes, part.inputs, part.has_zeros) == ((2, 6, 2), 2, True)
