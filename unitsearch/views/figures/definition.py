"""The definition of a figure: a function of records, under ``@figure`` with its name and options.

The function returns plain data, which pages take as it is: plotly checks every property of its own
objects, which takes longer than all other work on a figure. Under ``@figure`` it returns plotly's
object, and its ``plain`` the data.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, cast

from unitsearch.fields import Enum, Rule
from unitsearch.metrics import METRICS

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Arguments = ParamSpec("Arguments")
FigureData = dict[str, Any]  # ``data`` and ``layout`` as plotly's JSON schema has them
METRIC = Enum(tuple(METRICS))  # the rule of an option that names the metric of an axis


class DrawnFigure(Protocol[Arguments]):
    """A function that returns a plotly ``Figure``.

    Attributes:
        plain: Takes the same arguments and returns the figure's data alone.
        name: The figure's name, on boards and on the command line.
        options: The rule of each option, by name.
        axes: The metric that an axis has unless another one is given, by the option's name.
        compares: Whether the figure takes several records as well as one.
    """

    plain: Callable[Arguments, FigureData]
    name: str
    options: Mapping[str, Rule]
    axes: Mapping[str, str]
    compares: bool

    def __call__(self, *args: Arguments.args, **options: Arguments.kwargs) -> Figure:
        """Return the figure; plotly checks each of its properties."""


def figure(
    name: str, options: Mapping[str, Rule] | None = None, *, compares: bool = False
) -> Callable[[Callable[Arguments, FigureData]], DrawnFigure[Arguments]]:
    """Return a decorator of the function that computes the figure's data.

    Args:
        name: The figure's name, on boards and on the command line.
        options: The rule of each parameter after the record, by name.
        compares: Whether the function takes several records as well as one.
    """
    rules = dict(options or {})

    def decorate(plain: Callable[Arguments, FigureData]) -> DrawnFigure[Arguments]:
        @wraps(plain)
        def draw(*args: Arguments.args, **options: Arguments.kwargs) -> Figure:
            from plotly.graph_objects import Figure

            return Figure(plain(*args, **options))

        signature = inspect.signature(plain)
        parameters = list(signature.parameters.values())[1:]
        assert list(rules) == [parameter.name for parameter in parameters], f"options of {name}"
        help_signature = signature.replace(return_annotation="Figure")
        draw.__signature__ = help_signature  # type: ignore[attr-defined]  # help() shows it
        drawn = cast(DrawnFigure[Arguments], draw)
        drawn.plain, drawn.name, drawn.options, drawn.compares = plain, name, rules, compares
        drawn.axes = {
            parameter.name: str(parameter.default)
            for parameter in parameters
            if rules[parameter.name] is METRIC
        }
        return drawn

    return decorate
