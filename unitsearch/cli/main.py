"""The command line: parse, call the library once, print."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from unitsearch.cli import (
    dashboards,
    exports,
    networks,
    papers,
    pictures,
    runs,
    spaces,
    studies,
)
from unitsearch.cli.output import note
from unitsearch.errors import UnitSearchError

app = typer.Typer(
    name="unitsearch",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Color(StrEnum):
    """The choice whether output is coloured."""

    auto = "auto"
    always = "always"
    never = "never"


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        from unitsearch.cli.output import write

        write(f"unitsearch {version('unitsearch')}")
        raise typer.Exit


@app.callback()
def about(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    color: Annotated[
        Color, typer.Option("--color", help="Colours; auto follows the terminal and NO_COLOR.")
    ] = Color.auto,
) -> None:
    """Search for compact networks made of small independent units.

    Begin with: unitsearch run
    """
    if color != Color.auto:  # rich reads these; for auto the user's own values decide
        os.environ.pop("NO_COLOR" if color == Color.always else "FORCE_COLOR", None)
        os.environ["FORCE_COLOR" if color == Color.always else "NO_COLOR"] = "1"


_COMMANDS: tuple[Callable[..., None], ...] = (
    runs.run,
    runs.resume,
    runs.verify,
    studies.status,
    studies.trials,
    studies.best,
    studies.report,
    studies.plot,
    dashboards.dashboard,
    exports.export,
    networks.train,
    networks.cost,
    networks.latency,
    pictures.draw,
    pictures.inspect,
)
for _command in _COMMANDS:
    app.command()(_command)
app.add_typer(spaces.app, name="space")
app.add_typer(papers.app, name="reproduce")


def main() -> None:
    """Run the command line; each of our errors becomes one line on stderr and an exit code."""
    try:
        app()
    except UnitSearchError as error:
        if os.environ.get("UNITSEARCH_DEBUG"):
            raise
        note(f"unitsearch: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        note("unitsearch: interrupted")
        sys.exit(130)


if __name__ == "__main__":
    main()
