"""What an inspection found, as data: units, what they do, what removing them would save."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unitsearch.architecture import Architecture
from unitsearch.costs import Cost
from unitsearch.views.drawing import unit_kind

if TYPE_CHECKING:
    from unitsearch.network.features import Activity, RemovalEffect, UnitAt

DEAD, UNRESOLVED, NEEDED, HARMFUL, UNMEASURED = (
    "dead", "no effect resolved", "needed", "harmful", "not measured",
)  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """A unit and what was found of it.

    Attributes:
        at: Where it stands.
        activity: What many images make of its outputs.
        effect: What the network loses without it; None if that was not measured.
        saves: What the network costs less without it; None if it is the stack's only unit.
    """

    at: UnitAt
    activity: Activity
    effect: RemovalEffect | None
    saves: Cost | None

    @property
    def kind(self) -> str:
        """What a reader calls it."""
        return unit_kind(self.at.unit)

    @property
    def finding(self) -> str:
        """What is to be thought of it.

        ``dead``: all of its output maps are the same for every image. ``no effect resolved``:
        without it, accuracy changes by at most two standard errors. ``needed`` and ``harmful``:
        accuracy falls or rises by more.
        """
        if self.activity.still == self.at.unit.outputs:
            return DEAD
        if self.effect is None:
            return UNMEASURED
        if not self.effect.is_resolved:
            return UNRESOLVED
        return NEEDED if self.effect.falls else HARMFUL

    @property
    def said(self) -> str:
        """The finding in words, with the number of images that stands behind it."""
        effect = self.effect
        match self.finding:
            case "dead":
                return "dead: the same for every image"
            case "no effect resolved":
                assert effect is not None  # it was measured
                return (
                    f"no effect resolved on {effect.images:,} images"
                    f" (±{200 * effect.error:.2f} points)"
                )
            case "needed":
                return "needed: accuracy falls without it"
            case "harmful":
                return "harmful: accuracy rises without it"
            case _:
                return "effect not measured"


@dataclass(frozen=True)
class Together:
    """Several units that go at once.

    Attributes:
        units: Which.
        effect: What the network loses without all of them.
        saves: What it costs less.
    """

    units: tuple[Seen, ...]
    effect: RemovalEffect
    saves: Cost


@dataclass(frozen=True, eq=False)
class Shown:
    """An image and what the network makes of it.

    Attributes:
        number: Its position among the images of its part.
        pixels: uint8 [channels, height, width].
        label: Its class.
        answer: The class that the network finds likeliest.
        probability: How likely.
        maps: Of each unit, in order, its output maps: float [maps, height, width].
    """

    number: int
    pixels: NDArray[np.uint8]
    label: str
    answer: str
    probability: float
    maps: tuple[NDArray[np.float32], ...]


@dataclass(frozen=True, eq=False)
class Inspection:
    """What an inspection found.

    Attributes:
        name: What the network is called.
        architecture: The network, its units in canonical order.
        cost: What it costs.
        data: Name of its data set.
        part: Which images were looked at: validation or test.
        part_size: How many there are.
        images: How many were measured on.
        right: Of them, those that the network answers rightly.
        is_same_split: Whether the network was trained with the same split, so that it has seen none
            of these images; None if its file does not say.
        units: Every unit, stack by stack.
        idle: The units that are dead or without resolved effect, together; None if there are none
            or no other unit would be left.
        removable: The most of them, in order of their effect, without which together accuracy does
            not fall by more than two standard errors; ``idle`` itself if that holds for all, None
            if it holds for none.
        shown: The images whose maps are shown.
    """

    name: str
    architecture: Architecture
    cost: Cost
    data: str
    part: str
    part_size: int
    images: int
    right: int
    is_same_split: bool | None
    units: tuple[Seen, ...]
    idle: Together | None
    removable: Together | None
    shown: tuple[Shown, ...]

    @property
    def accuracy(self) -> float:
        """On the images that were measured on, a fraction."""
        return self.right / self.images

    def stacks(self) -> list[tuple[Seen, ...]]:
        """Return the units stack by stack."""
        found: dict[int, list[Seen]] = {}
        for unit in self.units:
            found.setdefault(unit.at.stack, []).append(unit)
        return [tuple(units) for units in found.values()]

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each unit: what it is, its measures, what removing it would save."""
        return [_row(unit) for unit in self.units]


def _row(unit: Seen) -> dict[str, Any]:
    effect, saves = unit.effect, unit.saves
    return {
        "stack": unit.at.name,
        "unit": unit.at.index + 1,
        "kind": unit.kind,
        "maps": unit.at.unit.outputs,
        "still_maps": unit.activity.still,
        "zero_maps": unit.activity.zero,
        "variance": unit.activity.variance,
        "share": unit.activity.share,
        "accuracy_change": None if effect is None else effect.change,
        "accuracy_change_se": None if effect is None else effect.error,
        "lost": None if effect is None else effect.lost,
        "gained": None if effect is None else effect.gained,
        "loss_change": None if effect is None else effect.loss,
        "loss_change_se": None if effect is None else effect.loss_error,
        "images": None if effect is None else effect.images,
        "saves_params": None if saves is None else saves.params,
        "saves_macs": None if saves is None else saves.macs,
        "saves_flops": None if saves is None else saves.flops,
        "finding": unit.finding,
    }


def less(whole: Cost, part: Cost) -> Mapping[str, float]:
    """Return what share of a network's costs a part of it is, by the name of each cost."""
    pairs = ("params", "macs", "flops")
    return {n: getattr(part, n) / getattr(whole, n) if getattr(whole, n) else 0.0 for n in pairs}


def gone(units: Sequence[Seen]) -> dict[int, set[int]]:
    """Return the positions of units in each stack."""
    found: dict[int, set[int]] = {}
    for unit in units:
        found.setdefault(unit.at.stack, set()).add(unit.at.index)
    return found
