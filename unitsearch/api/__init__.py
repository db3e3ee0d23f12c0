"""One function per command: joins studies and views. ``import unitsearch`` offers some of them."""

from unitsearch.api.dry_runs import PlannedRun, planned_run
from unitsearch.api.exports import export
from unitsearch.api.latency import Latency, latency
from unitsearch.api.networks import (
    build,
    count,
    load_architecture,
    load_network,
    point_architecture,
    train_one,
)
from unitsearch.api.pictures import draw, inspect
from unitsearch.api.spaces import SpacePoint, bound_space, space_points
from unitsearch.api.studies import (
    Study,
    best_trial,
    load_study,
    plot,
    report,
    resume_study,
    run,
    run_study,
    version,
)
from unitsearch.api.trainings import TABLE_1, Repeated, reproduce_training
from unitsearch.api.verification import verify
from unitsearch.papers import contradictions, reproduce_costs, reproduce_metrics, tally

__all__ = [
    "TABLE_1",
    "Latency",
    "PlannedRun",
    "Repeated",
    "SpacePoint",
    "Study",
    "best_trial",
    "bound_space",
    "build",
    "contradictions",
    "count",
    "draw",
    "export",
    "inspect",
    "latency",
    "load_architecture",
    "load_network",
    "load_study",
    "planned_run",
    "plot",
    "point_architecture",
    "report",
    "reproduce_costs",
    "reproduce_metrics",
    "reproduce_training",
    "resume_study",
    "run",
    "run_study",
    "space_points",
    "tally",
    "train_one",
    "verify",
    "version",
]
