"""Results on stdout in four formats; nothing else is printed there."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

Rows = Sequence[Mapping[str, Any]]


class OutputFormat(StrEnum):
    """The format in which results are printed."""

    table = "table"
    json = "json"
    yaml = "yaml"
    csv = "csv"


FormatOption = Annotated[
    OutputFormat, typer.Option("-f", "--format", help="The format of the results.")
]
DataArguments = Annotated[
    list[str] | None, typer.Argument(metavar="[data=NAME]", help="Data other than the space's own.")
]


def emit(
    rows: Rows, how: OutputFormat, show: Callable[[str, Any], str] | None = None, title: str = ""
) -> None:
    """Print rows on stdout: a table for people, or a bare list of objects for programs."""
    match how:
        case OutputFormat.json:
            write(json.dumps([_plain(row) for row in rows], indent=2, allow_nan=False))
        case OutputFormat.yaml:
            from unitsearch.api.documents import yaml_text

            write(yaml_text([_plain(row) for row in rows]).rstrip() if rows else "[]")
        case OutputFormat.csv:
            write(_csv(rows).rstrip("\n"))
        case OutputFormat.table:
            _print_table(rows, show or cell_text, title)


def write(text: str) -> None:
    """Print text on stdout; a closed pipe is no error."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = Path("/dev/null").open("w")  # noqa: SIM115  # Python flushes it at exit
        raise typer.Exit(0) from None


def note(text: str) -> None:
    """Print a message for people on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def cell_text(name: str, value: Any) -> str:
    """Return a value as people read it in a table."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float):
        return f"{value:.4f}" if name.startswith(("accuracy", "test")) else f"{value:.3g}"
    if isinstance(value, int) and name not in ("seed", "number", "pid"):
        return f"{value:,}"
    return str(value)


def _print_table(rows: Rows, show: Callable[[str, Any], str], title: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 400, highlight=False)
    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    for name in columns:
        numeric = all(isinstance(row.get(name), (int, float, type(None))) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(show(name, row.get(name)) for name in columns))
    console.print(table, markup=False) if rows else console.print("nothing to show")


def _csv(rows: Rows) -> str:
    text = io.StringIO()
    columns = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: "" if value is None else value for key, value in row.items()})
    return text.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
