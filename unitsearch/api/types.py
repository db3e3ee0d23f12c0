"""The types in which the library answers a command, for the commands' annotations."""

from unitsearch.api.trainings import Repeated
from unitsearch.exports.export import Exported
from unitsearch.papers import ReproducedCost, ReproducedMetric
from unitsearch.papers.verdicts import Reproduced
from unitsearch.study.progress import End, Progress
from unitsearch.study.record import Trial
from unitsearch.views.inspection import Inspection

__all__ = [
    "End",
    "Exported",
    "Inspection",
    "Progress",
    "Repeated",
    "Reproduced",
    "ReproducedCost",
    "ReproducedMetric",
    "Trial",
]
