"""Files that are wrong: their messages, and that nothing else happens."""

# ruff: noqa: E501  # a message stands on one line here as it does on the screen

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unitsearch import load_architecture
from unitsearch.architecture import read_architecture, read_file, read_text, yaml_text
from unitsearch.errors import SpecError, UnitSearchError, UsageError
from unitsearch.shapes import output

HEAD = "unitsearch: 1\ninput: [1, 8, 8]\nlayers:\n"
GOOD: dict[str, Any] = {
    "unitsearch": 1,
    "input": [1, 8, 8],
    "layers": [
        {"kind": "conv", "out": 4, "kernel": 5, "bias": True},
        {"kind": "stack", "units": [
            {"count": 2, "nodes": [1, 2, 1], "kernel": [3, 1]},
            {"in": 2, "layers": [{"kind": "conv", "out": 3}, {"kind": "conv", "out": 2}]},
        ]},
        {"kind": "residual", "body": [{"kind": "conv", "out": 4}], "act": "none"},
        {"kind": "branches", "of": [[], [{"kind": "conv", "out": 2}]], "split": [2, 2]},
        {"kind": "gate", "body": [{"kind": "global_pool"}, {"kind": "conv", "out": 4, "kernel": 1}]},
        {"kind": "shuffle", "groups": 2},
        {"kind": "pool", "op": "avg", "kernel": 2},
        {"kind": "flatten"},
        {"kind": "linear", "out": 10},
    ],
    "classes": ["a", "b"],
    "mean": [0.5],
    "std": [0.2],
    "provenance": {"trial": 1},
}  # fmt: skip


def error_of(text: str, path: Path, name: str = "net.yaml") -> UnitSearchError:
    file = path / name
    file.write_text(text)
    with pytest.raises(UnitSearchError) as caught:
        load_architecture(file)
    return caught.value


def test_the_good_file_that_the_bad_ones_are_made_from_is_good() -> None:
    output(read_architecture(GOOD))


