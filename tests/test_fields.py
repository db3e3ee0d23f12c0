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
    Anything,
    Flag,
    ListOf,
    Maybe,
    OneOf,
    Real,
    Record,
    Rule,
    TableOf,
    Text,
    Whole,
    declared,
    json_schema,
    read,
    setting,
    write,
    write_all,
)


@dataclass(frozen=True)
class Inner:
    size: int = setting(Whole(1, 9))
    note: str = setting(Text(5), "", key="a-note")


@dataclass(frozen=True)
class Outer:
    inner: Inner = setting(Record(Inner))
    rate: float = setting(Real(above=True), 0.1)
    words: tuple[str, ...] = setting(ListOf(OneOf(("a", "b")), 0, 2), ())
    table: dict[str, int] = setting(TableOf(Whole()), {})
    flag: bool | None = setting(Maybe(Flag()), None)
    name: str = setting(Text(), "x", compare=False)


RULES: dict[str, Rule] = {
    "whole": Whole(-3, 9),
    "whole without end": Whole(2),
    "real": Real(-1.0, 2.5),
    "real above": Real(0, above=True),
    "flag": Flag(),
    "text": Text(4),
    "one of": OneOf(("red", "green")),
    "maybe": Maybe(Whole()),
    "list": ListOf(Whole(0, 5), 1, 3),
    "table": TableOf(Flag()),
    "record": Record(Inner),
    "anything": Anything(),
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
@settings(deadline=None, max_examples=60)
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
@settings(deadline=None, max_examples=60)
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
    (Whole(1, 9), 0, "here: found 0, expected a whole number from 1 to 9"),
    (Whole(1), True, "here: found True, expected a whole number of at least 1"),
    (Whole(1), "3", "here: found '3', expected a whole number of at least 1"),
    (Whole(1), float("nan"), "here: found nan, expected a whole number of at least 1"),
    (Whole(1), float("inf"), "here: found inf, expected a whole number of at least 1"),
    (Real(), -1, "here: found -1, expected a number of at least 0"),
    (Real(above=True), 0, "here: found 0, expected a number above 0"),
    (Real(0, 1), 2, "here: found 2, expected a number of at least 0 and at most 1"),
    (Real(), 10**400, "here: found 1000000000000000000000000000000000000"),
    (Real(), "much", "here: found 'much', expected a number of at least 0"),
    (Real(), "nan", "here: found nan, expected a number of at least 0"),
    (Real(), True, "here: found True, expected a number of at least 0"),
    (Flag(), "yes", "here: found 'yes', expected true or false"),
    (Text(3), "abcd", "here: found 'abcd', expected text"),
    (OneOf(("red", "green")), "gren",
     "here: found 'gren', expected one of red, green; did you mean 'green'?"),
    (OneOf(("red",)), ["red"], "here: found ['red'], expected one of red"),
    (ListOf(Whole(), 1, 2), "ab", "here: found 'ab', expected a list"),
    (ListOf(Whole(), 1, 2), [1, 2, 3], "here: found '3 of them', expected a list of 1 to 2"),
    (ListOf(Whole(), 2, 2), [], "here: found '0 of them', expected a list of 2"),
    (ListOf(Whole()), [1, -1], "here[1]: found -1, expected a whole number of at least 0"),
    (TableOf(Flag()), [], "here: found [], expected a mapping of names to values"),
    (TableOf(Flag()), {"a": 1}, "here.a: found 1, expected true or false"),
    (Record(Inner), 3, "here: found 3, expected a mapping of the keys of inner"),
    (Record(Inner), {}, "here: found \"inner without 'size'\", expected the key 'size'"),
    (Record(Inner), {"size": 1, "note": ""},
     "here.note: found 'note', expected a key of inner; did you mean 'a-note'?"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "value", "text"), BAD, ids=[text[:50] for _, _, text in BAD])
def test_a_bad_value_is_told(rule: Rule, value: Any, text: str) -> None:
    with pytest.raises(SpecError) as caught:
        rule.read(value, "here")
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    ("rule", "value", "found"),
    [(Whole(), 1e3, 1000), (Real(), "1e-4", 1e-4), (Real(), 3, 3.0), (Maybe(Real()), None, None)],
)
def test_yaml_spellings_of_numbers_are_read(rule: Rule, value: Any, found: Any) -> None:
    again = rule.read(value, "")
    assert again == found
    assert type(again) is type(found)


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
    one, two = read(Outer, {"inner": {"size": 1}}), read(Outer, {"inner": {"size": 1}})
    assert one.table is not two.table


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
