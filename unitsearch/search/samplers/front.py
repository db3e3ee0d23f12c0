"""The sampler of fronts: accuracy is modelled, costs are exact, gains in hypervolume are expected.

The first trials spread over the space. Each later one is the candidate whose expected gain in
hypervolume over the modelled front is largest. Candidates are a pool that is drawn once, and
mutations of the members that the model has on the front.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from unitsearch.fields import Int, field_
from unitsearch.search.front import front
from unitsearch.search.pool import draw_pool, farthest_first, mutations
from unitsearch.search.proposals import Admits, Observation, Proposal, SearchProblem, proposal_of
from unitsearch.search.reference import accuracy_reference
from unitsearch.search.samplers.untried import random_untried

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from unitsearch.search.model.features import FeatureScale
    from unitsearch.search.model.refits import RefittedModel
    from unitsearch.search.model.search_model import SearchModel

    Array: TypeAlias = NDArray[np.float64]

_BEYOND = 1e-9  # that the reference lies beyond the dearest candidate
_DIGITS = 12  # of a gain that are compared: rounding must not decide between candidates


@dataclass(frozen=True, kw_only=True)
class FrontSettings:
    """The settings of the sampler of fronts.

    Attributes:
        startup: Trials that spread over the space before the model proposes.
        pool: Members that are drawn once as candidates.
        mutations: Mutations of the modelled front that are candidates of one trial.
        parts: Parts of equal probability that an uncertain objective is split into.
    """

    startup: int = field_(Int(2, 1000), 6)
    pool: int = field_(Int(10, 100_000), 1500)
    mutations: int = field_(Int(0, 10_000), 60)
    parts: int = field_(Int(1, 100), 16)


@dataclass(frozen=True)
class _Pool:
    """The candidates of a whole search.

    Attributes:
        members: The members.
        scale: The scale of the features.
        x: Their features, shape (members, features).
        start: The places of the first members to try, in order.
    """

    members: list[Proposal]
    scale: FeatureScale
    x: Array
    start: list[int]


class FrontSearch:
    """A sampler that proposes the member with the largest expected gain of the modelled front."""

    Settings = FrontSettings
    looks_at_outcomes = True

    def __init__(
        self,
        problem: SearchProblem,
        settings: FrontSettings,
        candidates: Sequence[Proposal] | None = None,
    ) -> None:
        """Make the sampler.

        Args:
            problem: The study's problem.
            settings: The settings.
            candidates: The only members that may be proposed, such as those of a recorded table;
                a pool and mutations unless given.
        """
        self._problem = problem
        self._settings = settings
        self._candidates = candidates
        self._kept_pool: _Pool | None = None
        self._refits: RefittedModel | None = None

    def propose(
        self, number: int, visible: Sequence[Observation], admits: Admits
    ) -> Proposal | None:
        """Return the candidate with the largest expected gain, one of the start at first."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, user_api="blas"):
            chosen = self._chosen(number, visible, admits)
        if chosen is None:
            return random_untried(self._problem, number, admits, {})
        return proposal_of(self._problem.space, dict(chosen.values), chosen.architecture, {})

    def _chosen(
        self, number: int, visible: Sequence[Observation], admits: Admits
    ) -> Proposal | None:
        """Return an admitted candidate; None if there is none."""
        pool = self._pool()
        complete = sum(item.measured is not None for item in visible)
        if number < self._settings.startup or complete < 2 or visible[0].measured is None:
            start = (pool.members[place] for place in pool.start)
            return next((member for member in start if admits(member)), None)
        return self._best(number, visible, admits)

    def _best(self, number: int, visible: Sequence[Observation], admits: Admits) -> Proposal | None:
        """Return the admitted candidate with the largest expected gain; None without candidates."""
        import numpy as np

        from unitsearch.search.model.acquisition import expected_gains
        from unitsearch.search.model.boxes import boxes

        pool, problem = self._pool(), self._problem
        model, x = self._model(visible)
        rows = [
            row
            for row, item in enumerate(visible)
            if item.state in ("complete", "running") and not problem.is_too_slow(item)
        ]
        points = model.points(x[rows], [visible[row].cost for row in rows])
        reference = self._reference(model, visible)
        first = _front_below(points, reference)
        parents = [visible[rows[place]].values for place in first]
        size = self._settings.mutations if self._candidates is None else 0
        drawn = mutations(problem, number, [values for values in parents if values], size)
        places = [place for place, member in enumerate(pool.members) if admits(member)]
        known = {pool.members[place].key for place in places}
        new = [member for member in drawn if member.key not in known and admits(member)]
        candidates = [*(pool.members[place] for place in places), *new]
        if not candidates:
            return None
        columns, feasible = model.candidates(
            np.concatenate([pool.x[places], self._features(new)]),
            [member.cost for member in candidates],
            self._settings.parts,
        )
        for place, column in enumerate(columns):
            if column.ndim == 1:  # networks that cost more than the baseline can be worth it too
                reference[place] = max(reference[place], float(column.max()) + _BEYOND)
        free = boxes(points[_front_below(points, reference)], reference)
        gains = expected_gains(free, columns, feasible)
        best = float(gains.max())
        if best <= 0.0:
            return None
        relative = np.round(gains / best, _DIGITS)
        ties = [candidates[place] for place in np.flatnonzero(relative == relative.max())]
        return min(ties, key=lambda member: member.key)

    def _model(self, visible: Sequence[Observation]) -> tuple[SearchModel, Array]:
        """Return the model after the trials ``visible``, and their features."""
        from unitsearch.search.model.refits import RefittedModel
        from unitsearch.search.model.search_model import search_model

        if self._refits is None:
            scale = self._pool().scale
            self._refits = RefittedModel(lambda _: scale)
        ended = sum(item.state != "running" for item in visible)
        found = self._refits.fit(visible, ended)
        problem, accuracy = self._problem, found.fitted.process
        model = search_model(
            problem.objectives,
            visible,
            found.evidence,
            found.x,
            accuracy,
            problem.floor,
            problem.latency_limit,
        )
        return model, found.x

    def _reference(self, model: SearchModel, visible: Sequence[Observation]) -> Array:
        """Return the point from which gains count: a fixed accuracy, at the baseline's costs."""
        import numpy as np

        first = visible[0].measured
        assert first is not None  # the baseline is complete
        accuracy = accuracy_reference(
            first.accuracy, self._problem.space.classes, self._problem.floor * first.accuracy
        )
        return np.asarray(model.reference(accuracy))

    def _pool(self) -> _Pool:
        if self._kept_pool is None:
            from unitsearch.search.model.features import feature_scale, vectors

            given = self._candidates
            members = draw_pool(self._problem, self._settings.pool) if given is None else [*given]
            pairs = [(member.architecture, member.cost) for member in members]
            scale = feature_scale(pairs)
            x = vectors(scale, pairs)
            start = farthest_first(members, x, self._settings.startup)
            self._kept_pool = _Pool(members, scale, x, start)
        return self._kept_pool

    def _features(self, members: Sequence[Proposal]) -> Array:
        from unitsearch.search.model.features import vectors

        return vectors(self._pool().scale, [(m.architecture, m.cost) for m in members])


def _front_below(points: Array, reference: Array) -> list[int]:
    """Return the places of the points below ``reference`` that none of them dominates."""
    below = [place for place, point in enumerate(points) if (point < reference).all()]
    return front([(place, tuple(map(float, points[place]))) for place in below])
