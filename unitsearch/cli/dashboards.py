"""dashboard: the boards of studies, live."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from unitsearch.cli.output import note, write


def dashboard(
    studies: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STUDIES]...", help="Names or folders; all of ./studies unless given."
        ),
    ] = None,
    port: Annotated[
        int,
        typer.Option("--port", min=0, max=65535, help="The port on 127.0.0.1; 0 takes a free one."),
    ] = 8050,
    board: Annotated[
        list[Path] | None,
        typer.Option("--board", help="A board of your own (*.yaml); may be repeated."),
    ] = None,
    open_page: Annotated[
        bool | None,
        typer.Option("--open/--no-open", help="Open it in the browser; the default at a terminal."),
    ] = None,
) -> None:
    """Serve studies as live boards to this machine alone, until Ctrl+C.

    The command needs the extra called dashboard. It writes nothing to a study.

    \b
    Examples:
      unitsearch dashboard
      unitsearch dashboard first second --port 8060 --no-open
    """
    from unitsearch.api.dashboards import open_server

    os.nice(10)  # a search on the same cores comes first
    server = open_server(studies or [], port, board or [])
    write(server.url)
    note("end the dashboard with Ctrl+C")
    if sys.stdout.isatty() if open_page is None else open_page:
        import webbrowser

        webbrowser.open(server.url)
    server.serve()
