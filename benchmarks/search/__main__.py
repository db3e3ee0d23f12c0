"""A comparison of searchers by the trainings that they need, on recorded tables.

Commands: python -m benchmarks.search record TABLE
          python -m benchmarks.search run --table TABLE --searchers front,nsga2 --runs 20
          python -m benchmarks.search report --table TABLE
          python -m benchmarks.search real --table TABLE --searchers front:80,nsga2:200 --runs 6
          python -m benchmarks.search wall --table TABLE --runs 3
Method:   a table holds members of a space, each trained with several seeds. A search on it takes a
          random one of a member's trainings; the truth is the mean of the others. A real
          search is a study of the table's whole space; each member that it recommends on its way
          is trained again with three fresh seeds
Noise:    95 % bands by bootstrap over the seeds of searches
"""

from __future__ import annotations

import argparse
import os
import sys

from unitsearch.errors import UnitSearchError

# one thread a process: searches run side by side
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def _say(line: str) -> None:
    print(line, flush=True)


def _numbers(text: str) -> list[int]:
    return sorted({int(part) for part in text.split(",")})


def _record(given: argparse.Namespace) -> None:
    from benchmarks.search.recording import record
    from benchmarks.search.spec import find

    done = record(find(given.name), _say, given.members)
    _say(f"{done} trainings recorded")


def _run(given: argparse.Namespace) -> None:
    from benchmarks.search.results import SearchName, run
    from benchmarks.search.running import grid
    from benchmarks.search.searchers import searcher

    searchers = given.searchers.split(",")
    for name in searchers:
        searcher(name)
    names = [SearchName(name, given.lag, seed) for seed in range(given.runs) for name in searchers]
    for table in given.table.split(","):
        steps = grid(given.trainings[-1]) if given.fine else given.trainings
        run(table, names, steps, given.processes, _say)
    _report(given)


def _report(given: argparse.Namespace) -> None:
    from benchmarks.search.report import lines
    from benchmarks.search.results import goal_of, read_results
    from benchmarks.search.spec import find

    for table in given.table.split(","):
        goal = goal_of(table)
        results = read_results(find(table).results, len(goal.table.members))
        for line in lines(goal, results, given.trainings, given.reach):
            _say(line)


def _real(given: argparse.Namespace) -> None:
    from benchmarks.search.real import compare
    from benchmarks.search.report import real_lines
    from benchmarks.search.spec import find

    wanted = {}
    for part in given.searchers.split(","):
        name, _, trials = part.partition(":")
        wanted[name] = int(trials or 200)
    results = compare(find(given.table), wanted, given.runs, given.fresh, _say)
    for line in real_lines(results, given.trainings, given.reach):
        _say(line)


def _wall(given: argparse.Namespace) -> None:
    from benchmarks.search.spec import find
    from benchmarks.search.wall import compare, lines

    seeds = range(given.runs)
    for line in lines(compare(find(given.table), seeds, given.trials, given.ours, _say)):
        _say(line)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.search", description=__doc__.splitlines()[0]
    )
    commands = parser.add_subparsers(required=True)
    record = commands.add_parser("record", help="make a table, or go on with it")
    record.add_argument("name", help="a shipped table, or the YAML file of one's own")
    record.add_argument("--members", type=int, help="record only the first of them")
    record.set_defaults(do=_record)
    for name, do in (("run", _run), ("report", _report)):
        command = commands.add_parser(name, help=f"{name} searches on tables")
        command.add_argument(
            "--table", default="lenet_hybrid_digits", help="one or more, by commas"
        )
        command.add_argument("--trainings", type=_numbers, default=[20, 40, 80, 160])
        command.add_argument("--reach", type=_numbers, default=[40, 100, 200])
        command.set_defaults(do=do)
        if name == "run":
            command.add_argument("--searchers", default="front,random,nsga2,tpe")
            command.add_argument("--runs", type=int, default=20, help="seeds of each searcher")
            command.add_argument("--lag", type=int, default=0)
            command.add_argument("--processes", type=int, default=2)
            command.add_argument(
                "--fine", action="store_true", help="measure every few trainings, for ratios"
            )
    real = commands.add_parser("real", help="run real searches, judged by fresh seeds")
    real.add_argument("--table", default="lenet_hybrid_digits")
    real.add_argument("--searchers", default="front:80,nsga2:200", help="with their trials")
    real.add_argument("--runs", type=int, default=6, help="seeds of each searcher")
    real.add_argument("--fresh", type=int, default=3, help="trainings behind a true accuracy")
    real.add_argument("--trainings", type=_numbers, default=[20, 40, 80, 100, 200])
    real.add_argument("--reach", type=_numbers, default=[40, 100, 200])
    real.set_defaults(do=_real)
    wall = commands.add_parser("wall", help="time a command against a plain script that searches")
    wall.add_argument("--table", default="lenet_hybrid_mnist")
    wall.add_argument("--runs", type=int, default=3, help="seeds of each")
    wall.add_argument("--trials", type=int, default=100, help="of the plain script")
    wall.add_argument("--ours", type=_numbers, default=[12, 20, 30], help="budgets of ours")
    wall.set_defaults(do=_wall)
    return parser


def main() -> None:
    """Do what the command line asks for."""
    given = _parser().parse_args()
    for name in THREADS:
        os.environ.setdefault(name, "1")
    try:
        given.do(given)
    except UnitSearchError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
