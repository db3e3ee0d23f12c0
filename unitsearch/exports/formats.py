"""The formats of an exported network: what is written, and how it is read back.

A format makes the content of its files from a subject, and reads an answer back from them where
they lie. Who calls it writes the files, holds the answer against the subject (``checks``), and puts
them in their place.
"""

from __future__ import annotations

import io
import json
import keyword
import re
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.architecture import (
    key,
    read_architecture,
    read_text,
    write_architecture,
    yaml_text,
)
from unitsearch.errors import CheckError, SpecError, UsageError, did_you_mean
from unitsearch.exports.python_file import python_text

if TYPE_CHECKING:
    from unitsearch.exports.checks import Answer
    from unitsearch.exports.subject import Subject

Files = dict[str, bytes]


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        what: What its file is, in a few words.
        needs: What must be installed to use it.
        has_weights: Whether it is nothing without weights.
        files: Content by file name; the first is the one to name.
        read: What the files in a folder answer.
        usage: Code that loads it and makes logits, run from its folder.
        demand: Raises ``PackageError`` if it cannot be made here.
    """

    what: str
    needs: str
    has_weights: bool
    files: Callable[[Subject], Files]
    read: Callable[[Subject, Path], Answer]
    usage: Callable[[Subject], str]
    demand: Callable[[], None] = lambda: None


def formats_from(text: str | Sequence[str]) -> list[str]:
    """Return the names of formats in ``text``, ``yaml,onnx``, each once.

    Raises:
        UsageError: If there is no such format.
    """
    names = text.split(",") if isinstance(text, str) else list(text)
    found = list(dict.fromkeys(name.strip() for name in names))
    for name in found:
        if name not in FORMATS:
            raise UsageError(
                place="--format",
                found=name,
                expected=f"some of {', '.join(FORMATS)}",
                fix=did_you_mean(name, FORMATS, listed=False),
            )
    return found


def module_name(stem: str) -> str:
    """Return a name for the Python file that can be imported and hides no other module."""
    name = re.sub(r"\W", "_", stem, flags=re.ASCII)
    is_fit = name.startswith("network") and name.isidentifier() and not keyword.iskeyword(name)
    return name if is_fit else f"network_{name}"


def facts(subject: Subject) -> dict[str, str]:
    """Return what a file for other programs says of itself, as text by key."""
    architecture = subject.architecture
    found = {
        "unitsearch.key": subject.key,
        "weights": "trained" if subject.is_trained else "random: not trained",
        "unitsearch.architecture": json.dumps(write_architecture(architecture), default=str),
        "input": "float32 [n, channels, height, width], normalised with mean and std"
        if architecture.mean
        else "float32 [n, channels, height, width], not normalised",
    }
    for name in ("mean", "std", "classes"):
        value = getattr(architecture, name)
        if value is not None:
            found[name] = json.dumps(list(value))
    return found


def _yaml_files(subject: Subject) -> Files:
    text = yaml_text(write_architecture(subject.architecture))
    return {f"{subject.stem}.yaml": text.encode()}


def _read_yaml(subject: Subject, folder: Path) -> Answer:
    from unitsearch.exports.checks import Answer, counted
    from unitsearch.network.build import build

    path = folder / f"{subject.stem}.yaml"
    architecture = read_architecture(read_text(path.read_text("utf-8"), path.name).data)
    network = build(architecture).eval()
    return Answer(
        file=path.name,
        key=key(architecture),
        params=sum(parameter.numel() for parameter in network.parameters()),
        macs=counted(network, subject.images[:1]),
        run=None,
    )


def _use_yaml(subject: Subject) -> str:
    return (
        "import torch\nimport unitsearch\n\n"
        f"architecture = unitsearch.load_architecture({_quoted(subject.stem + '.yaml')})\n"
        "network = unitsearch.build(architecture)  # without its weights\n"
        f"logits = network({_zeros(subject)})\n"
    )


def _safetensors_files(subject: Subject) -> Files:
    from unitsearch.network.weights import weights_bytes

    return {f"{subject.stem}.safetensors": weights_bytes(subject.network)}


def _read_safetensors(subject: Subject, folder: Path) -> Answer:
    from unitsearch.exports.checks import Answer, counted
    from unitsearch.network.weights import load_network

    path = folder / f"{subject.stem}.safetensors"
    try:
        network = load_network(subject.architecture, path)
    except SpecError as error:
        raise CheckError(f"{path.name}: does not rebuild ({error})") from None
    return Answer(
        file=path.name,
        key=key(network.architecture),
        params=sum(parameter.numel() for parameter in network.parameters()),
        macs=counted(network, subject.images[:1]),
        run=network,
    )


def _use_safetensors(subject: Subject) -> str:
    return (
        "import torch\nimport unitsearch\n\n"
        f"network = unitsearch.load_network({_quoted(subject.stem + '.yaml')})\n"
        f"logits = network({_zeros(subject)})\n"
    )


def _pt2_files(subject: Subject) -> Files:
    import torch

    content = io.BytesIO()
    torch.export.save(
        subject.program, content, extra_files={"unitsearch.json": json.dumps(facts(subject))}
    )
    return {f"{subject.stem}.pt2": content.getvalue()}


def _read_pt2(subject: Subject, folder: Path) -> Answer:
    import torch

    from unitsearch.exports.checks import Answer, counted

    path = folder / f"{subject.stem}.pt2"
    more = {"unitsearch.json": ""}
    program = torch.export.load(path, extra_files=more)
    network = program.module()
    return Answer(
        file=path.name,
        key=str(json.loads(more["unitsearch.json"])["unitsearch.key"]),
        params=sum(parameter.numel() for parameter in program.parameters()),
        macs=counted(network, subject.images[:1]),
        run=network,
        is_folded=True,
    )


def _use_pt2(subject: Subject) -> str:
    return (
        "import torch\n\n"
        f"network = torch.export.load({_quoted(subject.stem + '.pt2')}).module()\n"
        f"logits = network({_zeros(subject)})\n"
    )


def _python_files(subject: Subject) -> Files:
    import torch

    name = module_name(subject.stem)
    weights = f"{name}.pt" if subject.is_trained else None
    found = {f"{name}.py": python_text(subject.architecture, weights).encode()}
    if weights is not None:
        content = io.BytesIO()
        torch.save(dict(subject.network.state_dict()), content)
        found[weights] = content.getvalue()
    return found


def _read_python(subject: Subject, folder: Path) -> Answer:
    from unitsearch.exports.checks import Answer, counted

    path = folder / f"{module_name(subject.stem)}.py"
    module = types.ModuleType(path.stem)
    module.__file__ = str(path)
    exec(compile(path.read_bytes(), path.name, "exec"), module.__dict__)  # our own text
    try:
        network = module.Network().eval()
        network.load_state_dict(subject.network.state_dict())
        network = module.load() if subject.is_trained else network
    except RuntimeError as error:
        said = str(error).strip().partition("\n")[0]
        raise CheckError(f"{path.name}: does not take the weights ({said})") from None
    return Answer(
        file=path.name,
        key=str(module.KEY),
        params=sum(parameter.numel() for parameter in network.parameters()),
        macs=counted(network, subject.images[:1]),
        run=network,
    )


def _use_python(subject: Subject) -> str:
    name = module_name(subject.stem)
    made = "load()" if subject.is_trained else "Network()"
    imported = "load" if subject.is_trained else "Network"
    return (
        f"import torch\nfrom {name} import {imported}\n\n"
        f"network = {made}\n"
        f"logits = network({_zeros(subject)})\n"
    )


def _onnx_files(subject: Subject) -> Files:
    from unitsearch.exports.onnx_file import onnx_bytes

    return {f"{subject.stem}.onnx": onnx_bytes(subject.program, facts(subject))}


def _read_onnx(subject: Subject, folder: Path) -> Answer:
    from unitsearch.exports.onnx_file import read_onnx

    return read_onnx(folder / f"{subject.stem}.onnx", subject.program)


def _use_onnx(subject: Subject) -> str:
    shape = ", ".join(map(str, (1, *subject.architecture.input)))
    return (
        "import numpy\nimport onnxruntime\n\n"
        f"session = onnxruntime.InferenceSession({_quoted(subject.stem + '.onnx')})\n"
        f'images = numpy.zeros(({shape}), "float32")\n'
        '(logits,) = session.run(["logits"], {"images": images})\n'
    )


def _demand_onnx() -> None:
    from unitsearch.exports.onnx_file import demand

    demand()


def _zeros(subject: Subject) -> str:
    return f"torch.zeros({', '.join(map(str, (1, *subject.architecture.input)))})"


def _quoted(name: str) -> str:
    from unitsearch.exports.calls import literal

    return literal(name)


FORMATS: dict[str, Format] = {
    "yaml": Format(
        "the architecture, readable",
        "unitsearch",
        False,
        _yaml_files,
        _read_yaml,
        _use_yaml,
    ),
    "safetensors": Format(
        "the weights, for the YAML file",
        "unitsearch",
        True,
        _safetensors_files,
        _read_safetensors,
        _use_safetensors,
    ),
    "pt2": Format(
        "the network as a program of torch.export, batch norm folded",
        "torch",
        True,
        _pt2_files,
        _read_pt2,
        _use_pt2,
    ),
    "onnx": Format(
        "the network for ONNX runtimes, batch norm folded",
        "onnxruntime, or another runtime",
        True,
        _onnx_files,
        _read_onnx,
        _use_onnx,
        _demand_onnx,
    ),
    "python": Format(
        "the network as PyTorch that a person can read, weights beside it",
        "torch",
        False,
        _python_files,
        _read_python,
        _use_python,
    ),
}
