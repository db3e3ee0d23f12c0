"""The result of an inspection as data: units, their activity, their effects, and their savings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unitsearch.architecture import Architecture
from unitsearch.architecture.description import unit_kind
from unitsearch.costs import Cost

if TYPE_CHECKING:
    from unitsearch.network.features import Activity, RemovalEffect, UnitAt

DEAD, UNRESOLVED, NEEDED, HARMFUL, UNMEASURED = (
    "dead", "no effect resolved", "needed", "harmful", "not measured",
)  # fmt: skip


@dataclass(frozen=True)
class InspectedUnit:
    """A unit with its measures.

    Attributes:
        at: The position of the unit in the network.
        activity: The statistics of its output maps over many images.
        effect: The loss of the network without it; None if that was not measured.
        saves: The costs that removing it saves; None if it is the only unit of its stack.
    """

    at: UnitAt
    activity: Activity
    effect: RemovalEffect | None
    saves: Cost | None

    @property
    def kind(self) -> str:
        """The name of its kind."""
        return unit_kind(self.at.unit)

    @property
    def finding(self) -> str:
        """The conclusion about it.

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
    def explanation(self) -> str:
        """The finding in words, with the number of images that it rests on."""
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
class JointRemoval:
    """Several units that are removed at once.

    Attributes:
        units: The removed units.
        effect: The loss of the network without all of them.
        saves: The costs that removing them saves.
    """

    units: tuple[InspectedUnit, ...]
    effect: RemovalEffect
    saves: Cost


@dataclass(frozen=True, eq=False)
class ShownImage:
    """An image with the network's answer and feature maps.

    Attributes:
        number: Its position among the images of its part.
        pixels: uint8 [channels, height, width].
        label: Its class.
        answer: The class with the highest probability by the network.
        probability: That probability.
        maps: The output maps of each unit in order: float [maps, height, width].
    """

    number: int
    pixels: NDArray[np.uint8]
    label: str
    answer: str
    probability: float
    maps: tuple[NDArray[np.float32], ...]


@dataclass(frozen=True, eq=False)
class Inspection:
    """The result of an inspection.

    Attributes:
        name: Name of the network.
        architecture: The network, its units in canonical order.
        cost: The cost of the network.
        data: Name of its data set.
        part: The part of the data whose images are used: validation or test.
        part_size: Number of images of the part.
        images: Number of images that were measured on.
        right: Number of these images that the network classifies correctly.
        is_same_split: Whether the network was trained with the same split, so that it was trained
            on none of these images; None if its file does not say.
        units: Every unit, stack by stack.
        idle: The units that are dead or without resolved effect, together; None if there are none
            or no other unit would be left.
        removable: As many of them as possible, in order of their effect, such that accuracy does
            not fall by more than two standard errors without all of these; ``idle`` itself if that
            holds for all, None if it holds for none.
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
    units: tuple[InspectedUnit, ...]
    idle: JointRemoval | None
    removable: JointRemoval | None
    shown: tuple[ShownImage, ...]

    @property
    def accuracy(self) -> float:
        """The accuracy on the images that were measured on, a fraction."""
        return self.right / self.images

    def stacks(self) -> list[tuple[InspectedUnit, ...]]:
        """Return the units stack by stack."""
        by_stack: dict[int, list[InspectedUnit]] = {}
        for unit in self.units:
            by_stack.setdefault(unit.at.stack, []).append(unit)
        return [tuple(units) for units in by_stack.values()]

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each unit: its name, kind, measures and the costs that removal saves."""
        return [_row(unit) for unit in self.units]


def _row(unit: InspectedUnit) -> dict[str, Any]:
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


def cost_shares(whole: Cost, part: Cost) -> Mapping[str, float]:
    """Return the share of each cost of a network that a part of it takes, by the cost's name."""
    pairs = ("params", "macs", "flops")
    return {n: getattr(part, n) / getattr(whole, n) if getattr(whole, n) else 0.0 for n in pairs}


def unit_positions(units: Sequence[InspectedUnit]) -> dict[int, set[int]]:
    """Return the positions of units in their stacks, by the number of each stack."""
    positions: dict[int, set[int]] = {}
    for unit in units:
        positions.setdefault(unit.at.stack, set()).add(unit.at.index)
    return positions
