"""The page on exports: its commands run, and so does its code, in their order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from unitsearch.views.exports.formats import FORMATS
from unitsearch.views.exports.onnx_file import OPSET
from unitsearch.views.exports.picks import WORDS

PAGE = (Path(__file__).parents[2] / "docs" / "exports.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.slow
def test_the_page_works_as_it_stands(tmp_path: Path) -> None:
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    commands = [shlex.split(line) for line in blocks("sh")[1].splitlines()]
    programs = [[sys.executable, "-m", "unitsearch.cli.main", *words[1:]] for words in commands]
    programs += [[sys.executable, "-c", code] for code in blocks("python")]
    assert len(programs) == 7
    for program in programs:
        done = subprocess.run(program, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["again/network_hybrid.py", "again/hybrid.MODEL.md"]


def test_the_page_names_every_format_pick_and_the_opset() -> None:
    for name in (*FORMATS, *WORDS, "best-METRIC"):
        assert f"`{name}`" in PAGE, name
    assert f"opset {OPSET}" in PAGE
