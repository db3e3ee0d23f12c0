"""The device that trains, and the GPU of each worker. Imports torch only where there may be one."""

from __future__ import annotations

import ctypes
import os

from unitsearch.errors import UsageError

DEVICES = ("auto", "cpu", "cuda")


def device_for(wanted: str, *, here: bool = True) -> str:
    """Return the device that ``engine.device`` asks for, ``cpu`` or ``cuda``.

    Args:
        wanted: One of ``DEVICES``; ``auto`` is ``cuda`` where torch finds a GPU.
        here: Whether the workers are on this machine. If not, their GPUs are unknown:
            ``auto`` is the CPU, and ``cuda`` is not checked.

    Raises:
        UsageError: If ``cuda`` is asked for and torch finds no GPU.
    """
    if wanted == "cpu" or not here:
        return "cuda" if wanted == "cuda" else "cpu"
    count = gpus()
    if wanted == "cuda" and not count:
        raise UsageError(
            place="engine.device", found="cuda", expected="a GPU that torch finds: there is none",
            fix="try engine.device=cpu, or install torch for CUDA",
        )  # fmt: skip
    return "cuda" if count else "cpu"


def gpus() -> int:
    """Return the number of CUDA devices that torch finds."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:  # no driver, so torch, which takes seconds to import, is not needed
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def only_gpu(slot: int) -> dict[str, str]:
    """Return the environment of a process that sees one GPU: number ``slot`` of those seen here."""
    visible = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")]
    name = visible[slot] if any(visible) and slot < len(visible) else str(slot)
    return {"CUDA_VISIBLE_DEVICES": name}


def cores() -> set[int]:
    """Return the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))
