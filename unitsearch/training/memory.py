"""Telling a lack of memory from other trouble."""

from __future__ import annotations

import torch

_SAID = ("DefaultCPUAllocator", "out of memory", "ALLOC_FAILED")


def is_memory(error: BaseException | None) -> bool:
    """Say whether ``error`` comes of too little memory, on whatever device.

    Torch does not always say so by its type, and while a CUDA graph is captured it raises an error
    about the capture on top.
    """
    while error is not None:
        if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
            return True
        if isinstance(error, RuntimeError) and any(said in str(error) for said in _SAID):
            return True
        error = error.__context__
    return False
