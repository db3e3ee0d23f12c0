"""The facts of finished trials that are written to the study: test accuracies and repeats.

Optuna does not let a finished trial change; so each is an attribute of the study, and its name says
which trial it belongs to: ``test NUMBER`` or ``repeat NUMBER SEED``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from unitsearch.study.record import Repeat


@dataclass
class LaterFacts:
    """The facts of one trial that came after its end, as plain data.

    Attributes:
        test: Its accuracy on the test images and their number; None if it was not tested.
        repeats: Its repeats by their seeds.
    """

    test: Mapping[str, Any] | None = None
    repeats: dict[int, Mapping[str, Any]] = field(default_factory=dict)

    def read_repeats(self) -> tuple[Repeat, ...]:
        """Return the repeats in the order of their seeds: workers end in any order."""
        return tuple(
            Repeat(
                seed=seed,
                accuracy=facts["accuracy"],
                images=facts["images"],
                curve=tuple(facts.get("curve", ())),
                loss_curve=tuple(facts.get("loss_curve", ())),
                train_seconds=facts.get("train_seconds", 0.0),
                digest=facts.get("digest", ""),
            )
            for seed, facts in sorted(self.repeats.items())
        )


NOTHING = LaterFacts()


def later_facts(attributes: Mapping[str, Any]) -> dict[int, LaterFacts]:
    """Return what the attributes of a study say of its finished trials, by number."""
    later: dict[int, LaterFacts] = {}
    for name, value in attributes.items():
        kind, _, rest = name.partition(" ")
        number, _, seed = rest.partition(" ")
        if kind == "test":
            later.setdefault(int(number), LaterFacts()).test = value
        elif kind == "repeat":
            later.setdefault(int(number), LaterFacts()).repeats[int(seed)] = value
    return later


def written_repeat(number: int, repeat: Repeat) -> tuple[str, dict[str, Any]]:
    """Return the attribute that holds a repeat of trial ``number``: its name and its value."""
    facts = asdict(repeat)
    return f"repeat {number} {facts.pop('seed')}", facts
