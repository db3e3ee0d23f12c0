"""Declared fields: one rule gives the check, the message, the schema and the dump."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unitsearch.errors import SpecError
from unitsearch.fields import (
    AnyValue,
    Bool,
    Enum,
    Float,
    Int,
    ListOf,
    MapOf,
    Nested,
    Nullable,
    Rule,
    Text,
    declared,
    field_,
    json_schema,
    read,
    write,
    write_all,
)


@dataclass(frozen=True)
class Inner:
    size: int = field_(Int(1, 9))
    note: str = field_(Text(5), "", key="a-note")


@dataclass(frozen=True)
class Outer:
    inner: Inner = field_(Nested(Inner))
    rate: float = field_(Float(above=True), 0.1)
    words: tuple[str, ...] = field_(ListOf(Enum(("a", "b")), 0, 2), ())
    table: dict[str, int] = field_(MapOf(Int()), {})
    flag: bool | None = field_(Nullable(Bool()), None)
    name: str = field_(Text(), "x", compare=False)


RULES: dict[str, Rule] = {
    "whole": Int(-3, 9),
    "whole without end": Int(2),
    "real": Float(-1.0, 2.5),
    "real above": Float(0, above=True),
    "flag": Bool(),
    "text": Text(4),
    "one of": Enum(("red", "green")),
    "maybe": Nullable(Int()),
    "list": ListOf(Int(0, 5), 1, 3),
    "table": MapOf(Bool()),
    "record": Nested(Inner),
    "anything": AnyValue(),
}
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 12)
    | st.floats(allow_nan=False, allow_infinity=False, width=16)
    | st.sampled_from(("red", "green", "blue", "abcde", "")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(("size", "a-note", "k")), inner, max_size=3)
    ),
    max_leaves=5,
)


@pytest.mark.parametrize("name", RULES)
@given(value=PLAIN)
@settings(max_examples=60)
def test_what_a_rule_reads_is_what_its_schema_allows(name: str, value: Any) -> None:
    rule = RULES[name]
    allowed = jsonschema.Draft202012Validator(rule.schema()).is_valid(value)
    if allowed:
        rule.read(value, "here")
    else:
        with pytest.raises(SpecError) as caught:
            rule.read(value, "here")
        assert caught.value.place.startswith("here")
        assert caught.value.expected


@pytest.mark.parametrize("name", RULES)
@given(value=PLAIN)
@settings(max_examples=60)
def test_what_was_read_is_written_and_read_again(name: str, value: Any) -> None:
    rule = RULES[name]
    try:
        once = rule.read(value, "")
    except SpecError:
        return
    plain = rule.write(once)
    json.dumps(plain)
    assert rule.read(plain, "") == once


BAD: list[tuple[Rule, Any, str]] = [
    (Int(1, 9), 0, "here: found 0, expected a whole number from 1 to 9"),
    (Int(1), True, "here: found True, expected a whole number of at least 1"),
    (Int(1), "3", "here: found '3', expected a whole number of at least 1"),
    (Int(1), float("nan"), "here: found nan, expected a whole number of at least 1"),
    (Int(1), float("inf"), "here: found inf, expected a whole number of at least 1"),
    (Float(), -1, "here: found -1, expected a number of at least 0"),
    (Float(above=True), 0, "here: found 0, expected a number above 0"),
    (Float(0, 1), 2, "here: found 2, expected a number of at least 0 and at most 1"),
    (Float(), 10**400, "here: found 1000000000000000000000000000000000000"),
    (Float(), "much", "here: found 'much', expected a number of at least 0"),
    (Float(), "nan", "here: found nan, expected a number of at least 0"),
    (Float(), True, "here: found True, expected a number of at least 0"),
    (Bool(), "yes", "here: found 'yes', expected true or false"),
    (Text(3), "abcd", "here: found 'abcd', expected text"),
    (Enum(("red", "green")), "gren",
     "here: found 'gren', expected one of red, green; did you mean 'green'?"),
    (Enum(("red",)), ["red"], "here: found ['red'], expected one of red"),
    (ListOf(Int(), 1, 2), "ab", "here: found 'ab', expected a list"),
    (ListOf(Int(), 1, 2), [1, 2, 3], "here: found [1, 2, 3], expected a list of 1 to 2"),
    (ListOf(Int(), 2, 2), [], "here: found [], expected a list of 2"),
    (ListOf(Int()), [1, -1], "here[1]: found -1, expected a whole number of at least 0"),
    (MapOf(Bool()), [], "here: found [], expected a mapping of names to values"),
    (MapOf(Bool()), {"a": 1}, "here.a: found 1, expected true or false"),
    (Nested(Inner), 3, "here: found 3, expected a mapping of the keys of inner"),
    (Nested(Inner), {}, "here: found \"inner without 'size'\", expected the key 'size'"),
    (Nested(Inner), {"size": 1, "note": ""},
     "here.note: found 'note', expected a key of inner; did you mean 'a-note'?"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "value", "text"), BAD, ids=[text[:50] for _, _, text in BAD])
def test_a_bad_value_is_reported(rule: Rule, value: Any, text: str) -> None:
    with pytest.raises(SpecError) as caught:
        rule.read(value, "here")
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        (Int(), 1e3, 1000),
        (Float(), "1e-4", 1e-4),
        (Float(), 3, 3.0),
        (Nullable(Float()), None, None),
    ],
)
def test_yaml_spellings_of_numbers_are_read(rule: Rule, value: Any, expected: Any) -> None:
    again = rule.read(value, "")
    assert again == expected
    assert type(again) is type(expected)


FULL = Outer(Inner(3, "hi"), 0.5, ("a",), {"k": 2}, True, "y")


def test_an_instance_comes_back_from_its_plain_data() -> None:
    assert read(Outer, write(FULL)) == FULL
    assert read(Outer, write_all(FULL)) == FULL


def test_defaults_are_left_out_of_what_is_written() -> None:
    plain = {"inner": {"size": 3}}
    assert write(read(Outer, plain)) == plain
    assert write_all(read(Outer, plain))["rate"] == 0.1


def test_what_is_not_compared_can_be_left_out() -> None:
    assert "name" in write(FULL)
    assert "name" not in write(FULL, compared_only=True)
    assert read(Outer, {**write(FULL), "name": "z"}) == FULL


def test_defaults_are_not_shared() -> None:
    first, two = read(Outer, {"inner": {"size": 1}}), read(Outer, {"inner": {"size": 1}})
    assert first.table is not two.table


def test_the_schema_of_a_class_allows_what_it_reads() -> None:
    jsonschema.validate(write(FULL), json_schema(Outer))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"inner": {"size": 1}, "rates": 1}, json_schema(Outer))


def test_a_place_leads_to_the_innermost_key() -> None:
    with pytest.raises(SpecError) as caught:
        read(Outer, {"inner": {"size": 10}}, "top")
    assert caught.value.place == "top.inner.size"


def test_required_fields_are_those_without_default() -> None:
    assert [field.name for field in declared(Outer) if field.required] == ["inner"]
