"""A training that is killed and continues from its checkpoint ends as one that was not killed."""

from __future__ import annotations

import hashlib
import logging
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.training.digits import STACK, Killed, killed_after, one_network, short_digits
from tests.waiting import DEADLINE
from unitsearch.data.sets import DataSet
from unitsearch.training import Recipe
from unitsearch.training.checkpoints import Checkpoint, State
from unitsearch.training.loop import Trained, train
from unitsearch.training.monitor import Monitor

pytestmark = pytest.mark.usefixtures("one_thread")

RECIPE = Recipe(epochs=4, batch=50, optimiser="sgd", rate=0.05, weight_decay=1e-3)
BINARY = [{"kind": "conv", "out": 4}, {"kind": "slbf", "out": 4, "bank": 4, "splits": 2}]


@pytest.fixture(scope="module")
def data() -> DataSet:
    return short_digits()


def digest(trained: nn.Module) -> str:
    tensors = trained.state_dict().values()
    content = b"".join(tensor.contiguous().numpy().tobytes() for tensor in tensors)
    return hashlib.sha256(content).hexdigest()


def checkpoint(folder: Path, minutes: float = 0, job: str = "this") -> Checkpoint:
    return Checkpoint(folder / "state", {"job": job}, minutes)


def run(
    net: nn.Module,
    data: DataSet,
    recipe: Recipe,
    stored: Checkpoint | None = None,
    *,
    until: int | None = None,
    epochs: list[int] | None = None,
) -> Trained:
    """Train; raise ``Killed`` at the end of epoch ``until``, before its state is written."""

    order = torch.Generator().manual_seed(1)
    monitor = Monitor(on_epoch=killed_after(until, epochs))
    return train(
        net, data, recipe, order, augmentation="crop_flip", monitor=monitor, checkpoint=stored
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"momentum": 0.0},
        {"optimiser": "adam", "rate": 1e-3},
        {"optimiser": "adamw", "rate": 1e-3, "warmup": 1.5},
        {"restart": 1},
        {"restart": 2},
        {"restart": 3},
        {"each": "epoch", "ahead": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("until", [2, 3, 4])
@pytest.mark.parametrize("plan", ["grouped", "lanes"])
def test_it_ends_with_the_same_weights_for_every_recipe(
    data: DataSet, tmp_path: Path, changes: dict[str, Any], until: int, plan: str
) -> None:
    recipe = replace(RECIPE, **changes)
    straight = one_network(plan=plan)
    whole = run(straight, data, recipe)
    with pytest.raises(Killed):
        run(one_network(plan=plan), data, recipe, checkpoint(tmp_path), until=until)
    resumed, epochs = one_network(plan=plan), []
    result = run(resumed, data, recipe, checkpoint(tmp_path), epochs=epochs)
    assert epochs == list(range(until, 5))
    assert digest(resumed) == digest(straight)
    assert replace(result, seconds=0) == replace(whole, seconds=0)


@pytest.mark.parametrize("layers", [STACK, BINARY], ids=["stack", "slbf"])
@pytest.mark.parametrize("plan", ["grouped", "loop"])
def test_it_ends_with_the_same_weights_for_every_network(
    data: DataSet, tmp_path: Path, layers: list[dict[str, Any]], plan: str
) -> None:
    straight, resumed = one_network(layers, plan), one_network(layers, plan)
    run(straight, data, RECIPE)
    with pytest.raises(Killed):
        run(one_network(layers, plan), data, RECIPE, checkpoint(tmp_path), until=3)
    run(resumed, data, RECIPE, checkpoint(tmp_path))
    assert digest(resumed) == digest(straight)


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.training.digits import one_network, short_digits
from tests.training.test_checkpoints import RECIPE, checkpoint
import torch
from unitsearch.training.loop import train
from unitsearch.training.monitor import Monitor

def on_epoch(epoch, accuracy):
    print(epoch, flush=True)
    sys.stdin.readline()

torch.set_num_threads(1)
net = one_network()
data = short_digits()
order = torch.Generator().manual_seed(1)
kept = checkpoint(Path(sys.argv[1]))
monitor = Monitor(on_epoch=on_epoch)
train(net, data, RECIPE, order, augmentation="crop_flip", monitor=monitor, checkpoint=kept)
"""


def child(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), str(Path(__file__).parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_another_process_continues_the_training_of_a_killed_one(
    data: DataSet, tmp_path: Path
) -> None:
    first = child(tmp_path)
    assert first.stdin is not None
    assert first.stdout is not None
    assert first.stdout.readline() == "1\n"
    first.stdin.write("\n")
    first.stdin.flush()
    assert first.stdout.readline() == "2\n"  # so the state after epoch 1 is written
    os.kill(first.pid, signal.SIGKILL)
    first.communicate(timeout=DEADLINE)
    resumed, straight, epochs = one_network(), one_network(), []
    run(resumed, data, RECIPE, checkpoint(tmp_path), epochs=epochs)
    run(straight, data, RECIPE)
    assert epochs == [2, 3, 4]
    assert digest(resumed) == digest(straight)


def test_the_time_before_the_kill_counts(data: DataSet, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(one_network(), data, RECIPE, checkpoint(tmp_path), until=4)
    state = checkpoint(tmp_path).load()
    assert state is not None
    spent = replace(state, seconds=state.seconds + 1000)
    checkpoint(tmp_path).write(spent)
    assert run(one_network(), data, RECIPE, checkpoint(tmp_path)).seconds > 1000


def test_a_short_training_writes_nothing(data: DataSet, tmp_path: Path) -> None:
    run(one_network(), data, RECIPE, checkpoint(tmp_path, minutes=5))
    assert list(tmp_path.iterdir()) == []


def test_after_the_last_epoch_no_state_is_written(data: DataSet, tmp_path: Path) -> None:
    run(one_network(), data, replace(RECIPE, epochs=1), checkpoint(tmp_path))
    assert list(tmp_path.iterdir()) == []


def kept_by(data: DataSet, folder: Path) -> Path:
    with pytest.raises(Killed):
        run(one_network(), data, RECIPE, checkpoint(folder), until=3)
    (path,) = folder.iterdir()
    return path


def test_the_state_of_another_job_is_ignored(data: DataSet, tmp_path: Path) -> None:
    kept_by(data, tmp_path)
    assert checkpoint(tmp_path, job="another").load() is None
    assert isinstance(checkpoint(tmp_path).load(), State)


@pytest.mark.parametrize("damage", ["truncated", "empty", "not ours"])
def test_a_damaged_state_is_ignored(data: DataSet, tmp_path: Path, damage: str) -> None:
    path = kept_by(data, tmp_path)
    good = path.read_bytes()
    path.write_bytes({"truncated": good[:-1], "empty": b"", "not ours": b"a note"}[damage])
    straight, again, epochs = one_network(), one_network(), []
    run(straight, data, RECIPE)
    run(again, data, RECIPE, checkpoint(tmp_path), epochs=epochs)
    assert epochs == [1, 2, 3, 4]
    assert digest(again) == digest(straight)


def test_without_its_folder_a_training_writes_no_state(data: DataSet, tmp_path: Path) -> None:
    straight, without = one_network(), one_network()
    run(straight, data, RECIPE)
    run(without, data, RECIPE, checkpoint(tmp_path / "elsewhere"))
    assert digest(without) == digest(straight)
    assert list(tmp_path.iterdir()) == []


def test_a_state_that_cannot_be_written_costs_one_line(
    data: DataSet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").mkdir()  # a folder in the file's place
    with caplog.at_level(logging.WARNING):
        run(one_network(), data, replace(RECIPE, epochs=2), checkpoint(tmp_path))
    (message,) = caplog.messages
    assert "a kill costs the training so far" in message
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
