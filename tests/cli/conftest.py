"""The command line in a folder of its own: `main` in this process, its streams and exit code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def unitsearch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Call:
    """Run `unitsearch WORDS` in tmp_path and return output and exit code; a traceback fails."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNITSEARCH_DATA", str(tmp_path / "no-data"))

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        from unitsearch.cli.main import main

        monkeypatch.setattr(sys, "argv", ["unitsearch", *words])
        capfd.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as left:
            code = left.code or 0
        out, err = capfd.readouterr()
        assert isinstance(code, int)
        return subprocess.CompletedProcess(words, code, out, err)

    return call
