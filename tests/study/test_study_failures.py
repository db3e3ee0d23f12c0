"""Failures are data, until they say that the study itself is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.study.real_studies import QUICK, call, listed
from unitsearch.study.folder import read_study

pytestmark = pytest.mark.slow
# Every member but the baseline's own kind is linear upon linear: at a rate of 1e4 their weights
# multiply to infinity, while a single linear layer, whose gradient is bounded, stays finite.
WILD = """
unitsearch: 1
data: digits
input: auto
layers:
- {{kind: pool, op: {{choose: [max, avg]}}, kernel: {{choose: [1, 2]}}}}
- {{kind: flatten}}
- name: head
  choose:
    calm: []
    {wild}
- {{kind: linear, out: classes}}
baseline: {{layers: [{{kind: flatten}}, {{kind: linear, out: classes}}]}}
"""
DEEP = ", ".join(["{kind: linear, out: 16}"] * 6)
HOT = ["train.optimiser=sgd", "train.rate=1e4", "floor=0"]


def write_space(folder: Path, text: str, **parts: str) -> str:
    path = folder / "wild.yaml"
    path.write_text(text.format(**parts))
    return f"space={path}"


def test_a_baseline_that_diverges_ends_the_study_with_its_reason(tmp_path: Path) -> None:
    words = ["run", *QUICK, "train.rate=1e30", "train.optimiser=sgd", "name=hot"]
    done = call(tmp_path, *words)
    assert (done.returncode, done.stdout) == (3, "")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("unitsearch: the baseline failed (diverged: the loss is")
    assert "try another recipe" in last
    assert "Traceback" not in done.stderr
    (row,) = [r for r in listed(tmp_path, "hot") if r["number"] == 0]
    assert row["state"] == "failed"
    assert row["reason"].startswith("diverged")
    again = call(tmp_path, "resume", "hot")
    assert again.returncode == 3
    assert "the baseline failed" in again.stderr


def write_images(folder: Path) -> Path:
    """Writes two classes of images, one of them broken, and returns the broken one."""
    from PIL import Image

    for shade, name in enumerate(("cat", "dog")):
        (folder / "images" / name).mkdir(parents=True)
        for i in range(40):
            image = Image.new("RGB", (8, 8), (200 * shade, 3 * i, 99))
            image.save(folder / "images" / name / f"{i:02}.png")
    broken = folder / "images" / "cat" / "07.png"
    broken.write_bytes(broken.read_bytes()[:40])
    return broken


def test_damaged_data_are_named_once_and_leave_the_study_s_name_free(tmp_path: Path) -> None:
    from PIL import Image

    broken = write_images(tmp_path)
    space = write_space(tmp_path, WILD, wild="other: [{kind: linear, out: 16}]")
    words = ["run", space, "data=image_folder", "data.path=images", "data.size=8", "name=mine"]
    words += ["train.epochs=1", "budget.trials=1", "engine.workers=2", "sampler.lag=2"]
    done = call(tmp_path, *words)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines()[-1].startswith(f"unitsearch: {broken.relative_to(tmp_path)}: ")
    assert "mend the file or take it away" in done.stderr
    assert done.stderr.count("is not an image that can be read") == 1
    assert "recipe" not in done.stderr
    assert list((tmp_path / "studies").iterdir()) == []
    Image.new("RGB", (8, 8)).save(broken)
    assert call(tmp_path, *words).returncode == 0


def test_a_candidate_that_diverges_is_a_failed_trial_and_does_not_count(tmp_path: Path) -> None:
    space = write_space(tmp_path, WILD, wild=f"wild: [{DEEP}]")
    words = ["run", *QUICK, *HOT, space, "sampler=exhaustive", "sampler.lag=2", "name=some"]
    done = call(tmp_path, *words, "budget.trials=4")
    assert done.returncode == 0, done.stderr
    rows = listed(tmp_path, "some")
    failed = [row for row in rows if row["state"] == "failed"]
    assert failed
    assert all(row["reason"].startswith("diverged") for row in failed)
    assert all(row["accuracy"] is None and not row["front"] for row in failed)
    assert sum(row["state"] == "complete" for row in rows) == 4
    assert len({row["key"] for row in rows}) == len(rows)


def test_a_small_space_is_searched_out_and_the_run_says_so_with_exit_0(tmp_path: Path) -> None:
    space = write_space(tmp_path, WILD, wild="other: [{kind: linear, out: 16, act: relu}]")
    for words in (["run", *QUICK, space, "floor=0", "name=tiny"], ["resume", "tiny"]):
        done = call(tmp_path, *words)
        assert done.returncode == 0, done.stderr
        assert "exhausted" in done.stdout
    rows = listed(tmp_path, "tiny")
    assert len({row["key"] for row in rows}) == len(rows)
    assert {row["state"] for row in rows} == {"complete"}


def test_too_many_failures_in_a_row_end_the_study(tmp_path: Path) -> None:
    wild = DEEP.replace("out: 16", "out: {range: [4, 64]}", 1)
    space = write_space(tmp_path, WILD.replace("    calm: []\n", ""), wild=f"wild: [{wild}]")
    done = call(tmp_path, "run", *QUICK, *HOT, space, "name=broken")
    assert (done.returncode, done.stdout) == (3, "")
    assert "10 trials in a row failed" in done.stderr.splitlines()[-1]
    states = [trial.state for trial in read_study(tmp_path / "studies" / "broken").trials]
    assert states[:11] == ["complete"] + ["failed"] * 10
    assert len(states) <= 13
    again = call(tmp_path, "resume", "broken")  # what broke may have been mended: it tries anew
    assert again.returncode == 3
    resumed = [trial.state for trial in read_study(tmp_path / "studies" / "broken").trials]
    assert resumed.count("failed") >= states.count("failed") + 10


def test_a_budget_of_minutes_ends_the_run_and_saves_it(tmp_path: Path) -> None:
    done = call(tmp_path, "run", *QUICK, "budget.minutes=0.001", "name=short")
    assert done.returncode == 0, done.stderr
    assert "time is up" in done.stdout
