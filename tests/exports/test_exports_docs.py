"""The page on exports and the help of the command name all that there is."""

from __future__ import annotations

from pathlib import Path
from typing import get_type_hints

from unitsearch.cli.exports import export
from unitsearch.exports.formats import FORMATS
from unitsearch.exports.formats.onnx_graph import OLDEST
from unitsearch.exports.picks import PICK_WORDS

PAGE = (Path(__file__).parents[2] / "docs" / "exports.md").read_text()


def test_the_page_names_every_format_pick_and_the_opset() -> None:
    for name in (*FORMATS, *PICK_WORDS, "best-METRIC"):
        assert f"`{name}`" in PAGE, name
    assert f"opset {OLDEST}" in PAGE


def test_the_help_of_export_names_every_format() -> None:
    (option,) = get_type_hints(export, include_extras=True)["formats"].__metadata__
    assert f"Some of {', '.join(FORMATS)}." in option.help
