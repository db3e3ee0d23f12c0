"""Search spaces: choices, sampling, enumeration, limits, named points. Imports no torch."""

from unitsearch.space.bound import Space, bind
from unitsearch.space.checking import checked
from unitsearch.space.counting import count_members
from unitsearch.space.draws import Choice, Cut, Domain, Labels, Steps
from unitsearch.space.members import (
    Survey,
    admissible,
    at_random,
    draw,
    drawn_within,
    members,
    parameters,
    replay,
    survey,
    survey_of,
    within,
)
from unitsearch.space.named_points import baseline, dense, expectations, member, point
from unitsearch.space.sampling import sample
from unitsearch.space.space_file import LIMITS, SpaceFile, load_space, space_from

__all__ = [
    "LIMITS",
    "Choice",
    "Cut",
    "Domain",
    "Labels",
    "Space",
    "SpaceFile",
    "Steps",
    "Survey",
    "admissible",
    "at_random",
    "baseline",
    "bind",
    "checked",
    "count_members",
    "dense",
    "draw",
    "drawn_within",
    "expectations",
    "load_space",
    "member",
    "members",
    "parameters",
    "point",
    "replay",
    "sample",
    "space_from",
    "survey",
    "survey_of",
    "within",
]
