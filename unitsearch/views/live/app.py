"""The dashboard as a Dash application: its page, its routes and its clock."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from unitsearch.errors import StudyError, UnitSearchError
from unitsearch.views.figures.theme import CONFIG
from unitsearch.views.live.answers import Answers
from unitsearch.views.live.board_files import DEFAULT_BOARD
from unitsearch.views.live.guard import guard
from unitsearch.views.pages.document import LINKED, asset

if TYPE_CHECKING:
    from dash import Dash
    from flask import Flask, Response

# Seconds between two requests of a page for changes: each takes a little of the cores that a search
# fills.
SECONDS = 4


def dash_app(answers: Answers, port: Callable[[], int]) -> Dash:
    """Return the application.

    Args:
        answers: The answers to its requests.
        port: Returns the port once the server listens.
    """
    from dash import ClientsideFunction, Dash, Input, dcc

    assets = _assets()
    app = Dash(
        "unitsearch",
        title="unitsearch",
        update_title="",  # the title is the page's own
        include_assets_files=False,
        serve_locally=True,
        index_string=_index(assets),
    )
    app.layout = dcc.Interval(id="clock", interval=1000 * SECONDS)
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("unitsearch", "look"), Input("clock", "n_intervals")
    )
    _routes(app.server, answers, assets)
    guard(app.server, port, app.csp_hashes())
    return app


def _routes(server: Flask, answers: Answers, assets: dict[str, tuple[bytes, str]]) -> None:
    from flask import Response, abort, request, send_file

    def respond_for_board(make: Callable[[list[str], str], str]) -> Response:
        board = request.args.get("board", DEFAULT_BOARD)
        return respond(lambda: make(request.args.getlist("study"), board))

    def respond(make: Callable[[], str]) -> Response:
        try:
            return Response(make(), mimetype="application/json")
        except UnitSearchError as error:
            message = json.dumps({"error": str(error)})
            return Response(message, status=404, mimetype="application/json")

    def part(number: int) -> Response:
        return respond_for_board(lambda names, board: answers.part(names, board, number))

    def page() -> Response:
        known = request.args.get("known", 0, type=int)
        parts = request.args.getlist("part", type=int)
        return respond_for_board(lambda names, board: answers.look(names, board, known, parts))

    def trials() -> Response:
        return respond_for_board(answers.trials)

    def trial() -> Response:
        name, number = request.args.get("study", ""), request.args.get("number", -1, type=int)
        return respond(lambda: json.dumps(answers.trial(name, number)))

    def weights() -> Response:
        name, number = request.args.get("study", ""), request.args.get("number", -1, type=int)
        try:
            path = answers.weights(name, number)
        except StudyError:
            path = None
        if path is None:
            abort(404)
        download = f"{path.parents[1].name}-{path.name}"
        return send_file(path, as_attachment=True, download_name=download)

    def shipped(name: str) -> Response:
        if name not in assets:
            abort(404)
        content, kind = assets[name]
        response = Response(content, mimetype=kind)
        # the address changes with the content: see _index
        response.headers["Cache-Control"] = "max-age=31536000, immutable"
        return response

    server.add_url_rule("/api/page", view_func=page)
    server.add_url_rule("/api/part/<int:number>", view_func=part)
    server.add_url_rule("/api/trials", view_func=trials)
    server.add_url_rule("/api/trial", view_func=trial)
    server.add_url_rule("/api/weights", view_func=weights)
    server.add_url_rule("/shipped/<name>", view_func=shipped)


def _assets() -> dict[str, tuple[bytes, str]]:
    """Return the files that the page loads, by name: bytes and media type."""
    from plotly.offline import get_plotlyjs

    config = json.dumps(CONFIG, separators=(",", ":"))
    own = files("unitsearch.views.live")
    scripts = [
        *map(asset, LINKED),
        f"window.unitsearch.plotConfig = {config};",
        own.joinpath("live.js").read_text("utf-8"),
    ]
    styles = asset("report.css") + own.joinpath("live.css").read_text("utf-8")
    return {
        "plotly.js": (get_plotlyjs().encode(), "text/javascript"),
        "page.js": ("\n".join(scripts).encode(), "text/javascript"),
        "page.css": (styles.encode(), "text/css"),
        "icon.svg": (own.joinpath("icon.svg").read_bytes(), "image/svg+xml"),
    }


def _index(assets: dict[str, tuple[bytes, str]]) -> str:
    page = files("unitsearch.views.live").joinpath("page.html").read_text("utf-8")
    page = page.replace("%filters%", asset("filters.html")).replace(
        "%drawer%", asset("drawer.html")
    )
    for name, (content, _) in assets.items():
        page = page.replace(f"%{name}%", f"/shipped/{name}?{sha256(content).hexdigest()[:12]}")
    return page
