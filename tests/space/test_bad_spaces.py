"""Space files that are wrong: their messages, and that nothing else happens."""

# ruff: noqa: E501  # a message stands on one line here as it does on the screen

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.architecture.test_bad_files import ODD, mutate
from tests.space.files import SPACES
from unitsearch.architecture import read_text, yaml_text
from unitsearch.errors import SpecError, UnitSearchError, UsageError
from unitsearch.space import (
    baseline,
    bind,
    count_members,
    expectations,
    load_space,
    space_from,
    survey,
)

EXAMPLES = int(os.environ.get("UNITSEARCH_EXAMPLES", 100))  # thousands, where there is time
HEAD = """unitsearch: 1
choices: {k: {choose: [3, 5]}}
units: {A: {nodes: [1, 2, 1], kernel: {use: k}}}
baseline: {layers: [{kind: flatten}, {kind: linear, out: classes}]}
layers:
"""
END = "- {kind: flatten}\n- {kind: linear, out: classes}\n"
STACK = "- {kind: conv, out: auto}\n- {kind: stack, name: s, units: UNITS}\n"


def error_of(text: str) -> UnitSearchError:
    with pytest.raises(UnitSearchError) as caught:
        survey(bind(space_from(read_text(text, "s.yaml"), "s"), (1, 8, 8), 10), {}, 20)
    return caught.value


# One layer on line 6; the message after "s.yaml:6: layers[0]".
BAD_LAYERS = {
    "{kind: conv, out: 3, kernel: {use: kk}}": ".kernel.use: found 'kk', expected a named choice or unit: k, A; did you mean 'k'?",
    "{kind: conv, out: 3, kernel: {choose: []}}": ".kernel.choose: found '0 options', expected 1 to 1000",
    "{kind: conv, out: 3, kernel: {choose: 3}}": ".kernel.choose: found 3, expected a list, or a mapping of labels",
    "{kind: conv, out: 3, kernel: {choose: [3, 3]}}": ".kernel.choose[1]: found 3, expected every option once",
    "{kind: conv, out: 3, padding: {choose: [1, 1.0]}}": ".padding.choose[1]: found 1.0, expected every option once",
    "{kind: conv, out: 3, kernel: {choose: [[3]]}}": ".kernel.choose[0]: found [3], expected a plain value, or labels: choose: {small: …, large: …}",
    "{kind: conv, out: 3, kernel: {choose: [3, 4], range: [1, 2]}}": ".kernel: found 'choose and range', expected one word of choice",
    "{kind: conv, out: 3, kernel: {choose: [3], nmae: k}}": ".kernel.nmae: found 'nmae', expected a key of a choice; did you mean 'name'?",
    "{kind: conv, out: 3, kernel: {choose: [3], name: k}}": ".kernel.name: found 'k', expected a name that no other choice has; to draw once and use twice, put it under choices",
    "{kind: conv, out: {range: [4, 2]}}": ".out.range: found [4, 2], expected low <= high and a step of 1 or more",
    "{kind: conv, out: {range: [2, 4, 0]}}": ".out.range: found [2, 4, 0], expected low <= high and a step of 1 or more",
    "{kind: conv, out: {range: [2]}}": ".out.range: found [2], expected [low, high] or [low, high, step]",
    "{kind: conv, out: {range: [a, b]}}": ".out.range[0]: found 'a', expected a whole number from -65536 to 65536",
    "{kind: conv, out: {use: [k]}}": ".out.use: found ['k'], expected a name",
    "{kind: conv, out: auto}": ".out: found 'auto', expected a stack that it leads to (pooling between them is fine); give a number, or out: classes for the last layer",
    "{kind: conv, out: {range: [0, 0]}}": ".out: found 0, expected a whole number from 1 to 65536",
    "{kind: conv, out: 3, kernel: {choose: [4]}}": ".kernel: found 4, expected an odd number where padding is same; try 3 or 5",
    "{kind: cnov, out: 3}": ".kind: found 'cnov', expected one of conv, linear, pool, global_pool, flatten, stack, residual, branches, gate, shuffle, slbf; did you mean 'conv'?",
    "{sequence: {of: [A]}}": ".sequence: found \"no 'length'\", expected {of: […], length: …}",
    "3": ": found 3, expected a layer: a mapping with a kind",
}  # fmt: skip


@pytest.mark.parametrize("layer", BAD_LAYERS)
def test_the_error_of_a_bad_layer_gives_its_place_the_value_found_and_the_expected(
    layer: str,
) -> None:
    error = error_of(f"{HEAD}- {layer}\n{END}")
    assert str(error) == f"s.yaml:6: layers[0]{BAD_LAYERS[layer]}"
    assert (type(error), error.exit_code) == (SpecError, 3)


