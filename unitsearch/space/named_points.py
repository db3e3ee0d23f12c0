"""Named points and the baseline: members given by their values, or whole architectures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, assert_never

from unitsearch.architecture import (
    Architecture,
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
from unitsearch.architecture.reading import check_keys
from unitsearch.costs import COSTS, count
from unitsearch.errors import SpecError, UsageError, did_you_mean
from unitsearch.fields import Int, join
from unitsearch.space.bound import Space, fixed_layers
from unitsearch.space.checking import checked
from unitsearch.space.draws import Cut, Domain, Labels, unscaled
from unitsearch.space.members import parameters
from unitsearch.space.nodes import MapNode, Plain
from unitsearch.space.queries import fields_of
from unitsearch.space.sampling import sample


def point(space: Space, name: str) -> Architecture:
    """Return the named point of ``space``.

    Raises:
        UsageError: If it has no point of that name.
        SpecError: If the point's values do not make a member.
    """
    if name not in space.file.points:
        known = space.file.points
        raise UsageError(
            found=name,
            expected=f"a point of {space.name}",
            fix=did_you_mean(name, known) or "it has none",
        )
    data = space.file.points[name]
    place = f"points.{name}"
    with space.file.document.located():
        if "backbone" in data:
            space = with_options(space, data["backbone"], join(place, "backbone"))
            if "set" not in data:
                return checked(space, unreplaced(space), "")
        if "layers" in data:
            layers = fixed_layers(space, data["layers"], join(place, "layers"))
            return checked(space, Architecture(input=space.input, layers=layers), join(place, ""))
        return checked(space, member(space, data["set"] or {}, join(place, "set")), "")


def member(space: Space, settings: Mapping[str, Any], place: str) -> Architecture:
    """Return the member with the given values by parameter name.

    A mixture may be set as a whole, by the counts of its kinds (``s1.units: {U1: 3, U2: 5}``) or
    the one kind of all its units (``s1.units: U1``). A name sets all parameters that end like it
    (``run`` sets ``layer2.0.run``), ``*`` stands for one part of a name (``layer2.*.run``), and the
    most definite name holds.
    """
    if not isinstance(settings, Mapping):
        raise SpecError(place=place, found=settings, expected="values by parameter name")
    used: set[str] = set()
    patterns = _by_strength(settings)

    def choose(name: str, domain: Domain) -> Any:
        given = _setting(patterns, name)
        if given is not None:
            used.add(given)
            return _allowed(settings[given], domain, join(place, given))
        whole, _, part = name.rpartition(".")
        given = _setting(patterns, whole)
        if given is not None and isinstance(domain, Cut) and isinstance(settings[given], str):
            used.add(given)
            return _from_counts({settings[given]: domain.total}, part, domain, join(place, given))
        if given is not None and isinstance(settings[given], Mapping):
            used.add(given)
            return _from_counts(settings[given], part, domain, join(place, given))
        if len(domain.options) == 1:
            return domain.options[0]
        _check_known(space, settings, place)
        raise SpecError(
            place=place, found=f"no value for {name!r}", expected=f"{name}: {_domain_text(domain)}"
        )

    architecture = sample(space, choose)
    for name in settings:
        if name not in used:
            _check_known(space, {name: settings[name]}, place)
            raise SpecError(
                place=join(place, str(name)),
                found=str(name),
                expected="a parameter that this member draws",
                fix="the other values leave it out, or a more definite name holds everywhere",
            )
    return architecture


def _check_known(space: Space, settings: Mapping[str, Any], place: str) -> None:
    """Refuse a setting that is for no parameter of the space."""
    known = list(parameters(space))
    wholes = {name.rpartition(".")[0] for name in known}
    for name in settings:
        pattern = _by_strength({name: None})
        if not any(_setting(pattern, parameter) for parameter in (*known, *wholes)):
            raise SpecError(
                place=join(place, str(name)),
                found=str(name),
                expected="a parameter of the space",
                fix=did_you_mean(str(name), _endings([*wholes, *known])),
            )


def _endings(names: Iterable[str]) -> list[str]:
    """Return every way to end a name like one of ``names``, such as run for layer2.0.run."""
    endings: dict[str, None] = {}
    for name in names:
        parts = name.split(".")
        endings |= {".".join(parts[i:]): None for i in range(len(parts)) if not parts[i].isdigit()}
    return list(endings)


def _by_strength(settings: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Return the names of settings with their parts, the most definite first."""
    split = [(str(name), str(name).split(".")) for name in settings]
    return sorted(split, key=lambda item: (-len(item[1]), item[0].count("*")))


