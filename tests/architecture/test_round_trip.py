"""Writing an architecture and reading it again."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest
import yaml
from hypothesis import given, settings

from architecture.strategies import architectures
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
@settings(deadline=None)
def test_reading_what_was_written_gives_an_equal_architecture(one: Architecture) -> None:
    again = read_architecture(write_architecture(one))
    assert again == canonical(one)
    assert key(again) == key(one)


@given(architectures())
@settings(deadline=None)
def test_what_is_outside_the_key_survives_too(one: Architecture) -> None:
    again = read_architecture(write_architecture(one))
    outside = [(a.classes, a.mean, a.std, a.provenance) for a in (one, again)]
    assert outside[0] == outside[1]
    assert write_architecture(again) == write_architecture(canonical(one))


@given(architectures())
@settings(deadline=None, max_examples=50)
def test_yaml_and_json_say_the_same(one: Architecture) -> None:
    plain = write_architecture(one)
    from_yaml = read_architecture(read_text(yaml_text(plain)).data)
    from_json = read_architecture(read_text(json.dumps(plain), "a.json").data)
    assert from_yaml == from_json == canonical(one)
    assert key(from_yaml) == key(from_json) == key(one)


@given(architectures())
@settings(deadline=None, max_examples=50)
def test_what_is_written_keeps_the_schema(one: Architecture) -> None:
    SCHEMA.validate(write_architecture(one))


@given(architectures())
@settings(deadline=None, max_examples=50)
def test_another_yaml_reader_reads_the_same_data(one: Architecture) -> None:
    plain = write_architecture(one)
    assert yaml.safe_load(yaml_text(plain)) == plain


@given(architectures())
@settings(deadline=None, max_examples=50)
def test_the_canonical_form_of_a_canonical_form_is_itself(one: Architecture) -> None:
    first = canonical(one)
    assert canonical(first) is first
    assert output(first) == output(one)


@given(architectures(), architectures())
@settings(deadline=None, max_examples=50)
def test_keys_are_equal_exactly_where_canonical_forms_are(a: Architecture, b: Architecture) -> None:
    assert (key(a) == key(b)) == (canonical(a) == canonical(b))


@pytest.mark.parametrize("field", ["classes", "mean", "std", "provenance"])
def test_what_is_outside_the_key_is_outside_equality(field: str) -> None:
    plain = {"unitsearch": 1, "input": [1, 4, 4], "layers": [{"kind": "flatten"}]}
    one = read_architecture(plain)
    values = {"classes": ("a",), "mean": (0.1,), "std": (0.2,), "provenance": {"trial": 1}}
    other = replace(one, **{field: values[field]})
    assert one == other
    assert hash(one) == hash(other)
    assert key(one) == key(other)
