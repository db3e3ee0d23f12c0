"""Do exported networks run, and answer alike, where there is no unitsearch?

Command:  python -m benchmarks.exports [--spaces] [--folder FOLDER] [--pip '-c constraints.txt']
Prints:   for each network the largest difference of a logit, relative to the largest one where that
          is over 1, in onnxruntime, torch.export and the Python file, and sizes; one JSON line
Method:   every member of the front of `unitsearch run space=lenet_hybrid` (40 trials on the digits)
          in all formats; with --spaces also the baseline of each shipped space, with random
          weights. Two fresh virtual environments are made, one with onnxruntime and numpy alone,
          one with torch and numpy alone; each loads its files and answers 16 fixed images, whose
          logits are compared with those of this process. Exits with 1 if one differs by over 1e-4
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
    logits = session.run(["logits"], {"images": images})[0]
    numpy.save(path.with_suffix(".onnxruntime.npy"), logits)
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
    parser.add_argument(
        "--home", type=Path, help="the folder to work in, which is kept; else a temporary folder"
    )
    parser.add_argument("--pip", default="", help="more words for pip install")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.home or Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        expected = front(folder)
        if arguments.spaces:
            expected |= baselines(folder)
        run_without_unitsearch(folder, "onnxruntime", IN_ONNXRUNTIME, arguments.pip)
        run_without_unitsearch(folder, "torch", IN_TORCH, arguments.pip)
        worst = report(folder, expected)
    sys.exit(worst > MOST)


def front(folder: Path) -> dict[str, np.ndarray]:
    """Search, export the front, and return the logits of each member."""
    if not (folder / "studies").is_dir():
        command = [sys.executable, "-m", "unitsearch.cli.main", "run", "space=lenet_hybrid"]
        subprocess.run(command, cwd=folder, check=True)
    os.chdir(folder)
    logits = {}
    for done in unitsearch.export("lenet_hybrid-1", "files", formats=FORMATS):
        architecture = unitsearch.load_architecture(done.files["yaml"])
        network = unitsearch.load_network(done.files["yaml"])
        logits[done.name] = answers(folder, done.name, network, fixed_images(architecture))
    return logits


def baselines(folder: Path) -> dict[str, np.ndarray]:
    """Export the baseline of each shipped space, with random weights and statistics."""
    logits = {}
    for space in resources.names("search_spaces"):
        architecture = unitsearch.load_architecture(f"{space}:baseline")
        # Random weights serve this comparison; they are written as if they were trained.
        source = replace(untrained_network(space, architecture), is_trained=True)
        randomise_norms(source.network)
        started = time.perf_counter()
        done = export(
            source, CardFacts(f"{space}:baseline"), FORMATS, folder / "files", latency=False
        )
        seconds = time.perf_counter() - started
        differences = ", ".join(f"{name} {value:.1g}" for name, value in done.differences.items())
        print(f"{space}: {seconds:.1f} s, {source.cost.params:,} parameters, here {differences}")
        logits[space] = answers(folder, space, source.network, source.images)
    return logits


def randomise_norms(network: torch.nn.Module) -> None:
    """Give batch norms the numbers of some training, because fresh ones have no effect."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                noise = torch.rand(tensor.shape, generator=generator) - 0.5
                tensor.data.add_(0.4 * noise)


def answers(folder: Path, name: str, network: torch.nn.Module, images: torch.Tensor) -> np.ndarray:
    with torch.inference_mode():
        np.save(folder / "files" / f"{name}.images.npy", images.numpy())
        logits: np.ndarray = network(images).numpy()
        return logits


def run_without_unitsearch(folder: Path, package: str, program: str, pip: str) -> None:
    """Run a program on the files in a fresh environment with one package and numpy."""
    python = folder / f"venv-{package}" / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
        command = [str(python), "-m", "pip", "install", "-q", *pip.split(), package, "numpy"]
        subprocess.run(command, check=True)
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    command = [str(python), "-c", "import importlib.util as u; print(u.find_spec('unitsearch'))"]
    spec = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    assert spec.strip() == "None", "unitsearch is installed"
    subprocess.run([str(python), "-c", program], cwd=folder / "files", env=env, check=True)


def report(folder: Path, expected: dict[str, np.ndarray]) -> float:
    """Print the difference of each answer from the expected logits; return the largest."""
    rows, worst = [], 0.0
    for name, logits in expected.items():
        row: dict[str, object] = {"network": name}
        for runtime in ("onnxruntime", "pt2", "python"):
            path = folder / "files" / f"{name}.{runtime}.npy"
            if path.is_file():
                difference = np.abs(np.load(path) - logits).max() / max(1.0, np.abs(logits).max())
                row[runtime] = float(difference)
                worst = max(worst, float(difference))
        row["onnx_bytes"] = (folder / "files" / f"{name}.onnx").stat().st_size
        row["pt2_bytes"] = (folder / "files" / f"{name}.pt2").stat().st_size
        rows.append(row)
        print(", ".join(f"{key} {value}" for key, value in row.items()))
    print(json.dumps({"networks": len(rows), "worst": worst, "rows": rows}))
    return worst


if __name__ == "__main__":
    main()
