"""Real studies of digits, run once by the real command and copied by the tests that change them."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from tests.study.processes import workers_of
from tests.waiting import DEADLINE

COMMAND = [sys.executable, "-m", "unitsearch.cli.main"]
TRIALS = 10
# Proposals that use outcomes from the fourth trial on, of networks that train in a blink; three of
# ten trials are trained again with fresh seeds.
QUICK = [
    "train.epochs=1",
    "data.limit=700",
    "data.validation=200",
    "sampler.lag=2",
    "sampler.population=4",
    "floor=0.5",  # of the baseline, that so little training reaches
    "verify=0.3",
    "engine.workers=1",
    "engine.device=cpu",
    "seed=3",
]


def call(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in ``folder`` to its end: `main` itself, in this process."""
    from unitsearch.cli.main import main

    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["unitsearch", *words])
        for name, value in env.items():
            patch.setenv(name, value)
        try:
            main()
        except SystemExit as left:
            code = int(left.code or 0)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def command(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in ``folder`` to its end, in a process of its own."""
    return subprocess.run(
        [*COMMAND, *words],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )


class Driver:
    """A running command whose progress is read from its stderr."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *words],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []

    def wait_for(self, text: str) -> None:
        """Read stderr up to a line with ``text``."""
        assert self.process.stderr is not None
        deadline = time.monotonic() + DEADLINE
        for line in self.process.stderr:
            self.lines.append(line)
            if text in line:
                return
            assert time.monotonic() < deadline, self.lines
        pytest.fail(f"it ended without a line with {text!r}: {''.join(self.lines)}")

    def finish(self) -> tuple[int, str, str]:
        """Wait for the end; return exit code, stdout and all of stderr."""
        out, err = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, out, "".join(self.lines) + err

    def kill_group(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate(timeout=DEADLINE)

    def workers(self) -> list[int]:
        """Return the pids of its worker processes."""
        return workers_of(self.process.pid)


def listed(folder: Path, study: str) -> list[dict[str, Any]]:
    """Return the rows that ``trials -f json`` lists."""
    done = call(folder, "trials", study, "-f", "json")
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


@pytest.fixture(scope="session")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study that ran to its end in one go; not to be changed."""
    home = tmp_path_factory.mktemp("straight")
    done = command(home, "run", *QUICK, f"budget.trials={TRIALS}", "name=straight")
    assert done.returncode == 0, done.stderr
    (home / "stdout").write_text(done.stdout)
    (home / "stderr").write_text(done.stderr)
    return home / "studies" / "straight"


@pytest.fixture(scope="session")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the same study, killed with all its processes at a third; not to be changed."""
    home = tmp_path_factory.mktemp("killed")
    driver = Driver(home, "run", *QUICK, f"budget.trials={TRIALS}", "name=straight")
    driver.wait_for("trial 3 complete")
    driver.kill_group()
    return home / "studies" / "straight"


def _copy(source: Path, home: Path) -> Path:
    target = home / "studies" / source.name
    shutil.copytree(source, target, symlinks=True)
    return target


@pytest.fixture
def copy(straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished study; the working folder is the one around ./studies."""
    monkeypatch.chdir(tmp_path)
    return _copy(straight, tmp_path)


@pytest.fixture
def killed_copy(killed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the killed study; the working folder is the one around ./studies."""
    monkeypatch.chdir(tmp_path)
    return _copy(killed, tmp_path)


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Callable[..., Driver]]:
    """Starts commands in tmp_path that are killed with their processes at the test's end."""
    started: list[Driver] = []

    def start(*words: str, folder: Path = tmp_path) -> Driver:
        started.append(Driver(folder, *words))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.kill_group()
        for stream in (each.process.stdout, each.process.stderr):
            if stream is not None:
                stream.close()


def resume(folder: Path, overrides: Sequence[str] = ()) -> Any:
    """Resume in this process, from the folder around ./studies."""
    from unitsearch.api import resume_study

    return resume_study(str(folder), list(overrides), lambda progress: None)
