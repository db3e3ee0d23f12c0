"""The resolved configuration of a run: Hydra's override grammar through its compose API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from unitsearch import resources
from unitsearch.data import DataSpec
from unitsearch.engine.devices import cores, gpus
from unitsearch.errors import SpecError, UnitSearchError, UsageError, did_you_mean
from unitsearch.fields import (
    Enum,
    Float,
    Int,
    ListOf,
    Nested,
    Nullable,
    Text,
    declared,
    field_,
    read,
    write_all,
)
from unitsearch.metrics import METRICS
from unitsearch.network import AUTO, plan_from
from unitsearch.search.configured import (
    SamplerConfig,
    SamplerField,
    StoppingConfig,
    StoppingField,
    check_stopping,
    default_stopping,
    without_settings_of_others,
)
from unitsearch.search.extensions import GROUPS as EXTENSIONS
from unitsearch.search.extensions import ExtensionGroup, is_own
from unitsearch.space import LIMITS, SpaceFile, load_space
from unitsearch.study import schedule
from unitsearch.study.hydra_overrides import composed, given_values, parsed
from unitsearch.study.settings import Budget, EngineConfig, LatencyConfig, Limits
from unitsearch.training import Recipe
from unitsearch.training.rungs import Rung, check_rungs

GROUPS = ("data", "train", "sampler", "stopping", "engine")


@dataclass(frozen=True, kw_only=True)
class Config:
    """The resolved configuration of a run: every setting that it was asked for."""

    space: str = field_(Text(4096))
    name: str | None = field_(Nullable(Text(100)), None)
    storage: str | None = field_(Nullable(Text(2000)), None)
    seed: int = field_(Int(0, 2**31 - 1), 0)
    objectives: tuple[str, ...] = field_(ListOf(Enum(tuple(METRICS)), 1, 8))
    plan: str = field_(Text(10_000), AUTO)
    floor: float | None = field_(Nullable(Float(0, 1)), None)
    limits: Limits = field_(Nested(Limits))
    latency: LatencyConfig = field_(Nested(LatencyConfig), LatencyConfig())
    budget: Budget = field_(Nested(Budget))
    verify: float = field_(Float(0, 1), 0.0)  # as in a study of version 0.1, which stored none
    data: DataSpec = field_(Nested(DataSpec))
    train: Recipe = field_(Nested(Recipe))
    sampler: SamplerConfig = field_(SamplerField())
    stopping: StoppingConfig = field_(StoppingField(), StoppingConfig())
    ladder: tuple[Rung, ...] = field_(ListOf(Nested(Rung), 0, 8), ())
    engine: EngineConfig = field_(Nested(EngineConfig))

    @property
    def largest(self) -> dict[str, int | None]:
        """The limits by cost name."""
        return {name: getattr(self.limits, name) for name in LIMITS}

    @property
    def latency_limit(self) -> float | None:
        """The largest latency of a candidate in milliseconds; None without one."""
        limit = self.limits.latency_us
        return None if limit is None else limit / 1e3

    @property
    def measured(self) -> tuple[str, ...]:
        """The names of the metrics that are measured of each trial once it is trained."""
        names = [name for name in self.objectives if METRICS[name].is_measured]
        if self.latency_limit is not None and "latency" not in names:
            names.append("latency")
        return tuple(names)

    @property
    def points(self) -> int:
        """The points of a whole curve as the search sees it: one a rung, then one an epoch."""
        return len(self.ladder) + self.train.epochs

    def plain(self) -> dict[str, Any]:
        """Return the configuration as plain data, defaults included."""
        plain = write_all(self)
        for field in declared(Config):
            if isinstance(field.rule, Nested):
                plain[field.key] = write_all(getattr(self, field.name))
        return plain


def compose(overrides: Sequence[str]) -> tuple[Config, SpaceFile]:
    """Return the configuration that ``overrides`` ask for, and its space.

    A value given outright wins; then the space's own (its data, recipes, limits, floor), then those
    that a recipe sets for the data set in use, then the shipped defaults.

    Raises:
        UsageError: If an override has an unknown key, group option or a wrong type.
        SpecError: If the space file breaks the format.
    """
    given = [str(override) for override in overrides]
    chosen = given_values(given)
    for group in GROUPS:
        if group in chosen and not isinstance(chosen[group], str):
            raise UsageError(
                place=group, found=chosen[group], expected=f"one of {', '.join(options(group))}"
            )
    space = load_space(str(chosen.get("space", "lenet_hybrid")))
    data = str(chosen.get("data", space.data))
    train = str(chosen.get("train", "fast"))
    settings = [] if "data" in chosen else [f"data={_quoted(data)}"]
    values = _by_data(train, data) | dict(space.train.get(train, {}))
    settings += [f"train.{key}={_quoted(value)}" for key, value in values.items()]
    try:
        kept, own = _split_extensions(given, chosen)
    except SpecError as error:
        raise _usage(error) from None
    requested = [*settings, *kept]
    plain = composed(requested, lambda error: _explained(error, requested))
    plain.update(own)
    train_plain = plain.get("train")
    if isinstance(train_plain, dict) and {"train.epochs", "train.warmup"} & set(chosen) == {
        "train.epochs"
    }:
        _shorten(train_plain)
    limits = plain.get("limits")
    if isinstance(limits, dict):  # anything else is refused when it is read
        largest = {name: value for name, value in space.limits.items() if limits.get(name) is None}
        plain["limits"] = {**limits, **largest}
    if plain.get("floor") is None:
        plain["floor"] = space.floor
    try:
        config = read(Config, plain, title="run")
        config = replace(
            config, sampler=config.sampler.checked(), stopping=config.stopping.checked()
        )
    except SpecError as error:
        raise _usage(error) from None
    if not any(key.partition(".")[0] == "stopping" for key in chosen):
        metrics = [METRICS[name] for name in (*config.objectives, *config.measured)]
        rule = default_stopping(config.train.epochs, metrics)
        config = replace(config, stopping=rule)
    _check(config)
    return _with_room_for_packs(config, is_given="sampler.lag" in chosen), space


def config_from(plain: Mapping[str, Any]) -> Config:
    """Return the configuration stored as ``plain`` data; version 0.1 stored no stopping rule."""
    if "stopping" not in plain and "sampler" in plain:
        plain = {**plain, "sampler": without_settings_of_others(plain["sampler"])}
    return read(Config, plain, "config", title="run")


def sweep(overrides: Sequence[str]) -> list[list[str]]:
    """Return one list of overrides for each combination of a multirun (``seed=1,2``)."""
    from itertools import product

    columns = []
    for text, override in zip(overrides, parsed(overrides), strict=True):
        if override.is_sweep_override():
            key = override.get_key_element()
            columns.append([f"{key}={value}" for value in override.sweep_string_iterator()])
        else:
            columns.append([text])
    return [list(combination) for combination in product(*columns)]


def options(group: str) -> list[str]:
    """Return the names that a group offers."""
    return sorted(path.stem for path in (resources.config_folder() / group).glob("*.yaml"))


def _shorten(recipe: dict[str, Any]) -> None:
    """Cut a recipe's own warm-up to half of the fewer epochs that were asked for."""
    epochs, warmup = recipe.get("epochs"), recipe.get("warmup")
    if isinstance(epochs, (int, float)) and isinstance(warmup, (int, float)) and epochs > 0:
        recipe["warmup"] = min(warmup, epochs / 2)


