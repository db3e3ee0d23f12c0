"""The picture of the package, drawn from the import contract in pyproject.toml.

Command:  python docs/structure.py      (writes docs/structure.svg; a test holds it to the contract)

A row is a layer of the contract that imports point down, with the first sentence of
its docstring. A module imports only from rows below it.
"""

from __future__ import annotations

import ast
import re
import tomllib
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "structure.svg"
CONTRACT = "imports point down one straight line"
_ROW, _NAME, _LEFT, _WIDTH, _TOP = 26, 112, 56, 940, 40
_LETTERS = 106  # of a sentence that fit beside a name


def layers() -> list[list[str]]:
    """Return the layers of the contract, the topmost first; most hold one name."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    contract = next(c for c in settings["contracts"] if c["name"] == CONTRACT)
    return [re.split(r"\s*[|:]\s*", layer) for layer in contract["layers"]]


def about(name: str) -> str:
    """Return the first sentence of a module's docstring, without markup."""
    folder = ROOT / "unitsearch" / name
    path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    sentence = re.split(r"(?<=\.)\s", " ".join(text.split("\n\n")[0].split()))[0]
    sentence = sentence.replace("``", "").removesuffix(".")
    return sentence if len(sentence) <= _LETTERS else f"{sentence[: _LETTERS - 1].rstrip()}…"


def is_package(name: str) -> bool:
    """Return whether a layer is a folder."""
    return (ROOT / "unitsearch" / name).is_dir()


def picture() -> str:
    """Return the picture as the text of an SVG file."""
    names = [name for layer in layers() for name in layer]
    height = _TOP + _ROW * len(names) + 12
    end = height - 16
    rows = []
    for index, name in enumerate(names):
        y = _TOP + _ROW * index
        label = f"{name}/" if is_package(name) else name
        rows.append(
            f'<rect x="{_LEFT}" y="{y}" width="{_NAME}" height="{_ROW - 5}" rx="3"/>'
            f'<text class="name" x="{_LEFT + 8}" y="{y + 15}">{escape(label)}</text>'
            f'<text x="{_LEFT + _NAME + 12}" y="{y + 15}">{escape(about(name))}</text>'
        )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
            "<title>The package unitsearch: a module imports only from rows below it</title>",
            "<style>",
            "svg { background: #ffffff; }",
            "text { font: 12px system-ui, 'DejaVu Sans', sans-serif; fill: #2b2b2b; }",
            "text.name { font: bold 12px ui-monospace, 'DejaVu Sans Mono', monospace; }",
            "rect { fill: #e8f0fa; stroke: #1a5fa8; }",
            "path { stroke: #1a5fa8; fill: none; }",
            "</style>",
            '<text x="12" y="22">imports point down</text>',
            f'<path d="M 28 {_TOP} V {end} M 23 {end - 8} L 28 {end} L 33 {end - 8}"/>',
            *rows,
            "</svg>",
            "",
        ]
    )


if __name__ == "__main__":
    PICTURE.write_text(picture(), "utf-8")
