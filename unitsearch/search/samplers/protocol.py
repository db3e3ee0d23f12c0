"""The protocol of samplers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from unitsearch.search.proposals import Admits, Observation, Proposal


class Sampler(Protocol):
    """A rule that proposes the next architecture of one study.

    A class of samplers is made with the study's ``SearchProblem``, and with an instance of its
    ``Settings`` where it has such a class attribute: a frozen data class with declared fields.

    Attributes:
        looks_at_outcomes: Whether outcomes change proposals; stated on the class. Where they do
            not, more trials may run at once.
    """

    looks_at_outcomes: bool

    def propose(
        self, number: int, visible: Sequence[Observation], admits: Admits
    ) -> Proposal | None:
        """Return the proposal for trial ``number``, or None when ``admits`` accepts no member.

        The result is a function of the arguments and of the problem alone. An instance may keep
        what saves time; one that is made anew proposes the same, so a study can be resumed.

        Args:
            number: The trial's number, from 1.
            visible: The trials before it, in order of their numbers: with their outcomes, or as
                ``running`` where their outcomes may not be used.
            admits: Whether an architecture may be tried: it was not tried before and keeps the
                limits. Whatever it refuses for one trial, it refuses for later ones.
        """
