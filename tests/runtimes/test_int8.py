"""Networks in eight bits: accuracy, bytes and time beside float32, and a refusal where none pay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import unitsearch
from unitsearch.api.networks import train_one
from unitsearch.api.runtimes import RuntimeRequest
from unitsearch.errors import SpecError, UsageError
from unitsearch.exports.runtime_facts import Int8Facts
from unitsearch.network.latency import Quartiles
from unitsearch.runtimes.int8_images import CALIBRATION, error_of_difference

SLOW, FAST = Quartiles(2e-4, 2e-4, 2e-4), Quartiles(1e-4, 1e-4, 1e-4)
PAYS = Int8Facts("a.int8.onnx", "masked", 100, 0.9, 0.91, 0.01, 50, 1000, 2000, FAST, SLOW)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of 8x8 images, so small that eight bits make its file larger."""
    folder = tmp_path_factory.mktemp("trained")
    overrides = ["data=digits", "train=fast", "train.epochs=2"]
    train_one("lenet_hybrid:hybrid", overrides, folder, lambda epoch, accuracy: None)
    return folder / "hybrid.yaml"


@pytest.mark.slow
def test_int8_that_does_not_pay_is_refused_and_all_other_files_are_kept(
    trained: Path, tmp_path: Path
) -> None:
    request = RuntimeRequest(names="onnxruntime", form="runs", quantize="int8")
    with pytest.raises(SpecError, match=r"hybrid in int8 is .*larger than in float32") as raised:
        unitsearch.export(trained, tmp_path, latency=False, runtimes=request)
    assert raised.value.exit_code == 3
    assert "--anyway keeps the int8 file too" in str(raised.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "hybrid.MODEL.md", "hybrid.onnxruntime.onnx", "hybrid.safetensors", "hybrid.yaml",
    ]  # fmt: skip
    assert "Not kept: int8" in (tmp_path / "hybrid.MODEL.md").read_text("utf-8")


@pytest.mark.slow
def test_anyway_keeps_int8_with_its_accuracy_on_validation_images(
    trained: Path, tmp_path: Path
) -> None:
    request = RuntimeRequest(names="onnxruntime", form="runs", quantize="int8", anyway=True)
    (done,) = unitsearch.export(trained, tmp_path, latency=False, runtimes=request)
    facts = done.runtimes[0].int8
    assert facts is not None
    assert (tmp_path / facts.file).stat().st_size == facts.size
    assert facts.images > 200
    assert facts.calibration == CALIBRATION
    assert abs(facts.accuracy - facts.accuracy_float) < 0.05
    card = done.card.read_text("utf-8")
    assert facts.said() in card
    assert "than float32.**" in card


def test_int8_needs_onnxruntime_a_trained_network_and_its_data(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected --runtime onnxruntime"):
        RuntimeRequest(names="torch", quantize="int8").check()
    with pytest.raises(UsageError, match="expected int8"):
        RuntimeRequest(names="onnxruntime", quantize="int4").check()
    with pytest.raises(UsageError, match="give --quantize int8 too"):
        RuntimeRequest(names="onnxruntime", anyway=True).check()
    request = RuntimeRequest(names="onnxruntime", quantize="int8")
    with pytest.raises(SpecError, match="is not trained: int8 is judged by its accuracy"):
        unitsearch.export(
            "lenet_table1:U1", tmp_path / "out", formats="yaml", weights=False, runtimes=request
        )
    assert not (tmp_path / "out").exists()


def test_int8_is_objected_to_where_it_is_slower_or_larger() -> None:
    assert PAYS.objection == ""
    assert replace(PAYS, time=SLOW, time_float=FAST).objection == "slower"
    assert replace(PAYS, size=3000, time=SLOW, time_float=FAST).objection == "slower and larger"


def test_int8_is_said_in_one_line() -> None:
    assert PAYS.said() == (
        "int8 (masked): accuracy 91.00 % -> 90.00 % (± 1.00 points, 100 validation images), "
        "2,000 -> 1,000 bytes, 200 µs -> 100 µs an image"
    )


def test_the_error_of_a_difference_counts_the_images_that_are_answered_differently() -> None:
    before = np.array([True] * 90 + [False] * 10)
    after = before.copy()
    after[:4] = False
    after[99] = True
    spread = 4 + 1 + 2 - (1 - 4) ** 2 / 100
    assert error_of_difference(before, after) == pytest.approx(spread**0.5 / 100)
    assert error_of_difference(before, before) > 0