def _setting(patterns: list[tuple[str, list[str]]], name: str) -> str | None:
    """Return the most definite setting for the parameter ``name``."""
    parts = name.split(".")
    for given, wanted in patterns:
        if given == name or (
            len(wanted) <= len(parts)
            and all(
                fnmatchcase(part, want)
                for want, part in zip(wanted, parts[len(parts) - len(wanted) :], strict=True)
            )
        ):
            return given
    return None


def with_options(space: Space, options: Any, place: str) -> Space:
    """Return the space over its backbone with other ``options``."""
    if not isinstance(options or {}, Mapping):
        raise SpecError(place=place, found=options, expected="options of the backbone, {} for none")
    given = {name: Plain(value, join(place, str(name))) for name, value in (options or {}).items()}
    node = MapNode({**fields_of(space.backbone), **given}, place)
    return Space(replace(space.file, backbone=node), space.input, space.classes, space.layers)


def unreplaced(space: Space) -> Architecture:
    """Return the space's backbone as it is; an option left to choice takes its first value."""
    draw = space.start_draw(lambda name, domain: domain.options[0])
    options = draw.resolve(space.backbone, "backbone")
    return Architecture(input=space.input, layers=space.base(options).layers)


def baseline(space: Space) -> Architecture:
    """Return the network that candidates are compared with: trial 0 of every study."""
    data = space.file.baseline
    with space.file.document.located():
        if len(data) != 1:
            raise SpecError(
                place="baseline", found=", ".join(data), expected="dense, point, layers or backbone"
            )
        if "backbone" in data:
            space = with_options(space, data["backbone"], "baseline.backbone")
            return checked(space, unreplaced(space), "")
        if "layers" in data:
            layers = fixed_layers(space, data["layers"], "baseline.layers")
            return checked(
                space, canonical(Architecture(input=space.input, layers=layers)), "baseline"
            )
        word, name = next(iter(data.items()))
        if not isinstance(name, str):
            raise SpecError(place=f"baseline.{word}", found=name, expected="the name of a point")
        if name not in space.file.points:
            raise SpecError(
                place=f"baseline.{word}",
                found=name,
                expected=f"a point of {space.name}",
                fix=did_you_mean(name, space.file.points) or "it has none",
            )
        named = point(space, name)
        if word == "point":
            return named
        return checked(space, dense(named), "baseline")


def dense(architecture: Architecture) -> Architecture:
    """Return the network with every stack's nodes fully connected.

    Raises:
        SpecError: If a stack's units differ in more than their widths.

    Source:
        BUnit-Net Eqs. (6) and (8): the same nodes, dense.
    """
    return Architecture(input=architecture.input, layers=_dense_layers(architecture.layers))


def _dense_layers(layers: Layers) -> Layers:
    dense_layers: list[Layer] = []
    for layer in layers:
        match layer:
            case Stack():
                dense_layers += _dense_stack(layer)
            case Residual(body=body, shortcut=shortcut):
                inner = (_dense_layers(body), _dense_layers(shortcut))
                dense_layers.append(replace(layer, body=inner[0], shortcut=inner[1]))
            case Gate(body=body):
                dense_layers.append(replace(layer, body=_dense_layers(body)))
            case Branches(of=of):
                dense_layers.append(replace(layer, of=tuple(map(_dense_layers, of))))
            case Conv() | Flatten() | GlobalPool() | Linear() | Pool() | Shuffle() | Slbf():
                dense_layers.append(layer)
            case _:
                assert_never(layer)
    return tuple(dense_layers)