def _check(config: Config) -> None:
    if len(set(config.objectives)) != len(config.objectives):
        raise UsageError(
            place="objectives", found=list(config.objectives), expected="every objective once"
        )
    knowing = [name for name, metric in METRICS.items() if metric.needs_accuracy]
    if not set(config.objectives) & set(knowing):
        raise UsageError(
            place="objectives",
            found=list(config.objectives),
            expected=f"one of {', '.join(knowing)} among them",
            fix="costs alone would reward a network that knows nothing",
        )
    if config.plan != AUTO:
        plan_from(config.plan)
    check_stopping(config.stopping, config.points)
    check_rungs(config.ladder, config.train, config.data, config.stopping.name)
    if config.ladder and (config.engine.pack or 1) > 1:
        found, expected = config.engine.pack, "1 with a ladder: its rungs train alone"
        raise UsageError(place="engine.pack", found=found, expected=expected)
    if config.latency.runtime is not None:
        if not config.measured:
            raise UsageError(
                place="latency.runtime",
                found=config.latency.runtime,
                expected="latency among the objectives, or limits.latency_us",
            )
        from unitsearch.engine.measuring import check_runtime  # with torch, which is heavy

        check_runtime(config.latency.runtime)
    name = config.name
    if name is not None and (not name or name.startswith(".") or set(name) & set("/\\\0:")):
        raise UsageError(place="name", found=name, expected="a plain folder name")


def pack_request(config: Config, device: str, workers: int) -> schedule.PackRequest:
    """Return the settings that the size of packs depends on."""
    return schedule.PackRequest(
        1 if config.ladder and config.engine.pack is None else config.engine.pack,
        config.plan,
        device,
        workers,
        config.sampler.lag,
        config.sampler.looks_at_outcomes or config.stopping.looks_at_outcomes,
        config.budget.trials,
    )


