"""Figures as plain data, and as plotly's own objects for whoever calls for one.

Pages take the data: plotly checks every property of its objects, which takes longer than all the
rest of a figure.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Generic, ParamSpec

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Asked = ParamSpec("Asked")
Plain = dict[str, Any]  # ``data`` and ``layout`` as plotly's JSON schema has them


class figure(Generic[Asked]):  # a decorator
    """A function that gives a plotly ``Figure``, and by ``plain`` its data alone.

    Attributes:
        plain: Takes the same and returns the data.
    """

    def __init__(self, plain: Callable[Asked, Plain]) -> None:
        self.plain = plain
        update_wrapper(self, plain)

    def __call__(self, *asked: Asked.args, **options: Asked.kwargs) -> Figure:
        """Return the figure, each property of it checked by plotly."""
        from plotly.graph_objects import Figure

        return Figure(self.plain(*asked, **options))