# One layer on line 4; the message after "net.yaml:4: layers[0]".
BAD_LAYERS = {
    "{kind: conv, out: 4, kernel: 4}": ".kernel: found 4, expected an odd number where padding is same; try 3 or 5",
    "{kind: conv, out: 4, kernal: 3}": ".kernal: found 'kernal', expected a key of conv; did you mean 'kernel'?",
    "{kind: cnov, out: 4}": ".kind: found 'cnov', expected one of conv, linear, pool, global_pool, flatten, stack, residual, branches, gate, shuffle, slbf; did you mean 'conv'?",
    "{kind: [conv], out: 4}": ".kind: found ['conv'], expected one of conv, linear, pool, global_pool, flatten, stack, residual, branches, gate, shuffle, slbf",
    "{out: 4}": ".kind: found nothing, expected one of conv, linear, pool, global_pool, flatten, stack, residual, branches, gate, shuffle, slbf",
    "conv": ": found 'conv', expected a layer: a mapping with a kind",
    "{kind: conv}": ': found "conv without \'out\'", expected the key \'out\'',
    "{kind: conv, out: four}": ".out: found 'four', expected a whole number from 1 to 65536",
    "{kind: conv, out: -4}": ".out: found -4, expected a whole number from 1 to 65536",
    "{kind: conv, out: 0}": ".out: found 0, expected a whole number from 1 to 65536",
    "{kind: conv, out: 2.5}": ".out: found 2.5, expected a whole number from 1 to 65536",
    "{kind: conv, out: .nan}": ".out: found nan, expected a whole number from 1 to 65536",
    "{kind: conv, out: .inf}": ".out: found inf, expected a whole number from 1 to 65536",
    "{kind: conv, out: true}": ".out: found True, expected a whole number from 1 to 65536",
    "{kind: conv, out: null}": ".out: found nothing, expected a whole number from 1 to 65536",
    "{kind: conv, out: 4, bias: 1}": ".bias: found 1, expected true or false",
    "{kind: conv, out: 4, act: relo}": ".act: found 'relo', expected one of relu, relu6, silu, sigmoid, none; did you mean 'relu'?",
    "{kind: conv, out: 4, padding: some}": ".padding: found 'some', expected 'same' or a whole number of pixels",
    "{kind: conv, out: 4, groups: 3}": ".groups: found 3, expected a divisor of out, which is 4",
    "{kind: conv, out: 4, groups: 2}": ".groups: found 2, expected a divisor of the 1 channels entering",
    "{kind: conv, out: 4, kernel: 11, padding: 0}": ".kernel: found 11, expected at most the 8 pixels of the input with its padding; use a smaller kernel, more padding or less pooling before it",
    "{kind: slbf, out: 4}": ': found "slbf without \'bank\'", expected the key \'bank\'',
    "{kind: slbf, out: 4, bank: 1}": ".bank: found 1, expected a whole number from 2 to 65536",
    "{kind: slbf, out: 4, bank: 5}": ".bank: found 5, expected at most out × splits, which is 4: each filter selects one for every split",
    "{kind: slbf, out: 4, bank: 4, kernel: 4}": ".kernel: found 4, expected an odd number where padding is same; try 3 or 5",
    "{kind: slbf, out: 4, bank: 4, kernel: 1}": ".bank: found 4, expected at most 2^1, the different binary filters of 1×1×1 values",
    "{kind: slbf, out: 4, bank: 4, splits: 2}": ".splits: found 2, expected a divisor of the 1 channels entering; try 1",
    "{kind: slbf, out: 4, bank: 4, select: soft}": ".select: found 'soft', expected one of softmax, identity, fixed; did you mean 'softmax'?",
    "{kind: slbf, out: 4, bank: 4, scale: true}": ".scale: found True, expected one of none, alpha",
    "{kind: slbf, out: 4, bank: 4, bias: true}": ".bias: found 'bias', expected a key of slbf; try one of out, kernel, stride, padding, bank, splits, select, scale, norm, act, name",
    "{kind: pool, kernel: 3, padding: 2}": ".padding: found 2, expected at most half the kernel, which is 3",
    "{kind: linear, out: 4}": ".kind: found 'linear on 1×8×8', expected a flat input; put {kind: flatten} before it",
    "{kind: shuffle, groups: 3}": ".groups: found 3, expected a divisor of the 1 channels",
    "{kind: stack}": ".units: found nothing, expected a list of 1 to 2000 units",
    "{kind: stack, units: []}": ".units: found [], expected a list of 1 to 2000 units",
    "{kind: stack, units: [{nodes: [1, 1]}]}": ".units[0].nodes: found [1, 1], expected input, at least one hidden and output nodes; try [1, 2, 1]",
    "{kind: stack, units: [{in: 1, layers: [{kind: conv, out: 1}]}]}": ".units[0]: found 'a unit with 1 weight layer(s), so no hidden layer', expected two conv, slbf or linear layers or more (nodes: in, hidden, out); try nodes: [1, 2, 1]",
    "{kind: stack, units: [{in: 1, layers: [{kind: flatten}]}]}": ".units[0].layers[0].kind: found 'flatten', expected a layer that a unit may hold: conv, slbf, linear or pool",
    "{kind: stack, units: [{count: 0, nodes: [1, 2, 1]}]}": ".units[0].count: found 0, expected a whole number from 1 to 65536",
    "{kind: stack, units: [{nodes: [1, 2, 1], kernel: [3]}]}": ".units[0].kernel: found [3], expected one value, or one for each of the 2 layers",
    "{kind: stack, units: [{nodes: [1, 2, 1], of: lineal}]}": ".units[0].of: found 'lineal', expected conv or linear",
    "{kind: stack, units: [{nodes: [1, 2, 1], of: linear, kernel: 3}]}": ".units[0].kernel: found 'kernel', expected a key of a unit of linear layers",
    "{kind: stack, units: [{count: 2, nodes: [1, 2, 1]}]}": ".units: found 'units that take 2 channels together', expected the 1 channels that enter the stack; change the counts, or the out of the layer before (out: auto follows the stack)",
    "{kind: residual, act: none}": ': found "no \'body\'", expected residual with its layers',
    "{kind: residual, body: []}": ".body: found '0 layers', expected 1 to 2000 layers",
    "{kind: residual, body: [{kind: conv, out: 2}]}": ".body: found 'a body that gives 2×8×8', expected the output of the shortcut, 1×8×8",
    "{kind: branches, of: [[], []], split: [1]}": ".split: found [1], expected one number of channels for each of the 2 sequences",
    "{kind: branches, of: [[], []], split: [1, 1]}": ".split: found '2 channels', expected the 1 channels entering",
    "{kind: branches, of: [[], [{kind: conv, out: 1, stride: 2}]]}": ".of[1]: found '1×4×4', expected the height and width of the others, 8×8",
    "{kind: gate, body: [{kind: conv, out: 3}]}": ".body: found '3×8×8', expected 1 channels, one pixel each or all of 1×8×8",
}  # fmt: skip


