"""The dashboard's server: one address of this machine, threads, no log but errors."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.errors import PackageError, UsageError
from unitsearch.views.live.answers import Answers
from unitsearch.views.live.bar import address
from unitsearch.views.live.board_files import own_boards, shipped_boards
from unitsearch.views.live.catalogue import Catalogue

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

HOST = "127.0.0.1"


@dataclass
class Server:
    """A dashboard that listens and answers once ``serve`` is called.

    Attributes:
        url: What a browser opens: the study if there is but one, else the list of them.
    """

    url: str
    pages: Answers
    _wsgi: BaseWSGIServer

    def serve(self) -> None:
        """Answer until ``close`` is called, from another thread, or an interrupt comes."""
        threading.Thread(target=self.pages.prepare, daemon=True).start()
        try:
            self._wsgi.serve_forever()
        finally:
            self._wsgi.server_close()
            self.pages.catalogue.close()

    def close(self) -> None:
        """End ``serve``."""
        self._wsgi.shutdown()


def open_server(
    studies: Sequence[str | Path] = (), port: int = 0, boards: Sequence[Path] = ()
) -> Server:
    """Return a dashboard that listens on 127.0.0.1.

    Args:
        studies: Names or folders; all of ``./studies`` unless given.
        port: Where it listens; 0 takes a free one.
        boards: Files of boards that are offered beside the shipped ones.

    Raises:
        PackageError: If Dash is not installed.
        StudyError: If one of the studies is none.
        SpecError: If a board is not what it should be.
        UsageError: If the port is taken.
    """
    try:
        import dash  # noqa: F401  # everything below needs it
        from werkzeug.serving import WSGIRequestHandler, make_server
    except ImportError:
        raise PackageError(
            "the dashboard needs Dash", fix="pip install 'unitsearch[dashboard]'"
        ) from None
    from unitsearch.views.live.app import dash_app

    class Quiet(WSGIRequestHandler):
        """Says nothing of what is asked, and little of itself."""

        server_version = "unitsearch"
        sys_version = ""

        def log_request(self, *_: object) -> None: ...

    pages = Answers(Catalogue(studies), {**shipped_boards(), **own_boards(boards)})
    app = dash_app(pages, lambda: wsgi.server_port)
    try:
        wsgi = make_server(HOST, port, app.server, threaded=True, request_handler=Quiet)
    except (OSError, SystemExit) as error:
        raise UsageError(
            place="--port", found=port, expected="a free port", fix="--port 0 takes one"
        ) from error
    names = list(pages.catalogue.folders())
    at = address(names) if len(names) == 1 else "/"
    return Server(f"http://{HOST}:{wsgi.server_port}{at}", pages, wsgi)