def _dense_stack(stack: Stack) -> Layers:
    rows = {tuple(_without_width(layer) for layer in run.unit.layers) for run in stack.units}
    if len(rows) > 1:
        raise SpecError(
            found="units that differ in more than their nodes",
            expected="equal kernels, strides and depths in a stack that is made dense",
            fix="give the baseline as layers",
        )
    layers: list[Layer] = []
    for i, layer in enumerate(stack.units[0].unit.layers):
        if isinstance(layer, (Conv, Slbf, Linear)):
            out = sum(run.count * _width(run.unit.layers[i]) for run in stack.units)
            layers.append(_with_width(layer, out))
        else:
            layers.append(layer)
    return tuple(layers)


def _width(layer: Layer) -> int:
    return layer.out if isinstance(layer, (Conv, Slbf, Linear)) else 0


def _without_width(layer: Layer) -> Layer:
    return _with_width(layer, 1) if isinstance(layer, (Conv, Slbf, Linear)) else layer


def _with_width(layer: Conv | Slbf | Linear, out: int) -> Layer:
    if isinstance(layer, Slbf):  # dense is the normal convolution that it stands for
        return Conv(
            out=out,
            kernel=layer.kernel,
            stride=layer.stride,
            padding=layer.padding,
            norm=layer.norm,
            act=layer.act,
            name=layer.name,
        )
    if isinstance(layer, Conv):
        return replace(layer, out=out, groups=1)
    return replace(layer, out=out)


def expectations(space: Space, name: str) -> dict[str, tuple[int, int]]:
    """Return the costs of the point's ``expect`` with those that are computed, by cost name."""
    data = space.file.points[name].get("expect") or {}
    place = f"points.{name}.expect"
    with space.file.document.located():
        expected = check_keys(data, COSTS, place, "expect")
        cost = count(point(space, name))
        return {k: (Int().read(v, join(place, k)), getattr(cost, k)) for k, v in expected.items()}


def _from_counts(counts: Mapping[str, Any], part: str, domain: Domain, place: str) -> Any:
    numbers = {str(k): Int(0).read(v, join(place, str(k))) for k, v in counts.items()}
    kinds = domain.kinds if isinstance(domain, Cut) else tuple(map(str, domain.options))
    if part == "total" or (len(kinds) and part.startswith("total")):
        return _allowed(sum(numbers.values()), domain, place)
    for kind in numbers:
        if kind not in kinds:
            raise SpecError(
                place=join(place, kind), found=kind, expected=f"one of {', '.join(kinds)}"
            )
    if isinstance(domain, Cut):
        if sum(numbers.values()) != domain.total:
            expected = f"{domain.total} units together"
            raise SpecError(place=place, found=sum(numbers.values()), expected=expected)
        cut = sum(numbers.get(kind, 0) for kind in kinds[: domain.index + 1])
        return unscaled(cut, domain.total, domain.high)
    position = part.removeprefix("position")
    if not part.startswith("position") or not position.isdecimal():
        raise SpecError(place=place, found="counts of kinds", expected=_domain_text(domain))
    order = [kind for kind in kinds for _ in range(numbers.get(kind, 0))]
    if int(position) >= len(order):
        raise SpecError(place=place, found=len(order), expected="as many units as the total")
    return order[int(position)]


def _allowed(value: Any, domain: Domain, place: str) -> Any:
    if isinstance(domain, Labels):
        for option in domain.options:
            if option == value and type(option) is type(value):
                return option
    elif isinstance(domain, Cut):
        return Int(0, domain.high).read(value, place)
    elif value in domain.options and not isinstance(value, bool):
        return value
    raise SpecError(place=place, found=value, expected=_domain_text(domain))


def _domain_text(domain: Domain) -> str:
    if isinstance(domain, Cut):
        return f"a whole number from 0 to {domain.high}"
    options = [str(option) for option in domain.options]
    return f"one of {', '.join(options)}" if len(options) < 12 else f"{options[0]} … {options[-1]}"
