"""Spaces over a backbone: sites, what may stand there, and that every member builds."""

# ruff: noqa: E501  (spaces as one would write them)

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest

from tests.space.files import some, written
from unitsearch.architecture import (
    Architecture,
    Conv,
    Layer,
    Residual,
    Shuffle,
    Slbf,
    Stack,
    key,
    kind_of,
    read_text,
)
from unitsearch.costs import count
from unitsearch.errors import SpecError
from unitsearch.shapes import output
from unitsearch.space import (
    Space,
    at_random,
    baseline,
    count_members,
    draw,
    load_space,
    member,
    parameters,
    point,
    space_from,
    survey,
)
from unitsearch.space.members import members
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


def space(rest: str) -> Space:
    return written(BACKBONE + rest, IMAGE)


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


# ── sites ──────────────────────────────────────────────────────────────────────────────────────


def test_a_layer_inside_another_is_called_by_both_names() -> None:
    assert {"stem", "stage.0", "stage.0.conv1", "stage.0.down", "stage.1.conv2"} <= set(
        base().sites
    )


def test_neighbours_whose_names_begin_alike_are_a_site() -> None:
    sites = base().sites
    assert [layer.name for layer in sites["tail"].layers] == ["tail.a", "tail.b"]
    assert [layer.name for layer in sites["stage"].layers] == ["stage.0", "stage.1"]


def test_a_body_is_a_site() -> None:
    assert [layer.name for layer in base().sites["stage.0.body"].layers] == ["conv1", "conv2"]


def test_a_star_stands_for_one_part_of_a_name() -> None:
    found = base().matching(["stage.*"], "")
    assert [site.name for site in found] == ["stage.0", "stage.1"]


def test_a_site_knows_its_shapes_and_stride() -> None:
    site = base().sites["stage.0.body"]
    assert (site.x, site.y, site.stride) == ((8, 8, 8), (16, 4, 4), 2)


def test_the_nearest_site_is_suggested() -> None:
    said = refused("replace: [{sites: [stage.1.conv3], with: keep}]\n")
    assert "replace[0].sites[0]: found 'stage.1.conv3', expected a site (stage" in said
    assert "did you mean 'stage.1.conv2'?" in said


def test_sites_that_share_a_layer_are_refused() -> None:
    said = refused("replace: [{sites: [stage.0, stage.0.conv1], with: keep}]\n")
    assert "expected sites that have no layer in common" in said


def test_two_layers_of_one_full_name_are_refused() -> None:
    text = BACKBONE.replace("name: tail.b", "name: tail.a")
    with pytest.raises(SpecError, match="a name that no other layer has"):
        only(written(text, IMAGE))


def test_a_site_replaced_by_two_items_is_refused() -> None:
    item = f"{{sites: [stage.1.conv1], with: {FILL}}}"
    again = item.replace("{sites", "{name: again, sites", 1)
    assert "expected every layer replaced once" in refused(f"replace: [{item}, {again}]\n")


def test_two_items_of_one_name_are_refused() -> None:
    item = f"{{sites: [stage.1.conv1], with: {FILL}}}"
    said = refused(f"replace: [{item}, {item}]\n")
    assert "replace[1].name: found '', expected a name that no other replacement has" in said


def test_names_of_parameters_hold_the_name_of_the_item() -> None:
    new = "with: {choose: {normal: keep, units: " + FILL.replace("2,", "4,") + "}}"
    items = (
        f"[{{name: a, sites: [tail.a], {new}}}, {{name: b, sites: [stage.1], run: body, {new}}}]"
    )
    assert list(parameters(space(f"replace: {items}\n"))) == ["tail.a.a.with", "stage.1.b.with"]


# ── what comes in their place ──────────────────────────────────────────────────────────────────


def test_keep_leaves_the_backbone_as_it_is() -> None:
    assert key(only(replacing("keep"))) == key(baseline(replacing("keep")))


def test_a_fill_has_as_many_units_as_the_input_width_wants_and_ends_in_the_output_width() -> None:
    found = stack(block(replacing(FILL, more="run: body,")).body[0])
    assert [(run.count, run.unit.nodes) for run in found.units] == [(4, (2, 4, 4))]


