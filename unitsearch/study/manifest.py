"""The manifest of a study: the typed content of ``study.yaml``.

It holds what was asked for (configuration, space, versions) and what only a training could tell
(split, classes, normalisation, reference point). A run writes it first and reads it back: what
drives a study is what is on disk, so that running and resuming cannot differ.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from unitsearch.architecture import Document, read_file, read_text, yaml_text
from unitsearch.errors import SpecError, StudyError
from unitsearch.fields import (
    Enum,
    Float,
    Int,
    ListOf,
    MapOf,
    Nested,
    Nullable,
    Schema,
    Text,
    declared,
    field_,
    read,
    write,
    write_all,
)
from unitsearch.files import write_whole
from unitsearch.space import Space, bind, space_from
from unitsearch.study.config import Config, config_from

MANIFEST = "study.yaml"
_HEAD = (
    "# What this study is: written by unitsearch, read by it again. The trials are in the store.\n"
)
_LONGEST = 10_000_000  # characters of a text that unitsearch itself wrote
_GROUPS = ("limits", "budget", "data", "train", "sampler", "engine")
# what only a training can tell, and the images that accuracies are of
_LEARNT = ("split", "classes", "mean", "std", "reference", "tight_reference", "accuracy")
_NEEDED = ("budget", "data", "train", "floor", "objectives")  # keys of every configuration


class _ConfigRule:
    """The rule of the key ``config``: the resolved configuration, every key written out."""

    def read(self, value: Any, place: str) -> Config:
        return config_from(value)

    def write(self, value: Config) -> dict[str, Any]:
        return value.plain()

    def schema(self) -> Schema:
        return {"type": "object"}


@dataclass(frozen=True, kw_only=True)
class SpaceText:
    """The space of a study as it stood when the study was created.

    Attributes:
        name: The space's name.
        input: The shape of an image, ``(channels, height, width)``.
        classes: The number of classes.
        text: The space file, word for word.
    """

    name: str = field_(Text(_LONGEST))
    input: tuple[int, int, int] = field_(ListOf(Int(1), 3, 3))
    classes: int = field_(Int(1))
    text: str = field_(Text(_LONGEST))


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The content of ``study.yaml``, or its like of a folder of ``reproduce training``.

    Attributes:
        name: The study's name.
        command: The command that created the study.
        config: The resolved configuration.
        versions: Versions of unitsearch, Python and the packages that results depend on.
        space: The space, word for word.
        split: Hash of the data's split; None until the first training has ended.
        classes: Names of the classes; empty until then.
        mean: The mean that pixels are normalised by, per channel; empty until then.
        std: The standard deviation that pixels are normalised by, per channel; empty until then.
        reference: The point that hypervolumes are measured from; None until the baseline is known.
        tight_reference: The point that the true hypervolume is measured from; None until then, and
            in a study of version 0.1 until it is resumed.
        accuracy: The images that accuracies are measured on: ``validation``, or ``test`` for
            trainings that reproduce a paper's.
        more: Top-level keys of ``study.yaml`` that this release does not know; they are kept.
    """

    name: str = field_(Text(_LONGEST))
    command: str = field_(Text(_LONGEST), "")
    config: Config = field_(_ConfigRule())
    versions: Mapping[str, str] = field_(MapOf(Text(_LONGEST)), {})
    space: SpaceText = field_(Nested(SpaceText))
    split: str | None = field_(Nullable(Text(_LONGEST)), None)
    classes: tuple[str, ...] = field_(ListOf(Text(_LONGEST), 0, 1_000_000), ())
    mean: tuple[float, ...] = field_(ListOf(Float(-1e9)), ())
    std: tuple[float, ...] = field_(ListOf(Float(-1e9)), ())
    reference: tuple[float, ...] | None = field_(Nullable(ListOf(Float(-1e9))), None)
    tight_reference: tuple[float, ...] | None = field_(Nullable(ListOf(Float(-1e9))), None)
    accuracy: str = field_(Enum(("validation", "test")), "validation")
    more: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Return the content of ``study.yaml``: what is not known yet is left out."""
        config = self.config
        return {
            "name": self.name,
            "command": self.command,
            "config": config.plain(),
            "data": write_all(config.data),
            "versions": dict(self.versions),
            "seed": config.seed,
            "space": write_all(self.space),
            **{key: value for key, value in write(self).items() if key in _LEARNT},
            **self.more,
        }


def read_manifest(folder: Path, *, strict: bool = False) -> Manifest:
    """Return the manifest of the study in ``folder``.

    Args:
        folder: The study's folder.
        strict: Whether a setting that this release does not know is an error. Those who only look
            at a study of a later release leave such settings out; a driver must not.

    Raises:
        StudyError: If the file is damaged.
    """
    path = folder / MANIFEST
    try:
        data = read_file(path).data
    except SpecError as error:
        raise StudyError(str(error)) from None
    content: dict[str, Any] = dict(data) if isinstance(data, dict) else {}
    config: Any = content.get("config")
    if (
        not isinstance(content.get("name"), str)
        or any(not isinstance(content.get(key), dict) for key in ("config", "space", "data"))
        or any(key not in config for key in _NEEDED)
    ):
        raise StudyError(
            f"{path}: not the facts of a study",
            expected="the keys name, config, space and data, as unitsearch wrote them",
        )
    try:
        return _manifest_from(content, strict=strict)
    except SpecError as error:
        raise StudyError(f"{path}: {error}") from None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write study.yaml whole or not at all.

    Raises:
        StudyError: If it cannot be written.
    """
    path = folder / MANIFEST
    try:
        write_whole(path, (_HEAD + yaml_text(manifest.plain())).encode())
    except OSError as error:
        raise StudyError(f"{path}: cannot be written ({error.strerror})") from None


