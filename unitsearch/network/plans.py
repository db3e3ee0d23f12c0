"""The plans in which a network can run, and their names. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from unitsearch.errors import UsageError, did_you_mean

FORMS = ("grouped", "dense", "dense_bf16", "loop")
PLANS = ("lanes", *FORMS)
MEMORY = ("channels_last", "contiguous")
AUTO = "auto"


@dataclass(frozen=True)
class Plan:
    """An execution plan of a network; the network computes the same function in every plan.

    Attributes:
        name: ``lanes``: the whole network with one image in each SIMD lane. Else the form of its
            stacks in torch: ``grouped`` (equal units as one grouped operation), ``dense`` (one
            convolution with zeros between the units), ``dense_bf16`` (as ``dense``, with maps and
            weights rounded to bfloat16: close, not equal) or ``loop`` (unit by unit).
        stacks: The forms of the stacks that have another form, by the name of their module.
        memory: The memory format of maps and weights in torch: ``channels_last``, or
            ``contiguous``, where channels come before rows.
    """

    name: str = "grouped"
    stacks: Mapping[str, str] = field(default_factory=dict)
    memory: str = "channels_last"

    @property
    def runs_in_lanes(self) -> bool:
        """Whether the network runs in lanes, not in torch."""
        return self.name == "lanes"

    def form(self, stack: str) -> str:
        """Return the form of a stack in torch; lanes leave stacks grouped there."""
        return self.stacks.get(stack, "grouped" if self.runs_in_lanes else self.name)

    def __str__(self) -> str:
        memory = [] if self.memory == MEMORY[0] else [self.memory]
        stacks = [f"{stack} {form}" for stack, form in self.stacks.items()]
        return ", ".join([self.name, *memory, *stacks])


def plan_from(text: str) -> Plan:
    """Return the plan of a text: ``lanes``, ``grouped, contiguous``, ``loop, layers.3 dense``.

    Raises:
        UsageError: If there is no such plan.
    """
    name, *details = (part.strip() for part in text.split(","))
    _known(name, PLANS)
    stacks, memory = {}, MEMORY[0]
    for part in details:
        if part in MEMORY:
            memory = part
            continue
        stack, _, form = part.partition(" ")
        _known(form.strip(), FORMS)
        stacks[stack] = form.strip()
    if details and name == "lanes":
        raise UsageError(place="plan", found=text, expected="lanes for the whole network")
    return Plan(name, stacks, memory)


def plan_of(forms: Mapping[str, str], memory: str = MEMORY[0]) -> Plan:
    """Return the plan that gives each stack its form; the commonest form is the plan's name."""
    most = max(FORMS, key=list(forms.values()).count)
    return Plan(most, {stack: form for stack, form in forms.items() if form != most}, memory)


def _known(name: str, names: Iterable[str]) -> None:
    if name not in names:
        names = tuple(names)
        raise UsageError(
            place="plan",
            found=name,
            expected=f"auto, {', '.join(names)}"
            if names == PLANS
            else f"one of {', '.join(names)}",
            fix=did_you_mean(name, names, listed=False),
        )