def test_the_first_layer_takes_the_stride_of_the_site() -> None:
    found = stack(block(replacing(FILL, more="run: body,")).body[0])
    assert [layer.stride for layer in found.units[0].unit.weighted] == [2, 1]


@pytest.mark.parametrize(
    ("word", "strides"), [("first", [2, 1, 1]), ("second", [1, 2, 1]), ("last", [1, 1, 2])]
)
def test_a_unit_says_which_of_its_layers_takes_the_stride(word: str, strides: list[int]) -> None:
    fill = f"{{kind: stack, fill: {{nodes: [2, 4, 4, auto], stride: {word}}}}}"
    found = stack(block(replacing(fill, more="run: body,")).body[0])
    assert [layer.stride for layer in found.units[0].unit.weighted] == strides


def test_a_unit_has_its_own_kernels_groups_and_depth() -> None:
    fill = (
        "{kind: stack, fill: {nodes: [2, 6, 6, auto], kernel: [1, 5, 1], groups: [1, 6, 1], "
        "act: [relu6, relu6, none]}}"
    )
    unit = stack(block(replacing(fill, more="run: body,")).body[0]).units[0].unit
    convs = [layer for layer in unit.layers if isinstance(layer, Conv)]
    assert [conv.kernel for conv in convs] == [1, 5, 1]
    assert [conv.groups for conv in convs] == [1, 6, 1]
    assert [conv.act for conv in convs] == ["relu6", "relu6", "none"]


def test_a_unit_written_out_fills_a_site_too() -> None:
    unit = "{in: 4, layers: [{kind: conv, out: 3}, {kind: conv, out: auto}]}"
    found = stack(block(replacing(f"{{kind: stack, fill: {unit}}}", more="run: body,")).body[0])
    assert found.units[0].count == 2
    assert found.units[0].unit.nodes == (4, 3, 8)
    assert found.units[0].unit.weighted[0].stride == 2  # type: ignore[union-attr]


def test_a_run_may_be_one_layer_of_a_site() -> None:
    found = block(replacing(FILL, more="run: conv1,"))
    assert [kind_of(layer) for layer in found.body] == ["stack", "conv"]


def test_a_run_may_be_from_one_layer_to_another() -> None:
    found = only(replacing("{kind: conv, out: auto}", "[tail]", "run: [a, b],"))
    assert len(found.layers) == len(baseline(space("")).layers) - 1


def test_the_body_of_a_site_that_is_no_composite_is_all_of_it() -> None:
    found = only(replacing("{kind: conv, out: auto}", "[tail]", "run: body,"))
    assert len(found.layers) == len(baseline(space("")).layers) - 1


def test_auto_takes_over_what_the_replaced_layer_has() -> None:
    new = "{kind: conv, out: auto, kernel: auto, act: auto, groups: 2}"
    found = block(replacing(new, more="run: conv2,"))
    conv = found.body[1]
    assert isinstance(conv, Conv)
    assert (conv.out, conv.kernel, conv.act, conv.groups) == (16, 3, "none", 2)


def test_binary_filters_may_take_the_place_of_a_convolution() -> None:
    new = "{kind: slbf, out: auto, kernel: auto, act: auto, bank: 4, splits: 2}"
    one = only(replacing(new, more="run: conv1,"))
    first, second = (one.layers[at].body[0] for at in (1, 2))  # type: ignore[union-attr]
    assert isinstance(first, Slbf)
    assert (first.out, first.kernel, first.stride, first.act) == (16, 3, 2, "relu")
    assert isinstance(second, Slbf)
    assert second.stride == 1
    assert count(one).bits < count(baseline(replacing(new))).bits


def test_a_list_is_a_sequence_from_the_width_before_to_the_width_after() -> None:
    new = f"[{{kind: conv, out: 4}}, {FILL}]"
    found = block(replacing(new, more="run: body,"))
    assert [kind_of(layer) for layer in found.body] == ["conv", "stack"]
    assert stack(found.body[1]).inputs == 4
    assert output(only(replacing(new, more="run: body,"))) == (10,)


def test_a_choice_among_the_layers_of_a_list_is_spliced() -> None:
    new = f"[{FILL}, {{name: more, choose: {{none: [], shuffle: {{kind: shuffle, groups: 2}}}}}}]"
    of = replacing(new, more="run: body,")
    assert "stage.0.more" in parameters(of)
    one = member(of, {"more": "shuffle"}, "")
    assert isinstance(one.layers[1].body[1], Shuffle)  # type: ignore[union-attr]


