"""Networks taken out of a real study run elsewhere, answer alike and say what they are."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from real_studies import call

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
EXPECTED = """
import json, pathlib, numpy, torch, unitsearch
from unitsearch.network.weights import fixed_images
found = {}
for path in sorted(pathlib.Path(".").glob("*.yaml")):
    images = fixed_images(unitsearch.load_architecture(path))
    numpy.save(path.with_suffix(".npy"), images.numpy())
    with torch.inference_mode():
        found[path.stem] = unitsearch.load_network(path)(images).tolist()
print(json.dumps(found))
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


def run(program: str, folder: Path, forbidden: tuple[str, ...] = ()) -> Any:
    code = ELSEWHERE.format(forbidden=set(forbidden)) + program if forbidden else program
    isolated = ["-I"] if forbidden else []
    done = subprocess.run(
        [sys.executable, *isolated, "-c", code],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def home(straight: Path) -> Path:
    return straight.parents[1]


@pytest.fixture(scope="module")
def exported(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The front of a real study in every format."""
    folder = tmp_path_factory.mktemp("exported")
    words = ["export", "straight", "--format", FORMATS, "--no-latency", "-o", str(folder)]
    done = call(home, *words)
    assert done.returncode == 0, done.stderr
    (folder / "said").write_text(done.stderr)
    return folder


def apart(a: Any, b: Any) -> float:
    import numpy as np

    return float(np.abs(np.array(a) - np.array(b)).max())


def test_every_member_of_the_front_runs_elsewhere_and_answers_the_same(
    exported: Path, straight: Path
) -> None:
    expected = run(EXPECTED, exported)
    members = [f"{one.number:05d}" for one in front_trials(read_study(straight))]
    assert sorted(expected) == members
    ours = ("unitsearch", "yaml", "safetensors")
    in_onnx = run(IN_ONNXRUNTIME, exported, (*ours, "torch", "onnx"))
    in_torch = run(IN_TORCH, exported, (*ours, "onnxruntime", "onnx"))
    for member in members:
        assert apart(in_onnx[member], expected[member]) <= 1e-4
        program, written = in_torch[member]
        assert apart(program, expected[member]) <= 1e-4
        assert apart(written, expected[member]) <= 1e-4


def test_each_member_has_its_files_and_its_card(exported: Path, straight: Path) -> None:
    expected = {"said"}
    for one in front_trials(read_study(straight)):
        name = f"{one.number:05d}"
        ends = ("yaml", "safetensors", "pt2", "onnx", "MODEL.md")
        expected |= {f"{name}.{end}" for end in ends}
        expected |= {f"network_{name}.{end}" for end in ("py", "pt")}
    left = {path.name for path in exported.iterdir() if path.suffix not in (".npy", "")}
    assert left == expected - {"said"}


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
        record.facts["split"],
        "papers' convention",
        "`straight`",
        "`digits`",
    ):
        assert said in text, said
    assert "None" not in text
    assert "nan" not in text


def test_the_code_of_a_card_runs_as_it_stands(exported: Path, tmp_path: Path) -> None:
    shutil.copytree(exported, tmp_path, dirs_exist_ok=True)
    card = min(exported.glob("*.MODEL.md")).read_text()
    blocks = re.findall(r"^(\w+), which needs .*:\n\n```python\n(.*?)```", card, re.M | re.S)
    assert [name for name, _ in blocks] == FORMATS.split(",")
    for name, code in blocks:
        forbidden = () if name in ("yaml", "safetensors") else ("unitsearch",)
        shown = run(f"{code}\nprint(list(logits.shape))", tmp_path, forbidden)
        assert shown == [1, 10]


def test_the_command_of_a_card_trains_the_network_again(
    exported: Path, straight: Path, tmp_path: Path
) -> None:
    card = max(exported.glob("*.MODEL.md"))
    (command,) = re.findall(r"```sh\n(.*?)```", card.read_text(), re.S)
    name, *words = shlex.split(command)
    assert name == "unitsearch"
    file = card.name.replace(".MODEL.md", ".yaml")
    shutil.copy(exported / file, tmp_path)
    done = call(tmp_path, *words, "-f", "json", OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    trial = read_study(straight).trials[int(file[:5])]
    assert (row["key"], row["seed"], row["epochs"]) == (trial.key, trial.seed, 1)


def test_what_was_trained_again_is_exported_with_what_is_known_of_it(
    exported: Path, tmp_path: Path
) -> None:
    source = max(exported.glob("*.yaml"))
    shutil.copy(source, tmp_path / "mine.yaml")
    trained = call(tmp_path, "train", "mine.yaml", "train.epochs=1", "train=fast", "-f", "json")
    assert trained.returncode == 0, trained.stderr
    (row,) = json.loads(trained.stdout)
    done = call(tmp_path, "export", row["file"], "--format", FORMATS, "--no-latency")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "exported" / "mine.MODEL.md").read_text()
    assert f"| test | {100 * row['test_accuracy']:.2f} % | 360 | 1 |" in text
    assert "train.epochs=1" in text


def test_a_pick_is_exported_alone(home: Path, straight: Path, tmp_path: Path) -> None:
    record = read_study(straight)
    done = call(home, "export", "straight", "--pick", "best-accuracy", "-o", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    (path,) = (Path(line) for line in done.stdout.splitlines())
    best = max((t for t in front_trials(record)), key=lambda t: (t.accuracy, -t.cost.flops))
    assert int(path.stem) in (best.number, 0) or best.is_baseline
    assert (
        "one thread, turn about in one run" in path.with_name(f"{path.stem}.MODEL.md").read_text()
    )


def test_a_pick_that_nobody_meets_exits_with_3(home: Path, tmp_path: Path) -> None:
    words = ["--pick", "accuracy>=0.99999", "-o", str(tmp_path / "out")]
    done = call(home, "export", "straight", *words)
    assert (done.returncode, done.stdout) == (3, "")
    assert "accuracy of the front goes from" in done.stderr
    assert not (tmp_path / "out").exists()


def test_without_the_extra_onnx_files_are_refused_with_its_name(home: Path, tmp_path: Path) -> None:
    program = (
        "import sys\nsys.modules['onnxscript'] = None\n"
        "from unitsearch.cli.main import main\n"
        "sys.argv = ['unitsearch', 'export', 'straight', '--format', 'onnx', "
        f"'-o', '{tmp_path}/o']\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=home, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert "pip install 'unitsearch[onnx]'" in done.stderr
    assert not (tmp_path / "o").exists()


def test_a_file_is_exported_with_the_weights_beside_it(exported: Path, tmp_path: Path) -> None:
    source = min(exported.glob("*.yaml"))
    done = call(exported, "export", source.name, "--format", "python", "-o", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / f"network_{source.stem}.pt").is_file()


def test_a_file_without_weights_is_exported_untrained_or_not_at_all(
    exported: Path, tmp_path: Path
) -> None:
    shutil.copy(min(exported.glob("*.yaml")), tmp_path / "alone.yaml")
    refused = call(tmp_path, "export", "alone.yaml", "--format", "yaml,pt2")
    assert refused.returncode == 3
    assert "--no-weights" in refused.stderr
    assert not (tmp_path / "exported").exists()
    readable = call(tmp_path, "export", "alone.yaml", "--format", "python")
    assert readable.returncode == 0, readable.stderr
    untrained = call(tmp_path, "export", "alone.yaml", "--format", "pt2", "--no-weights")
    assert untrained.returncode == 0, untrained.stderr
    assert "**It is untrained" in (tmp_path / "exported" / "alone.MODEL.md").read_text()


def test_a_name_in_a_file_cannot_break_a_card(exported: Path, tmp_path: Path) -> None:
    from unitsearch.api import export

    source = min(exported.glob("*.yaml"))
    facts = yaml.safe_load(source.read_text())
    bad = "`x` | <script>alert(1)</script>\n# head ``` [a](b)"
    facts["classes"] = [bad, *facts["classes"][1:]]
    facts["provenance"] |= {"study": bad, "data": bad, "split": bad, "recipe": bad, "accuracy": bad}
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(facts))
    shutil.copy(source.with_suffix(".safetensors"), tmp_path / "bad.safetensors")
    (done,) = export(tmp_path / "bad.yaml", tmp_path / "out", latency=False)
    text = done.card.read_text()
    assert not re.search(r"^# head", text, re.M)
    for line in text.splitlines():
        if "script" in line:
            assert "`` `x` ¦ <script>" in line or "```` `x` ¦ <script>" in line
