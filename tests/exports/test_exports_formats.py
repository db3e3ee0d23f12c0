"""Every format is read back and compared with its network, and runs without unitsearch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.exports.export_networks import ALL_KINDS, IN_A_ROW, SMALL, source_network
from tests.waiting import DEADLINE
from unitsearch.costs import count
from unitsearch.errors import CheckError, SpecError, StudyError, UsageError
from unitsearch.exports.card_facts import CardFacts
from unitsearch.exports.checks import check_answer
from unitsearch.exports.export import Exported, export
from unitsearch.exports.formats import FORMATS, formats_from
from unitsearch.exports.formats.python_file import module_name
from unitsearch.exports.loading import trained_network, untrained_network
from unitsearch.exports.source_network import SourceNetwork
from unitsearch.network.deployed import deployed
from unitsearch.network.folding import folded

EVERY = tuple(name for name in FORMATS if name not in ("tflite", "c"))  # these: test_tflite.py
LIGHT = ("yaml", "safetensors", "python")
# Runs a program without unitsearch and without what else is named before it.
ISOLATED = """
import sys
sys.modules.update(dict.fromkeys({forbidden!r}))  # as if they were not installed
sys.path.insert(0, ".")
"""


def write(source: SourceNetwork, formats: tuple[str, ...], folder: Path) -> Exported:
    return export(source, CardFacts("Made by a test."), formats, folder, latency=False)


def isolated(code: str, folder: Path, *forbidden: str) -> str:
    program = ISOLATED.format(forbidden={"unitsearch", *forbidden}) + code
    done = subprocess.run(
        [sys.executable, "-I", "-c", program],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def whole() -> SourceNetwork:
    return source_network(IN_A_ROW, "whole")


@pytest.fixture(scope="module")
def folder(whole: SourceNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of every kind of layer, and of unit, in every format."""
    path = tmp_path_factory.mktemp("whole")
    write(whole, EVERY, path)
    return path


@pytest.mark.parametrize("name", SMALL)
def test_a_small_network_of_each_kind_is_written_and_checked(name: str, tmp_path: Path) -> None:
    done = write(source_network(SMALL[name]), LIGHT, tmp_path)
    assert done.differences["safetensors"] == 0
    assert done.differences["python"] <= 1e-6


@pytest.mark.parametrize("name", [*SMALL, "every kind"])
def test_folding_costs_what_the_folded_architecture_does(name: str) -> None:
    architecture = {**SMALL, "every kind": ALL_KINDS}[name]
    network = folded(source_network(architecture).network)
    cost = count(deployed(architecture))
    assert sum(p.numel() for p in network.parameters()) == cost.params
    assert cost.macs == count(architecture).macs