def test_a_shuffle_follows_the_stack_before_it() -> None:
    new = f"[{FILL}, {{kind: shuffle, groups: auto}}]"
    found = block(replacing(new, more="run: body,"))
    assert found.body[1] == Shuffle(groups=4)


def test_a_shuffle_that_would_move_nothing_is_left_out() -> None:
    new = "[{kind: stack, fill: {nodes: [1, 4, auto]}}, {kind: shuffle, groups: auto}]"
    found = block(replacing(new, more="run: body,"), 2)
    assert [kind_of(layer) for layer in found.body] == ["stack"]


def test_a_shuffle_follows_a_stack_in_plain_layers_too() -> None:
    layers = (
        "layers:\n- {kind: conv, out: auto}\n"
        "- {kind: stack, units: [{count: 6, nodes: [1, 2, 3]}]}\n- {kind: pool}\n"
        "- {kind: shuffle, groups: auto}\n- {kind: flatten}\n- {kind: linear, out: classes}\n"
    )
    assert Shuffle(groups=6) in only(written(layers)).layers


def test_input_nodes_auto_are_the_fewest_that_share_out_both_widths() -> None:
    found = replacing(
        "{kind: stack, fill: {nodes: [auto, 4, auto], kernel: 1}}", "[tail.a, tail.b]"
    )
    first, second = (stack(layer).units[0] for layer in only(found).layers[3:5])
    assert (first.count, first.unit.nodes) == (8, (2, 4, 3))
    assert (second.count, second.unit.nodes) == (8, (3, 4, 2))


def test_a_hidden_layer_may_be_depthwise() -> None:
    fill = "{nodes: [2, 6, 6, auto], groups: [1, depthwise, 1]}"
    unit = stack(block(replacing(f"{{kind: stack, fill: {fill}}}", more="run: body,")).body[0])
    assert [layer.groups for layer in unit.units[0].unit.weighted] == [1, 6, 1]  # type: ignore[union-attr]


def test_an_option_may_say_its_own_run() -> None:
    new = f"{{choose: {{whole: {{run: body, with: {FILL}}}, half: {{run: conv2, with: {FILL}}}}}}}"
    of = replacing(new)
    kinds = {
        label: [kind_of(layer) for layer in member(of, {"with": label}, "").layers[1].body]  # type: ignore[union-attr]
        for label in ("whole", "half")
    }
    assert kinds == {"whole": ["stack"], "half": ["conv", "stack"]}
    assert count_members(of) == 4


# ── hybrid fills ───────────────────────────────────────────────────────────────────────────────

KINDS = "units: {A: {nodes: [2, 2, auto]}, B: {nodes: [2, 5, auto]}}\n"
HYBRID = (
    KINDS + "replace: [{sites: [stage.*], run: body, with: {kind: stack, fill: {mix: [A, B]}}}]\n"
)


def test_a_hybrid_fill_mixes_units_to_the_width_of_each_site() -> None:
    for _, one in some(space(HYBRID), 50):
        for at, units in ((1, 4), (2, 8)):
            found = stack(one.layers[at].body[0])  # type: ignore[union-attr]
            assert found.size == units
            assert found.outputs == 16


def test_the_order_of_a_hybrid_fill_may_be_drawn() -> None:
    text = HYBRID.replace("{mix: [A, B]}", "{sequence: {of: [A, B]}}")
    found = {tuple(run.count for run in stack(one.layers[1].body[0]).units)  # type: ignore[union-attr]
             for _, one in some(space(text), 200)}  # fmt: skip
    assert (1, 1, 1, 1) in found


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ("A: {nodes: [2, 2, auto]}, B: {nodes: [4, 2, auto]}", "units with 2, 4 input nodes"),
        ("A: {nodes: [2, 2, auto]}, B: {nodes: [2, 2, 1]}", "units with 1, 4 output nodes"),
    ],
)
def test_kinds_of_unequal_ends_are_refused(kinds: str, said: str) -> None:
    text = HYBRID.replace(KINDS, f"units: {{{kinds}}}\n")
    assert f"found '{said}'" in refused(text)


