"""Which device trains, and which GPU is whose. Imports torch only where there may be a GPU."""

from __future__ import annotations

import ctypes
import os

from unitsearch.errors import UsageError

DEVICES = ("auto", "cpu", "cuda")


def device_for(wanted: str, *, here: bool = True) -> str:
    """Return the device that ``engine.device`` asks for, ``cpu`` or ``cuda``.

    Args:
        wanted: One of ``DEVICES``; ``auto`` is ``cuda`` where torch finds a GPU.
        here: Whether the workers are on this machine. Of another nothing is known: there ``auto``
            is the CPU, and ``cuda`` is believed.

    Raises:
        UsageError: If ``cuda`` is asked for and torch finds no GPU.
    """
    if wanted == "cpu" or not here:
        return "cuda" if wanted == "cuda" else "cpu"
    found = gpus()
    if wanted == "cuda" and not found:
        raise UsageError(
            place="engine.device", found="cuda", expected="a GPU that torch finds: there is none",
            fix="try engine.device=cpu, or install torch for CUDA",
        )  # fmt: skip
    return "cuda" if found else "cpu"


def gpus() -> int:
    """Return how many CUDA devices torch finds."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:  # no driver: torch, seconds to import, need not be asked
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def only_gpu(seat: int) -> dict[str, str]:
    """Return the environment in which a process sees one GPU: of those seen here, that numbered."""
    seen = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")]
    name = seen[seat] if any(seen) and seat < len(seen) else str(seat)
    return {"CUDA_VISIBLE_DEVICES": name}
