"""Networks taken out of a real study run elsewhere, answer alike and say what they are."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import unitsearch
from tests.waiting import DEADLINE
from unitsearch.errors import UnitSearchError
from unitsearch.network.weights import fixed_images
from unitsearch.study.folder import read_study
from unitsearch.study.tables import front_trials

pytestmark = pytest.mark.slow
FORMATS = "yaml,safetensors,pt2,onnx,python"
# Runs a program in a Python that has what a user of the files has, and nothing else of ours.
ELSEWHERE = """
import sys
sys.modules.update(dict.fromkeys({forbidden!r}))  # as if they were not installed
sys.path.insert(0, ".")
"""
IN_ONNXRUNTIME = """
import json, pathlib, numpy, onnxruntime
found = {}
for path in sorted(pathlib.Path(".").glob("*.onnx")):
    session = onnxruntime.InferenceSession(path)
    images = numpy.load(path.with_suffix(".npy"))
    found[path.stem] = session.run(["logits"], {"images": images})[0].tolist()
print(json.dumps(found))
"""
IN_TORCH = """
import importlib, json, pathlib, numpy, torch
found = {}
for path in sorted(pathlib.Path(".").glob("*.pt2")):
    images = torch.from_numpy(numpy.load(path.with_suffix(".npy")))
    written = importlib.import_module(f"network_{path.stem}").load()
    program = torch.export.load(path).module()
    found[path.stem] = [one(images).tolist() for one in (program, written)]
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Said:
    """The output of a command, and its exit code."""

    code: int
    out: str
    err: str


Call = Callable[..., Said]


