"""The plan that autotuning chooses, and the measurements that it stores."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from unitsearch.api import point_architecture
from unitsearch.architecture import (
    Architecture,
    Conv,
    Flatten,
    GlobalPool,
    Linear,
    Stack,
    Unit,
    Units,
)
from unitsearch.errors import UsageError
from unitsearch.network import autotune
from unitsearch.network.autotune import choose, entering, stack_times, step_times
from unitsearch.network.build import build
from unitsearch.network.plans import MEMORY, Plan


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Store measurements in a folder of the test; compiled kernels stay in the cache."""
    monkeypatch.setattr(autotune, "cache_folder", lambda: tmp_path)
    return tmp_path


def measurements(cache: Path) -> list[Path]:
    return sorted(cache.glob("plans/*/*.json"))


def small(act: str = "relu", out: int = 3) -> Architecture:
    unit = Unit(inputs=2, layers=(Conv(out=out, norm="batch", act=act), Conv(out=2)))
    head = (GlobalPool(), Flatten(), Linear(out=4))
    stack = Stack(units=(Units(4, unit),))
    return Architecture(input=(1, 8, 8), layers=(Conv(out=8), stack, *head))


def test_lanes_are_chosen_for_the_lenet_of_the_papers() -> None:
    assert choose(point_architecture("lenet_table1:Hybrid1"), "auto", 128).plan == Plan("lanes")


def test_a_plan_that_is_asked_for_is_not_measured(cache: Path) -> None:
    assert choose(small(), "loop", 32).plan == Plan("loop")
    assert not measurements(cache)


@pytest.mark.parametrize("wanted", ["auto", "lanes"])
def test_an_architecture_that_lanes_cannot_run_trains_in_torch_with_a_reason(wanted: str) -> None:
    choice = choose(small("silu"), wanted, 32)
    assert not choice.plan.runs_in_lanes
    assert choice.why == "lanes do not run the activation silu"


def test_images_in_files_train_in_torch() -> None:
    choice = choose(small(), "auto", 32, in_memory=False)
    assert (choice.plan.runs_in_lanes, choice.why) == (False, "lanes train on images in memory")


def test_maps_that_fill_the_memory_train_in_torch() -> None:
    large = replace(small(), input=(1, 512, 512))
    assert "GiB of maps" in choose(large, "lanes", 4096).why


def test_one_plan_serves_networks_that_lack_some_of_its_stacks() -> None:
    choice = choose(small(), "loop, layers.1 dense, layers.9 dense", 32)
    assert choice.plan == Plan("loop", {"layers.1": "dense"})


def test_an_unknown_plan_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="expected auto, lanes, grouped"):
        choose(small(), "fast", 32)


@pytest.mark.parametrize("wanted", ["auto", "lanes"])
def test_lanes_never_train_on_a_gpu(wanted: str) -> None:
    choice = choose(small(), wanted, 32, device="cuda")
    assert choice.plan == Plan("grouped")
    assert choice.why == "lanes train on the CPU, not on cuda"


def test_a_form_that_is_asked_for_is_kept_on_a_gpu() -> None:
    assert choose(small(), "loop", 32, device="cuda").plan == Plan("loop")


def test_a_measurement_is_made_once(cache: Path) -> None:
    first = step_times(small(), 32)
    (path,) = measurements(cache)
    assert json.loads(path.read_text())["seconds"] == pytest.approx(first)
    assert step_times(small(), 32) == first


def test_networks_of_one_size_share_a_measurement(cache: Path) -> None:
    times = [step_times(small(out=out), 32) for out in (17, 18)]
    assert times[0] == times[1]
    assert len(measurements(cache)) == 1


def test_the_stored_measurement_decides(cache: Path) -> None:
    step_times(small(), 32)
    (path,) = measurements(cache)
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({**stored, "seconds": {"lanes": 0.4, "grouped": 0.1, "loop": 0.2}}))
    choice = choose(small(), "auto", 32)
    assert not choice.plan.runs_in_lanes
    assert choice.why == "a step of 32 images: lanes 400 ms, torch 100 ms"


def test_a_close_result_is_measured_again_for_the_outline(cache: Path) -> None:
    step_times(small(), 32)
    (path,) = measurements(cache)
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({**stored, "seconds": {"lanes": 0.2, "grouped": 0.1, "loop": 0.2}}))
    assert step_times(small(), 32)["lanes"] < 0.1
    assert len(measurements(cache)) == 2


@pytest.mark.parametrize("content", [b"", b'{"seconds": {"lanes": ', b"[]", b'{"seconds": 3}'])
def test_a_damaged_measurement_is_made_again(content: bytes, cache: Path) -> None:
    step_times(small(), 32)
    (path,) = measurements(cache)
    path.write_bytes(content)
    assert set(step_times(small(), 32)) == {"lanes", "grouped", "loop"}


def test_a_folder_that_cannot_be_written_costs_only_time(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cache / "file").write_bytes(b"")
    monkeypatch.setattr(autotune, "cache_folder", lambda: cache / "file")
    assert set(step_times(small(), 32)) == {"lanes", "grouped", "loop"}


def test_each_stack_takes_its_fastest_form() -> None:
    architecture = small("silu")
    network = build(architecture)
    ((name, x),) = entering(network).items()
    for memory in MEMORY:
        assert set(stack_times(network, name, x, 32, memory)) == {"grouped", "dense", "loop"}
    assert choose(architecture, "auto", 32).plan.stacks == {}  # one stack names the plan


def test_of_both_memory_formats_and_the_plain_loop_the_fastest_is_chosen(cache: Path) -> None:
    architecture = small("silu")
    choose(architecture, "auto", 32)
    (path,) = [p for p in measurements(cache) if json.loads(p.read_text())["asked"][0] == "plans"]
    stored = json.loads(path.read_text())
    names = list(stored["seconds"])
    assert "loop, contiguous" in names
    for fastest in names:
        seconds = {name: 1.0 + (name != fastest) for name in names}
        path.write_text(json.dumps({**stored, "seconds": seconds}))
        assert str(choose(architecture, "auto", 32).plan) == fastest


def test_measuring_leaves_the_network_as_it_was() -> None:
    network = build(small("silu"), plan="loop")
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    assert entering(network) == {"layers.1": (8, 8, 8)}
    assert network.training
    assert all(before[name].equal(tensor) for name, tensor in network.state_dict().items())