def test_every_format_and_a_card_lie_in_the_folder_and_nothing_else(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == [
        "network_whole.pt", "network_whole.py", "whole.MODEL.md", "whole.onnx", "whole.pt2",
        "whole.safetensors", "whole.yaml",
    ]  # fmt: skip


def test_no_file_names_a_path_of_this_machine(folder: Path) -> None:
    local_paths = {
        str(Path.home()).encode(),
        str(Path(__file__).parents[2]).encode(),
        b"site-packages",
    }
    for path in folder.iterdir():
        content = path.read_bytes()
        assert not [name for name in local_paths if len(name) > 1 and name in content], path.name


def test_onnx_runs_with_onnxruntime_and_numpy_alone(folder: Path, whole: SourceNetwork) -> None:
    code = (
        "import json, numpy, onnxruntime\n"
        "session = onnxruntime.InferenceSession('whole.onnx')\n"
        "images = numpy.load('images.npy')\n"
        "print(json.dumps(session.run(['logits'], {'images': images})[0].tolist()))"
    )
    logits = _answers(folder, whole, lambda: isolated(code, folder, "torch", "onnx"))
    torch.testing.assert_close(logits, whole.logits, rtol=1e-4, atol=1e-4)


def test_pt2_and_the_python_file_run_with_torch_alone(folder: Path, whole: SourceNetwork) -> None:
    code = (
        "import json, numpy, torch, network_whole\n"
        "images = torch.from_numpy(numpy.load('images.npy'))\n"
        "networks = torch.export.load('whole.pt2').module(), network_whole.load()\n"
        "print(json.dumps([network(images).tolist() for network in networks]))"
    )
    forbidden = ("onnx", "onnxruntime", "onnxscript", "safetensors", "yaml")
    answers = _answers(folder, whole, lambda: isolated(code, folder, *forbidden))
    for logits in answers:
        torch.testing.assert_close(logits, whole.logits, rtol=1e-4, atol=1e-4)


def _answers(folder: Path, whole: SourceNetwork, run: Callable[[], str]) -> torch.Tensor:
    import numpy as np

    np.save(folder / "images.npy", whole.images.numpy())
    try:
        return torch.tensor(json.loads(run().splitlines()[-1]))
    finally:
        (folder / "images.npy").unlink()


def test_this_isolation_forbids_unitsearch(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="unitsearch"):
        isolated("import unitsearch", tmp_path)


@pytest.mark.parametrize("name", ["pt2", "onnx", "python", "safetensors"])
def test_files_of_other_weights_fail_the_check(
    name: str, whole: SourceNetwork, folder: Path
) -> None:
    other = untrained_network("whole", IN_A_ROW)
    with pytest.raises(CheckError, match="differ"):
        check_answer(replace(other, is_trained=True), FORMATS[name].read(whole, folder))


@pytest.mark.parametrize("name", EVERY)
def test_files_with_another_key_or_cost_fail_the_check(
    name: str, whole: SourceNetwork, folder: Path
) -> None:
    answer = FORMATS[name].read(whole, folder)
    for changed, message in (
        (replace(answer, key="0" * 20), "key"),
        (replace(answer, params=answer.params + 1), "parameters"),
        (replace(answer, macs=answer.macs - 1), "MACs"),
    ):
        with pytest.raises(CheckError, match=message):
            check_answer(whole, changed)


def test_a_network_whose_file_fails_its_check_leaves_nothing(tmp_path: Path) -> None:
    source = source_network(SMALL["hybrid stack"])
    assert source.logits.shape == (16, 3)  # known before the weights change
    with torch.no_grad():
        next(source.network.parameters()).add_(1.0)
    with pytest.raises(CheckError):
        write(source, LIGHT, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    earlier = tmp_path / "there" / "one.yaml"
    earlier.parent.mkdir()
    earlier.write_text("of an earlier export")
    with pytest.raises(CheckError):
        write(source, LIGHT, tmp_path / "there")
    assert [path.name for path in earlier.parent.iterdir()] == ["one.yaml"]
    assert earlier.read_text() == "of an earlier export"


def test_a_network_that_answers_no_numbers_fails_its_check(tmp_path: Path) -> None:
    source = source_network(SMALL["hybrid stack"])
    with torch.no_grad():
        next(source.network.parameters()).fill_(torch.nan)
    with pytest.raises(CheckError):
        write(source, ("safetensors",), tmp_path)


def test_an_onnx_file_that_was_cut_is_no_onnx_file(
    whole: SourceNetwork, folder: Path, tmp_path: Path
) -> None:
    content = (folder / "whole.onnx").read_bytes()
    (tmp_path / "whole.onnx").write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckError, match=r"whole\.onnx"):
        FORMATS["onnx"].read(whole, tmp_path)


def test_the_same_network_makes_the_same_files(tmp_path: Path) -> None:
    architecture = SMALL["binary filters"]
    first, second = (write(source_network(architecture), LIGHT, tmp_path / name) for name in "ab")
    for path in (*first.files.values(), first.card):
        assert path.read_bytes() == (second.card.parent / path.name).read_bytes()


@pytest.mark.slow
def test_biases_that_an_onnx_file_drops_because_they_are_zero_are_counted(tmp_path: Path) -> None:
    zeros = untrained_network("zeros", SMALL["residuals"])  # all its folded biases are 0
    done = write(zeros, ("onnx",), tmp_path)
    assert done.differences["onnx"] <= 1e-5


def test_an_untrained_network_says_so(tmp_path: Path) -> None:
    done = write(untrained_network("raw", SMALL["gates"]), ("yaml", "python"), tmp_path)
    assert not (tmp_path / "network_raw.pt").exists()
    assert "untrained" in done.files["python"].read_text()
    assert "**It is untrained" in done.card.read_text()


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StudyError, match="cannot be written"):
        write(source_network(SMALL["gates"]), ("yaml",), tmp_path / "file")


def test_weights_of_another_network_are_refused(folder: Path) -> None:
    with pytest.raises(SpecError, match="not the weights"):
        trained_network("x", SMALL["gates"], folder / "whole.safetensors")


def test_normalisation_that_does_not_fit_the_images_is_refused() -> None:
    with pytest.raises(SpecError, match="2, one for each channel"):
        untrained_network("x", replace(SMALL["gates"], mean=(0.5,)))


def test_formats_are_named_once_each_and_nothing_else_is_one() -> None:
    assert formats_from("onnx, yaml,onnx") == ["onnx", "yaml"]
    with pytest.raises(UsageError, match="did you mean 'onnx'"):
        formats_from("yaml,onx")
    with pytest.raises(UsageError):
        formats_from("")


@pytest.mark.parametrize(
    "stem", ["00007", "torch", "class", "my net", "a-b", "ß", "network", "x.y"]
)
def test_the_python_file_has_a_name_that_can_be_imported_and_hides_nothing(stem: str) -> None:
    name = module_name(stem)
    assert name.isidentifier()
    assert name.isascii()
    assert name.startswith("network")
