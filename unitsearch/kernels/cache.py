"""The kernels' machine code: compiled once a machine and dtype, then read from disk.

Numba looks only at the caller's file to see whether what it stored is stale, so the folder's name
holds a hash of all of the sources, of Numba and of the CPU. Each kernel is a symbol of its own,
called by address: as callees of one another they would be compiled once for each caller.
"""

from __future__ import annotations

import ctypes
import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from llvmlite import binding
from numba import types
from numba.core.ccallback import CFunc
from numpy.typing import NDArray

from unitsearch.files import locked
from unitsearch.kernels import (
    convolution,
    convolution_back,
    head,
    interpreter,
    lane_optimisers,
    linear,
    maxima,
    pooling,
    records,
    vectors,
)
from unitsearch.kernels import table_layout as t
from unitsearch.resources import cache_folder

_FUNCTIONS: dict[int, Callable[..., None]] = {
    t.ENTER: head.enter,
    t.CONVOLUTION: convolution.convolution,
    t.LINEAR: linear.linear,
    t.POOL: pooling.pool,
    t.MAXIMA: maxima.maxima,
    t.TOTAL: pooling.total,
    t.LOSS: head.loss,
    t.SCORE: head.score,
    t.CONVOLUTION_BACK: convolution_back.convolution_back,
    t.LINEAR_BACK: linear.linear_back,
    t.POOL_BACK: pooling.pool_back,
    t.TOTAL_BACK: pooling.total_back,
    t.SGD: lane_optimisers.sgd,
    t.ADAM: lane_optimisers.adam,
    t.CONVOLVE: convolution.convolve,
    t.CORRELATE: convolution_back.correlate,
}

_SWEEPING = (t.ENTER, t.CONVOLUTION, t.MAXIMA, t.CONVOLUTION_BACK, t.SGD, t.ADAM)


@dataclass(frozen=True, eq=False)
class Kernels:
    """Compiled kernels of one dtype.

    Attributes:
        run: The interpreter: takes the addresses of a job, a frame and a workspace.
        addresses: int64, by kind of operation.
        owners: What keeps the code alive.
    """

    run: Callable[[int, int, int], None]
    addresses: NDArray[np.int64]
    owners: tuple[Any, ...]


def folder() -> Path:
    """Return the folder in which machine code is kept."""
    return cache_folder() / "kernels" / digest()


@lru_cache
def kernels(dtype: str) -> Kernels:
    """Return the kernels of ``float32`` or ``float64``, from the disk where they are there."""
    element = types.float32 if dtype == "float32" else types.float64
    with _kept_in(folder()):
        owners = {
            kind: _compiled(function, _signature(kind, element), kind)
            for kind, function in _FUNCTIONS.items()
        }
        run = _compiled(interpreter.run, _signature(t.ENTER, element))
    addresses = np.array([owners[kind].address for kind in range(len(t.KINDS))], np.int64)
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(run.address)
    return Kernels(call, addresses, (*owners.values(), run))


def _signature(kind: int, element: Any) -> Any:
    """Return the type of a kernel: it takes a row or a job, the frame and the workspace."""
    jobs = {t.CONVOLVE: records.CONVOLVE_JOB, t.CORRELATE: records.CORRELATE_JOB}
    row = jobs.get(kind, records.OPERATION)
    return types.void(row, records.FRAME, types.CPointer(element))


def _compiled(function: Callable[..., None], signature: Any, kind: int = -1) -> Any:
    """Return a compiled kernel, with no more effort than its kind is worth.

    Only the optimisers are left to the vectoriser: all others say themselves what a register does.
    Tiles are written as they are to be; only kernels that sweep over maps gain by all of LLVM's
    passes. Both together save a third of the time.
    """
    options = {"nopython": True, "error_model": "numpy", "boundscheck": False}
    made = CFunc(function, (signature.args, signature.return_type), locals={}, options=options)
    made.enable_caching()
    before = numba.config.LOOP_VECTORIZE, numba.config.OPT
    numba.config.LOOP_VECTORIZE = int(kind in (t.SGD, t.ADAM))
    numba.config.OPT = type(numba.config.OPT)(3 if kind in _SWEEPING else 2)
    try:
        made.compile()
    finally:
        numba.config.LOOP_VECTORIZE, numba.config.OPT = before
    return made


def digest() -> str:
    """Return a hash of everything that the machine code depends on."""
    said = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        said.update(path.read_bytes())
    cpu = (numba.config.CPU_NAME or binding.get_host_cpu_name(), *sorted(vectors.FEATURES))
    for part in (numba.__version__, llvmlite.__version__, sys.version, *cpu):
        said.update(part.encode() + b"\0")
    return said.hexdigest()[:20]


@contextmanager
def _kept_in(place: Path) -> Iterator[None]:
    """Let Numba keep its code in ``place``; let one process compile and the others wait for it.

    Where the folder cannot be written or locked, the code is compiled anew and not kept.
    """
    with locked(place / "lock") as is_held:
        if not is_held:
            yield
            return
        before = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(place)
        try:
            yield
        finally:
            numba.config.CACHE_DIR = before
