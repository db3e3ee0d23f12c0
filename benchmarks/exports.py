"""Do exported networks run, and answer alike, where there is no unitsearch?

Command:  python -m benchmarks.exports [--spaces] [--home FOLDER] [--pip '-c constraints.txt']
Prints:   for each network the largest difference of a logit, relative to the largest one where that
          is over 1, in onnxruntime, torch.export and the Python file, and sizes; one JSON line
Method:   every member of the front of `unitsearch run space=lenet_hybrid` (40 trials on the digits)
          in all formats; with --spaces also the baseline of each shipped space, with random
          weights. Two fresh virtual environments are made, one with onnxruntime and numpy alone,
          one with torch and numpy alone; each loads its files and answers 16 fixed images, whose
          logits are held against those of this process. Exits with 1 if one differs by over 1e-4
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import unitsearch
from unitsearch import resources
from unitsearch.exports.card_facts import CardFacts
from unitsearch.exports.export import export
from unitsearch.exports.loading import untrained_network
from unitsearch.network.weights import fixed_images

FORMATS = ("yaml", "safetensors", "pt2", "onnx", "python")
MOST = 1e-4
IN_ONNXRUNTIME = """
import pathlib, sys, time
import numpy, onnxruntime
for path in sorted(pathlib.Path(".").glob("*.onnx")):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options)
    images = numpy.load(path.with_suffix(".images.npy"))
    found = session.run(["logits"], {"images": images})[0]
    numpy.save(path.with_suffix(".onnxruntime.npy"), found)
assert "unitsearch" not in sys.modules and "torch" not in sys.modules
"""
IN_TORCH = """
import importlib, pathlib, sys
import numpy, torch
sys.path.insert(0, ".")
for path in sorted(pathlib.Path(".").glob("*.pt2")):
    images = torch.from_numpy(numpy.load(path.with_suffix(".images.npy")))
    with torch.inference_mode():
        program = torch.export.load(path).module()(images)
        module = importlib.import_module("network_" + path.stem)
        if (path.parent / f"network_{path.stem}.pt").is_file():
            network = module.load()
            numpy.save(path.with_suffix(".python.npy"), network(images).numpy())
    numpy.save(path.with_suffix(".pt2.npy"), program.numpy())
assert "unitsearch" not in sys.modules
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spaces", action="store_true", help="the shipped baselines too")
    parser.add_argument("--home", type=Path, help="where to work, kept; else a temporary folder")
    parser.add_argument("--pip", default="", help="more words for pip install")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home = (given.home or Path(temporary)).absolute()
        home.mkdir(parents=True, exist_ok=True)
        expected = front(home)
        if given.spaces:
            expected |= baselines(home)
        elsewhere(home, "onnxruntime", IN_ONNXRUNTIME, given.pip)
        elsewhere(home, "torch", IN_TORCH, given.pip)
        worst = report(home, expected)
    sys.exit(worst > MOST)


def front(home: Path) -> dict[str, np.ndarray]:
    """Search, export the front, and return the logits of each member."""
    if not (home / "studies").is_dir():
        command = [sys.executable, "-m", "unitsearch.cli.main", "run", "space=lenet_hybrid"]
        subprocess.run(command, cwd=home, check=True)
    os.chdir(home)
    found = {}
    for done in unitsearch.export("lenet_hybrid-1", "files", formats=FORMATS):
        architecture = unitsearch.load_architecture(done.files["yaml"])
        network = unitsearch.load_network(done.files["yaml"])
        found[done.name] = answers(home, done.name, network, fixed_images(architecture))
    return found


def baselines(home: Path) -> dict[str, np.ndarray]:
    """Export the baseline of each shipped space, with random weights and statistics."""
    found = {}
    for space in resources.names("search_spaces"):
        architecture = unitsearch.load_architecture(f"{space}:baseline")
        # random weights do as well as any, and are written as if they were trained
        subject = replace(untrained_network(space, architecture), is_trained=True)
        unsettle(subject.network)
        begun = time.perf_counter()
        done = export(
            subject, CardFacts(f"{space}:baseline"), FORMATS, home / "files", latency=False
        )
        seconds = time.perf_counter() - begun
        apart = ", ".join(f"{name} {value:.1g}" for name, value in done.differences.items())
        print(f"{space}: {seconds:.1f} s, {subject.cost.params:,} parameters, here {apart}")
        found[space] = answers(home, space, subject.network, subject.images)
    return found


def unsettle(network: torch.nn.Module) -> None:
    """Give batch norms numbers as after some training: fresh ones leave nothing to fold."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                noise = torch.rand(tensor.shape, generator=generator) - 0.5
                tensor.data.add_(0.4 * noise)


def answers(home: Path, name: str, network: torch.nn.Module, images: torch.Tensor) -> np.ndarray:
    with torch.inference_mode():
        np.save(home / "files" / f"{name}.images.npy", images.numpy())
        found: np.ndarray = network(images).numpy()
        return found


def elsewhere(home: Path, package: str, program: str, pip: str) -> None:
    """Run a program on the files in a fresh environment with one package and numpy."""
    python = home / f"venv-{package}" / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
        command = [str(python), "-m", "pip", "install", "-q", *pip.split(), package, "numpy"]
        subprocess.run(command, check=True)
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    asked = [str(python), "-c", "import importlib.util as u; print(u.find_spec('unitsearch'))"]
    said = subprocess.run(asked, env=env, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "None", "unitsearch is there"
    subprocess.run([str(python), "-c", program], cwd=home / "files", env=env, check=True)


def report(home: Path, expected: dict[str, np.ndarray]) -> float:
    """Print how far each answer is from what was expected, and return the largest distance."""
    rows, worst = [], 0.0
    for name, logits in expected.items():
        row: dict[str, object] = {"network": name}
        for way in ("onnxruntime", "pt2", "python"):
            path = home / "files" / f"{name}.{way}.npy"
            if path.is_file():
                apart = np.abs(np.load(path) - logits).max() / max(1.0, np.abs(logits).max())
                row[way] = float(apart)
                worst = max(worst, float(apart))
        row["onnx_bytes"] = (home / "files" / f"{name}.onnx").stat().st_size
        row["pt2_bytes"] = (home / "files" / f"{name}.pt2").stat().st_size
        rows.append(row)
        print(", ".join(f"{key} {value}" for key, value in row.items()))
    print(json.dumps({"networks": len(rows), "worst": worst, "rows": rows}))
    return worst


if __name__ == "__main__":
    main()