# The units of a stack on line 7; the message after "s.yaml:7: layers[1].units".
BAD_UNITS = {
    "{mix: [A, B], total: 2}": ".mix[1]: found 'B', expected a unit under units: A; try one of A",
    "{mix: [k], total: 2}": ".mix[0]: found 'k', expected a unit under units: A; try one of A",
    "{mix: [A, A], total: 2}": ".mix[1]: found 'A', expected every kind once",
    "{mix: [A]}": ": found 'a mix without total', expected mix: […], total: …",
    "{mix: [A], total: 0}": ".total: found 0, expected at least one unit",
    "{mix: [A], total: -2}": ".total: found -2, expected a whole number from 0 to 65536",
    "{mix: [A], total: two}": ".total: found 'two', expected a whole number from 0 to 65536",
    "{mix: [A], total: 1000000}": ".total: found 1000000, expected a whole number from 0 to 65536",
    "{mix: [A], total: {mix: [A], total: 1}}": ".total: found 'no number', expected a whole number or a choice of them",
    "{mix: [A], total: 2, draw: cut}": ".draw: found 'cut', expected cuts or positions",
    "{mix: [A], total: 2, totals: 3}": ".totals: found 'totals', expected a key of a mix; did you mean 'total'?",
    "{mix: [], total: 2}": ".mix: found '0 kinds', expected 1 to 1000",
    "{mix: A, total: 2}": ".mix: found 'A', expected a list of names",
    "{mix: [{nodes: [1, 2, 1]}], total: 2}": ".mix[0]: found {'nodes': [1, 2, 1]}, expected a name, or labels: {small: {nodes: …}, large: …}",
    "[{count: 2, use: B}]": "[0].use: found 'B', expected a named choice or unit: k, A; try one of k, A",
    "[{count: 2, use: A, nodes: [1, 2, 1]}]": "[0].nodes: found 'nodes', expected a key of a counted unit (count, use); try one of count, use",
}  # fmt: skip


@pytest.mark.parametrize("units", BAD_UNITS)
def test_bad_units_are_reported_with_their_place(units: str) -> None:
    error = error_of(f"{HEAD}{STACK.replace('UNITS', units)}{END}")
    assert str(error) == f"s.yaml:7: layers[1].units{BAD_UNITS[units]}"


LAYERS = f"baseline: {{layers: [{{kind: flatten}}]}}\nlayers:\n{END}"
BAD_FILES = {
    "": "s.yaml: found nothing, expected a space: a mapping of its keys",
    "- 1\n": "s.yaml:1: found [1], expected a space: a mapping of its keys",
    "layers: []\n": "s.yaml:1: unitsearch: found nothing, expected the version of the format, 1",
    "unitsearch: 1\n": "s.yaml:1: found \"no 'layers'\"",
    "unitsearch: 1\nlayers: []\n": "s.yaml:1: found \"no 'baseline'\", expected the network that candidates are compared with",
    "unitsearch: 1\nlayers: {choose: [1]}\nbaseline: {point: a}\n": "s.yaml:2: layers: found {'choose': [1]}, expected a list of layers",
    f"unitsearch: 1\nlayer: []\n{LAYERS}": "s.yaml:2: layer: found 'layer', expected a key of a space; did you mean 'layers'?",
    f"unitsearch: 1\ndata: [mnist]\n{LAYERS}": "s.yaml:2: data: found ['mnist'], expected the name of a data set",
    f"unitsearch: 1\ninput: 3\n{LAYERS}": "s.yaml:2: input: found 3, expected [channels, height, width]",
    f"unitsearch: 1\nlimits: {{parms: 3}}\n{LAYERS}": "s.yaml:2: limits.parms: found 'parms', expected a key of limits; did you mean 'params'?",
    f"unitsearch: 1\nlimits: {{params: -3}}\n{LAYERS}": "s.yaml:2: limits.params: found -3, expected a whole number of at least 1",
    f"unitsearch: 1\nlimits: [3]\n{LAYERS}": "s.yaml:2: limits: found [3], expected limits: a mapping of its keys",
    f"unitsearch: 1\nfloor: 2\n{LAYERS}": "s.yaml:2: floor: found 2, expected a number of at least 0 and at most 1",
    f"unitsearch: 1\nfloor: .nan\n{LAYERS}": "s.yaml:2: floor: found nan, expected a number",
    f"unitsearch: 1\npoints: [a]\n{LAYERS}": "s.yaml:2: points: found ['a'], expected a mapping of names",
    f"unitsearch: 1\npoints: {{a: {{}}}}\n{LAYERS}": "s.yaml:2: points.a: found '', expected set or layers",
    f"unitsearch: 1\npoints: {{a: {{sets: {{}}}}}}\n{LAYERS}": "s.yaml:2: points.a.sets: found 'sets', expected a key of a point; did you mean 'set'?",
    f"unitsearch: 1\ntrain: {{fast: 3}}\n{LAYERS}": "s.yaml:2: train: found {'fast': 3}, expected recipes by name",
    f"unitsearch: 1\nchoices: [k]\n{LAYERS}": "s.yaml:2: choices: found ['k'], expected a mapping of names",
    f"unitsearch: 1\nchoices: {{k: {{mix: [A], total: 2}}}}\n{LAYERS}": "s.yaml:2: choices.k: found 'a name or a mix', expected a plain choice",
    f"unitsearch: 1\nchoices: {{k: {{choose: [1]}}}}\nunits: {{k: {{nodes: [1, 2, 1]}}}}\n{LAYERS}": "s.yaml:3: units.k: found 'k', expected a name no choice has",
    f"unitsearch: 1\nchoices: {{a: {{use: a}}}}\n{LAYERS}": "s.yaml:2: choices.a: found 'a -> a', expected a use that does not lead back to itself",
    f"unitsearch: 1\nchoices: {{a: {{choose: {{x: {{use: b}}}}}}, b: {{use: a}}}}\n{LAYERS}": "s.yaml:2: choices.b: found 'a -> b -> a', expected a use that",
    f"unitsearch: 1\nunits: {{A: {{nodes: [1, {{use: A}}, 1]}}}}\n{LAYERS}": "s.yaml:2: units.A: found 'A -> A', expected a use that does not lead back to itself",
    "unitsearch: 1\nchoices:\n" + "".join(f"  c{i}: {{use: c{i + 1}}}\n" for i in range(500)) + LAYERS: "s.yaml:",
    "unitsearch: 1\nchoices:\n" + "".join(f"  c{i}: {{use: c{i - 1}}}\n" for i in range(1, 500)) + LAYERS: "s.yaml:",
}  # fmt: skip