@pytest.mark.parametrize("layer", BAD_LAYERS)
def test_the_error_of_a_bad_layer_gives_its_place_the_value_found_and_the_expected(
    layer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    error = error_of(f"{HEAD}- {layer}\n", tmp_path)
    assert str(error) == f"net.yaml:4: layers[0]{BAD_LAYERS[layer]}"
    assert isinstance(error, SpecError)
    assert isinstance(error, ValueError)
    assert error.exit_code == 3


# Whole files; the beginning of the message.
BAD_FILES = {
    "": "net.yaml: found nothing, expected an architecture",
    "- 1\n- 2\n": "net.yaml:1: found [1, 2], expected an architecture",
    "just words": "net.yaml:1: found 'just words', expected an architecture",
    "a: [1, 2": "net.yaml:2: not YAML: ",
    "a: b: c": "net.yaml:1: not YAML: ",
    "\ta: 1": "net.yaml:1: not YAML: ",
    "a: 1\n---\nb: 2": "net.yaml:2: not YAML: ",
    "a: *nowhere": "net.yaml:1: not YAML: found the alias *nowhere, expected an anchor",
    "!!python/object/apply:os.system ['touch pwned']": "net.yaml:1: found the tag !!python/object/apply:os.system",
    "layers: !!python/name:os.system": "net.yaml:1: found the tag !!python/name:os.system",
    "unitsearch: 1\nlayers: !!set {a, b}": "net.yaml:2: found the tag !!set",
    "unitsearch: 1\nunitsearch: 1": "net.yaml:2: found the key 'unitsearch' twice",
    "<<: {a: 1}": "net.yaml:1: found a key that is no word",
    "[1, 2]: 3": "net.yaml:1: found a key that is no word",
    "input: [1, 8, 8]\nlayers: []": "net.yaml:1: unitsearch: found nothing, expected the version of the format, 1",
    "unitsearch: 2\ninput: [1, 8, 8]\nlayers: []": "net.yaml:1: unitsearch: found 2",
    "unitsearch: true\n": "net.yaml:1: unitsearch: found True",
    "unitsearch: 1\n": "net.yaml:1: found \"no 'input'\"",
    "unitsearch: 1\ninput: [1, 8, 8]\n": "net.yaml:1: found \"no 'layers'\"",
    "unitsearch: 1\ninput: [1, 8, 8]\nlayers: []": "net.yaml:3: layers: found '0 layers'",
    "unitsearch: 1\ninput: [1, 8, 8]\nlayers: {}": "net.yaml:3: layers: found {}, expected a list of layers",
    "unitsearch: 1\ninput: [1, 8]\nlayers: []": "net.yaml:2: input: found [1, 8]",
    "unitsearch: 1\ninput: [1, 8, 99999]\nlayers: []": "net.yaml:2: input[2]: found 99999",
    "unitsearch: 1\ninputs: [1, 8, 8]\nlayers: []": "net.yaml:2: inputs: found 'inputs', expected a key of an architecture; did you mean 'input'?",
    f"{HEAD}- {{kind: flatten}}\nmean: [a]": "net.yaml:5: mean[0]: found 'a', expected a number",
    f"{HEAD}- {{kind: flatten}}\nstd: [0]": "net.yaml:5: std[0]: found 0, expected a number above 0",
    f"{HEAD}- {{kind: flatten}}\nstd: [.nan]": "net.yaml:5: std[0]: found nan, expected a number above 0",
    f"{HEAD}- {{kind: flatten}}\nprovenance: 3": "net.yaml:5: provenance: found 3",
    f"{HEAD}- {{kind: conv, out: 0x{'f' * 5000}}}": "net.yaml:4: '0xffff",
    f"{HEAD}- {{kind: conv, out: {'9' * 5000}}}": "net.yaml:4: '9999",
    f"{HEAD}- {{kind: conv, out: {'9' * 300}}}": "net.yaml:4: layers[0].out: found 9999",
    f"{HEAD}- {{kind: conv, out: 1{':59' * 3000}}}": "net.yaml:4: '1:59:59",
    f"{HEAD}- {{kind: conv, out: 1{':59' * 300}.5}}": "net.yaml:4: '1:59:59",
    f"{HEAD}- {{kind: conv, out: !!int ''}}": "net.yaml:4: '' is not a value",
    f"{HEAD}- {{kind: conv, out: !!float ''}}": "net.yaml:4: '' is not a value",
    f"{HEAD}- {{kind: conv, out: !!bool maybe}}": "net.yaml:4: 'maybe' is not a value",
    "[" * 10_000 + "]" * 10_000: "net.yaml:1: nested over 64 deep",
    "[" * 10_000: "net.yaml:1: nested over 64 deep",
    "a: '[['\nb:\n" + "  [" * 10_000: "net.yaml:3: nested over 64 deep",
    "{a: " * 10_000 + "}" * 10_000: "net.yaml:1: nested over 64 deep",
    "[\n" * 10_000 + "]\n" * 10_000: "net.yaml:65: nested over 64 deep",
    "- " * 10_000 + "x": "net.yaml:1: nested over 64 deep",
    "? " * 10_000 + "x": "net.yaml:1: nested over 64 deep",
    "".join(" " * i + "a:\n" for i in range(200)): "net.yaml:65: nested over 64 deep",
    "note: " + "[" * 100 + "a, 'b' c]": "net.yaml:1: nested over 64 deep",
    "note: \"" + "[" * 100 + "\"\n- 1": "net.yaml:2: not YAML: ",
    "# " + "[" * 100 + "\na: b: c": "net.yaml:2: not YAML: ",
    "a: &a [1]\nb: &b {c: *a, d: *c}": "net.yaml:2: not YAML: found the alias *c, expected an anchor of that name before it",
    "&a [*a]": "net.yaml:1: nested over 64 deep",
    "- &a0 [1]\n" + "".join(f"- &a{i} [*a{i - 1}]\n" for i in range(1, 900)): "net.yaml:64: nested over 64 deep, aliases followed",
    "a0: &a0 [x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)
    ): "net.yaml:7: more than 400,000 values",
    HEAD + "- {kind: residual, body: [" * 30 + "]}" * 30: "net.yaml:",
}  # fmt: skip


