"""The worked example of the documentation works as it stands."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


@pytest.mark.slow
def test_a_space_of_ones_own_is_checked_searched_and_exported_by_the_commands(
    tmp_path: Path,
) -> None:
    (space,) = blocks("own_space.md", "yaml")
    (tmp_path / "three_stage.yaml").write_text(space)
    said = []
    for line in "".join(blocks("own_space.md", "sh")).splitlines():
        command = [sys.executable, "-m", "unitsearch.cli.main", *shlex.split(line)[1:]]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "200"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    shown = [line.strip() for line in (DOCS / "own_space.md").read_text().splitlines()]
    assert said[0].strip() in shown
    assert len(list((tmp_path / "exported").glob("*.safetensors"))) >= 1
    assert (tmp_path / "studies" / "three" / "report.html").is_file()
