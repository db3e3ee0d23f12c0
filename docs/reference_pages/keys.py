"""The keys of space and architecture files: types from the code, explanations from the texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reference_pages import backbones
from reference_pages.docstrings import described
from reference_pages.markdown import (
    block,
    facts_line,
    page,
    paragraphs,
    section,
    table,
    texts,
    toc,
    value,
)
from reference_pages.wording import may_be_chosen, words
from unitsearch.architecture import architecture_schema
from unitsearch.architecture.layers import KINDS
from unitsearch.fields import Schema, declared
from unitsearch.space.schema import space_schema

PAGES = {
    "file": ("The top of a space file", "Data, limits, baseline, points."),
    "layers": ("Layers", "Every kind of layer and its keys."),
    "units": ("Units", "Units by their nodes or written out."),
    "choices": ("Choices", "The four words of choice: choose, range, mix, sequence."),
    "backbones": ("Backbones", "Known networks, and what may stand in their place."),
    "architecture": ("Architecture files", "One network in a file."),
}
_NAME = "A name, which the names of its parameters begin with; of a backbone's layer, its site."


@dataclass(frozen=True)
class Fact:
    """A key as the code declares it.

    Attributes:
        type: What a value may be, in words.
        default: Its default in words, "required", or nothing where the code has none.
        chosen: Whether a choice may stand in its place.
        text: Its meaning, from a docstring that has it.
    """

    type: str = ""
    default: str = ""
    chosen: bool = False
    text: str = ""


@dataclass(frozen=True)
class Key:
    """One key as its page describes it."""

    group: str
    name: str
    type: str
    default: str
    chosen: bool
    text: str
    example: str
    given_default: Any = None

    @property
    def anchor(self) -> str:
        """The target that other pages link to."""
        return f"key-{self.group}-{self.name}"


@dataclass(frozen=True)
class Group:
    """Keys that stand together in a file."""

    name: str
    page: str
    title: str
    within: str
    about: str
    short: str
    keys: tuple[Key, ...]


def facts() -> dict[str, dict[str, Fact]]:
    """Return every key of a space or architecture file as the code declares it, by group."""
    schema = space_schema()
    top, defs = schema["properties"], schema["$defs"]
    counted, written, named = defs["units"]["oneOf"]
    inner = defs["sequence"]["properties"]["sequence"]
    architecture = architecture_schema()
    return {
        "space": _facts(top, ("unitsearch", "baseline")),
        "baseline": _facts(_union(top["baseline"]["oneOf"])),
        "limits": _facts(top["limits"]["properties"]),
        "points": _facts(_union(top["points"]["additionalProperties"]["oneOf"])),
        **{kind: _layer_facts(cls, defs[kind]) for kind, cls in KINDS.items()},
        "unit": _facts(counted["properties"], counted["required"], leave=("count",)),
        "unit_layers": _facts(written["properties"], written["required"], leave=("count",)),
        "counted": _facts(named["properties"]),
        "choice": _facts(_union(defs["choice"]["oneOf"])),
        "mix": _facts(defs["mix"]["properties"], ("mix",)),
        "sequence": {
            **_facts(defs["sequence"]["properties"], ("sequence",)),
            **_facts(inner["properties"], inner["required"]),
        },
        "replace": _facts(top["replace"]["items"]["properties"], ("sites", "with")),
        "fill": {"fill": Fact()},  # any layer may stand at a site: the schema leaves it open
        "architecture": _facts(architecture["properties"], architecture["required"]),
    }


def groups() -> tuple[Group, ...]:
    """Return every group of keys, in the order of the pages.

    Raises:
        LookupError: If a key of the code has no text, or a text has no key.
    """
    known = facts()
    entries = []
    for data in texts("space"):
        name, key_texts = data["group"], data["keys"]
        both = known.pop(name)
        if set(both) != set(key_texts):
            raise LookupError(f"texts/space.yaml, {name}: {sorted(set(both) ^ set(key_texts))}")
        keys = tuple(_key(name, key, both[key], key_texts[key]) for key in key_texts)
        cls = KINDS.get(name)
        about = data.get("about") or (described(cls).text if cls else "")
        title = data.get("title", name)
        short = data.get("short", f"`{title}`")
        entries.append(Group(name, data["page"], title, data["within"], about, short, keys))
    if known:
        raise LookupError(f"texts/space.yaml says nothing of {', '.join(known)}")
    return tuple(entries)


def key_pages() -> dict[str, str]:
    """Return the pages on keys."""
    entries = groups()
    made = {"space/index": _index(entries)}
    for name, (title, about) in PAGES.items():
        parts = [about]
        for group in entries:
            if group.page == name:
                parts += _group(group)
        if name == "backbones":
            parts += backbones.parts()
        made[f"space/{name}"] = page(title, *parts)
    return made


def _index(entries: Iterable[Group]) -> str:
    rows = [
        (f"[{key.name}](#{key.anchor})", group.short, key.type, key.default)
        for group in entries
        for key in group.keys
    ]
    return page(
        "Space files, key by key",
        *paragraphs("space"),
        toc(PAGES),
        section("All keys"),
        table(("key", "of", "type", "default"), rows),
    )


def _group(group: Group) -> list[str]:
    parts = [section(group.title, anchor=f"key-{group.name}"), group.about]
    for key in group.keys:
        summary = facts_line(key.type, key.default, "may be a choice" if key.chosen else "")
        parts += [
            section(f"`{key.name}`", anchor=key.anchor, level=3),
            summary,
            key.text,
            block(key.example, "yaml"),
        ]
    return parts


def _key(group: str, name: str, fact: Fact, key_texts: Mapping[str, Any]) -> Key:
    default = fact.default
    if "default" in key_texts:
        default = value(key_texts["default"])
    if "default_text" in key_texts:
        default = key_texts["default_text"]
    return Key(
        group,
        name,
        key_texts.get("type", fact.type),
        default,
        fact.chosen,
        key_texts.get("text", fact.text),
        key_texts["example"],
        key_texts.get("default"),
    )


def _facts(
    properties: Mapping[str, Schema], required: Iterable[str] = (), leave: Iterable[str] = ()
) -> dict[str, Fact]:
    return {
        key: Fact(words(schema), "required" if key in set(required) else "", may_be_chosen(schema))
        for key, schema in properties.items()
        if key not in set(leave)
    }


def _layer_facts(cls: type[Any], schema: Schema) -> dict[str, Fact]:
    """Return the facts of a layer's keys: types and defaults as they are declared."""
    entries = _facts(schema["properties"], schema["required"])
    key_texts = described(cls).named
    for field in declared(cls):
        default = "required" if field.required else value(field.default)
        entries[field.key] = Fact(
            words(field.rule.schema()),
            "" if field.default is None else default,
            entries[field.key].chosen,
            _NAME if field.key == "name" else key_texts.get(field.name, ""),
        )
    return entries


def _union(ways: Iterable[Schema]) -> dict[str, Schema]:
    """Return the keys of several ways to say a thing."""
    return {key: schema for way in ways for key, schema in way.get("properties", {}).items()}