def _with_room_for_packs(config: Config, *, is_given: bool) -> Config:
    """Return the configuration with a lag that packs can do with, if none was given."""
    device, workers = config.engine.resolved_device, config.engine.workers
    if device == "cuda" and config.engine.is_here:
        available = gpus()
        if workers is not None and workers > available:
            raise UsageError(
                place="engine.workers",
                found=workers,
                expected=f"at most {available}: one a GPU",
                fix="or train on the CPU: engine.device=cpu",
            )
        workers = workers or available
    request = pack_request(config, device, workers or 1)
    if not is_given:
        lag = schedule.lag_for(request)
        if request.size == 1:
            most = workers or (len(cores()) if config.engine.is_here else None)
            fitting = schedule.lag_of_workers(
                most, config.budget.trials, are_given=workers is not None
            )
            lag = max(lag, fitting)
        request = replace(request, lag=lag)
        config = replace(config, sampler=replace(config.sampler, lag=lag))
    schedule.check(request)
    return config


def _split_extensions(
    overrides: list[str], given: Mapping[str, Any]
) -> tuple[list[str], dict[str, dict[str, Any]]]:
    """Return the overrides for Hydra, and the groups that name a user's own class.

    No file of Hydra's stands for such a class: its keys are set one by one. A setting of another
    sampler or rule that ships is checked and left out, so that a sweep over samplers may give the
    settings of each.
    """
    names = _extension_names(given)
    own: dict[str, dict[str, Any]] = {
        group: {"name": name} for group, name in names.items() if is_own(name)
    }
    kept = []
    for text, override in zip(overrides, parsed(overrides), strict=True):
        group, _, key = override.key_or_group.partition(".")
        if group in own:
            if key and not override.is_delete():
                own[group][key] = override.value()
        elif key and group in names and _is_shared(EXTENSIONS[group], names[group], key):
            EXTENSIONS[group].check_setting_of_another(key, override.value())
        else:
            kept.append(text)
    return kept, own


def _is_shared(group: ExtensionGroup, name: str, key: str) -> bool:
    return group.shares_settings and group.is_of_another(name, key)


def _explained(error: Exception, overrides: list[str]) -> UsageError:
    """Return the error for an override that Hydra refused, with the choices that there are."""
    for override, text in zip(parsed(overrides), overrides, strict=True):
        key = str(override.key_or_group)
        head, _, tail = key.partition(".")
        if key in GROUPS:
            names = options(key)
            if not isinstance(override.value(), str) or override.value() not in names:
                return UsageError(
                    place=key,
                    found=override.value(),
                    expected=f"one of {', '.join(names)}",
                    fix=did_you_mean(str(override.value()), names, listed=False),
                )
            continue
        known = _keys(given_values(overrides))
        if head in EXTENSIONS and tail and key not in known:
            name = _extension_names(given_values(overrides))[head]
            return _usage(EXTENSIONS[head].unknown_setting(name, tail, head))
        if key not in known and (tail or head) in str(error):
            return UsageError(
                place=key,
                found=text,
                expected="a key of run",
                fix=did_you_mean(key, known),
            )
    return UsageError(str(error).splitlines()[0])


def _keys(given: Mapping[str, Any]) -> list[str]:
    """Return every key that an override may name beside the ``given`` group choices."""
    plain = [field.key for field in declared(Config)]
    nested = {f.key: f.rule.cls for f in declared(Config) if isinstance(f.rule, Nested)}
    inner = [f"{group}.{field.key}" for group, cls in nested.items() for field in declared(cls)]
    for group, name in _extension_names(given).items():
        inner += [f"{group}.{key}" for key in EXTENSIONS[group].keys(name)]
    return plain + inner


def _extension_names(given: Mapping[str, Any]) -> dict[str, str]:
    """Return the sampler and the stopping rule that are chosen, by group."""
    defaults = {"sampler": SamplerConfig().name, "stopping": StoppingConfig().name}
    return {group: str(given.get(group, name)) for group, name in defaults.items()}


def _by_data(train: str, data: str) -> dict[str, Any]:
    text = (resources.config_folder() / "recipes_by_data.yaml").read_text("utf-8")
    return dict(yaml.safe_load(text).get(train, {}).get(data, {}))


def _quoted(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)


def _usage(error: UnitSearchError) -> UsageError:
    return UsageError(
        error.message, place=error.place, found=error.found, expected=error.expected, fix=error.fix
    )
