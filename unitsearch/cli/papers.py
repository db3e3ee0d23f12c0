"""reproduce costs, metrics and training: the papers' tables, computed again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unitsearch.cli.output import FormatOption, OutputFormat, emit, note, write

if TYPE_CHECKING:
    from unitsearch.api.types import Repeated, Reproduced, ReproducedCost, ReproducedMetric

app = typer.Typer(
    no_args_is_help=True, help="Compute the papers' tables again, beside the printed numbers."
)
_MOST_NAMED = 5


@app.command()
def costs(how: FormatOption = OutputFormat.table) -> None:
    """Print every row of the papers' tables of costs beside the costs of its network.

    \b
    exact              equal in the printed digits
    within rounding    follows from the rounded costs of another table
    within 1 %         the worse of the two is at most 1 % off
    misprint           contradicts the paper's own other numbers
    not reproducible   more than 1 % off, or no layout known

    The command exits with 4 if a row differs and no reason for that is recorded.

    \b
    Example: unitsearch reproduce costs
    """
    from unitsearch.api import reproduce_costs

    reproduced = reproduce_costs()
    _show([_cost(row) for row in reproduced], [_cost_in_table(row) for row in reproduced], how)
    _conclude(reproduced, "rows")


@app.command()
def metrics(how: FormatOption = OutputFormat.table) -> None:
    """Print every CE, SE, TCA and TSA of the papers' tables beside the result of its formula.

    \b
    exact              equal in the printed digits
    within rounding    equal for inputs that round to the printed ones
    within 1 %         at most 1 % off
    misprint           contradicts the paper's own other numbers

    The rows include speed-ups and drops in accuracy. The command exits with 4 if a
    number differs and no reason is recorded.

    \b
    Example: unitsearch reproduce metrics
    """
    from unitsearch.api import reproduce_metrics

    reproduced = reproduce_metrics()
    rows = [_metric(row) for row in reproduced]
    _show(rows, rows, how)
    _conclude(reproduced, "numbers")


@app.command()
def training(
    networks: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SPACE:POINT|KEY=VALUE]...", help="Networks, and changed settings."
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="The number of seeds of each network.")] = 1,
    folder: Annotated[
        Path, typer.Option(help="The folder of the trainings, which a later call continues.")
    ] = (Path("studies/reference/bunit_table1")),
    how: FormatOption = OutputFormat.table,
) -> None:
    """Train networks of the papers with the papers' recipe, beside the printed accuracies.

    The networks are U1, U2, U3 and Hybrid2 of BUnit-Net Table I unless others are
    named. Each seed is used for all networks before the next seed. A training that
    the folder holds is not repeated.
    Keys: train, data, plan, engine.workers.

    \b
    Example: unitsearch reproduce training lenet_table1:U1 --seeds 5
    """
    from unitsearch.api import reproduce_training

    given = networks or []
    overrides = [word for word in given if "=" in word]
    named = [word for word in given if "=" not in word]
    reproduced = reproduce_training(named, seeds, folder, overrides, note)
    rows = [_repeated(one) for one in reproduced]
    emit(rows, how, _say, "test accuracy, %, mean ± standard deviation over seeds")
    note(f"each training: {folder / 'trainings.csv'}")


def _repeated(reproduced: Repeated) -> dict[str, Any]:
    return {
        "network": reproduced.network,
        "printed": reproduced.printed or None,
        "seeds": reproduced.count,
        "last epoch": _percent(reproduced.last, reproduced.last_spread),
        "best epoch": _percent(reproduced.best, reproduced.best_spread),
    }


def _percent(accuracy: float, spread: float | None) -> str:
    words = f"{100 * accuracy:.2f}"
    return words if spread is None else f"{words} ± {100 * spread:.2f}"


def _cost(reproduced: ReproducedCost) -> dict[str, Any]:
    row, cost = reproduced.row, reproduced.cost
    return {
        "paper": row.paper,
        "table": row.table,
        "dataset": row.dataset,
        "backbone": row.backbone,
        "row": row.row,
        "printed_accuracy": row.accuracy or None,
        "printed_params": reproduced.printed_params,
        "computed_params": cost.params if cost else None,
        "params_verdict": reproduced.params_verdict and str(reproduced.params_verdict),
        "printed_flops": reproduced.printed_flops,
        "computed_flops": cost.flops if cost else None,
        "flops_verdict": reproduced.flops_verdict and str(reproduced.flops_verdict),
        "computed_macs": cost.macs if cost else None,
        "verdict": str(reproduced.verdict),
        "note": row.note or None,
        "network": row.network or None,
    }


def _cost_in_table(reproduced: ReproducedCost) -> dict[str, Any]:
    row, cost = reproduced.row, reproduced.cost
    return {
        "paper": row.paper,
        "table": row.table,
        "dataset": row.dataset,
        "backbone": row.backbone,
        "row": row.row,
        "params": reproduced.printed_params,
        "computed params": _with_drop(cost.params, reproduced.params_drop) if cost else None,
        "FLOPs": reproduced.printed_flops,
        "computed FLOPs": _with_drop(cost.flops, reproduced.flops_drop) if cost else None,
        "verdict": str(reproduced.verdict),
        "note": row.note or None,
    }


def _with_drop(cost: int, drop: object) -> str:
    return f"{cost:,}" if drop is None else f"{cost:,} ({drop:.2f} %)"


def _metric(reproduced: ReproducedMetric) -> dict[str, Any]:
    cell = reproduced.cell
    return {
        "paper": cell.paper,
        "table": cell.table,
        "dataset": cell.dataset,
        "backbone": cell.backbone,
        "row": cell.row,
        "metric": cell.metric,
        "w1": float(cell.w1) if cell.w1 else None,
        "w2": float(cell.w2) if cell.w2 else None,
        "printed": cell.printed,
        "computed": None if reproduced.computed is None else round(reproduced.computed, 4),
        "verdict": str(reproduced.verdict),
        "note": cell.note or None,
    }


def _show(
    rows: Sequence[dict[str, Any]], in_table: Sequence[dict[str, Any]], how: OutputFormat
) -> None:
    if how != OutputFormat.table:
        emit(rows, how)
        return

    def printed(row: dict[str, Any]) -> tuple[str, str]:
        return row["paper"], row["table"]

    for (paper, table), some in groupby(in_table, key=printed):
        _show_one(f"{paper} Table {table}", list(some))


def _show_one(title: str, rows: Sequence[dict[str, Any]]) -> None:
    apart = ("paper", "table", "note")
    emit(
        [{k: v for k, v in row.items() if k not in apart} for row in rows],
        OutputFormat.table,
        _say,
        title,
    )
    shared: dict[str, dict[str, None]] = {}  # a reason that several rows share is printed once
    for row in rows:
        if row["note"]:
            where = f"{row['dataset']} {row['backbone']} {row['row']}"
            shared.setdefault(row["note"], {})[where] = None
    for text, places in shared.items():
        write(f"  {'; '.join(places)}: {text}")
    if shared:
        write("")


def _say(name: str, value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}" if name == "computed" else f"{value:g}"
    return "" if value is None else str(value)


def _conclude(reproduced: Sequence[Reproduced], what: str) -> None:
    from unitsearch.api import contradictions, tally
    from unitsearch.errors import CheckError

    counts = tally(reproduced)
    words = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    note(f"{sum(counts.values())} {what}: {words}")
    wrong = contradictions(reproduced)
    if wrong:
        more = f" and {len(wrong) - _MOST_NAMED} more" if len(wrong) > _MOST_NAMED else ""
        raise CheckError(
            f"{len(wrong)} {what} differ: {'; '.join(wrong[:_MOST_NAMED])}{more}",
            fix="say in the package's tables why, or take the judgement away that no longer holds",
        )
