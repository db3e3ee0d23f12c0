"""Declared fields: one rule gives the check, the message, the JSON Schema and the dump of a field.

A frozen data class states each field with ``field_(rule, default)``; ``read`` turns plain data
(the content of YAML or JSON) into an instance or raises a ``SpecError`` that names the place;
``write`` turns it back, leaving defaults out; ``json_schema`` describes it. This module depends on
no layer and no file.

It is not pydantic or msgspec for five reasons. An error keeps its place, the value found, the
value expected and the way out as four attributes, and callers add places around it. Numbers as YAML
1.1 gives them are read: 1e3 arrives as a float, 1e-4 as text. A field may have another ``key`` in
the file than in Python. A field with ``compare=False`` stays out of equality and of the canonical
key. And it costs no import time, which every command and every worker would pay.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from functools import cache
from typing import Any, Protocol, TypeVar, cast

from unitsearch.errors import SpecError, did_you_mean

Schema = dict[str, Any]
T = TypeVar("T")


class Rule(Protocol):
    """The rule of a value: its check, its plain data and its JSON Schema."""

    def read(self, value: Any, place: str) -> Any:
        """Return the checked value; raise ``SpecError`` at ``place``."""

    def write(self, value: Any) -> Any:
        """Return the plain data that ``read`` turns into ``value``."""

    def schema(self) -> Schema:
        """Return the JSON Schema of the plain data."""


class _Plain:
    """A rule whose values are their own plain data."""

    def write(self, value: Any) -> Any:
        return value


@dataclass(frozen=True)
class Int(_Plain):
    """A whole number from ``low`` to ``high``, both included; ``what`` names it in messages."""

    low: int = 0
    high: int | None = None
    what: str = "a whole number"

    @property
    def expected(self) -> str:
        if self.high is None:
            return f"{self.what} of at least {self.low}"
        return f"{self.what} from {self.low} to {self.high}"

    def read(self, value: Any, place: str) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
            raise SpecError(place=place, found=value, expected=self.expected)
        if isinstance(value, float):  # 1e3 arrives as 1000.0
            if not value.is_integer():
                raise SpecError(place=place, found=value, expected=self.expected)
            value = int(value)
        if value < self.low or (self.high is not None and value > self.high):
            raise SpecError(place=place, found=value, expected=self.expected)
        return cast(int, value)

    def schema(self) -> Schema:
        schema: Schema = {"type": "integer", "minimum": self.low}
        return schema if self.high is None else {**schema, "maximum": self.high}


@dataclass(frozen=True)
class Float(_Plain):
    """A finite number from ``low`` to ``high``; ``above`` excludes ``low`` itself."""

    low: float = 0.0
    high: float | None = None
    above: bool = False

    @property
    def expected(self) -> str:
        least = f"above {self.low:g}" if self.above else f"of at least {self.low:g}"
        return f"a number {least}" + ("" if self.high is None else f" and at most {self.high:g}")

    def read(self, value: Any, place: str) -> float:
        if isinstance(value, str):  # YAML 1.1 reads 1e-4 (no point) as text
            try:
                value = float(value)
            except ValueError:
                raise SpecError(place=place, found=value, expected=self.expected) from None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise SpecError(place=place, found=value, expected=self.expected)
        number = float(value) if abs(value) < 1e300 else math.inf
        low_enough = number > self.low if self.above else number >= self.low
        if not math.isfinite(number) or not low_enough:
            raise SpecError(place=place, found=value, expected=self.expected)
        if self.high is not None and number > self.high:
            raise SpecError(place=place, found=value, expected=self.expected)
        return number

    def schema(self) -> Schema:
        schema: Schema = {"type": "number"}
        schema["exclusiveMinimum" if self.above else "minimum"] = self.low
        return schema if self.high is None else {**schema, "maximum": self.high}


@dataclass(frozen=True)
class Bool(_Plain):
    """True or false."""

    def read(self, value: Any, place: str) -> bool:
        if not isinstance(value, bool):
            raise SpecError(place=place, found=value, expected="true or false")
        return value

    def schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Text(_Plain):
    """A piece of text of at most ``longest`` characters."""

    longest: int = 4096
    what: str = "text"

    def read(self, value: Any, place: str) -> str:
        if not isinstance(value, str) or len(value) > self.longest:
            raise SpecError(place=place, found=value, expected=self.what)
        return value

    def schema(self) -> Schema:
        return {"type": "string", "maxLength": self.longest}


@dataclass(frozen=True)
class Enum(_Plain):
    """One of a few words."""

    words: tuple[str, ...]

    def read(self, value: Any, place: str) -> str:
        if not isinstance(value, str) or value not in self.words:
            expected = f"one of {', '.join(self.words)}"
            fix = did_you_mean(value, self.words, listed=False) if isinstance(value, str) else ""
            raise SpecError(place=place, found=value, expected=expected, fix=fix)
        return value

    def schema(self) -> Schema:
        return {"enum": list(self.words)}


@dataclass(frozen=True)
class Nullable:
    """A value that may be left empty (``null``)."""

    rule: Rule

    def read(self, value: Any, place: str) -> Any:
        return None if value is None else self.rule.read(value, place)

    def write(self, value: Any) -> Any:
        return None if value is None else self.rule.write(value)

    def schema(self) -> Schema:
        return {"anyOf": [self.rule.schema(), {"type": "null"}]}


@dataclass(frozen=True)
class ListOf:
    """A list of ``least`` to ``most`` values of one kind, kept as a tuple."""

    rule: Rule
    least: int = 0
    most: int = 10_000
    what: str = "a list"

    @property
    def expected(self) -> str:
        if self.least == self.most:
            return f"{self.what} of {self.least}"
        return f"{self.what} of {self.least} to {self.most}"

    def read(self, value: Any, place: str) -> tuple[Any, ...]:
        if not is_list(value):
            raise SpecError(place=place, found=value, expected=self.what)
        if not self.least <= len(value) <= self.most:
            raise SpecError(place=place, found=list(value), expected=self.expected)
        return tuple(self.rule.read(item, f"{place}[{i}]") for i, item in enumerate(value))

    def write(self, value: Any) -> list[Any]:
        return [self.rule.write(item) for item in value]

    def schema(self) -> Schema:
        items = self.rule.schema()
        return {"type": "array", "items": items, "minItems": self.least, "maxItems": self.most}


@dataclass(frozen=True)
class MapOf:
    """A mapping from names to values of one kind."""

    rule: Rule
    what: str = "a mapping of names to values"

    def read(self, value: Any, place: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise SpecError(place=place, found=value, expected=self.what)
        return {str(k): self.rule.read(v, join(place, str(k))) for k, v in value.items()}

    def write(self, value: Any) -> dict[str, Any]:
        return {key: self.rule.write(item) for key, item in value.items()}

    def schema(self) -> Schema:
        return {"type": "object", "additionalProperties": self.rule.schema()}


@dataclass(frozen=True)
class AnyValue(_Plain):
    """Any plain data; its meaning is checked elsewhere."""

    def read(self, value: Any, place: str) -> Any:
        return value

    def schema(self) -> Schema:
        return {}


@dataclass(frozen=True)
class Nested:
    """An instance of a data class with declared fields."""

    cls: type[Any]

    def read(self, value: Any, place: str) -> Any:
        return read(self.cls, value, place)

    def write(self, value: Any) -> Any:
        return write(value)

    def schema(self) -> Schema:
        return json_schema(self.cls)


def field_(rule: Rule, default: Any = MISSING, *, key: str = "", compare: bool = True) -> Any:
    """Declare one field of a data class: its rule, its default, its key in the file.

    ``compare=False`` keeps it out of equality, hashes and the architecture's key.
    """
    metadata = {"rule": rule, "key": key}
    if default is MISSING:
        return dataclasses.field(metadata=metadata, compare=compare)
    if isinstance(default, (dict, list)):
        return dataclasses.field(default_factory=default.copy, metadata=metadata, compare=compare)
    return dataclasses.field(default=default, metadata=metadata, compare=compare)


@dataclass(frozen=True)
class Declared:
    """One declared field, as ``declared`` lists it."""

    name: str
    key: str
    rule: Rule
    default: Any
    compare: bool

    @property
    def required(self) -> bool:
        return self.default is MISSING


def declared(cls: type[Any]) -> tuple[Declared, ...]:
    """Return the declared fields of ``cls`` in their order."""
    return _declared(cast(Hashable, cls))


@cache
def _declared(cls: Hashable) -> tuple[Declared, ...]:
    fields = []
    for field in dataclasses.fields(cast(type[Any], cls)):
        if "rule" in field.metadata:
            default = field.default
            if field.default_factory is not MISSING:
                default = field.default_factory()
            key = field.metadata["key"] or field.name
            fields.append(Declared(field.name, key, field.metadata["rule"], default, field.compare))
    return tuple(fields)


def read(cls: type[T], data: Any, place: str = "", *, title: str = "") -> T:
    """Return an instance of ``cls`` read from plain ``data``.

    Raises:
        SpecError: If a key is unknown or missing, or a value breaks its rule.
    """
    title = title or cls.__name__.lower()
    if not isinstance(data, Mapping):
        raise SpecError(place=place, found=data, expected=f"a mapping of the keys of {title}")
    fields = declared(cls)
    known = {field.key: field for field in fields}
    for key in data:
        if key not in known:
            raise SpecError(
                place=join(place, str(key)),
                found=key,
                expected=f"a key of {title}",
                fix=did_you_mean(str(key), known),
            )
    values = {}
    for field in fields:
        if field.key in data:
            values[field.name] = field.rule.read(data[field.key], join(place, field.key))
        elif field.required:
            raise SpecError(
                place=place,
                found=f"{title} without {field.key!r}",
                expected=f"the key {field.key!r}",
            )
    return with_place(cls, values, place)


def with_place(cls: type[T], values: Mapping[str, Any], place: str) -> T:
    """Make ``cls(**values)``; an error of its own checks gets ``place``."""
    try:
        return cls(**values)
    except SpecError as error:
        raise error.within(place) from None


def write(instance: Any, *, compared_only: bool = False) -> dict[str, Any]:
    """Return the plain data of ``instance``, its defaults left out."""
    plain = {}
    for field in declared(type(instance)):
        value = getattr(instance, field.name)
        if value == field.default or (compared_only and not field.compare):
            continue
        plain[field.key] = field.rule.write(value)
    return plain


def write_all(instance: Any) -> dict[str, Any]:
    """Return the plain data of ``instance``, its defaults included."""
    return {f.key: f.rule.write(getattr(instance, f.name)) for f in declared(type(instance))}


def json_schema(cls: type[Any]) -> Schema:
    """Return the JSON Schema of the plain data of ``cls``."""
    properties = {}
    for field in declared(cls):
        schema = field.rule.schema()
        if not field.required and _is_plain(field.default):
            schema = {**schema, "default": field.default}
        properties[field.key] = schema
    return {
        "type": "object",
        "properties": properties,
        "required": [field.key for field in declared(cls) if field.required],
        "additionalProperties": False,
    }


def join(place: str, key: str) -> str:
    """Return the place of ``key`` inside ``place``."""
    return f"{place}.{key}" if place else key


def is_list(value: Any) -> bool:
    """Return whether plain data is a list (text is not)."""
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str))
