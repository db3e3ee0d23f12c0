"""The printed comparison of searchers on one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter

from benchmarks.search.bands import band_at, curves, saved
from benchmarks.search.measures import Goal
from benchmarks.search.results import Results
from benchmarks.search.running import Measurement

Searches = list[list[Measurement]]


def grouped(results: Results) -> dict[tuple[str, int], Searches]:
    """Return the searches by searcher and lag."""
    groups: dict[tuple[str, int], Searches] = {}
    for name in sorted(results):
        groups.setdefault((name.searcher, name.lag), []).append(results[name])
    return groups


def lines(goal: Goal, results: Results, at: Sequence[int], reach: Sequence[int]) -> Iterator[str]:
    """Yield the lines of the comparison.

    Args:
        goal: The table and its measure.
        results: The searches on it.
        at: Numbers of trainings to compare at.
        reach: Trainings of NSGA-II whose hypervolume the others are to reach.
    """
    groups = grouped(results)
    accuracy = 1 - goal.reference[0]
    yield (
        f"{goal.table.name}: {len(goal.table.members)} members x {goal.table.seeds} seeds, "
        f"reference accuracy {accuracy:.4f}, HVt of the table's front {goal.ceiling:.4f}"
    )
    yield from _shares(goal, groups, at)
    yield from _savings(groups, reach)


def real_lines(results: Results, at: Sequence[int], reach: Sequence[int]) -> Iterator[str]:
    """Yield the lines of a comparison of real searches; the arguments are those of ``lines``."""
    groups = grouped(results)
    for title, field in (("recommended by the model", "model"), ("raw front", "raw")):
        yield f"HVt by fresh seeds, {title}, after {', '.join(map(str, at))} trainings"
        for (name, _), searches in groups.items():
            drawn = curves(searches, attrgetter("trainings"), attrgetter(field))
            texts = [
                f"{b.text(4):>26}" if b.n else f"{'–':>26}" for b in (band_at(drawn, x) for x in at)
            ]
            yield f"  {name:16} n={len(searches):<3}{''.join(texts)}"
    yield from _savings(groups, reach)


def _shares(
    goal: Goal, groups: dict[tuple[str, int], Searches], at: Sequence[int]
) -> Iterator[str]:
    measures = (
        ("recommended by the model", "model", goal.ceiling),
        ("raw front", "raw", goal.ceiling),
        ("recommended, at smoothed accuracies", "model_smooth", goal.smooth_ceiling),
    )
    for title, field, ceiling in measures:
        yield f"HVt as a share of the table's, {title}, after {', '.join(map(str, at))} trainings"
        for (name, lag), searches in groups.items():
            lines = curves(searches, attrgetter("trainings"), attrgetter(field))
            cells = [band_at(lines, x).over(ceiling) for x in at]
            texts = [f"{b.text():>22}" if b.n else f"{'–':>22}" for b in cells]
            ask = max((m.ask for search in searches for m in search[-1:]), default=0.0)
            yield f"  {name:16} lag {lag} n={len(searches):<3}{''.join(texts)}  {ask:7.0f} ms"


def _savings(groups: dict[tuple[str, int], Searches], reach: Sequence[int]) -> Iterator[str]:
    """Yield what each searcher needs for the hypervolume of NSGA-II."""
    others = [key for key in groups if key[0] == "nsga2"]
    if not others:
        return
    for title, field in (("both by the model", "model"), ("NSGA-II's raw front", "raw")):
        for (name, lag), searches in groups.items():
            if name == "nsga2":
                continue
            for most in reach:
                its = [s for s in groups[others[0]] if s[-1].trainings >= most - 1]
                if not its:
                    continue
                for axis in ("trainings", "seconds"):
                    x = attrgetter(axis)
                    ours = curves(searches, x, attrgetter("model"))
                    other = curves(its, x, attrgetter(field))
                    at = [curve.at(most) for curve in curves(its, attrgetter("trainings"), x)]
                    need, ratio = saved(ours, other, at)
                    yield (
                        f"  {name} lag {lag} for NSGA-II (lag {others[0][1]}) at {most}, {title}: "
                        f"{need.text(1)} {axis}, ratio {ratio.text(2)}"
                    )
