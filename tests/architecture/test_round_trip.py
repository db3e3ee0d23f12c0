"""Writing an architecture and reading it again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import jsonschema
import pytest
import yaml
from hypothesis import given, settings

from tests.architecture.strategies import architectures
from unitsearch.architecture import (
    Architecture,
    architecture_schema,
    canonical,
    key,
    read_architecture,
    read_text,
    write_architecture,
    yaml_text,
)
from unitsearch.shapes import output

SCHEMA = jsonschema.Draft202012Validator(architecture_schema())


@given(architectures())
def test_an_architecture_written_and_read_again_is_equal(architecture: Architecture) -> None:
    again = read_architecture(write_architecture(architecture))
    assert again == canonical(architecture)
    assert key(again) == key(architecture)


@given(architectures())
def test_values_outside_the_key_are_kept_too(architecture: Architecture) -> None:
    again = read_architecture(write_architecture(architecture))
    outside = [(a.classes, a.mean, a.std, a.provenance) for a in (architecture, again)]
    assert outside[0] == outside[1]
    assert write_architecture(again) == write_architecture(canonical(architecture))


@given(architectures())
@settings(max_examples=50)
def test_yaml_and_json_say_the_same(architecture: Architecture) -> None:
    plain = write_architecture(architecture)
    from_yaml = read_architecture(read_text(yaml_text(plain)).data)
    from_json = read_architecture(read_text(json.dumps(plain), "a.json").data)
    assert from_yaml == from_json == canonical(architecture)
    assert key(from_yaml) == key(from_json) == key(architecture)


@given(architectures())
@settings(max_examples=50)
def test_a_written_architecture_keeps_the_schema(architecture: Architecture) -> None:
    SCHEMA.validate(write_architecture(architecture))


@given(architectures())
@settings(max_examples=50)
def test_another_yaml_reader_reads_the_same_data(architecture: Architecture) -> None:
    plain = write_architecture(architecture)
    assert yaml.safe_load(yaml_text(plain)) == plain


@given(architectures())
@settings(max_examples=50)
def test_the_canonical_form_of_a_canonical_form_is_itself(architecture: Architecture) -> None:
    first = canonical(architecture)
    assert canonical(first) is first
    assert output(first) == output(architecture)


@given(architectures(), architectures())
@settings(max_examples=50)
def test_keys_are_equal_exactly_where_canonical_forms_are(a: Architecture, b: Architecture) -> None:
    assert (key(a) == key(b)) == (canonical(a) == canonical(b))


@pytest.mark.parametrize("field", ["classes", "mean", "std", "provenance"])
def test_values_outside_the_key_are_outside_equality(field: str) -> None:
    plain = {"unitsearch": 1, "input": [1, 4, 4], "layers": [{"kind": "flatten"}]}
    architecture = read_architecture(plain)
    values = {"classes": ("a",), "mean": (0.1,), "std": (0.2,), "provenance": {"trial": 1}}
    other = replace(architecture, **{field: values[field]})
    assert architecture == other
    assert hash(architecture) == hash(other)
    assert key(architecture) == key(other)


def test_a_unit_from_another_process_is_found_among_equal_ones() -> None:
    make = (
        "import pickle, sys; from unitsearch.architecture.reading import read_units;"
        'one = read_units({"count": 1, "nodes": [1, 2, 1], "kernel": 5}, "").unit; hash(one);'
    )
    dump = _in_a_process(f"{make} sys.stdout.buffer.write(pickle.dumps(one))", seed="1")
    _in_a_process(f"{make} assert pickle.load(sys.stdin.buffer) in {{one}}", dump, seed="2")


def _in_a_process(code: str, standard_input: bytes = b"", *, seed: str) -> bytes:
    """Run ``code`` with string hashes that depend on the seed; return its output."""
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    words = [sys.executable, "-c", code]
    return subprocess.run(
        words, input=standard_input, stdout=subprocess.PIPE, env=environment, check=True
    ).stdout
