"""Sites: the named places of a backbone whose layers a space may replace.

Every named layer is a site; so is a run of adjacent layers whose names begin alike (``layer2``
holds ``layer2.0`` and ``layer2.1``), the body of a layer that has one (``layer2.0.body``) and each
sequence of a branching layer (``stage2.0.of0``). A layer's full name is its container's, a dot and
its own: ``layer2.0.conv1``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any, TypeAlias, assert_never

from unitsearch.architecture import (
    Branches,
    Conv,
    Flatten,
    Gate,
    GlobalPool,
    Layer,
    Layers,
    Linear,
    Pool,
    Residual,
    Shuffle,
    Slbf,
    Stack,
    canonical,
)
from unitsearch.architecture.canonical import canonical_layers
from unitsearch.architecture.layers import Architecture
from unitsearch.errors import SpecError, did_you_mean
from unitsearch.shapes import Shape, after_all, output

# One step into a composite layer: its index in its sequence, its field, the index in that field.
Step: TypeAlias = tuple[int, str, int]


@dataclass(frozen=True)
class Site:
    """A run of adjacent layers in one sequence of a backbone.

    Attributes:
        name: Its full name.
        path: The composite layers that lead to its sequence; none for the outermost.
        start: Index of its first layer in the sequence.
        stop: Index of its last layer plus one.
        layers: Its layers.
        x: The shape that enters it.
        y: The shape that leaves it.
    """

    name: str
    path: tuple[Step, ...]
    start: int
    stop: int
    layers: Layers = field(compare=False)
    x: Shape = field(compare=False)
    y: Shape = field(compare=False)

    @property
    def place(self) -> tuple[Any, ...]:
        """Its place, ordered as images pass through the network."""
        return (*self.path, (self.start, "", self.stop))

    def overlaps(self, other: Site) -> bool:
        """Return whether some layer belongs to both sites."""
        short, long = sorted((self, other), key=lambda site: len(site.path))
        if long.path[: len(short.path)] != short.path:
            return False
        if len(short.path) == len(long.path):
            return short.start < long.stop and long.start < short.stop
        return short.start <= long.path[len(short.path)][0] < short.stop

    @property
    def stride(self) -> int:
        """The pixels of the input between two adjacent pixels of the output."""
        return _stride(self.layers)


class Base:
    """A backbone for one shape of image and number of classes, with its sites.

    Raises:
        SpecError: If two layers have one full name.
        ShapeError: If its layers do not fit each other.
    """

    def __init__(self, architecture: Architecture) -> None:
        output(architecture)
        self.layers = canonical(architecture).layers
        self.sites = _sites(self.layers, architecture.input)
        self._edited: dict[Any, Layers] = {}
        self._matched: dict[tuple[str, ...], tuple[Site, ...]] = {}

    def matching(self, patterns: Iterable[Any], place: str) -> tuple[Site, ...]:
        """Return the sites that one of ``patterns`` names, in order; ``*`` is one part of a name.

        Raises:
            SpecError: If a pattern names none, or two sites overlap.
        """
        wanted = tuple(patterns)
        for i, pattern in enumerate(wanted):
            if not isinstance(pattern, str):
                expected = "the name of a site, such as layer2.* or layer2.0.conv1"
                raise SpecError(place=f"{place}[{i}]", found=pattern, expected=expected)
        if wanted not in self._matched:
            self._matched[wanted] = self._matching(wanted, place)
        return self._matched[wanted]

    def _matching(self, patterns: tuple[str, ...], place: str) -> tuple[Site, ...]:
        by_name: dict[str, Site] = {}
        for i, pattern in enumerate(patterns):
            matches = [site for name, site in self.sites.items() if _matches(name, pattern)]
            if not matches:
                raise self._unknown(pattern, f"{place}[{i}]")
            by_name |= {site.name: site for site in matches}
        sites = sorted(by_name.values(), key=lambda site: site.place)
        for site, other in pairwise(sites):
            if site.overlaps(other):
                expected = "sites that have no layer in common"
                raise SpecError(
                    place=place, found=f"{site.name} and {other.name}", expected=expected
                )
        return tuple(sites)

    def within(self, site: Site, run: Any, place: str) -> Site:
        """Return the part of ``site`` that ``run`` names.

        Args:
            site: The site.
            run: ``body`` (all inside a residual or gate, or all of the site), the name of a layer
                in it, or the names of the first and last of a run.
            place: The place in the file, for messages.

        Raises:
            SpecError: If there is no such part.
        """
        if run == "body":
            return self.sites.get(f"{site.name}.body", site)
        if isinstance(run, str):
            if f"{site.name}.{run}" not in self.sites:
                raise self._unknown(f"{site.name}.{run}", place)
            return self.sites[f"{site.name}.{run}"]
        if not isinstance(run, list) or len(run) != 2:
            expected = "body, the name of a layer in the site, or [first, last]"
            raise SpecError(place=place, found=run, expected=expected)
        first, last = (self.within(site, str(name), place) for name in run)
        return _run(first, last, self, place)

    def replaced(self, new: Mapping[Site, Layers]) -> Layers:
        """Return the layers with others at the given sites, which do not overlap."""
        return _edited(self.layers, list(new.items()), self._edited) if new else self.layers

    def _unknown(self, name: str, place: str) -> SpecError:
        near = did_you_mean(name, self.sites, listed=False)
        some = ", ".join(list(self.sites)[:6])
        return SpecError(place=place, found=name, expected=f"a site ({some}, …)", fix=near)


Edit: TypeAlias = tuple[Site, Layers]


def _edited(layers: Layers, edits: list[Edit], made: dict[Any, Layers] | None = None) -> Layers:
    """Return a sequence with other layers at some sites in it.

    ``made`` keeps the edited layers, so that equal edits give the same object again.
    """
    by_layer: dict[int, list[Edit]] = {}
    for edit in edits:
        site = edit[0]
        by_layer.setdefault(site.path[0][0] if site.path else site.start, []).append(edit)
    edited: list[Layer] = []
    i = 0
    while i < len(layers):
        edits_here = by_layer.get(i)
        if edits_here is None:
            edited.append(layers[i])
            i += 1
            continue
        site, new = edits_here[0]
        if not site.path:
            edited += new
            i = site.stop
            continue
        key = (i, *edits_here)
        layer = None if made is None else made.get(key)
        if layer is None:
            layer = (_within(layers[i], edits_here),)
            if made is not None:
                made[key] = layer
        edited += layer
        i += 1
    return tuple(edited)


def _within(layer: Layer, edits: list[Edit]) -> Layer:
    """Return a composite layer with edits in its sequences."""
    by_step: dict[Step, list[Edit]] = {}
    for site, new in edits:
        by_step.setdefault(site.path[0], []).append((replace(site, path=site.path[1:]), new))
    for (_, name, which), inner in by_step.items():
        if isinstance(layer, Branches):
            sequence = _edited(layer.of[which], inner)
            layer = replace(layer, of=(*layer.of[:which], sequence, *layer.of[which + 1 :]))
        elif isinstance(layer, Gate) or (isinstance(layer, Residual) and name == "body"):
            layer = replace(layer, body=_edited(layer.body, inner))
        else:
            assert isinstance(layer, Residual)  # _sequences names no other
            layer = replace(layer, shortcut=_edited(layer.shortcut, inner))
    return canonical_layers((layer,))[0]


def _sites(layers: Layers, x: Shape) -> dict[str, Site]:
    by_name: dict[str, Site] = {}
    for site in _walk(layers, x, "", ()):
        if site.name in by_name:
            raise SpecError(found=site.name, expected="a name that no other layer has")
        by_name[site.name] = site
    return by_name


def _walk(layers: Layers, x: Shape, prefix: str, path: tuple[Step, ...]) -> Iterator[Site]:
    """Yield the sites of one sequence and of all inside it."""
    shapes = [x]
    for layer in layers:
        shapes.append(after_all((layer,), shapes[-1]))

    def run(name: str, start: int, stop: int) -> Site:
        return Site(name, path, start, stop, layers[start:stop], shapes[start], shapes[stop])

    names = [f"{prefix}{layer.name}" if layer.name else "" for layer in layers]
    for group, start, stop in _groups(names, prefix):
        yield run(group, start, stop)
    for i, (layer, name) in enumerate(zip(layers, names, strict=True)):
        if not name:
            continue
        yield run(name, i, i + 1)
        for step, inner, sequence, entering in _sequences(layer, i, shapes[i]):
            to = (*path, step)
            leaving = after_all(sequence, entering)
            if sequence and inner:
                yield Site(f"{name}.{inner}", to, 0, len(sequence), sequence, entering, leaving)
            yield from _walk(sequence, entering, f"{name}.", to)


def _groups(names: list[str], prefix: str) -> Iterator[tuple[str, int, int]]:
    """Yield the beginnings that adjacent names share, with the run of those names."""
    indices: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        parts = name.removeprefix(prefix).split(".") if name else []
        for n in range(1, len(parts)):
            indices.setdefault(prefix + ".".join(parts[:n]), []).append(i)
    for group, members in indices.items():
        if members[-1] - members[0] + 1 == len(members) and group not in names:
            yield group, members[0], members[-1] + 1


def _sequences(layer: Layer, at: int, x: Shape) -> Iterator[tuple[Step, str, Layers, Shape]]:
    match layer:
        case Residual(body=body, shortcut=shortcut):
            yield (at, "body", 0), "body", body, x
            yield (at, "shortcut", 0), "", shortcut, x
        case Gate(body=body):
            yield (at, "body", 0), "body", body, x
        case Branches(of=of, split=split):
            for i, sequence in enumerate(of):
                share = x if split is None else (split[i], *x[1:])
                yield (at, "of", i), f"of{i}", sequence, share
        case Conv() | Flatten() | GlobalPool() | Linear() | Pool() | Shuffle() | Slbf() | Stack():
            pass
        case _:
            assert_never(layer)


def _run(first: Site, last: Site, base: Base, place: str) -> Site:
    if first.path != last.path or first.start >= last.stop:
        expected = "two layers of one sequence, in their order"
        raise SpecError(place=place, found=f"{first.name} and {last.name}", expected=expected)
    layers: Layers = base.layers
    for i, name, which in first.path:
        inner = getattr(layers[i], name)
        layers = inner[which] if name == "of" else inner
    whole = layers[first.start : last.stop]
    name = f"{first.name}…{last.name.rpartition('.')[2]}"
    return Site(name, first.path, first.start, last.stop, whole, first.x, last.y)


def _matches(name: str, pattern: str) -> bool:
    parts, wanted = name.split("."), pattern.split(".")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def _stride(layers: Layers) -> int:
    """Return the product of the strides on the way through ``layers``."""
    total = 1
    for layer in layers:
        match layer:
            case Conv(stride=stride) | Slbf(stride=stride):
                total *= stride
            case Pool():
                total *= layer.step
            case Residual(body=body):
                total *= _stride(body)
            case Branches(of=of):
                total *= max(map(_stride, of))
            case Stack(units=units):
                total *= _stride(units[0].unit.layers)
            case Flatten() | Gate() | GlobalPool() | Linear() | Shuffle():
                pass  # a gate keeps the pixels of its input
            case _:
                assert_never(layer)
    return total
