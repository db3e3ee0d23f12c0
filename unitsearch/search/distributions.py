"""Optuna's distributions of a space's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from unitsearch.space import Cut, Domain, Labels, Space, draw


def distribution_of(domain: Domain) -> BaseDistribution:
    """Return Optuna's distribution for a parameter's domain."""
    if isinstance(domain, Labels):
        return CategoricalDistribution(domain.options)
    if isinstance(domain, Cut):
        return IntDistribution(0, domain.high)
    return IntDistribution(domain.low, domain.high, step=domain.step)


def distributions(space: Space, values: Mapping[str, Any]) -> dict[str, BaseDistribution]:
    """Return the distributions of the values of one member, single ones left out."""
    by_name: dict[str, BaseDistribution] = {}

    def choose(name: str, domain: Domain) -> Any:
        distribution = distribution_of(domain)
        if not distribution.single():
            by_name[name] = distribution
        return values[name]

    draw(space, choose)
    return by_name