def test_units_that_do_not_share_out_a_site_are_refused_with_its_name() -> None:
    said = refused("replace: [{sites: [stem], with: {kind: stack, fill: {nodes: [2, 2, auto]}}}]\n")
    assert "found 'units with 2 input nodes', expected a divisor of the 3 channels" in said
    assert "that enter stem" in said


def test_layers_of_another_width_than_the_site_are_refused() -> None:
    said = refused("replace: [{sites: [tail.a], with: {kind: conv, out: 7}}]\n")
    assert "found 'layers that give 7×4×4'" in said
    assert "expected what the site tail.a gives, 24×4×4" in said


def test_auto_outside_a_fill_is_refused() -> None:
    text = (
        "units: {A: {nodes: [1, 2, 1]}}\nlayers:\n- {kind: conv, out: auto}\n"
        "- {kind: stack, units: {mix: [A], total: auto}}\n- {kind: flatten}\n"
        "- {kind: linear, out: classes}\n"
    )
    with pytest.raises(SpecError, match="auto is for what fills a site"):
        only(written(text))


# ── parameters and points ──────────────────────────────────────────────────────────────────────

CHOICES = """choices: {n: {choose: [2, 4]}}
replace:
- sites: {choose: {first: [stage.0], all: [stage.*]}}
  run: {choose: [body, conv1]}
  with: {choose: {normal: keep, units: {kind: stack, fill: {nodes: [2, {use: n}, auto], kernel: {choose: [3, 5]}}}}}
"""


def test_sites_are_drawn_once_and_what_comes_there_once_a_site() -> None:
    assert set(parameters(space(CHOICES))) == {
        "sites", "n",
        "stage.0.with", "stage.0.run", "stage.0.units.kernel",
        "stage.1.with", "stage.1.run", "stage.1.units.kernel",
    }  # fmt: skip


def test_a_named_choice_is_drawn_once_for_all_sites() -> None:
    for values, one in some(space(CHOICES), 60):
        hidden = {
            layer.units[0].unit.nodes[1]
            for block in one.layers if isinstance(block, Residual)
            for layer in block.body if isinstance(layer, Stack)
        }  # fmt: skip
        assert hidden <= {values.get("n")}


def test_a_setting_holds_for_every_parameter_that_ends_like_it() -> None:
    one = member(
        space(CHOICES), {"sites": "all", "with": "units", "run": "conv1", "n": 4, "kernel": 5}, ""
    )
    for at in (1, 2):
        found = stack(one.layers[at].body[0])  # type: ignore[union-attr]
        assert found.units[0].unit.weighted[0].kernel == 5  # type: ignore[union-attr]


def test_the_most_definite_setting_holds() -> None:
    settings = {
        "sites": "all",
        "with": "normal",
        "stage.1.with": "units",
        "n": 2,
        "run": "body",
        "kernel": 3,
    }
    one = member(space(CHOICES), settings, "")
    kinds = [[kind_of(layer) for layer in one.layers[at].body] for at in (1, 2)]  # type: ignore[union-attr]
    assert kinds == [["conv", "conv"], ["stack"]]


def test_a_star_in_a_setting_stands_for_one_part() -> None:
    settings = {"sites": "all", "stage.*.with": "normal"}
    assert key(member(space(CHOICES), settings, "")) == key(baseline(space(CHOICES)))


def test_all_units_of_a_fill_may_be_set_to_one_kind() -> None:
    one = member(space(HYBRID), {"units": "B"}, "")
    for at in (1, 2):
        found = stack(one.layers[at].body[0])  # type: ignore[union-attr]
        assert {run.unit.nodes[1] for run in found.units} == {5}


def test_a_misspelt_setting_is_told() -> None:
    with pytest.raises(SpecError, match=r"sets\.runn: found 'runn'"):
        member(space(HYBRID), {"units": "B", "runn": "body"}, "sets")


def test_counting_agrees_with_enumeration() -> None:
    for text in (HYBRID, CHOICES.replace("run: {choose: [body, conv1]}", "run: conv1")):
        of = space(text)
        everyone = {key(one) for _, one in members(of)}
        assert count_members(of) >= len(everyone)
    assert count_members(space(HYBRID)) == len({key(one) for _, one in members(space(HYBRID))})


def test_a_sample_never_fails_to_build() -> None:
    of = space(CHOICES)
    choose = at_random(random.Random(1))
    for _ in range(200):
        assert output(draw(of, choose)[1]) == (10,)


