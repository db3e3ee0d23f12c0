"""The data that samplers and stopping rules work on: observations, proposals, the problem.

A proposal is a pure function of (problem, trial number, visible observations, admitted keys).
Trial n sees the observations of the trials 0 … n-1-lag, in number order, so neither the engine, nor
the number of workers, nor a kill changes a proposal. The caller selects these observations: a
sampler never sees an outcome that it may not use.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from unitsearch.architecture import Architecture, key
from unitsearch.costs import Cost, count
from unitsearch.errors import UsageError
from unitsearch.metrics import Measured, Metric
from unitsearch.space import Space, within
from unitsearch.space.members import Values

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


@dataclass(frozen=True)
class SearchProblem:
    """The problem that a study asks its sampler to solve; fixed when the study is created.

    Attributes:
        space: The search space.
        seed: The study's seed: everything random in a sampler derives from it.
        objectives: The metrics that are searched for.
        floor: Share of the baseline's accuracy from which a trial is feasible.
        limits: Largest costs of a member, by name; a proposal beyond one is not admitted.
        latency_limit: Largest latency of a member in milliseconds; a trial beyond it is not
            feasible. None without one.
    """

    space: Space
    seed: int
    objectives: tuple[Metric, ...]
    floor: float
    limits: Mapping[str, int | None] = field(default_factory=dict)
    latency_limit: float | None = None

    def is_too_slow(self, trial: Observation) -> bool:
        """Return whether the measured latency of a trial is beyond the limit for candidates."""
        limit, latency = self.latency_limit, trial.latency
        return trial.number > 0 and limit is not None and latency is not None and latency > limit


@dataclass(frozen=True)
class Observation:
    """One earlier trial, as samplers and stopping rules see it.

    Attributes:
        number: The trial's number; 0 is the baseline.
        key: Its architecture's key.
        values: The parameters that it was drawn with; empty if it is no member of the space.
        cost: Its exact cost.
        state: ``complete``, ``failed``, ``stopped`` or ``running``. A trial is complete when every
            objective is known, so also the measured ones.
        accuracy: Its validation accuracy, a fraction; None unless it is complete.
        latency: Milliseconds an image, the median; None where it was not measured.
        epochs: The number of epochs that it was trained for; 0 while it runs. A rung of the study's
            ladder counts as an epoch that comes first.
        recipe_epochs: Epochs of a training that is not stopped, rungs included.
        curve: Validation accuracy after each of ``epochs``.
        loss_curve: Mean cross-entropy of the same images after each of them, in nats; None where it
            was not finite.
        images: The number of validation images.
        architecture: Its architecture; None where a test does not need it.
        sampler_state: The state of the proposal that the trial came from.
    """

    number: int
    key: str
    values: Mapping[str, Any]
    cost: Cost
    state: str = "running"
    accuracy: float | None = None
    latency: float | None = None
    epochs: int = 0
    recipe_epochs: int = 0
    curve: tuple[float, ...] = ()
    loss_curve: tuple[float | None, ...] = ()
    images: int = 0
    architecture: Architecture | None = field(default=None, repr=False)
    sampler_state: Mapping[str, Any] = field(default_factory=dict)

    @property
    def measured(self) -> Measured | None:
        """The facts that metrics derive from; None unless the trial is complete."""
        if self.state != "complete" or self.accuracy is None:
            return None
        return Measured(self.accuracy, self.cost, self.latency)


@dataclass(frozen=True)
class Proposal:
    """An architecture to try, and how it was drawn.

    Attributes:
        values: The space's parameters by name.
        distributions: Optuna's distributions of those that are no single value.
        architecture: The architecture that ``values`` draw.
        key: Its key.
        cost: Its exact cost.
        state: The sampler's own bookkeeping, plain data as JSON can hold it. It is stored with the
            trial and comes back as ``Observation.sampler_state``; only the sampler reads it.
    """

    values: Values
    distributions: Mapping[str, BaseDistribution]
    architecture: Architecture
    key: str
    cost: Cost
    state: Mapping[str, Any] = field(default_factory=dict)


Admits = Callable[[Proposal], bool]


def proposal_of(
    space: Space, values: Values, architecture: Architecture, state: Mapping[str, Any]
) -> Proposal:
    """Return the proposal of a member of ``space`` that was drawn with ``values``."""
    from unitsearch.search.distributions import distributions  # optuna: only proposals need it

    return Proposal(
        values,
        distributions(space, values),
        architecture,
        key(architecture),
        count(architecture),
        state,
    )


def admission(tried: Container[str], limits: Mapping[str, int | None]) -> Admits:
    """Return the test of a proposal: its key is not ``tried`` and its cost is within ``limits``."""

    def admits(proposal: Proposal) -> bool:
        return proposal.key not in tried and within(proposal.cost, limits)

    return admits


def check_proposal(proposal: object, admits: Admits, sampler: str) -> None:
    """Check what the sampler called ``sampler`` proposed, before a trial is made of it.

    Raises:
        UsageError: If it is no proposal, or one that ``admits`` refuses.
    """
    if not isinstance(proposal, Proposal):
        raise UsageError(
            place="sampler",
            found=f"{type(proposal).__name__} from {sampler}",
            expected="a Proposal or None from propose",
            fix="return proposal_of(…)",
        )
    if not admits(proposal):
        raise UsageError(
            place="sampler",
            found=f"architecture {proposal.key} from {sampler}",
            expected="an untried architecture within the limits",
            fix="propose only what admits(proposal) accepts, or None if nothing is left",
        )
