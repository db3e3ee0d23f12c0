"""The pages on configuration: what `unitsearch run` takes, group by group."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

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
from reference_pages.wording import words
from unitsearch import resources
from unitsearch.data import DataSpec
from unitsearch.fields import Nested, declared
from unitsearch.search.configured import SamplerConfig, StoppingConfig
from unitsearch.search.extensions import GROUPS as EXTENSIONS
from unitsearch.search.extensions import ExtensionGroup
from unitsearch.study.config import GROUPS, Config
from unitsearch.study.settings import Budget, EngineConfig, LatencyConfig, Limits
from unitsearch.training import Recipe

RECORDS: dict[str, type[Any]] = {
    "run": Config,
    "limits": Limits,
    "latency": LatencyConfig,
    "budget": Budget,
    "data": DataSpec,
    "train": Recipe,
    "sampler": SamplerConfig,
    "stopping": StoppingConfig,
    "engine": EngineConfig,
}


@dataclass(frozen=True)
class Setting:
    """One key of a run."""

    group: str
    key: str
    type: str
    default: str
    text: str
    example: str
    option: str = ""  # of the group, where the key belongs to one alone

    @property
    def full(self) -> str:
        """The key as an override spells it."""
        return self.key if self.group == "run" else f"{self.group}.{self.key}"

    @property
    def anchor(self) -> str:
        """The target that other pages link to."""
        parts = [self.group, *([self.option] if self.option else []), self.key]
        return f"setting-{'-'.join(parts if self.group != 'run' else [self.key])}"


def settings() -> dict[str, list[Setting]]:
    """Return the keys of a run by group.

    Raises:
        LookupError: If a key has no text, or a text no key.
    """
    words_of = texts("settings")
    by_group: dict[str, list[Setting]] = {}
    if set(words_of) != set(RECORDS):
        raise LookupError(f"texts/settings.yaml: {sorted(set(words_of) ^ set(RECORDS))}")
    shipped = _shipped_defaults()
    for group, cls in RECORDS.items():
        if group in EXTENSIONS:
            by_group[group] = _extension_settings(EXTENSIONS[group], words_of[group])
            continue
        named = described(cls).named
        keys = [field.key for field in declared(cls)]
        if set(keys) != set(words_of[group]):
            raise LookupError(
                f"texts/settings.yaml, {group}: {sorted(set(keys) ^ set(words_of[group]))}"
            )
        by_group[group] = []
        for field in declared(cls):
            entry = words_of[group][field.key]
            kind = "" if isinstance(field.rule, Nested) else words(field.rule.schema())
            default = shipped.get(group, {}).get(field.key, field.default)
            by_group[group].append(
                Setting(
                    group,
                    field.key,
                    entry.get("type", kind),
                    entry["default"] if "default" in entry else _default(default, group),
                    entry.get("text", named.get(field.name, "")),
                    entry["example"],
                )
            )
    return by_group


def _extension_settings(
    group: ExtensionGroup, words_of: Mapping[str, Mapping[str, str]]
) -> list[Setting]:
    """Return the keys of a group whose options have settings of their own.

    Those of an option are described where it declares them; ``words_of`` has the others.
    """
    shared = ("name", *group.common)
    if set(shared) != set(words_of):
        raise LookupError(
            f"texts/settings.yaml, {group.name}: {sorted(set(shared) ^ set(words_of))}"
        )
    made = [
        Setting(
            group.name, key, words_of[key]["type"], words_of[key]["default"], words_of[key]["text"],
            words_of[key]["example"],
        )
        for key in shared
    ]  # fmt: skip
    for option in group.shipped():
        named = described(getattr(group.find(option), "Settings", None)).named
        for field in group.settings(option):
            chosen = f"{group.name}={option}"
            made.append(
                Setting(
                    group.name,
                    field.key,
                    words(field.rule.schema()),
                    value(field.default),
                    f"Of `{chosen}`: {named[field.name]}",
                    f"{chosen} {group.name}.{field.key}={field.default}",
                    option,
                )
            )
    return made


def pages() -> dict[str, str]:
    """Return the pages on configuration."""
    by_group = settings()
    of_run = [
        setting for group in ("run", "limits", "latency", "budget") for setting in by_group[group]
    ]
    run = [
        *paragraphs("run"),
        toc(GROUPS, hidden=True),
        _table(of_run),
        *_examples(of_run),
        section("The environment", anchor="environment"),
        _environment(),
    ]
    made = {"configuration/index": page("Configuration", *run, anchor="configuration")}
    for group in GROUPS:
        made[f"configuration/{group}"] = page(
            group,
            *paragraphs(group),
            _table(by_group[group]),
            *_examples(by_group[group]),
            *_options(group),
        )
    return made


def _table(listed: list[Setting]) -> str:
    if listed[0].group != "train":
        rows = [(_link(setting), setting.type, setting.default) for setting in listed]
        return table(("key", "type", "default"), rows)
    recipes = {  # the defaults of `train` are the recipes'
        path.stem: yaml.safe_load(path.read_text("utf-8"))
        for path in sorted((resources.config_folder() / "train").glob("*.yaml"))
    }
    by_recipe = [
        (_link(setting), *(value(recipe[setting.key]) for recipe in recipes.values()))
        for setting in listed
    ]
    return table(("key", *(f"`{name}`" for name in recipes)), by_recipe)


def _link(setting: Setting) -> str:
    return f"[`{setting.full}`](#{setting.anchor})"


def _examples(listed: list[Setting]) -> list[str]:
    parts = [section("Each key")]
    for setting in listed:
        parts += [
            section(f"`{setting.full}`", anchor=setting.anchor, level=3),
            facts_line(setting.type, setting.default),
            setting.text,
            block(f"unitsearch run {setting.example}", "sh"),
        ]
    return parts


def _options(group: str) -> list[str]:
    """Return a section on each option that ships, with what its file says of it and sets."""
    parts = []
    for path in sorted((resources.config_folder() / group).glob("*.yaml")):
        text = path.read_text("utf-8")
        about = [line.removeprefix("#") for line in text.splitlines() if line.startswith("#")]
        set_ = {key: plain for key, plain in yaml.safe_load(text).items() if key != "name"}
        parts += [
            section(f"`{group}={path.stem}`", anchor=f"option-{group}-{path.stem}"),
            block("\n".join(line.removeprefix(" ") for line in about)),
        ]
        if set_:
            rows = [(f"`{key}`", value(plain)) for key, plain in set_.items()]
            parts.append(table(("key", "value"), rows))
    return parts if group != "train" else [*parts, *_by_data()]


def _by_data() -> list[str]:
    text = (resources.config_folder() / "recipes_by_data.yaml").read_text("utf-8")
    rows = [
        (f"`train={recipe}`", f"`data={data}`", value(values))
        for recipe, by_data in yaml.safe_load(text).items()
        for data, values in by_data.items()
    ]
    return [
        section("What a recipe sets for one data set", anchor="recipes-by-data"),
        "A space may say more under [`train`](#key-space-train).",
        table(("recipe", "data", "values"), rows),
    ]


def _shipped_defaults() -> dict[str, dict[str, Any]]:
    """Return the values of the shipped configuration, which stand before declared defaults."""
    top = yaml.safe_load((resources.config_folder() / "config.yaml").read_text("utf-8"))
    return {"run": top, **{group: top[group] for group in ("limits", "latency", "budget")}}


def _default(plain: Any, group: str) -> str:
    if group in ("data", "train"):
        return "the set's" if group == "data" else "the recipe's"
    return "" if plain is None else value(plain)


def variables() -> set[str]:
    """Return the environment variables of ours that the code looks at."""
    package = Path(resources.__file__).parent
    texts_ = (path.read_text("utf-8") for path in package.rglob("*.py"))
    return {name for text in texts_ for name in re.findall(r"\bUNITSEARCH_[A-Z_]+\b", text)}


def _environment() -> str:
    meanings = texts("environment")
    if missing := variables() ^ set(meanings):
        raise LookupError(f"environment variables: {sorted(missing)}")
    rows = [(f"`{name}`", text) for name, text in meanings.items()]
    rows.append(("`NO_COLOR`, `FORCE_COLOR`", "Colours off or on; `--color` overrides both."))
    return table(("variable", "meaning"), rows)