def test_a_point_may_be_a_member_over_other_options() -> None:
    rest = (
        (
            "replace: [{sites: [layer2.*], run: conv1, with: {choose: {no: keep, yes: "
            "{kind: stack, fill: {nodes: [2, 4, auto]}}}}}]\n"
            "points: {p: {backbone: {stem: imagenet}, set: {with: yes}}}\n"
        )
        .replace("yes", "units")
        .replace("no:", "none:")
    )
    found = point(over("{name: resnet18, stem: cifar}", rest), "p")
    assert [layer.name for layer in found.layers[:2]] == ["stem.conv", "stem.pool"]
    assert isinstance(found.layers[4].body[0], Stack)  # type: ignore[union-attr]


# ── backbones by name ──────────────────────────────────────────────────────────────────────────


def over(backbone: str, rest: str = "", image: tuple[int, int, int] = (3, 32, 32)) -> Space:
    return written(f"backbone: {backbone}\nbaseline: backbone\n{rest}", image)


def test_a_backbone_may_be_named() -> None:
    assert count(baseline(over("resnet18"))).params == 11_173_962


def test_an_option_of_a_backbone_may_be_a_choice() -> None:
    of = over("{name: resnet18, stem: {choose: [cifar, imagenet]}}")
    assert list(parameters(of)) == ["backbone.stem"]
    assert count_members(of) == 2


