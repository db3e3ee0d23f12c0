"""Figures as plain data, and as plotly's own objects for whoever calls for one.

Pages take the data: plotly checks every property of its objects, which takes longer than all the
rest of a figure.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, cast

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Asked = ParamSpec("Asked")
FigureData = dict[str, Any]  # ``data`` and ``layout`` as plotly's JSON schema has them


class DrawnFigure(Protocol[Asked]):
    """A function that gives a plotly ``Figure``.

    Attributes:
        plain: Takes the same and returns the figure's data alone.
    """

    plain: Callable[Asked, FigureData]

    def __call__(self, *asked: Asked.args, **options: Asked.kwargs) -> Figure:
        """Return the figure, each property of it checked by plotly."""


def figure(plain: Callable[Asked, FigureData]) -> DrawnFigure[Asked]:
    """Return the function that draws what ``plain`` returns."""

    @wraps(plain)
    def draw(*asked: Asked.args, **options: Asked.kwargs) -> Figure:
        from plotly.graph_objects import Figure

        return Figure(plain(*asked, **options))

    signature = inspect.signature(plain).replace(return_annotation="Figure")
    draw.__signature__ = signature  # type: ignore[attr-defined]  # what help shows
    drawn = cast(DrawnFigure[Asked], draw)
    drawn.plain = plain
    return drawn
