"""TensorFlow Lite files: equal to the network, small, and run by TensorFlow Lite Micro."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("litert_torch")
pytest.importorskip("ai_edge_quantizer")

from numpy.typing import NDArray

from tests.exports.export_networks import LAYERS, SMALL, source_network
from tests.space.files import bound
from tests.waiting import DEADLINE
from unitsearch.architecture import Architecture
from unitsearch.exports.card_facts import CardFacts
from unitsearch.exports.checks import check_answer
from unitsearch.exports.export import Exported, export
from unitsearch.exports.formats import FORMATS
from unitsearch.exports.formats.c_array import array_bytes
from unitsearch.exports.lite.converting import litert_call
from unitsearch.exports.lite.flatbuffer import description, operations
from unitsearch.exports.lite.making import channels_last
from unitsearch.exports.lite.micro import has_micro, run_micro
from unitsearch.exports.loading import untrained_network
from unitsearch.exports.source_network import SourceNetwork
from unitsearch.space import point

needs_micro = pytest.mark.skipif(not has_micro(), reason="tflite-micro is not installed")
# the libraries of the converter warn of each other
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]


@dataclass(frozen=True, eq=False)
class Noise:
    """Random images; the network's own answers are the right ones."""

    calibration: NDArray[np.float32]
    right: NDArray[np.intp]

    def answers(
        self, call: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    ) -> NDArray[np.bool_]:
        return call(self.calibration).argmax(1) == self.right


def quantised(source: SourceNetwork) -> SourceNetwork:
    def images(architecture: Architecture) -> Noise:
        return Noise(source.images.numpy(), source.logits.numpy().argmax(1))

    return replace(source, quantize_with=images)


@pytest.fixture(scope="module")
def hybrid() -> SourceNetwork:
    space = bound("lenet_table1", "Hybrid2")
    return quantised(untrained_network("hybrid", point(space, "Hybrid2")))


@pytest.fixture(scope="module")
def written(hybrid: SourceNetwork, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("lite")
    return export(hybrid, CardFacts("Made by a test."), ("tflite", "c"), folder, latency=False)


@pytest.mark.parametrize("name", LAYERS)
def test_a_file_answers_as_its_network(name: str, tmp_path: Path) -> None:
    source = source_network(SMALL[name], "net")
    files = FORMATS["tflite"].files(source)
    (tmp_path / "net.tflite").write_bytes(files["net.tflite"])
    checked = check_answer(source, FORMATS["tflite"].read(source, tmp_path))
    assert checked.difference is not None
    assert checked.difference < 1e-5


def test_a_file_holds_the_key_and_no_names_of_tensors(hybrid: SourceNetwork) -> None:
    content = hybrid.lite.whole.content
    assert description(content) == f"unitsearch {hybrid.key}"
    assert b"unitsearch.network" not in content
    assert b"torch" not in content


def test_equal_networks_have_equal_files(hybrid: SourceNetwork) -> None:
    again = replace(hybrid)
    assert again.lite.whole.content == hybrid.lite.whole.content
    assert again.lite.deployed.content == hybrid.lite.deployed.content


def test_int8_is_smaller_and_nearly_answers_as_the_network(hybrid: SourceNetwork) -> None:
    model = hybrid.lite
    assert model.int8 is not None
    assert len(model.int8.content) < len(model.whole.content)
    logits = litert_call(model.int8.content)(channels_last(hybrid.images.numpy()))
    assert np.abs(logits - hybrid.logits.numpy()).max() < 0.2 * hybrid.logits.abs().max()
    assert model.comparison is not None
    assert model.comparison.images == len(hybrid.images)


@needs_micro
def test_tensorflow_lite_micro_answers_as_the_reference_kernels(hybrid: SourceNetwork) -> None:
    images = channels_last(hybrid.images.numpy())
    content = hybrid.lite.deployed.content
    logits, arena = run_micro(content, images, hybrid.cost.activation_bytes)
    assert np.array_equal(logits, litert_call(content, is_reference=True)(images))
    assert arena.total == arena.activations + arena.fixed


@needs_micro
def test_the_form_of_stacks_is_the_one_with_the_least_arena() -> None:
    space = bound("toy_hybrid", "No.1")
    model = quantised(untrained_network("toy", point(space, "No.1"))).lite
    assert model.form == "masked"
    assert model.int8 is not None
    assert model.int8.arena is not None
    assert model.int8.arena.activations == 69_632
    assert "SLICE" not in {operation.name for operation in operations(model.int8.content)}


@needs_micro
def test_an_arena_is_the_activation_memory_the_padded_copies_and_a_fixed_part(
    hybrid: SourceNetwork,
) -> None:
    source = untrained_network("padded", point(bound("lenet_table1", "U1"), "U1"))
    arena = quantised(source).lite.deployed.arena
    assert arena is not None
    padded = 8 * (26 * 26 - 24 * 24)  # the second convolution pads by one, which none can itself
    assert arena.activations == source.cost.activation_bytes + padded


def test_the_card_says_what_a_microcontroller_needs(written: Exported) -> None:
    card = written.card.read_text("utf-8")
    assert "bytes of flash" in card
    assert "In int8 the accuracy goes from" in card


def test_an_array_holds_the_int8_file(hybrid: SourceNetwork, written: Exported) -> None:
    text = written.files["c"].read_text("utf-8")
    assert array_bytes(text) == hybrid.lite.deployed.content
    assert f"Flash: {len(hybrid.lite.deployed.content)} bytes" in text


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_an_array_compiles_and_has_its_size(
    hybrid: SourceNetwork, written: Exported, tmp_path: Path
) -> None:
    array = written.files["c"]
    main = (
        f'#include <stdio.h>\n#include "{array.stem}.h"\n'
        f'int main(void) {{ printf("%u %c", {array.stem}_size, {array.stem}[4]); return 0; }}\n'
    )
    (tmp_path / "main.c").write_text(main)
    command = ["cc", "-std=c99", "-Wall", "-Werror", f"-I{array.parent}", "main.c", str(array)]
    subprocess.run([*command, "-o", "main"], cwd=tmp_path, check=True, timeout=DEADLINE)
    done = subprocess.run(
        [tmp_path / "main"], capture_output=True, text=True, check=True, timeout=DEADLINE
    )
    assert done.stdout == f"{len(hybrid.lite.deployed.content)} T"


def test_latency_is_measured_beside_other_runtimes(tmp_path: Path) -> None:
    source = source_network(SMALL["hybrid stack"], "small")
    done = export(source, CardFacts("Made by a test."), ("tflite",), tmp_path, latency=True)
    assert "| LiteRT |" in done.card.read_text("utf-8")
