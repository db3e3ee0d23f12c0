"""The plan of a run that is not started: its space, its costs, and the time that it takes."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from unitsearch.api.space_facts import count_text, parameter_texts
from unitsearch.costs import count
from unitsearch.data import DataSpec, Facts, available, describe
from unitsearch.data.spec import is_downloadable, require
from unitsearch.errors import StudyError
from unitsearch.space import Space, Survey, baseline, count_members, drawn_within, survey_of
from unitsearch.wording import duration

if TYPE_CHECKING:
    from unitsearch.costs import Cost
    from unitsearch.study.config import Config
    from unitsearch.study.estimate import Estimate, ShortTraining, Workload
    from unitsearch.study.feasible import Way
    from unitsearch.study.paces import Pace

_SAMPLES = 1000
_BUSY = 0.75  # the share of the processor below which other work is mentioned


@dataclass(frozen=True)
class PlannedRun:
    """A run that could be started.

    Attributes:
        config: Its configuration.
        space: Its space.
        survey: The costs of random members.
        load: Its trainings.
        paces: The times of a few networks; empty where none could be measured.
        estimate: The time that it takes; None where it is not known.
        ways: Settings that make it shorter, where it takes hours.
        unknown: The reason why its time is not known; empty if it is.
        missing: The reason why it cannot be started: data that are not there; empty if it can.
    """

    config: Config
    space: Space
    survey: Survey
    load: Workload
    paces: tuple[Pace, ...] = ()
    estimate: Estimate | None = None
    ways: tuple[Way, ...] = ()
    unknown: str = ""
    missing: str = ""

    def check_data(self) -> None:
        """Do nothing if the data are there, or are fetched when the run begins.

        Raises:
            DataError: If they are not.
        """
        if self.missing:
            require(self.config.data)


def planned_run(overrides: Sequence[str]) -> PlannedRun:
    """Return the plan of a run after every check that needs no data, with its measured time.

    A few steps of the smallest, the middle and the largest of random members and of the baseline
    are timed, by as many workers as the run would have.

    Raises:
        SpecError: If an architecture of the space does not build.
        UsageError: If a setting is wrong, no architecture keeps the limits, or the space does not
            fit the data.
    """
    from unitsearch.study.config import compose
    from unitsearch.study.creation import checked_space
    from unitsearch.study.estimate import estimated
    from unitsearch.study.feasible import LONG, ways_to_shorten
    from unitsearch.study.paces import measured_paces

    config, file = compose(overrides)
    space = checked_space(config, file)
    facts = _described(config.data)
    missing = available(config.data) or ""
    if config.data.download and is_downloadable(config.data):
        missing = ""
    drawn = drawn_within(space, config.largest, _SAMPLES)
    seen = survey_of(space, config.largest, _SAMPLES, [cost for _, cost in drawn])
    ordered = sorted(drawn, key=lambda pair: pair[1].flops)
    load = _load(config, facts, space, [cost for _, cost in drawn])
    networks = {"baseline": baseline(space)}
    if ordered:
        middle, largest, smallest = ordered[len(ordered) // 2], ordered[-1], ordered[0]
        networks = {"middle": middle[0], "largest": largest[0], "smallest": smallest[0], **networks}
    try:
        paces = measured_paces(config, facts, networks)
    except StudyError as error:
        return PlannedRun(config, space, seen, load, unknown=str(error), missing=missing)
    estimate = estimated(load, paces)
    ways = ways_to_shorten(config, space, load, paces) if estimate.seconds > LONG else ()
    return PlannedRun(config, space, seen, load, paces, estimate, ways, missing=missing)


def _described(data: DataSpec) -> Facts:
    """Return the facts about data, the images of an image_folder counted."""
    if data.name != "image_folder":
        return describe(data)
    from unitsearch.data.image_folder import counted

    return counted(data)


def _load(config: Config, facts: Facts, space: Space, costs: Sequence[Cost]) -> Workload:
    from unitsearch.study.estimate import Workload
    from unitsearch.study.paces import workers_of

    train_images = facts.train_images or 1
    of_baseline = count(baseline(space))
    trials = min(config.budget.trials, count_members(space) + 1)
    return Workload(
        costs=tuple(costs) or (of_baseline,),
        baseline=of_baseline,
        trials=trials,
        minutes=config.budget.minutes,
        workers=min(workers_of(config), trials),
        epochs=config.train.epochs,
        batch=min(config.train.batch, train_images),
        train_images=train_images,
        validation_images=facts.validation_images or 0,
        test_images=facts.test_images or 0,
        ladder=_rungs(config),
        stops=config.stopping.name != "none",
        verify=config.verify,
        looks_at_outcomes=config.sampler.looks_at_outcomes,
    )


def _rungs(config: Config) -> tuple[ShortTraining, ...]:
    from unitsearch.study.estimate import ShortTraining

    rungs = []
    side = config.data.shape[-1]
    for rung in config.ladder:
        facts = _described(rung.data(config.data))
        area = (facts.input[-1] / side) ** 2
        epochs = rung.recipe(config.train).epochs
        rungs.append(ShortTraining(epochs=epochs, images=facts.train_images or 0, area=area))
    return tuple(rungs)


def dry_run_facts(plan: PlannedRun) -> dict[str, Any]:
    """Return a plan as plain data; all times are in seconds."""
    seen, config = plan.survey, plan.config
    base = count(baseline(plan.space))
    row: dict[str, Any] = {
        "space": plan.space.name,
        "architectures": count_members(plan.space),
        "dimensions": len(seen.parameters),
        "within_limits_share": seen.share,
        "params_least": seen.cheapest.params,
        "params_most": seen.dearest.params,
        "flops_least": seen.cheapest.flops,
        "flops_most": seen.dearest.flops,
        "baseline_params": base.params,
        "baseline_flops": base.flops,
        "data": config.data.name,
        "missing": plan.missing or None,
        "recipe": config.train.name,
        "epochs": config.train.epochs,
        "trials": config.budget.trials,
    }
    names = ("train_images", "validation_images", "test_images", "workers")
    row |= {name: getattr(plan.load, name) for name in names}
    if plan.estimate is not None:
        row["time"] = {key: _short(value) for key, value in asdict(plan.estimate).items()}
        row["processor_share"] = round(_processor_share(plan), 2)
        row["measured"] = [
            {
                "network": pace.name,
                "params": pace.cost.params,
                "flops": pace.cost.flops,
                "plan": pace.plan,
                "train": _short(pace.times.train),
                "evaluate": _short(pace.times.evaluate),
                "tuning": _short(pace.times.tuning),
            }
            for pace in plan.paces
        ]
        row["shorter"] = [
            {
                "overrides": list(way.overrides),
                "seconds": way.seconds and _short(way.seconds),
                "note": way.note,
            }
            for way in plan.ways
        ]
    return row


def dry_run_text(plan: PlannedRun) -> str:
    """Return a plan for people, as lines."""
    seen, config, space = plan.survey, plan.config, plan.space
    low, high, base = seen.cheapest, seen.dearest, count(baseline(space))
    lines = [
        f"space        {space.name}, {count_text(count_members(space))} architectures "
        f"({100 * seen.share:.1f} % of {seen.samples:,} samples keep the limits)",
        f"dimensions   {len(seen.parameters)}: "
        f"{', '.join(parameter_texts(space, seen.parameters))}",
        f"costs        {low.params:,} to {high.params:,} parameters, {low.macs:,} to {high.macs:,} "
        f"MACs, {low.flops:,} to {high.flops:,} FLOPs (papers' convention)",
        f"baseline     {base.params:,} parameters, {base.flops:,} FLOPs",
        f"data         {_data_text(plan)}, recipe {config.train.name}, "
        f"{_counted(config.train.epochs, 'epoch')}",
        f"time         {_time_text(plan)}",
    ]
    if plan.estimate is not None:
        lines += _measured_lines(plan, plan.estimate)
    width = max((len(shlex.join(way.overrides)) for way in plan.ways), default=0)
    for number, way in enumerate(plan.ways):
        time = "" if way.seconds is None else f"about {duration(way.seconds)}"
        settings = shlex.join(way.overrides)
        lines.append(
            f"{'' if number else 'shorter':<12} {settings:<{width}}  {time:<16}  {way.note}"
        )
    return "\n".join(line.rstrip() for line in lines)


def _data_text(plan: PlannedRun) -> str:
    images = f", {plan.load.train_images:,} images to train on"
    where = ", not there: random images of its shape" if plan.missing else ""
    return f"{plan.config.data.name}{images}{where}"


def _time_text(plan: PlannedRun) -> str:
    trials = _counted(plan.load.trials, "trial")
    estimate, load = plan.estimate, plan.load
    if estimate is None:
        return f"not known for {trials}: {plan.unknown}"
    text = (
        f"about {_range(estimate.low, estimate.seconds, estimate.high)} for {trials} "
        f"on {_counted(load.workers, 'worker')}: {duration(estimate.trial)} a trial"
    )
    if estimate.trials < load.trials:
        text += f"; budget.minutes={load.minutes:g} ends it after about {estimate.trials}"
    return text


def _measured_lines(plan: PlannedRun, estimate: Estimate) -> list[str]:
    """Return the lines on the parts of the time, the networks behind it, and other work."""
    conditions = []
    if plan.load.stops:
        conditions.append("if stopping spares 15 %")
    if plan.load.ladder:
        conditions.append("if half of the trials climb the ladder")
    if estimate.tuning > 0.05 * estimate.trainings:
        chosen = f"{duration(estimate.tuning)} of it to choose plans: none with plan=grouped"
        conditions.append(chosen)
    parts = [f"trainings {duration(estimate.trainings)}"]
    if conditions:
        parts[0] += f" ({', '.join(conditions)})"
    if estimate.verification:
        parts.append(f"verification {duration(estimate.verification)}")
    parts.append(f"test of the front {duration(estimate.test)}")
    networks = [
        f"{pace.name} {1e3 * pace.times.train:.3g} ms an image ({pace.plan})" for pace in plan.paces
    ]
    lines = [f"{'':<12} of all workers: {', '.join(parts)}", f"measured     {', '.join(networks)}"]
    engine = plan.config.engine
    if not engine.is_here:
        lines.append(f"{'':<12} on this machine: of the workers at engine.address nothing is known")
    if engine.resolved_device == "cuda":
        lines.append(f"{'':<12} one network at a time: packs are faster (engine.pack)")
    share = _processor_share(plan)
    if share < _BUSY:
        lines.append(
            f"other work   takes {100 * (1 - share):.0f} % of the processor now; while it lasts, "
            f"the search takes about {duration(estimate.seconds / share)}"
        )
    return lines


def _processor_share(plan: PlannedRun) -> float:
    """Return the share of the processor that the measured steps had."""
    return fmean(pace.times.share for pace in plan.paces)


def _range(low: float, seconds: float, high: float) -> str:
    """Return a time with its bounds: ``3.2 hours (2.4 to 4.1)``, ``80 s (60 s to 2 min)``."""
    texts = [duration(value) for value in (low, seconds, high)]
    numbers, units = zip(*(text.split(" ") for text in texts), strict=True)
    if len(set(units)) == 1:
        return f"{texts[1]} ({numbers[0]} to {numbers[2]})"
    return f"{texts[1]} ({texts[0]} to {texts[2]})"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _short(value: float) -> float:
    """Return a number with four digits."""
    return float(f"{value:.4g}")
