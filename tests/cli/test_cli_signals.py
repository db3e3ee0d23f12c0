"""Ctrl-C and SIGTERM: all outcomes are kept, and the exit code names the signal."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.waiting import DEADLINE, wait_until

pytestmark = pytest.mark.slow
Call = Callable[..., "subprocess.CompletedProcess[str]"]
COMMAND = [sys.executable, "-m", "unitsearch.cli.main"]
WORDS = [
    "run",
    "name=s",
    "train.epochs=1",
    "engine.workers=1",
    "sampler.lag=2",
    "budget.trials=500",
]


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    """A command in a session of its own, with the default answer to an interrupt.

    A test run in the background ignores interrupts, and its children would too.
    """
    return subprocess.Popen(
        [*COMMAND, *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


@contextlib.contextmanager
def running(folder: Path, *words: str, until: str) -> Iterator[subprocess.Popen[str]]:
    """A run whose stderr has been read up to a line with ``until``."""
    process = started(folder, *WORDS, *words)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if until in line:
                break
        yield process
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=DEADLINE)


@pytest.mark.parametrize(
    ("number", "code", "group"),
    [(signal.SIGINT, 130, False), (signal.SIGINT, 130, True), (signal.SIGTERM, 143, False)],
    ids=["SIGINT", "Ctrl-C to the group", "SIGTERM"],
)
def test_a_signal_ends_the_run_in_order_and_all_is_saved(
    number: int, code: int, group: bool, tmp_path: Path, unitsearch: Call
) -> None:
    with running(tmp_path, until="trial 1 complete") as process:
        (os.killpg if group else os.kill)(process.pid, number)
        out, err = process.communicate(timeout=DEADLINE)
        assert process.returncode == code
    assert "Traceback" not in err
    assert out.count("\n") == 1
    assert "everything is saved" in out
    assert "next: unitsearch resume s" in out
    (row,) = json.loads(unitsearch("status", "s", "-f", "json").stdout)
    assert row["state"] == "stopped"
    assert row["complete"] >= 2
    assert (row["running"], row["waiting"], row["failed"]) == (0, 0, 0)
    assert (tmp_path / "studies" / "s" / "report.html").is_file()


def test_a_second_ctrl_c_leaves_at_once_and_keeps_the_trial_for_resume(
    tmp_path: Path, unitsearch: Call
) -> None:
    process = started(tmp_path, *WORDS, "train.epochs=100000")  # hours, if it were waited for
    try:
        journal = tmp_path / "studies" / "s" / "journal.log"
        wait_until(
            lambda: journal.is_file() and b'"architecture"' in journal.read_bytes(),
            "a trial in the journal",
        )
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert any("stopping" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=DEADLINE)
    assert "Traceback" not in err
    assert process.returncode == 130, err
    assert "next: unitsearch resume s" in out
    (row,) = json.loads(unitsearch("status", "s", "-f", "json").stdout)
    assert (row["state"], row["waiting"], row["running"]) == ("stopped", 1, 0)


def test_a_ctrl_c_while_a_command_only_computes_exits_with_130(tmp_path: Path) -> None:
    # so many members take hours: only the interrupt can end it
    words = ["space", "sample", "lenet_hybrid", "-n", "100000000", "-o", "drawn"]
    process = started(tmp_path, *words)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=DEADLINE)
    finally:
        process.kill()
    assert "Traceback" not in err
    assert process.returncode == 130
