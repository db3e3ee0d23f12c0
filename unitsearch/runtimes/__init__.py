"""Runtimes as targets of exports: each has its file, loads it, and is measured.

To add a runtime, write a subclass of ``Runtime`` in a file of its own in ``targets`` and add its
line to ``RUNTIMES``: the checks, the card, the search by latency and the tests take it from there.
"""

from __future__ import annotations

from collections.abc import Sequence

from unitsearch.errors import UsageError, did_you_mean
from unitsearch.runtimes.runtime import Runtime
from unitsearch.runtimes.targets.executorch import ExecuTorch
from unitsearch.runtimes.targets.litert import LiteRt
from unitsearch.runtimes.targets.mnn import Mnn
from unitsearch.runtimes.targets.ncnn import Ncnn
from unitsearch.runtimes.targets.onnxruntime import OnnxRuntime
from unitsearch.runtimes.targets.openvino import OpenVino
from unitsearch.runtimes.targets.torch_export import TorchExport
from unitsearch.runtimes.targets.tract import Tract

RUNTIMES: dict[str, Runtime] = {
    runtime.name: runtime
    for runtime in (
        OnnxRuntime(),
        OpenVino(),
        TorchExport(),
        Tract(),
        Mnn(),
        Ncnn(),
        LiteRt(),
        ExecuTorch(),
    )
}


def runtime_named(name: str, place: str = "--runtime") -> Runtime:
    """Return the runtime called ``name``.

    Raises:
        UsageError: If there is none.
    """
    if name not in RUNTIMES:
        raise UsageError(
            place=place,
            found=name,
            expected=f"one of {', '.join(RUNTIMES)}",
            fix=did_you_mean(name, RUNTIMES, listed=False),
        )
    return RUNTIMES[name]


def runtimes_from(text: str | Sequence[str]) -> list[str]:
    """Return the names of runtimes in ``text``, ``onnxruntime,tract``, each once.

    Raises:
        UsageError: If a name is not the name of a runtime.
    """
    words = text.split(",") if isinstance(text, str) else list(text)
    names = list(dict.fromkeys(word.strip() for word in words if word.strip()))
    return [runtime_named(name).name for name in names]