@pytest.mark.parametrize("text", BAD_FILES, ids=lambda text: repr(text[15:55]))
def test_a_bad_space_is_reported_with_its_line(text: str) -> None:
    error = error_of(text)
    assert str(error).startswith(BAD_FILES[text])
    assert error.exit_code == 3


def test_two_layers_of_one_name_are_refused() -> None:
    two = "- {kind: conv, name: c, out: {choose: [1, 2]}}\n" * 2
    assert str(error_of(f"{HEAD}{two}{END}")) == (
        "s.yaml:7: layers[1].name: found 'c', expected a name that no other layer has"
    )


def test_two_choices_of_one_name_are_refused() -> None:
    two = "- {kind: conv, out: {choose: [1, 2], name: w}}\n- {kind: conv, out: {choose: [3], name: w}}\n"
    assert str(error_of(f"{HEAD}{two}{END}")).startswith(
        "s.yaml:7: layers[1].out.name: found 'w', expected a name that no other choice has"
    )


def test_a_value_that_only_some_members_have_is_reported_with_its_line() -> None:
    error = error_of(f"{HEAD}- {{kind: conv, out: 3, groups: {{choose: [1, 2]}}}}\n{END}")
    assert (
        str(error) == "s.yaml:6: layers[0].groups: found 2, expected a divisor of out, which is 3"
    )


def test_a_misspelt_space_is_a_usage_error_with_the_nearest_name() -> None:
    with pytest.raises(UsageError) as caught:
        load_space("lenet_hibrid")
    assert str(caught.value).startswith("space: found 'lenet_hibrid', expected a space (")
    assert str(caught.value).endswith("did you mean 'lenet_hybrid'?")
    assert caught.value.exit_code == 2


def test_a_missing_space_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no space file at"):
        load_space(tmp_path / "none.yaml")


def test_a_space_file_of_bytes_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_bytes(b"\x00\xff")
    with pytest.raises(SpecError, match="is not text"):
        load_space(file)


def only_our_errors(text: str) -> None:
    """Load, bind, count, sample, price: nothing but our errors may come out."""
    raised = None
    try:
        space = bind(space_from(read_text(text, "s.yaml"), "s"), (1, 8, 8), 10)
        count_members(space)
        survey(space, space.limits, 3)
        baseline(space)
        for name in space.file.points:
            expectations(space, name)
    except UnitSearchError as error:
        raised = error
    assert raised is None or (str(raised) and raised.exit_code in (2, 3))


@given(st.text(alphabet="[]{}:,-&* \nunitsearch1layoskdbec", max_size=80))
def test_no_text_does_more_than_raise_our_error(text: str) -> None:
    only_our_errors(text)
    only_our_errors(f"unitsearch: 1\nbaseline: {{point: a}}\nlayers: {text}")


SMALL = [path for path in SPACES.values() if path.stem not in ("toy_hybrid", "mlp")]
CHOICES = st.sampled_from(
    (
        {"use": "k"},
        {"use": "A"},
        {"use": "U1"},
        {"choose": [1, 3]},
        {"choose": {"a": 1, "b": [2]}},
        {"range": [0, 2]},
        {"range": [-2, 2]},
        {"mix": ["A", "U1"], "total": 2},
        {"sequence": {"of": ["A"], "length": 2}},
        {"sequence": {"of": [1, 2], "length": {"range": [0, 2]}}},
        {"count": 2, "use": "U1"},
        "k",
        "U1",
    )
)


@given(data=st.data())
@settings(max_examples=EXAMPLES)
def test_no_change_of_a_good_space_does_more_than_raise_our_error(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(SMALL))
    good: dict[str, Any] = yaml.safe_load(path.read_text())
    good.pop("input", None)
    good["points"] = dict(list(good.get("points", {}).items())[:1])
    only_our_errors(yaml_text(mutate(data, good, ODD | CHOICES)))
