"""The description of a recorded table: a YAML file beside the trainings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from unitsearch.architecture import read_file
from unitsearch.errors import SpecError, UsageError, did_you_mean
from unitsearch.fields import (
    AnyValue,
    Bool,
    Float,
    Int,
    MapOf,
    Nested,
    Nullable,
    Text,
    field_,
    read,
)
from unitsearch.space import Space
from unitsearch.study.config import Config, compose
from unitsearch.study.creation import prepared

FOLDER = Path(__file__).parents[2] / "studies" / "tables"


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The number of members of a table, by the way in which they are chosen.

    Attributes:
        all: Every member of the space; for spaces that are small.
        random: Members drawn at random.
        cheap: The cheapest of thirty times as many random members.
        near_front: Mutations of the front of the members that were recorded before them.
    """

    all: bool = field_(Bool(), False)
    random: int = field_(Int(), 0)
    cheap: int = field_(Int(), 0)
    near_front: int = field_(Int(), 0)

    def __post_init__(self) -> None:
        """Check that there are members."""
        if not self.all and self.random + self.cheap < 1:
            raise SpecError(found="no member", expected="all: true, or a number of random members")


@dataclass(frozen=True, kw_only=True)
class TableSpec:
    """The description of a recorded table.

    Attributes:
        space: A shipped space, or the path of a file.
        settings: The settings of its trainings, as ``unitsearch run`` takes them.
        seeds: Trainings of each member, each with a seed of its own.
        members: The members.
        reference: The accuracy from which a member counts in the hypervolume; that of the rule of
            ``unitsearch.search.reference`` unless given.
    """

    space: str = field_(Text(4096))
    settings: Mapping[str, Any] = field_(MapOf(AnyValue()), {})
    seeds: int = field_(Int(2, 1000), 4)
    members: Chosen = field_(Nested(Chosen))
    reference: float | None = field_(Nullable(Float(0, 1)), None)

    @cached_property
    def config(self) -> Config:
        """The configuration of the trainings."""
        settings = [f"{key}={_word(value)}" for key, value in self.settings.items()]
        return compose([f"space={self.space}", "engine.device=cpu", *settings])[0]

    @cached_property
    def bound(self) -> Space:
        """The space, bound to the data."""
        settings = [f"{key}={_word(value)}" for key, value in self.settings.items()]
        return prepared(*compose([f"space={self.space}", "engine.device=cpu", *settings]))


@dataclass(frozen=True)
class Place:
    """The files of a table.

    Attributes:
        name: The table's name.
        folder: Their folder.
    """

    name: str
    folder: Path

    @property
    def spec(self) -> Path:
        """The description."""
        return self.folder / f"{self.name}.yaml"

    @property
    def trainings(self) -> Path:
        """The trainings while they are recorded."""
        return self.folder / f"{self.name}.csv"

    @property
    def packed(self) -> Path:
        """The trainings of a large table, once it is complete."""
        return self.folder / f"{self.name}.csv.gz"

    @property
    def results(self) -> Path:
        """The searches that were run on the table."""
        return self.folder / "results" / f"{self.name}.csv"

    def read_spec(self) -> TableSpec:
        """Return the description.

        Raises:
            SpecError: If it breaks the format.
        """
        try:
            return read(TableSpec, read_file(self.spec).data, title="table")
        except SpecError as error:
            error.origin = error.origin or self.spec.name
            raise


def shipped() -> list[str]:
    """Return the names of the tables of this repository."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def find(table: str) -> Place:
    """Return the files of a table: a shipped name, or the path of a description.

    Raises:
        UsageError: If there is no such table.
    """
    path = Path(table)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise UsageError(place="table", found=table, expected="a file that is there")
        return Place(path.stem, path.absolute().parent)
    if table not in shipped():
        raise UsageError(
            place="table",
            found=table,
            expected=f"one of {', '.join(shipped())}, or the path of a YAML file",
            fix=did_you_mean(table, shipped(), listed=False),
        )
    return Place(table, FOLDER)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)
