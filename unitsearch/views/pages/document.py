"""The parts of every HTML page: its policy, its scripts, and figures as JSON."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unitsearch.files import write_whole
from unitsearch.views.figures.definition import FigureData
from unitsearch.views.figures.theme import CONFIG

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

# A page may run its own scripts and styles and nothing else: no request can leave it. Plotly
# compiles wrappers of its WebGL shaders, hence unsafe-eval.
POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
    " script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:\">"
)


# Scripts of a page in the order in which they run; the last one starts the page.
_FIGURES = ("clouds.js", "links.js", "plots.js")
LINKED = ("choice.js", "tables.js", "drawer.js", "filters.js", *_FIGURES)
_ALONE = ("choice.js", *_FIGURES, "report.js")


def asset(name: str) -> str:
    """Return the text of a file beside this module: CSS, JavaScript or HTML."""
    return files("unitsearch.views.pages").joinpath(name).read_text(encoding="utf-8")


def script_json(plain: Any) -> str:
    """Return plain data as JSON that may stand inside a ``<script>`` element."""
    return safe_json(json.dumps(plain, separators=(",", ":"), ensure_ascii=False, allow_nan=False))


def safe_json(text: str) -> str:
    """Return JSON text in which nothing can end a ``<script>`` element."""
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def figure_json(drawn: FigureData) -> str:
    """Return a figure as JSON for ``Plotly.newPlot``: arrays as bytes, NaN as null."""
    from plotly.utils import PlotlyJSONEncoder

    traces = [{name: _typed(value) for name, value in trace.items()} for trace in drawn["data"]]
    plain = {"data": traces, "layout": drawn["layout"]}
    return safe_json(json.dumps(plain, cls=PlotlyJSONEncoder, separators=(",", ":")))


def _typed(value: Any) -> Any:
    """Return an array as plotly.js reads arrays: a type and bytes in base64."""
    if not hasattr(value, "dtype"):
        return value
    kind = "i4" if value.dtype.kind in "iu" else "f8"
    return {"dtype": kind, "bdata": b64encode(value.astype(f"<{kind}").tobytes()).decode()}


def embedded(name: str, json_text: str) -> str:
    """Return JSON text as an element of a page, which its script finds by ``name``."""
    return f'<script type="application/json" id="{name}">{json_text}</script>'


def scripts(texts: Iterable[str]) -> str:
    """Return scripts as elements of a page."""
    return "\n".join(f"<script>{text}</script>" for text in texts)


def packed(text: str) -> str:
    """Return text compressed and in base64; ``report.js`` unpacks it."""
    return b64encode(zlib.compress(text.encode(), 9)).decode()


@cache
def packed_plotly() -> str:
    """Return plotly's script as an element of a page, which the page's own script unpacks.

    Compression more than halves the size of a page and does not slow it.
    """
    from plotly.offline import get_plotlyjs

    return f'<script type="text/plain" id="plotly">{packed(get_plotlyjs())}</script>'


def write_figure(figure: Figure, path: Path) -> None:
    """Write ``figure`` as one HTML file that opens offline."""
    write_text(
        path,
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{POLICY}\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>unitsearch figure</title><style>{asset('report.css')}</style></head>\n"
        '<body><main><figure class="panel wide"><div class="plot" data-figure="figure-1"></div>'
        f"</figure></main>\n{embedded('figure-1', figure_json(figure.to_plotly_json()))}"
        f"{embedded('plot-config', script_json(CONFIG))}\n"
        f"{packed_plotly()}\n{scripts(map(asset, _ALONE))}\n</body></html>\n",
    )


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    write_whole(path, text.encode())
