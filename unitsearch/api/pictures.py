"""Drawings of networks, and inspections of their units."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.api.networks import check_fits, load_architecture
from unitsearch.api.words import word
from unitsearch.architecture import Architecture, canonical, stacks
from unitsearch.errors import SpecError, UsageError
from unitsearch.views.drawing import drawing_file

if TYPE_CHECKING:
    from torch import Tensor

    from unitsearch.data.images import Source
    from unitsearch.data.sets import DataSet
    from unitsearch.network.build import Network
    from unitsearch.network.features import Batches, FeatureSurvey, RemovalEffect, UnitAt
    from unitsearch.study.config import Config
    from unitsearch.views.inspection import InspectedUnit, Inspection, JointRemoval, ShownImage

PARTS = ("validation", "test")
IMAGES = 1000
MOST = 100
_BATCH = 250


def draw(named: str | Path, width: float | None = None, *, paper: bool = True) -> str:
    """Return the drawing of an architecture as the text of an SVG file.

    Args:
        named: An architecture file, or a space's point (``SPACE:POINT``).
        width: Width of a row of layers in pixels; chosen to suit the network unless given.
        paper: Whether to draw a background, light or dark as the reader's system asks for.

    Raises:
        UsageError: If there is no such file or point, or ``width`` is not above 0.
        SpecError: If the file breaks the format.
    """
    if width is not None and not 0 < width < float("inf"):
        raise UsageError(place="width", found=width, expected="a number of pixels above 0")
    return drawing_file(load_architecture(named), title_of(named), width, paper=paper)


def title_of(named: str | Path) -> str:
    """Return the name of a network: its file's name without ending, or SPACE:POINT."""
    text = str(named)
    return text if not Path(text).is_file() and ":" in text else Path(text).stem


def file_name(named: str | Path, ending: str) -> Path:
    """Return the file in the current folder that a picture of a network is written to."""
    return Path(re.sub(r"[^\w.+-]+", "-", Path(title_of(named)).name) + ending)


def inspect(
    path: str | Path,
    overrides: Sequence[str] = (),
    *,
    images: Sequence[int] = (0,),
    count: int = IMAGES,
    part: str = "validation",
    most: int = MOST,
    watch: Callable[[str], None] | None = None,
) -> Inspection:
    """Inspect the units of a trained network: feature maps, and accuracy and costs without them.

    Args:
        path: An architecture file with its weights beside it, as ``export`` and ``train`` write
            them.
        overrides: Data other than the file names: ``data=…``, ``data.…=…``.
        images: The images whose feature maps are kept, by their position among those of the part.
        count: Number of images of the part to measure on, evenly spread; all if it has fewer.
        part: ``validation`` or ``test``.
        most: Number of units at most whose effect is measured, those that vary least first.
        watch: Called with lines of progress.

    Raises:
        SpecError: If the file breaks the format, or its weights are missing or do not fit.
        UsageError: If it has no units, or the data do not suit it or have no such image.
        DataError: If the data are missing.
    """
    from unitsearch.costs import count as count_cost
    from unitsearch.data.download import make_available
    from unitsearch.data.sets import load
    from unitsearch.network.features import effects, survey
    from unitsearch.network.weights import load_network
    from unitsearch.views.inspection import InspectedUnit, Inspection, saved_cost

    say = watch or (lambda _: None)
    if part not in PARTS:
        raise UsageError(place="part", found=part, expected=" or ".join(PARTS))
    for name, number in (("count", count), ("most", most + 1)):
        if number < 1:
            raise UsageError(place=name, found=number, expected="a number above 0")
    architecture = _with_units(path)
    weights = _weights(Path(path))
    config = _config(architecture, str(path), overrides)
    make_available(config.data)
    check_fits(str(path), architecture, config.data)
    data = load(config.data)
    source: Source = getattr(data, part)
    for number in images:
        if not 0 <= number < len(source):
            expected = f"0 to {len(source) - 1}: {data.name} has {len(source):,} {part} images"
            raise UsageError(place="image", found=number, expected=expected)

    network = load_network(architecture, weights)
    architecture = canonical(architecture)
    batches = _batches(source, architecture, data, count)
    statistics = survey(network, batches)
    accuracy = statistics.right / statistics.images
    say(f"{accuracy:.4f} of {statistics.images:,} {part} images answered rightly")
    chosen = _least_varied(statistics, most)
    say(f"measuring the network's loss without each of {len(chosen)} units")
    means = {at: activity.means for at, activity in statistics.units.items()}
    measured = dict(
        zip(chosen, effects(network, batches, means, [[at] for at in chosen]), strict=True)
    )
    cost = count_cost(architecture)
    sizes = [stack.size for stack in stacks(architecture.layers)]
    units = tuple(
        InspectedUnit(
            at,
            activity,
            measured.get(at),
            saved_cost(architecture, {at.stack: {at.index}}) if sizes[at.stack] > 1 else None,
        )
        for at, activity in statistics.units.items()
    )

    def joint_effect(removed: Sequence[InspectedUnit]) -> RemovalEffect:
        return effects(network, batches, means, [[unit.at for unit in removed]])[0]

    idle, removable = _idle(units, architecture, joint_effect)
    known = (architecture.provenance or {}).get("split")
    return Inspection(
        name=title_of(path),
        architecture=architecture,
        cost=cost,
        data=data.name,
        part=part,
        part_size=len(source),
        images=statistics.images,
        right=statistics.right,
        is_same_split=None if known is None else known == data.split_hash,
        units=units,
        idle=idle,
        removable=removable,
        shown=tuple(_shown(network, source, architecture, data, number) for number in images),
    )


