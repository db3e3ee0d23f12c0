"""Settings that make a long search shorter, each with the time that the search then takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from unitsearch.costs import Cost, count
from unitsearch.errors import UnitSearchError
from unitsearch.space import Space, baseline, bind, drawn_within
from unitsearch.study.config import Config
from unitsearch.study.estimate import ShortTraining, Workload, estimated
from unitsearch.study.paces import Pace

LONG = 2 * 3600.0  # seconds from which a search counts as long
_GOAL = 3600.0  # seconds that settings together aim at
_SHARE = 0.1  # of the images
_LEAST_IMAGES = 20  # a class
_LEAST_SIDE = 8  # pixels
_QUARTILE = 0.25  # of the members, by FLOPs, that the smaller limit keeps
_SAMPLES = 300  # members drawn for smaller images
_WORKERS = 16


@dataclass(frozen=True)
class Way:
    """Settings that make a search shorter.

    Attributes:
        overrides: The settings, as the command takes them.
        seconds: The seconds that the search then takes; None where nothing here tells.
        note: The price or the condition, in words.
    """

    overrides: tuple[str, ...]
    seconds: float | None
    note: str = ""


@dataclass(frozen=True)
class _Reduced:
    """A setting, its price, and the workload that it leaves."""

    override: str
    note: str
    load: Workload


def ways_to_shorten(
    config: Config, space: Space, load: Workload, paces: Sequence[Pace]
) -> tuple[Way, ...]:
    """Return settings that make a search shorter, each alone, then the first few together.

    Those together are as many as bring the search below an hour. None if it is below that already.
    """
    seconds = estimated(load, paces).seconds
    if seconds <= _GOAL:
        return ()
    reductions = _reductions(config, space)
    alone = [reduced for reduce in reductions if (reduced := reduce(load)) is not None]
    ways = [Way((one.override,), estimated(one.load, paces).seconds, one.note) for one in alone]
    together: list[str] = []
    rest = load
    for reduce in reductions:
        reduced = reduce(rest)
        if reduced is not None:
            together.append(reduced.override)
            rest = reduced.load
            if estimated(rest, paces).seconds <= _GOAL:
                break
    if len(together) > 1:
        ways.append(Way(tuple(together), estimated(rest, paces).seconds, "together"))
    ways += _elsewhere(config, load, paces)
    return tuple(ways)


def _reductions(config: Config, space: Space) -> list[Callable[[Workload], _Reduced | None]]:
    """Return the settings that can be tried, those with the least price first."""

    def images(load: Workload) -> _Reduced | None:
        number = max(math.ceil(_SHARE * load.train_images), _LEAST_IMAGES * space.classes)
        if number >= load.train_images:
            return None
        override = f"data.images={number}"
        if config.data.images is None and number == math.ceil(_SHARE * load.train_images):
            override = f"data.images={_SHARE}"
        return _Reduced(override, "fewer images to train on", replace(load, train_images=number))

    def epochs(load: Workload) -> _Reduced | None:
        fewer = max(1, round(load.epochs / 4))
        if fewer == load.epochs:
            return None
        return _Reduced(f"train.epochs={fewer}", "fewer epochs", replace(load, epochs=fewer))

    def size(load: Workload) -> _Reduced | None:
        side = config.data.shape[-1] // 2
        costs = _costs_at(config, space, side) if side >= _LEAST_SIDE else None
        if costs is None:
            return None
        smaller = replace(load, costs=costs[1:], baseline=costs[0])
        return _Reduced(f"data.size={side}", "smaller images", smaller)

    def flops(load: Workload) -> _Reduced | None:
        ordered = sorted(cost.flops for cost in load.costs)
        limit = _rounded_up(ordered[int(_QUARTILE * len(ordered))])
        if limit >= ordered[-1]:
            return None
        kept = tuple(cost for cost in load.costs if cost.flops <= limit)
        note = "cheaper members only; the baseline stays"
        return _Reduced(f"limits.flops={limit}", note, replace(load, costs=kept))

    return [images, epochs, size, flops]


def _elsewhere(config: Config, load: Workload, paces: Sequence[Pace]) -> list[Way]:
    """Return the ways whose time depends on outcomes or on other machines."""
    ways = []
    if not load.stops and load.epochs >= 4:
        stopping = estimated(replace(load, stops=True), paces).seconds
        ways.append(Way(("stopping=band",), stopping, "poor trainings end early"))
    if not load.ladder:
        rung = ShortTraining(epochs=load.epochs, images=max(load.train_images // 10, 1))
        overrides = ("stopping=asha", f"ladder=[{{images:{_SHARE}}}]")
        seconds = estimated(replace(load, ladder=(rung,), stops=True), paces).seconds
        ways.append(Way(overrides, seconds, "if half of the members climb to the full training"))
    if load.workers < _WORKERS:
        many = replace(load, workers=min(_WORKERS, load.trials))
        override = ("engine=ray", "engine.address=auto", f"engine.workers={many.workers}")
        note = "if the cluster's cores are as fast as these"
        ways.append(Way(override, estimated(many, paces).seconds, note))
    if config.engine.device != "cuda":
        ways.append(Way(("engine.device=cuda",), None, "on a GPU, whose speed is not known here"))
    return ways


def _costs_at(config: Config, space: Space, side: int) -> tuple[Cost, ...] | None:
    """Return the costs of the baseline and of random members for smaller images, if they build."""
    image = (space.input[0], side, side)
    try:
        small = bind(space.file, image, space.classes, original=config.data.input)
        drawn = drawn_within(small, config.largest, _SAMPLES)
        return (count(baseline(small)), *(cost for _, cost in drawn)) if drawn else None
    except UnitSearchError:  # a layer does not fit maps as small as that
        return None


def _rounded_up(number: int) -> int:
    """Return a number of two digits and zeros, no less than ``number``."""
    unit = int("1" + "0" * max(len(str(number)) - 2, 0))
    return -(-number // unit) * unit