def space_of(manifest: Manifest) -> Space:
    """Return the space as it stood when the study was created."""
    text = manifest.space
    document: Document = read_text(text.text, f"{text.name}.yaml (as in the study)")
    space = space_from(document, text.name)
    data = manifest.config.data
    return bind(space, text.input, text.classes, data.name, original=data.input)


def storage_url(manifest: Manifest) -> str | None:
    """Return the URL of the study's storage, None for its own journal.

    A password is never written to a file: it comes from UNITSEARCH_STORAGE_PASSWORD, or from where
    the database's own client looks (PGPASSWORD, ~/.pgpass).
    """
    url = manifest.config.storage
    password = os.environ.get("UNITSEARCH_STORAGE_PASSWORD")
    if url and password and re.match(r"[\w+]+://[^/@:]+@", url):
        return url.replace("@", f":{quote(password, safe='')}@", 1)
    return url


def _manifest_from(content: Mapping[str, Any], *, strict: bool) -> Manifest:
    """Return the manifest that the content of a study.yaml describes.

    ``data`` and ``seed`` stand in the file for its human readers: they repeat the configuration.
    """
    known = {field.key for field in declared(Manifest)}
    config = {**{group: {} for group in _GROUPS}, **content["config"]}
    values = {key: value for key, value in content.items() if key in known}
    values["config"] = config if strict else _known_keys(Config, config)
    manifest = read(Manifest, values, title="study")
    more = {k: v for k, v in content.items() if k not in known and k not in ("data", "seed")}
    return Manifest(**{**vars(manifest), "more": more}) if more else manifest


def _known_keys(cls: type[Any], data: Any) -> Any:
    """Return plain data without the keys that the data class ``cls`` and its parts do not have."""
    if not isinstance(data, Mapping):
        return data
    rules = {field.key: field.rule for field in declared(cls)}
    known = {}
    for key, value in data.items():
        rule = rules.get(key)
        if rule is not None:
            known[key] = _known_keys(rule.cls, value) if isinstance(rule, Nested) else value
    return known