def test_a_point_may_be_the_backbone_with_options() -> None:
    points = "points: {large: {backbone: {stem: imagenet}}}\n"
    small = over("{name: resnet18, stem: cifar}", points)
    assert key(point(small, "large")) == key(baseline(over("{name: resnet18, stem: imagenet}")))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("backbone: resnt18\nbaseline: backbone\n", "did you mean 'resnet18'?"),
        ("backbone: {name: resnet18, stm: cifar}\nbaseline: backbone\n", "backbone.stm: found 'stm'"),
        ("backbone: [1]\nbaseline: backbone\n", "backbone: found [1], expected the name of"),
        ("backbone: resnet18\nlayers: []\nbaseline: backbone\n", "found 'layers as well'"),
        ("replace: []\nlayers: [{kind: flatten}]\n", "replace: found 'replace', expected a backbone"),
        ("backbone: resnet18\nbaseline: backbone\nreplace: [{sites: stem, with: {stack: 1}}]\n", "replace[0].with: found"),
        ("backbone: resnet18\nbaseline: backbone\nreplace: [{sites: stem, with: {chose: [1]}}]\n", "keep, a layer"),
        ("backbone: resnet18\nbaseline: backbone\nreplace: {a: 1}\n", "a list of replacements"),
        ("backbone: resnet18\nbaseline: backbone\nreplace: [{sites: [a]}]\n", "\"no 'with'\""),
        ("backbone: resnet18\nbaseline: backbone\nreplace: [{site: [a]}]\n", "did you mean 'sites'?"),
    ],
)  # fmt: skip
def test_bad_input_is_told(text: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        only(written(text, (3, 32, 32)))
    assert said in str(caught.value)
    assert str(caught.value).startswith("s.yaml:")


def test_a_space_of_a_backbone_needs_no_layers() -> None:
    text = "unitsearch: 1\nbackbone: resnet18\nbaseline: backbone\n"
    assert space_from(read_text(text, "s.yaml"), "s").backbone is not None
    said: Mapping[str, Any] = load_space("resnet18_cifar").baseline
    assert said == {"backbone": {}}


# ── what reviewers of the format asked ─────────────────────────────────────────────────────────


def counted(rest: str) -> tuple[int, int]:
    of = space(rest)
    return count_members(of), len(list(members(of)))


@pytest.mark.parametrize(
    "rest",
    [
        # a fill behind layers of other widths
        "units: {A: {nodes: [2, 2, auto]}, B: {nodes: [2, 5, auto]}}\nreplace: [{sites: [stage.1], run: body, with: "
        "[{kind: conv, out: {choose: [4, 8]}}, {kind: stack, fill: {mix: [A, B]}}]}]\n",
        "units: {A: {nodes: [2, 2, auto]}, B: {nodes: [2, 5, auto]}}\nreplace: [{sites: [stage.1], run: body, with: "
        "[{choose: {none: [], one: {kind: conv, out: 4}}, name: before}, {kind: stack, fill: {mix: [A, B]}}]}]\n",
        "units: {A: {nodes: [2, 2, auto]}, B: {nodes: [2, 5, auto]}}\nreplace: [{sites: [stage.1], run: body, with: "
        "[{sequence: {of: {a: {kind: conv, out: 4}, b: {kind: conv, out: 8}}, length: 2}}, "
        "{kind: stack, fill: {mix: [A, B]}}]}]\n",
        # a named choice at a site, with a choice inside
        "choices: {w: {choose: {a: {kind: conv, out: auto, kernel: {choose: [1, 3]}}, b: keep}}}\n"
        "replace: [{sites: [stage.*.conv2], with: {use: w}}]\n",
        # two replacements with choices of one name
        "replace:\n- {name: a, sites: [stage.1.conv1], with: {kind: conv, out: auto, kernel: {choose: [1, 3], name: k}}}\n"
        "- {name: b, sites: [stage.1.conv2], with: {kind: conv, out: auto, act: none, kernel: {choose: [1, 5], name: k}}}\n",
        # a choice of fills, and a unit by its name
        "units: {A: {nodes: [2, 2, auto]}, B: {nodes: [2, {choose: [3, 5]}, auto]}}\n"
        "replace: [{sites: [stage.1.conv1], with: {kind: stack, fill: {choose: {a: A, b: B, ab: {mix: [A, B]}}}}}]\n",
    ],
)
def test_the_count_is_the_number_of_walks(rest: str) -> None:
    found, walked = counted(rest)
    assert found == walked


def test_kinds_of_a_sequence_may_have_choices_of_their_own() -> None:
    of = written(
        "layers:\n- sequence: {of: {a: {kind: conv, name: c, out: {choose: [2, 3]}}, b: {kind: conv, name: c, out: {choose: [4, 5]}}}, length: 2}\n"
        "- {kind: flatten}\n- {kind: linear, out: classes}\n"
    )
    assert count_members(of) == len({key(one) for _, one in members(of)}) == 16
    assert {name: domain.options for name, domain in parameters(of).items()} == {
        "layer0.0": ("a", "b"), "layer0.1": ("a", "b"),
        "layer0.0.a.c.out": (2, 3), "layer0.0.b.c.out": (4, 5),
        "layer0.1.a.c.out": (2, 3), "layer0.1.b.c.out": (4, 5),
    }  # fmt: skip


def test_layers_of_one_name_in_two_options_have_parameters_of_their_own() -> None:
    of = written(
        "layers:\n- {kind: conv, name: c, out: 4, kernel: {choose: [1, 3]}}\n"
        "- {choose: {a: [{kind: conv, name: c, out: 5, kernel: {choose: [5, 7]}}], b: []}, name: more}\n"
        "- {kind: flatten}\n- {kind: linear, out: classes}\n"
    )
    assert set(parameters(of)) == {"c.kernel", "more", "more.a.c.kernel"}


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("replace: [{sites: stem, with: {mix: [1, 2], total: 2}}]\n", "found 'a mix'"),
        ("replace: [{sites: [stage.1.conv1], with: {kind: stack, fill: [1]}}]\n", "a unit ({nodes: […]}, or its name)"),
        ("replace: [{sites: [stage.1.conv1], with: {kind: stack, fill: AA}}]\n", "'AA'"),
        ("replace: [{sites: stem, run: {choose: [body], name: with}, with: {choose: {a: keep, b: {kind: conv, out: 8}}}}]\n",
         "two parameters called stem.with"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_told(rest: str, said: str) -> None:
    assert said in refused(rest)


def test_uses_that_multiply_without_bound_are_refused() -> None:
    names = "".join(
        f"  c{i}: {{choose: {{a: [{{use: c{i + 1}}}, {{use: c{i + 1}}}]}}}}\n" for i in range(25)
    )
    text = f"choices:\n{names}  c25: {{choose: [1]}}\nlayers:\n- {{kind: conv, out: {{use: c0}}}}\n"
    with pytest.raises(SpecError, match=r"found 'more than 1,000,000 values', expected uses that"):
        only(written(text + "- {kind: flatten}\n- {kind: linear, out: classes}\n"))
