"""The page on exports: its commands run, and so does its code, in their order."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

from unitsearch.cli.exports import export
from unitsearch.cli.main import main
from unitsearch.exports.formats import FORMATS
from unitsearch.exports.formats.onnx_file import OPSET
from unitsearch.exports.picks import PICK_WORDS

PAGE = (Path(__file__).parents[2] / "docs" / "exports.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.slow
def test_the_page_works_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    commands = blocks("sh")[1].splitlines()
    assert [line.split()[1] for line in commands] == ["train", "export"]
    for line in commands:
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code, capsys.readouterr().err
    programs = blocks("python")
    assert len(programs) == 5
    for program in programs:
        names: dict[str, object] = {}
        capsys.readouterr()
        exec(program, names)
    assert capsys.readouterr().out.split() == ["again/network_hybrid.py", "again/hybrid.MODEL.md"]


def test_the_page_names_every_format_pick_and_the_opset() -> None:
    for name in (*FORMATS, *PICK_WORDS, "best-METRIC"):
        assert f"`{name}`" in PAGE, name
    assert f"opset {OPSET}" in PAGE


def test_the_help_of_export_names_every_format() -> None:
    (option,) = get_type_hints(export, include_extras=True)["formats"].__metadata__
    assert f"Some of {', '.join(FORMATS)}." in option.help
