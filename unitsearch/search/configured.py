"""The sampler and the stopping rule of a study, as its configuration names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, cast

from unitsearch.costs import Cost
from unitsearch.errors import SpecError, UsageError
from unitsearch.fields import Int, Schema, Text
from unitsearch.metrics import Metric
from unitsearch.search.extensions import SAMPLERS, STOPPING_RULES, ExtensionGroup, is_own
from unitsearch.search.proposals import Observation, SearchProblem
from unitsearch.search.samplers import Sampler
from unitsearch.search.stopping import StoppingRule

LAG = 8  # the lag of a user's own sampler unless given; the shipped samplers' files state theirs
_FEWEST_EPOCHS = 4  # of a recipe whose trainings are stopped unless a rule is chosen
_LAG_RULE = Int(0, 100_000)


@dataclass(frozen=True)
class SamplerConfig:
    """The sampler of a study; fixed when the study is created.

    Attributes:
        name: The name of a shipped one, or ``module:Class``.
        lag: The number of the newest trials whose outcomes a proposal does not see.
        settings: Its own settings, as plain data.
    """

    name: str = "front"
    lag: int = LAG
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def looks_at_outcomes(self) -> bool:
        """Whether outcomes change proposals."""
        return bool(SAMPLERS.find(self.name).looks_at_outcomes)

    def checked(self) -> Self:
        """Return the same configuration with all settings; this imports a user's own class.

        Raises:
            UsageError: If there is no such class.
            SpecError: If a setting is wrong.
        """
        return replace(self, settings=SAMPLERS.read_settings(self.name, self.settings, "sampler"))

    def make(self, problem: SearchProblem) -> Sampler:
        """Return the sampler for ``problem``."""
        return cast(Sampler, SAMPLERS.make(self.name, self.settings, [problem]))


@dataclass(frozen=True)
class StoppingConfig:
    """The stopping rule of a study; fixed when the study is created.

    Attributes:
        name: The name of a shipped one, or ``module:Class``.
        settings: Its own settings, as plain data.
    """

    name: str = "none"
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def looks_at_outcomes(self) -> bool:
        """Whether outcomes change the bars."""
        return bool(STOPPING_RULES.find(self.name).looks_at_outcomes)

    def checked(self) -> Self:
        """Return the same configuration with all settings; this imports a user's own class.

        Raises:
            UsageError: If there is no such class.
            SpecError: If a setting is wrong.
        """
        settings = STOPPING_RULES.read_settings(self.name, self.settings, "stopping")
        return replace(self, settings=settings)

    def make(self) -> StoppingRule:
        """Return the rule."""
        return cast(StoppingRule, STOPPING_RULES.make(self.name, self.settings))


def default_stopping(epochs: int, objectives: Sequence[Metric]) -> StoppingConfig:
    """Return the stopping rule of a study for which none was chosen.

    It is ``band``, but ``none`` for a recipe of few epochs, and where an objective is measured: a
    network that costs more than another may still be the faster one.
    """
    is_long = epochs >= _FEWEST_EPOCHS
    is_exact = not any(objective.is_measured for objective in objectives)
    return StoppingConfig("band" if is_long and is_exact else "none").checked()


def check_stopping(stopping: StoppingConfig, points: int) -> None:
    """Refuse bars that are known now and stop nothing.

    Raises:
        UsageError: If the only bar is that of the last of the ``points`` of a training.
    """
    if stopping.looks_at_outcomes:
        return
    bars = stopping.make().bars(Observation(1, "", {}, Cost()), (), points)
    if len(bars) == points and all(bar is None for bar in bars[:-1]):
        raise UsageError(
            place="stopping",
            found=", ".join(f"{key}={value}" for key, value in stopping.settings.items()),
            expected=f"a bar before the last epoch, which is {points}: that one ends a training",
            fix="ask earlier, or leave stopping=none",
        )


class SamplerField:
    """The rule of the key ``sampler``: its name, the lag and the sampler's own settings, flat."""

    def read(self, value: Any, place: str) -> SamplerConfig:
        """Return the configured sampler; raise ``SpecError`` at ``place``."""
        name, rest = _name_and_rest(SAMPLERS, value, place)
        lag = _LAG_RULE.read(rest.pop("lag", LAG), f"{place}.lag")
        return SamplerConfig(name, lag, _read_settings(SAMPLERS, name, rest, place))

    def write(self, value: SamplerConfig) -> dict[str, Any]:
        """Return the plain data that ``read`` would turn into ``value``."""
        return {"name": value.name, **value.settings, "lag": value.lag}

    def schema(self) -> Schema:
        """Return the JSON Schema of the plain data."""
        return {"type": "object", "required": ["name"]}


class StoppingField:
    """The rule of the key ``stopping``: its name and the rule's own settings, flat."""

    def read(self, value: Any, place: str) -> StoppingConfig:
        """Return the configured stopping rule; raise ``SpecError`` at ``place``."""
        name, rest = _name_and_rest(STOPPING_RULES, value, place)
        return StoppingConfig(name, _read_settings(STOPPING_RULES, name, rest, place))

    def write(self, value: StoppingConfig) -> dict[str, Any]:
        """Return the plain data that ``read`` would turn into ``value``."""
        return {"name": value.name, **value.settings}

    def schema(self) -> Schema:
        """Return the JSON Schema of the plain data."""
        return {"type": "object", "required": ["name"]}


def without_settings_of_others(plain: Any) -> Any:
    """Return the stored plain data of a sampler without the settings of other samplers.

    Version 0.1 stored the settings of all samplers with each.
    """
    name = plain.get("name") if isinstance(plain, Mapping) else None
    if isinstance(name, str) and name in SAMPLERS.shipped():
        return {key: v for key, v in plain.items() if not SAMPLERS.is_of_another(name, key)}
    return plain


def _name_and_rest(group: ExtensionGroup, value: Any, place: str) -> tuple[str, dict[str, Any]]:
    if not isinstance(value, Mapping) or "name" not in value:
        raise SpecError(place=place, found=value, expected=f"a mapping of the keys of {group.name}")
    rest = {str(key): item for key, item in value.items()}
    name = Text(500).read(rest.pop("name"), f"{place}.name")
    if not is_own(name) and name not in group.shipped():
        raise SpecError(
            place=f"{place}.name", found=name, expected=f"one of {', '.join(group.shipped())}"
        )
    return name, rest


def _read_settings(
    group: ExtensionGroup, name: str, plain: Mapping[str, Any], place: str
) -> Mapping[str, Any]:
    """Return checked settings; those of a user's own class stay unchecked: it is not imported."""
    if is_own(name):
        return plain
    try:
        return group.read_settings(name, plain, place)
    except UsageError as error:  # pragma: no cover - a shipped module that breaks the protocol
        raise SpecError(str(error)) from error
