"""Errors caused by too little memory."""

from __future__ import annotations

import torch

_MESSAGES = ("DefaultCPUAllocator", "out of memory", "ALLOC_FAILED")


def is_memory(error: BaseException | None) -> bool:
    """Return whether too little memory is the cause of ``error``, on any device.

    Torch does not always raise a type of its own for it, and while a CUDA graph is captured it
    raises an error about the capture on top.
    """
    while error is not None:
        if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
            return True
        if isinstance(error, RuntimeError) and any(part in str(error) for part in _MESSAGES):
            return True
        error = error.__context__
    return False