def elsewhere(program: str, folder: Path, *forbidden: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-I", "-c", ELSEWHERE.format(forbidden=forbidden) + program],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def call(
    straight: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """Runs the command line in this process, beside ./studies; a traceback fails the test."""
    monkeypatch.chdir(straight.parents[1])

    def run(*words: str) -> Said:
        from unitsearch.cli.main import main

        monkeypatch.setattr(sys, "argv", ["unitsearch", *words])
        capsys.readouterr()
        code: Any = 0
        try:
            main()
        except SystemExit as left:
            code = left.code or 0
        return Said(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def exported(straight: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The front of a real study in every format."""
    folder = tmp_path_factory.mktemp("exported")
    unitsearch.export(straight, folder, formats=FORMATS, latency=False)
    return folder


def test_every_member_of_the_front_runs_elsewhere_and_answers_the_same(
    exported: Path, straight: Path, tmp_path: Path
) -> None:
    shutil.copytree(exported, tmp_path, dirs_exist_ok=True)
    expected = {}
    for path in sorted(tmp_path.glob("*.yaml")):
        images = fixed_images(unitsearch.load_architecture(path))
        np.save(path.with_suffix(".npy"), images.numpy())
        with torch.inference_mode():
            expected[path.stem] = unitsearch.load_network(path)(images).numpy()
    assert list(expected) == [f"{one.number:05d}" for one in front_trials(read_study(straight))]
    ours = ("unitsearch", "yaml", "safetensors")
    in_onnx = elsewhere(IN_ONNXRUNTIME, tmp_path, *ours, "torch", "onnx")
    in_torch = elsewhere(IN_TORCH, tmp_path, *ours, "onnxruntime", "onnx")
    for member, logits in expected.items():
        for found in (in_onnx[member], *in_torch[member]):
            np.testing.assert_allclose(found, logits, rtol=1e-4, atol=1e-4)


def test_each_member_has_its_files_and_its_card(exported: Path, straight: Path) -> None:
    expected = set()
    for one in front_trials(read_study(straight)):
        name = f"{one.number:05d}"
        ends = ("yaml", "safetensors", "pt2", "onnx", "MODEL.md")
        expected |= {f"{name}.{end}" for end in ends}
        expected |= {f"network_{name}.{end}" for end in ("py", "pt")}
    assert {path.name for path in exported.iterdir()} == expected


def test_a_card_tells_what_the_study_knows(exported: Path, straight: Path) -> None:
    record = read_study(straight)
    trial = front_trials(record)[-1]
    text = (exported / f"{trial.number:05d}.MODEL.md").read_text()
    assert trial.accuracy is not None
    assert trial.test_accuracy is not None
    for said in (
        trial.key,
        f"seed {trial.seed}",
        f"| validation | {100 * trial.accuracy:.2f} % | {trial.images} | 1 |",
        f"| test | {100 * trial.test_accuracy:.2f} % | {trial.test_images} | 1 |",
        f"| parameters | {trial.cost.params:,} |",
        f"| MACs | {trial.cost.macs:,} |",
        f"| FLOPs | {trial.cost.flops:,} |",
        record.manifest.split or "no split",
        "papers' convention",
        "`straight`",
        "`digits`",
    ):
        assert said in text, said
    assert "None" not in text
    assert "nan" not in text


def test_the_code_of_a_card_runs_as_it_stands(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(exported)
    card = min(exported.glob("*.MODEL.md")).read_text()
    blocks = dict(
        re.findall(r"^(\w+), which needs [^\n]*:\n\n```python\n(.*?)```", card, re.M | re.S)
    )
    assert list(blocks) == FORMATS.split(",")
    shown = "\nprint(list(logits.shape))"
    assert elsewhere(blocks["onnx"] + shown, exported, "unitsearch", "torch") == [1, 10]
    both = (
        f"{blocks['pt2']}\nfirst = logits\n{blocks['python']}\nassert first.shape == logits.shape"
    )
    assert elsewhere(both + shown, exported, "unitsearch", "onnx") == [1, 10]
    for name in ("yaml", "safetensors"):
        found: dict[str, Any] = {}
        exec(blocks[name], found)
        assert found["logits"].shape == (1, 10)
    shutil.rmtree(exported / "__pycache__", ignore_errors=True)


def test_the_command_of_a_card_trains_the_network_again_and_that_is_exported_too(
    exported: Path, straight: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = max(exported.glob("*.MODEL.md"))
    (command,) = re.findall(r"```sh\n(.*?)```", card.read_text(), re.S)
    name, *words = shlex.split(command)
    assert name == "unitsearch"
    file = card.name.replace(".MODEL.md", ".yaml")
    shutil.copy(exported / file, tmp_path)
    monkeypatch.chdir(tmp_path)
    done = call(*words, "-f", "json")
    assert done.code == 0, done.err
    (row,) = json.loads(done.out)
    trial = read_study(straight).trials[int(file[:5])]
    assert (row["key"], row["seed"], row["epochs"]) == (trial.key, trial.seed, 1)
    done = call("export", row["file"], "--format", "yaml,python", "--no-latency")
    assert done.code == 0, done.err
    assert (tmp_path / "exported" / f"network_{trial.number:05d}.pt").is_file()
    text = (tmp_path / "exported" / card.name).read_text()
    said = f"| test | {100 * row['test_accuracy']:.2f} % | {trial.test_images} | 1 |"
    assert said in text
    assert f"train=fast train.epochs=1 seed={trial.seed}" in text


def test_a_pick_is_exported_alone_with_how_long_it_takes(
    straight: Path, tmp_path: Path, call: Call
) -> None:
    done = call("export", "straight", "--pick", "best-accuracy", "-o", str(tmp_path / "out"))
    assert done.code == 0, done.err
    (path,) = (Path(line) for line in done.out.splitlines())
    front = front_trials(read_study(straight))
    members = [trial for trial in front if not trial.is_baseline] or front
    assert int(path.stem) == max(members, key=lambda t: (t.accuracy or 0, -t.cost.flops)).number
    assert (
        "one thread, all runtimes in turns in one"
        in path.with_name(f"{path.stem}.MODEL.md").read_text()
    )
    assert "logits equal" in done.err


def test_a_pick_that_nobody_meets_exits_with_3(tmp_path: Path, call: Call) -> None:
    done = call("export", "straight", "--pick", "accuracy>=0.99999", "-o", str(tmp_path / "out"))
    assert (done.code, done.out) == (3, "")
    assert "accuracy of the front goes from" in done.err
    assert not (tmp_path / "out").exists()


def test_without_the_extra_onnx_files_are_refused_with_its_name(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)  # as if it were not installed
    done = call("export", "straight", "--format", "yaml,onnx", "-o", str(tmp_path / "out"))
    assert (done.code, done.out) == (3, "")
    assert "onnxscript; pip install 'unitsearch[onnx]'" in done.err
    assert not (tmp_path / "out").exists()


def test_a_file_without_weights_is_exported_untrained_or_not_at_all(
    exported: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(min(exported.glob("*.yaml")), tmp_path / "alone.yaml")
    monkeypatch.chdir(tmp_path)
    refused = call("export", "alone.yaml", "--format", "yaml,pt2")
    assert refused.code == 3
    assert "--no-weights" in refused.err
    assert not (tmp_path / "exported").exists()
    readable = call("export", "alone.yaml", "--format", "python", "--no-latency")
    assert readable.code == 0, readable.err
    assert "UNTRAINED" in readable.err
    assert "Network() is untrained" in (tmp_path / readable.out.strip()).read_text()
    untrained = call("export", "alone.yaml", "--format", "pt2", "--no-weights", "--no-latency")
    assert untrained.code == 0, untrained.err
    assert "**It is untrained" in (tmp_path / "exported" / "alone.MODEL.md").read_text()


def test_a_file_whose_layers_were_edited_claims_no_accuracy(exported: Path, tmp_path: Path) -> None:
    facts = yaml.safe_load(min(exported.glob("*.yaml")).read_text())
    facts["layers"] = [{"kind": "flatten"}, {"kind": "linear", "out": 10}]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(facts))
    options: dict[str, Any] = {"formats": "yaml", "latency": False}
    (done,) = unitsearch.export(tmp_path / "mine.yaml", tmp_path / "out", **options)
    text = done.card.read_text()
    assert "that of another network" in text
    assert "validation" not in text
    assert "unitsearch train" not in text


def test_a_name_in_a_file_cannot_break_a_card(exported: Path, tmp_path: Path) -> None:
    source = min(exported.glob("*.yaml"))
    facts = yaml.safe_load(source.read_text())
    bad = "`x` | <script>alert(1)</script>\n# head ``` [a](b)"
    facts["classes"] = [bad, *facts["classes"][1:]]
    for name in ("study", "trial", "space", "data", "split", "recipe", "accuracy", "accuracy_of"):
        facts["provenance"][name] = bad
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(facts))
    shutil.copy(source.with_suffix(".safetensors"), tmp_path / "bad.safetensors")
    (done,) = unitsearch.export(tmp_path / "bad.yaml", tmp_path / "out", latency=False)
    text = done.card.read_text()
    assert not re.search(r"^# head", text, re.M)
    for line in text.splitlines():
        for before in line.split("<script>")[:-1]:
            assert before.endswith("```` `x` ¦ ")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mean": [0.5, 0.5]}, "2 numbers"),
        ({"layers": [{"kind": "linear", "out": 10}]}, "flat input"),
        ({"layers": [{"kind": "flatten"}, {"kind": "linear", "out": 10}]}, "not the weights"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_3(
    changes: dict[str, Any], said: str, exported: Path, tmp_path: Path
) -> None:
    source = min(exported.glob("*.yaml"))
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump(yaml.safe_load(source.read_text()) | changes))
    shutil.copy(source.with_suffix(".safetensors"), tmp_path / "odd.safetensors")
    with pytest.raises(UnitSearchError, match=said) as raised:
        unitsearch.export(tmp_path / "odd.yaml", tmp_path / "out")
    assert raised.value.exit_code == 3
    assert not (tmp_path / "out").exists()
