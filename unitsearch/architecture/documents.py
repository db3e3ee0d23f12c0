"""YAML and JSON files: read into plain data with the line of every value, and written back.

Nothing from a file is executed: only plain YAML values are built, every other tag is refused, and
size, depth and the number of values are bounded before anything is made of them. The bounds and
their messages are our own. They are checked on the flat list of events, or on the text where a
parser has a bound of its own, so that the version of the parser's library does not matter.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from unitsearch.errors import SpecError, UnitSearchError
from unitsearch.fields import join

MAX_BYTES = 4_000_000
MAX_NESTING = 64
MAX_VALUES = 400_000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_TAG = "tag:yaml.org,2002:"
_SCALARS = {f"{_TAG}{kind}" for kind in ("str", "int", "float", "bool", "null")}
# Quoted text and comments, whose brackets do not nest anything, and brackets.
_LEXEMES = re.compile(
    r"""(?<!\w)"(?:[^"\\]|\\.)*+"|(?<!\w)'(?:[^']|'')*+'|(?<!\S)\#[^\n]*|[\[\]{}]""", re.DOTALL
)


@dataclass(frozen=True)
class Document:
    """The plain data of a file, its name for messages, and the line of every place."""

    data: Any
    name: str
    lines: Mapping[str, int] = field(default_factory=dict)
    text: str = ""

    def line(self, place: str) -> int | None:
        """Return the line of ``place``, or of the nearest place around it."""
        while place:
            if place in self.lines:
                return self.lines[place]
            place = place[: max(place.rfind("."), place.rfind("["), 0)]
        return self.lines.get("")

    @contextmanager
    def located(self) -> Iterator[None]:
        """Give errors raised inside the file's name and line."""
        try:
            yield
        except UnitSearchError as error:
            if not error.origin:
                line = self.line(error.place)
                error.origin = self.name if line is None else f"{self.name}:{line}"
            raise


def read_file(path: Path) -> Document:
    """Return the document in the YAML or JSON file at ``path``.

    Raises:
        SpecError: If it cannot be read, is too large, or is not plain YAML or JSON.
    """
    name = _short(path)
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise SpecError(f"{name}: cannot be read ({error.strerror or error})") from None
    if size > MAX_BYTES:
        raise SpecError(f"{name}: {size:,} bytes, expected at most {MAX_BYTES:,}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError(
            f"{name}: byte {error.start} is not text, expected YAML or JSON in UTF-8"
        ) from None
    return read_text(text, name)


def read_text(text: str, name: str = "text") -> Document:
    """Return the document in YAML or JSON ``text``; ``name`` stands in its messages."""
    try:
        _check_bounds(text, name)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            lines: dict[str, int] = {}
            data = None if node is None else _Builder(loader, name, lines).build(node, "")
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        _check_brackets(text, name)  # a parser that looks ahead may refuse them before any event
        if name.endswith(".json"):
            return Document(_read_json(text, name), name, {}, text)
        raise SpecError(f"{name}{_line_of(error)}: not YAML: {_problem(error)}") from None
    except UnicodeEncodeError as error:
        raise SpecError(f"{name}: character {error.start} is not text") from None
    return Document(data, name, lines, text)


class _Builder:
    """Plain data from YAML nodes, with the line of every place."""

    def __init__(self, loader: Any, name: str, lines: dict[str, int]) -> None:
        self.loader = loader
        self.name = name
        self.lines = lines

    def build(self, node: yaml.Node, place: str) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(place, line)
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self.mapping(node, place)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            items = enumerate(node.value)
            return [self.build(item, f"{place}[{i}]") for i, item in items]
        if isinstance(node, yaml.ScalarNode):
            if node.tag == f"{_TAG}timestamp":
                return node.value
            if node.tag in _SCALARS:
                try:
                    value = self.loader.construct_object(node)
                    str(value)  # fails for a whole number that is too long to print
                except (ValueError, LookupError, OverflowError):
                    raise self.error(line, f"{node.value[:40]!r} is not a value") from None
                return value
        tag = str(node.tag).replace(_TAG, "!!")
        raise self.error(line, f"found the tag {tag}, expected plain values; remove the tag")

    def mapping(self, node: yaml.MappingNode, place: str) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == f"{_TAG}merge":
                raise self.error(line, "found a key that is no word, expected plain keys")
            key = str(key_node.value)
            if key in values:
                raise self.error(line, f"found the key {key!r} twice, expected it once")
            inner = join(place, key)
            self.lines[inner] = line
            values[key] = self.build(value_node, inner)
        return values

    def error(self, line: int, text: str) -> SpecError:
        error = SpecError(text)
        error.origin = f"{self.name}:{line}"
        return error


@dataclass(slots=True)
class _Extent:
    """The size of a part of a document, aliases followed.

    Attributes:
        values: Values in it; the keys of mappings are none.
        depth: Lists and mappings inside each other.
        anchor: The name by which aliases repeat the part.
        has_key: Whether the part is a mapping whose next event is a value; None for a list.
    """

    values: int = 1
    depth: int = 0
    anchor: str | None = None
    has_key: bool | None = None

    def add(self, part: _Extent) -> None:
        """Add a part of this list or mapping, as a value or a key."""
        if self.has_key is not False:
            self.values += part.values
            self.depth = max(self.depth, 1 + part.depth)
        if self.has_key is not None:
            self.has_key = not self.has_key


