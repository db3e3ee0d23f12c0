"""The server of the live boards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unitsearch.views.live import Server


def open_server(studies: Sequence[str], port: int, boards: Sequence[Path]) -> Server:
    """Return a server of the boards of studies, on 127.0.0.1, that serves when asked to.

    Args:
        studies: Names or folders; all of ./studies if there are none.
        port: Its port; 0 takes a free one.
        boards: Files of boards beside the shipped ones.
    """
    from unitsearch.views.live import open_server as open_live

    return open_live(list(studies), port, list(boards))
