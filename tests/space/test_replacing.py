"""Replacement: the layers that may take the place of a site's, and that every member builds."""

# ruff: noqa: E501  (spaces as one would write them)

from __future__ import annotations

import random

import pytest

from tests.space.files import written
from tests.space.over_backbone import CHOICES, FILL, block, only, refused, replacing, space, stack
from unitsearch.architecture import Conv, Shuffle, Slbf, key, kind_of
from unitsearch.costs import count
from unitsearch.errors import SpecError
from unitsearch.shapes import output
from unitsearch.space import at_random, baseline, count_members, draw, member, parameters


def test_keep_leaves_the_backbone_as_it_is() -> None:
    assert key(only(replacing("keep"))) == key(baseline(replacing("keep")))


def test_a_run_may_be_one_layer_of_a_site() -> None:
    residual = block(replacing(FILL, more="run: conv1,"))
    assert [kind_of(layer) for layer in residual.body] == ["stack", "conv"]


def test_a_run_may_be_from_one_layer_to_another() -> None:
    architecture = only(replacing("{kind: conv, out: auto}", "[tail]", "run: [a, b],"))
    assert len(architecture.layers) == len(baseline(space("")).layers) - 1


def test_the_body_of_a_site_that_is_no_composite_is_all_of_it() -> None:
    architecture = only(replacing("{kind: conv, out: auto}", "[tail]", "run: body,"))
    assert len(architecture.layers) == len(baseline(space("")).layers) - 1


def test_auto_takes_the_value_of_the_replaced_layer() -> None:
    new = "{kind: conv, out: auto, kernel: auto, act: auto, groups: 2}"
    residual = block(replacing(new, more="run: conv2,"))
    conv = residual.body[1]
    assert isinstance(conv, Conv)
    assert (conv.out, conv.kernel, conv.act, conv.groups) == (16, 3, "none", 2)


def test_binary_filters_may_take_the_place_of_a_convolution() -> None:
    new = "{kind: slbf, out: auto, kernel: auto, act: auto, bank: 4, splits: 2}"
    architecture = only(replacing(new, more="run: conv1,"))
    first, second = (architecture.layers[index].body[0] for index in (1, 2))  # type: ignore[union-attr]
    assert isinstance(first, Slbf)
    assert (first.out, first.kernel, first.stride, first.act) == (16, 3, 2, "relu")
    assert isinstance(second, Slbf)
    assert second.stride == 1
    assert count(architecture).bits < count(baseline(replacing(new))).bits


def test_a_list_is_a_sequence_from_the_width_before_to_the_width_after() -> None:
    new = f"[{{kind: conv, out: 4}}, {FILL}]"
    residual = block(replacing(new, more="run: body,"))
    assert [kind_of(layer) for layer in residual.body] == ["conv", "stack"]
    assert stack(residual.body[1]).inputs == 4
    assert output(only(replacing(new, more="run: body,"))) == (10,)


def test_a_choice_among_the_layers_of_a_list_is_spliced() -> None:
    new = f"[{FILL}, {{name: more, choose: {{none: [], shuffle: {{kind: shuffle, groups: 2}}}}}}]"
    of = replacing(new, more="run: body,")
    assert "stage.0.more" in parameters(of)
    architecture = member(of, {"more": "shuffle"}, "")
    assert isinstance(architecture.layers[1].body[1], Shuffle)  # type: ignore[union-attr]


def test_a_shuffle_follows_the_stack_before_it() -> None:
    new = f"[{FILL}, {{kind: shuffle, groups: auto}}]"
    residual = block(replacing(new, more="run: body,"))
    assert residual.body[1] == Shuffle(groups=4)


def test_a_shuffle_that_would_move_nothing_is_left_out() -> None:
    new = "[{kind: stack, fill: {nodes: [1, 4, auto]}}, {kind: shuffle, groups: auto}]"
    residual = block(replacing(new, more="run: body,"), 2)
    assert [kind_of(layer) for layer in residual.body] == ["stack"]


def test_a_shuffle_follows_a_stack_in_plain_layers_too() -> None:
    layers = (
        "layers:\n- {kind: conv, out: auto}\n"
        "- {kind: stack, units: [{count: 6, nodes: [1, 2, 3]}]}\n- {kind: pool}\n"
        "- {kind: shuffle, groups: auto}\n- {kind: flatten}\n- {kind: linear, out: classes}\n"
    )
    assert Shuffle(groups=6) in only(written(layers)).layers


def test_an_option_may_say_its_own_run() -> None:
    new = f"{{choose: {{whole: {{run: body, with: {FILL}}}, half: {{run: conv2, with: {FILL}}}}}}}"
    of = replacing(new)
    kinds = {
        label: [kind_of(layer) for layer in member(of, {"with": label}, "").layers[1].body]  # type: ignore[union-attr]
        for label in ("whole", "half")
    }
    assert kinds == {"whole": ["stack"], "half": ["conv", "stack"]}
    assert count_members(of) == 4


def test_layers_of_another_width_than_the_site_are_refused() -> None:
    message = refused("replace: [{sites: [tail.a], with: {kind: conv, out: 7}}]\n")
    assert "found 'layers that give 7×4×4'" in message
    assert "expected the output of the site tail.a, 24×4×4" in message


def test_a_sample_never_fails_to_build() -> None:
    of = space(CHOICES)
    choose = at_random(random.Random(1))
    for _ in range(200):
        assert output(draw(of, choose)[1]) == (10,)


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("replace: [{sites: stem, with: {mix: [1, 2], total: 2}}]\n", "found 'a mix'"),
        ("replace: [{sites: [stage.1.conv1], with: {kind: stack, fill: [1]}}]\n", "a unit ({nodes: […]}, or its name)"),
        ("replace: [{sites: [stage.1.conv1], with: {kind: stack, fill: AA}}]\n", "'AA'"),
        ("replace: [{sites: stem, run: {choose: [body], name: with}, with: {choose: {a: keep, b: {kind: conv, out: 8}}}}]\n",
         "two parameters called stem.with"),
    ],
)  # fmt: skip
def test_a_replacement_that_makes_no_sense_is_refused(rest: str, message: str) -> None:
    assert message in refused(rest)


def test_uses_that_multiply_without_bound_are_refused() -> None:
    names = "".join(
        f"  c{i}: {{choose: {{a: [{{use: c{i + 1}}}, {{use: c{i + 1}}}]}}}}\n" for i in range(25)
    )
    text = f"choices:\n{names}  c25: {{choose: [1]}}\nlayers:\n- {{kind: conv, out: {{use: c0}}}}\n"
    with pytest.raises(SpecError, match=r"found 'more than 1,000,000 values', expected uses that"):
        only(written(text + "- {kind: flatten}\n- {kind: linear, out: classes}\n"))
