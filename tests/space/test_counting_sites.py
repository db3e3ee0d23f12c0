"""Counting spaces over a backbone, against enumeration."""

# ruff: noqa: E501  (spaces as one would write them)

from __future__ import annotations

import pytest

from tests.space.over_backbone import CHOICES, HYBRID, space
from unitsearch.architecture import key
from unitsearch.space import count_members
from unitsearch.space.members import members


def test_counting_agrees_with_enumeration() -> None:
    for text in (HYBRID, CHOICES.replace("run: {choose: [body, conv1]}", "run: conv1")):
        of = space(text)
        everyone = {key(architecture) for _, architecture in members(of)}
        assert count_members(of) >= len(everyone)
    assert count_members(space(HYBRID)) == len(
        {key(architecture) for _, architecture in members(space(HYBRID))}
    )


def counted(rest: str) -> tuple[int, int]:
    of = space(rest)
    return count_members(of), len(list(members(of)))


@pytest.mark.parametrize(
    "rest",
    [
        # a fill behind layers of other widths
        "units: {A: {nodes: [2, 2, auto]}, B: {nodes: [2, 5, auto]}}\nreplace: [{sites: [stage.1], run: body, with: "
        "[{kind: conv, out: {choose: [4, 8]}}, {kind: stack, fill: {mix: [A, B]}}]}]\n",
        "units: {A: {nodes: [2, 2, auto]}, B: {nodes: [2, 5, auto]}}\nreplace: [{sites: [stage.1], run: body, with: "
        "[{choose: {none: [], one: {kind: conv, out: 4}}, name: before}, {kind: stack, fill: {mix: [A, B]}}]}]\n",
        "units: {A: {nodes: [2, 2, auto]}, B: {nodes: [2, 5, auto]}}\nreplace: [{sites: [stage.1], run: body, with: "
        "[{sequence: {of: {a: {kind: conv, out: 4}, b: {kind: conv, out: 8}}, length: 2}}, "
        "{kind: stack, fill: {mix: [A, B]}}]}]\n",
        # a named choice at a site, with a choice inside
        "choices: {w: {choose: {a: {kind: conv, out: auto, kernel: {choose: [1, 3]}}, b: keep}}}\n"
        "replace: [{sites: [stage.*.conv2], with: {use: w}}]\n",
        # two replacements with choices of one name
        "replace:\n- {name: a, sites: [stage.1.conv1], with: {kind: conv, out: auto, kernel: {choose: [1, 3], name: k}}}\n"
        "- {name: b, sites: [stage.1.conv2], with: {kind: conv, out: auto, act: none, kernel: {choose: [1, 5], name: k}}}\n",
        # a choice of fills, and a unit by its name
        "units: {A: {nodes: [2, 2, auto]}, B: {nodes: [2, {choose: [3, 5]}, auto]}}\n"
        "replace: [{sites: [stage.1.conv1], with: {kind: stack, fill: {choose: {a: A, b: B, ab: {mix: [A, B]}}}}}]\n",
    ],
)
def test_the_count_is_the_number_of_walks(rest: str) -> None:
    number, walked = counted(rest)
    assert number == walked