def _with_units(path: str | Path) -> Architecture:
    """Return the architecture of a file that may have weights beside it, and holds units."""
    if not Path(path).is_file() and ":" in str(path):
        point = str(path).rpartition(":")[2]
        load_architecture(path)  # raises if there is no such point
        raise UsageError(
            f"{path} has no weights: a point of a space is not trained",
            fix=f"train it: unitsearch train {path} -o trained; then: unitsearch inspect "
            f"trained/{point}.yaml",
        )
    architecture = load_architecture(path)
    if next(stacks(architecture.layers), None) is None:
        raise UsageError(
            f"{path} holds no units: all of its layers are normal ones",
            fix="inspect a network with a stack; unitsearch draw shows which has one",
        )
    return architecture


def _weights(path: Path) -> Path:
    """Return the path of the weights beside an architecture file.

    Raises:
        SpecError: If there are none.
    """
    weights = path.with_suffix(".safetensors")
    if not weights.is_file():
        raise SpecError(
            f"{weights}: there are no weights beside {path.name}",
            fix=f"write both with 'unitsearch export STUDY --trial N' (a member of the front), or "
            f"train the network: unitsearch train {path} -o trained",
        )
    return weights


def _config(architecture: Architecture, named: str, overrides: Sequence[str]) -> Config:
    from unitsearch.study.config import compose

    for override in overrides:
        if not override.startswith(("data=", "data.")):
            raise UsageError(found=override, expected="data=NAME or data.KEY=VALUE")
    known = (architecture.provenance or {}).get("data")
    chosen = any(override.startswith("data=") for override in overrides)
    if not chosen and known is None:
        raise UsageError(
            f"{named} does not say which data it was trained on", fix="add data=NAME, as data=mnist"
        )
    config, _ = compose([*([] if chosen else [f"data={word(known)}"]), *overrides])
    return config


def _batches(source: Source, architecture: Architecture, data: DataSet, count: int) -> Batches:
    """Return a function that yields ``count`` evenly spread images of ``source``."""
    import torch

    from unitsearch.data.batches import normalise

    count = min(count, len(source))
    rows = torch.arange(count) * len(source) // count
    mean, std = architecture.mean or data.mean, architecture.std or data.std

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        for pixels, labels in source.serve(torch.split(rows, _BATCH)):
            yield normalise(pixels, mean, std), labels

    return batches


def _least_varied(statistics: FeatureSurvey, most: int) -> list[UnitAt]:
    """Return at most ``most`` units, those with the least share of their stack's variance first.

    The share is relative to an equal share, or units of large stacks would always come first.
    """
    if len(statistics.units) <= most:
        return list(statistics.units)
    sizes: dict[int, int] = {}
    for at in statistics.units:
        sizes[at.stack] = sizes.get(at.stack, 0) + 1
    order = sorted(statistics.units, key=lambda at: statistics.units[at].share * sizes[at.stack])
    return order[:most]


def _idle(
    units: Sequence[InspectedUnit],
    architecture: Architecture,
    joint_effect: Callable[[Sequence[InspectedUnit]], RemovalEffect],
) -> tuple[JointRemoval | None, JointRemoval | None]:
    """Return the units without effect, and the most of them that are removable at once.

    Units without effect are dead or without resolved effect. Of each stack one unit stays, the one
    whose removal costs most.
    """
    from unitsearch.views.inspection import (
        DEAD,
        UNRESOLVED,
        JointRemoval,
        saved_cost,
        unit_positions,
    )

    candidates = [unit for unit in units if unit.finding in (DEAD, UNRESOLVED)]
    candidates.sort(key=lambda unit: unit.effect.loss if unit.effect is not None else 0.0)
    for number, stack in enumerate(stacks(architecture.layers)):
        in_stack = [unit for unit in candidates if unit.at.stack == number]
        if len(in_stack) == stack.size:
            candidates.remove(in_stack[-1])

    def removal_of(count: int) -> JointRemoval:
        chosen = candidates[:count]
        saves = saved_cost(architecture, unit_positions(chosen))
        return JointRemoval(tuple(chosen), joint_effect(chosen), saves)

    if not candidates:
        return None, None
    idle = removal_of(len(candidates))
    if not idle.effect.falls:
        return idle, idle
    # Bisect for the most units, in this order, without which accuracy does not fall.
    best, low, high = None, 0, len(candidates)
    while high - low > 1:
        middle = (low + high) // 2
        removal = removal_of(middle)
        if removal.effect.falls:
            high = middle
        else:
            best, low = removal, middle
    return idle, best


def _shown(
    network: Network, source: Source, architecture: Architecture, data: DataSet, number: int
) -> ShownImage:
    from unitsearch.data.batches import normalise
    from unitsearch.network.features import stack_maps, unit_maps, units_of
    from unitsearch.views.inspection import ShownImage

    mean, std = architecture.mean or data.mean, architecture.std or data.std
    pixels, labels = next(iter(source.serve([slice(number, number + 1)])))
    outputs, logits = stack_maps(network, normalise(pixels, mean, std))
    probabilities = logits[0].softmax(0)
    answer = int(probabilities.argmax())
    return ShownImage(
        number=number,
        pixels=pixels[0].numpy(),
        label=data.classes[int(labels[0])],
        answer=data.classes[answer],
        probability=float(probabilities[answer]),
        maps=tuple(unit_maps(outputs[at.stack][0], at).numpy() for at in units_of(network)),
    )