@pytest.mark.parametrize("text", BAD_FILES, ids=lambda text: repr(text[:40]))
def test_a_bad_file_is_reported_with_its_line(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    error = error_of(text, tmp_path)
    assert str(error).startswith(BAD_FILES[text])
    assert len(str(error)) < 400
    assert error.exit_code == 3
    assert [file.name for file in tmp_path.iterdir()] == ["net.yaml"]


BAD_JSON = {
    "{\n\t\"a\": " + "[" * 10_000 + "]" * 10_000 + "}": "net.json:2: nested over 64 deep",
    "[" * 10_000: "net.json:1: nested over 64 deep",
    '{"unitsearch": 1': "net.json:1: not JSON",
    "{\n\t\"a\": " + "9" * 5000 + "}": "net.json:2: ",
    '{"a": 1, "a": 2}': "net.json:1: found the key 'a' twice",
    "{\n\t\"a\": {\n\t\t\"b\": NaN}}": "net.json:2: a: found 'a', expected a key of an architecture",
}  # fmt: skip


@pytest.mark.parametrize("text", BAD_JSON)
def test_bad_json_is_reported_with_its_line(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(error_of(text, tmp_path, "net.json")).startswith(BAD_JSON[text])


def test_a_file_over_four_megabytes_is_not_even_read(tmp_path: Path) -> None:
    error = error_of("#" + "x" * 5_000_000, tmp_path)
    assert "5,000,001 bytes, expected at most 4,000,000" in str(error)


def test_bytes_that_are_not_text_are_reported(tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_bytes(b"unitsearch: 1\n\xff\xfe")
    with pytest.raises(SpecError, match="byte 14 is not text, expected YAML or JSON in UTF-8"):
        load_architecture(file)


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no architecture at") as caught:
        load_architecture(tmp_path / "none.yaml")
    assert caught.value.exit_code == 2


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read"):
        read_file(tmp_path)


def test_an_error_keeps_its_four_parts_apart(tmp_path: Path) -> None:
    error = error_of(f"{HEAD}- {{kind: conv, out: 4, kernal: 3}}\n", tmp_path)
    parts = (error.place, error.found, error.expected, error.fix)
    assert parts == ("layers[0].kernal", "kernal", "a key of conv", "did you mean 'kernel'?")


def test_a_network_too_large_for_any_machine_is_refused(tmp_path: Path) -> None:
    wide = "{kind: conv, out: 65536, kernel: 1}"
    error = error_of(f"unitsearch: 1\ninput: [1, 4096, 4096]\nlayers:\n- {wide}\n", tmp_path)
    assert "expected at most 2,147,483,648 numbers" in str(error)


def only_our_errors(text: str, name: str = "x.yaml") -> None:
    raised = None
    try:
        document = read_text(text, name)
        with document.located():
            output(read_architecture(document.data))
    except UnitSearchError as error:
        raised = error
    assert raised is None or str(raised).startswith(name)
    assert raised is None or raised.exit_code in (2, 3)


@given(st.text(max_size=200), st.sampled_from(("x.yaml", "x.json")))
def test_no_text_does_more_than_raise_our_error(text: str, name: str) -> None:
    only_our_errors(text, name)


YAMLISH = st.text(alphabet="[]{}:,-&*!?|>'\"#% \n\tabc019.xe_~", max_size=60)


@given(YAMLISH, st.sampled_from(("x.yaml", "x.json")))
@settings(max_examples=300)
def test_no_text_of_yaml_marks_does_more_than_raise_our_error(text: str, name: str) -> None:
    only_our_errors(text, name)


@given(content=st.binary(max_size=100))
def test_no_bytes_do_more_than_raise_our_error(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "bytes.yaml"
    file.write_bytes(content)
    with pytest.raises(UnitSearchError):
        load_architecture(file)


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.just(10**400),
    st.floats(),
    st.sampled_from(("same", "auto", "classes", "conv", "", "ß", "1", ".nan")),
    st.lists(st.integers(0, 3), max_size=3),
    st.dictionaries(st.sampled_from(("kind", "out", "units", "body")), st.integers(0, 3), max_size=2),
    st.sampled_from(GOOD["layers"]),
    st.just(GOOD["layers"]),
)  # fmt: skip


def places(data: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in plain data."""
    pairs = []
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for index, value in list(items):
        pairs.append((data, index))
        if isinstance(value, (dict, list)):
            pairs += places(value)
    return pairs


def mutate(data: st.DataObject, good: dict[str, Any], odd: st.SearchStrategy[Any]) -> Any:
    bad = copy.deepcopy(good)
    for _ in range(data.draw(st.integers(1, 2))):
        holder, where = data.draw(st.sampled_from(places(bad)))
        match data.draw(st.sampled_from(("replace", "drop", "rename", "repeat"))):
            case "replace":
                holder[where] = copy.deepcopy(data.draw(odd))
            case "drop":
                del holder[where]
            case "rename" if isinstance(holder, dict):
                holder[f"{where}x"] = holder.pop(where)
            case "repeat" if isinstance(holder, list):
                holder.insert(where, copy.deepcopy(holder[where]))
            case _:
                pass
        if not bad:
            break
    return bad


@given(st.data())
@settings(max_examples=300)
def test_no_change_of_a_good_file_does_more_than_raise_our_error(data: st.DataObject) -> None:
    bad = mutate(data, GOOD, ODD)
    only_our_errors(yaml_text(bad))
    only_our_errors(json.dumps(bad), "x.json")