def _check_bounds(text: str, name: str) -> None:
    """Refuse a document that is too deep or too large, by its events, before anything recursive.

    Aliases count each time: a few lines can stand for billions of values, and a part that repeats
    itself has no end.

    Raises:
        SpecError: At the line where a bound is passed.
    """
    opened: list[_Extent] = []
    anchored: dict[str, _Extent] = {}
    total = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionEndEvent):
            part = opened.pop()
        elif isinstance(event, yaml.NodeEvent):
            line = event.start_mark.line + 1 if event.start_mark else 1
            part = _extent(event, opened, anchored, f"{name}:{line}")
            is_key = bool(opened) and opened[-1].has_key is False
            total += 0 if is_key else part.values
            if total > MAX_VALUES:
                raise SpecError(f"{name}:{line}: more than {MAX_VALUES:,} values, aliases counted")
            if isinstance(event, yaml.CollectionStartEvent):
                opened.append(part)
                continue
        else:
            continue
        if part.anchor is not None:
            anchored[part.anchor] = part
        if opened:
            opened[-1].add(part)


def _extent(
    event: yaml.NodeEvent, opened: list[_Extent], anchored: dict[str, _Extent], origin: str
) -> _Extent:
    """Return the size of the part that ``event`` begins or repeats.

    Raises:
        SpecError: If it is too deep, or repeats a part that is not there.
    """
    if isinstance(event, yaml.ScalarEvent):
        return _Extent(anchor=event.anchor)
    if isinstance(event, yaml.CollectionStartEvent):
        if len(opened) == MAX_NESTING:
            raise SpecError(f"{origin}: nested over {MAX_NESTING} deep")
        has_key = False if isinstance(event, yaml.MappingStartEvent) else None
        return _Extent(1, 1, event.anchor, has_key)
    if any(outer.anchor == event.anchor for outer in opened):
        raise SpecError(f"{origin}: nested over {MAX_NESTING} deep, aliases followed")
    if event.anchor not in anchored:
        expected = "an anchor of that name before it"
        raise SpecError(f"{origin}: not YAML: found the alias *{event.anchor}, expected {expected}")
    part = anchored[event.anchor]
    if len(opened) + part.depth > MAX_NESTING:
        raise SpecError(f"{origin}: nested over {MAX_NESTING} deep, aliases followed")
    return replace(part, anchor=None)


def _check_brackets(text: str, name: str) -> None:
    """Refuse brackets that are nested too deeply, without any parser.

    Raises:
        SpecError: At the line of the first bracket that is too deep.
    """
    depth = 0
    for lexeme in _LEXEMES.finditer(text):
        if lexeme[0] in "[{":
            depth += 1
            if depth > MAX_NESTING:
                line = text.count("\n", 0, lexeme.start()) + 1
                raise SpecError(f"{name}:{line}: nested over {MAX_NESTING} deep")
        elif lexeme[0] in "]}":
            depth -= 1


def _read_json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise SpecError(f"{name}:{line}: not JSON: {error}") from None


def _line_of(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return f":{mark.line + 1}" if mark is not None else ""


def _problem(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or error
    return " ".join(str(problem).split())


def _short(path: Path) -> str:
    """Return ``path`` relative to the working folder where that is shorter."""
    text = str(path)
    relative = os.path.relpath(path) if path.is_absolute() else text
    return relative if len(relative) < len(text) else text


class _InlineMapping(dict[str, Any]):
    """A mapping that is written on one line."""


class _InlineList(list[Any]):
    """A list that is written on one line."""


class _PlainDumper(_Dumper):  # type: ignore[misc]  # the C dumper has no type
    """The dumper that writes layers and units on one line each, everything else in blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_PlainDumper.add_representer(
    _InlineMapping,
    lambda dumper, data: dumper.represent_mapping(f"{_TAG}map", data, flow_style=True),
)
_PlainDumper.add_representer(
    _InlineList, lambda dumper, data: dumper.represent_sequence(f"{_TAG}seq", data, flow_style=True)
)


def yaml_text(plain: Any) -> str:
    """Return plain data as YAML: a layer or unit to a line, in the order given."""
    return str(
        yaml.dump(
            _laid_out(plain),
            Dumper=_PlainDumper,
            sort_keys=False,
            allow_unicode=True,
            width=100,
            default_flow_style=False,
        )
    )


def _laid_out(plain: Any, key: str = "") -> Any:
    if isinstance(plain, Mapping):
        if key and not any(isinstance(v, Mapping) for v in _leaves(plain)):
            return _InlineMapping(plain) if key == "[]" else dict(_items(plain))
        return dict(_items(plain))
    if isinstance(plain, (list, tuple)):
        if not any(isinstance(item, Mapping) for item in _leaves(plain)):
            return _InlineList(plain)
        return [_laid_out(item, "[]") for item in plain]
    return plain


def _items(plain: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((k, _laid_out(v, k)) for k, v in plain.items())


def _leaves(plain: Any) -> Iterator[Any]:
    """Yield the mappings and plain values inside; a list yields its items."""
    for item in plain.values() if isinstance(plain, Mapping) else plain:
        if isinstance(item, (list, tuple)):
            yield from _leaves(item)
        else:
            yield item
