"""The results of searches on a table: one CSV file a table, resumed by table, searcher and seed."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path

from benchmarks.search.measures import Goal
from benchmarks.search.running import Measurement, search
from benchmarks.search.searchers import searcher
from benchmarks.search.spec import find
from benchmarks.search.table import load
from unitsearch.errors import StudyError
from unitsearch.files import write_whole

_NUMBERS = [field.name for field in fields(Measurement)]
_WHOLE = ("trials", "raw_members", "model_members")
COLUMNS = ("members", "searcher", "lag", "seed", *_NUMBERS)


@dataclass(frozen=True, order=True)
class SearchName:
    """The name of one search on a table.

    Attributes:
        searcher: The searcher's name.
        lag: The newest trials whose outcomes a proposal does not see.
        seed: The search's seed.
    """

    searcher: str
    lag: int
    seed: int


Results = dict[SearchName, list[Measurement]]


def read_results(path: Path, members: int) -> Results:
    """Return the searches that were run on a table of ``members`` members.

    Raises:
        StudyError: If the file is damaged.
    """
    results: Results = {}
    if not path.is_file():
        return results
    for line, row in enumerate(csv.DictReader(io.StringIO(path.read_text("utf-8"))), 2):
        try:
            if int(row["members"]) != members:
                continue
            name = SearchName(row["searcher"], int(row["lag"]), int(row["seed"]))
            numbers = {n: int(row[n]) if n in _WHOLE else float(row[n]) for n in _NUMBERS}
            results.setdefault(name, []).append(Measurement(**numbers))
        except (KeyError, TypeError, ValueError):
            raise StudyError(
                f"{path}:{line}: not a result", fix="put the file back as it was, or remove it"
            ) from None
    return results


def write_results(path: Path, members: int, results: Results) -> None:
    """Write the searches of a table, sorted by name."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for name in sorted(results):
        for measurement in results[name]:
            numbers = [_short(value) for value in asdict(measurement).values()]
            writer.writerow([members, name.searcher, name.lag, name.seed, *numbers])
    write_whole(path, text.getvalue().encode())


def run(
    table: str,
    names: Iterable[SearchName],
    grid: Sequence[int],
    processes: int,
    watch: Callable[[str], None],
) -> Results:
    """Run the searches that are not there yet, and return all of the table.

    A search that was measured up to fewer trainings than the last of ``grid`` is run anew.

    Args:
        table: The table's name, or the path of its description.
        names: The searches that are wanted.
        grid: Numbers of trainings after which a search is measured.
        processes: Searches at once.
        watch: Called with a line of news.
    """
    place, goal = find(table), goal_of(table)
    members = len(goal.table.members)
    results = read_results(place.results, members)
    most = min(grid[-1], members)
    wanted = [
        name for name in names if not results.get(name) or results[name][-1].trainings < most - 1
    ]
    for name, measured in _searched(table, wanted, grid, processes):
        if not measured:
            watch(f"{table}: {name.searcher} has no member left after fewer than {grid[0]}")
            continue
        results[name] = measured
        write_results(place.results, members, results)
        last = measured[-1]
        watch(
            f"{table} {name.searcher} lag {name.lag} seed {name.seed}: {last.trainings:.0f} "
            f"trainings, share {last.model / goal.ceiling:.3f}, {last.ask:.0f} ms to ask"
        )
    return results


@cache
def goal_of(table: str) -> Goal:
    """Return the measure of the searches on a table."""
    return Goal(load(find(table)))


def _searched(
    table: str, wanted: Sequence[SearchName], grid: Sequence[int], processes: int
) -> Iterator[tuple[SearchName, list[Measurement]]]:
    if processes == 1:
        for name in wanted:
            yield name, _search(table, name, grid)
        return
    with ProcessPoolExecutor(processes) as pool:
        futures = {pool.submit(_search, table, name, grid): name for name in wanted}
        for future in as_completed(futures):
            yield futures[future], future.result()


def _search(table: str, name: SearchName, grid: Sequence[int]) -> list[Measurement]:
    goal = goal_of(table)
    return list(search(goal, searcher(name.searcher), name.seed, name.lag, grid))


def _short(value: float) -> str:
    return f"{value:.6g}"
