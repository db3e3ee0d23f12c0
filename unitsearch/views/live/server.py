"""The dashboard's server: it listens on this machine alone and logs nothing but errors."""

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
        url: The address of its first page: of the only study, or of the list of studies.
        answers: The answers that it gives.
    """

    url: str
    answers: Answers
    _wsgi: BaseWSGIServer
    _is_closed: bool = False

    def serve(self) -> None:
        """Answer requests until ``close`` is called from another thread.

        Raises:
            KeyboardInterrupt: If the user interrupts it.
        """
        threading.Thread(target=self.answers.prepare, daemon=True).start()
        try:
            self._wsgi.serve_forever()
            if not self._is_closed:  # werkzeug takes an interrupt for a normal end
                raise KeyboardInterrupt
        finally:
            self._wsgi.server_close()
            self.answers.catalogue.close()

    def close(self) -> None:
        """End ``serve``."""
        self._is_closed = True
        self._wsgi.shutdown()


def open_server(
    studies: Sequence[str | Path] = (), port: int = 0, boards: Sequence[Path] = ()
) -> Server:
    """Return a dashboard that listens on 127.0.0.1.

    Args:
        studies: Names or folders; all of ``./studies`` unless given.
        port: The port; 0 takes a free one.
        boards: Files of boards to offer beside the shipped ones.

    Raises:
        PackageError: If Dash is not installed.
        StudyError: If a name or folder is no study.
        SpecError: If a file is not a valid board.
        UsageError: If the port is in use.
    """
    try:
        import dash  # noqa: F401  # the imports below need it
        from werkzeug.serving import WSGIRequestHandler, make_server
    except ImportError:
        raise PackageError(
            "the dashboard needs Dash", fix="pip install 'unitsearch[dashboard]'"
        ) from None
    from unitsearch.views.live.app import dash_app

    class Quiet(WSGIRequestHandler):
        """A handler that logs no request and does not name its software's version."""

        server_version = "unitsearch"
        sys_version = ""

        def log_request(self, *_: object) -> None: ...

    answers = Answers(Catalogue(studies), {**shipped_boards(), **own_boards(boards)})
    app = dash_app(answers, lambda: wsgi.server_port)
    try:
        wsgi = make_server(HOST, port, app.server, threaded=True, request_handler=Quiet)
    except (OSError, SystemExit) as error:
        raise UsageError(
            place="--port", found=port, expected="a free port", fix="--port 0 takes one"
        ) from error
    names = list(answers.catalogue.folders())
    path = address(names) if len(names) == 1 else "/"
    return Server(f"http://{HOST}:{wsgi.server_port}{path}", answers, wsgi)
