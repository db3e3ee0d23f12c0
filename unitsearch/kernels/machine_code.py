"""The machine code of the kernels: compiled once on a machine for each dtype, then read from disk.

Numba by itself stores code for each place of its source, and compares only the file of the compiled
function to see whether the code is stale. Here the folder's name holds a hash of all sources, of
Numba's version and of the CPU, so that copies of the package share their code wherever they are.
Each kernel is a symbol of its own that is called by address: as callees of one another, kernels
would be compiled once for each caller.
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
from numba.core.caching import CompileResultCacheImpl, FunctionCache
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
    t.READ_IMAGES: head.read_images,
    t.CONVOLUTION: convolution.convolution,
    t.LINEAR: linear.linear,
    t.POOL: pooling.pool,
    t.MAXIMA: maxima.maxima,
    t.ADD_MAPS: pooling.add_maps,
    t.LOSS: head.loss,
    t.SCORE: head.score,
    t.CONVOLUTION_BACK: convolution_back.convolution_back,
    t.LINEAR_BACK: linear.linear_back,
    t.POOL_BACK: pooling.pool_back,
    t.ADD_MAPS_BACK: pooling.add_maps_back,
    t.SGD: lane_optimisers.sgd,
    t.ADAM: lane_optimisers.adam,
    t.CONVOLVE: convolution.convolve,
    t.CORRELATE: convolution_back.correlate,
}

_SWEEPING = (t.READ_IMAGES, t.CONVOLUTION, t.MAXIMA, t.CONVOLUTION_BACK, t.SGD, t.ADAM)


@dataclass(frozen=True, eq=False)
class Kernels:
    """Compiled kernels of one dtype.

    Attributes:
        run: The interpreter; its arguments are addresses: 0, a frame, a workspace.
        addresses: int64 [kinds], the address of the kernel of each kind of operation.
        owners: The compiled functions, held here because the addresses are valid while they live.
    """

    run: Callable[[int, int, int], None]
    addresses: NDArray[np.int64]
    owners: tuple[Any, ...]


class CodeFolder:
    """The place of the code of a function, as Numba asks for it: the folder in ``CACHE_DIR``.

    Its name stands for all that the code depends on, so no stamp of a file is kept.
    """

    def __init__(self, line: int) -> None:
        self._line = line

    @classmethod
    def from_function(cls, function: Callable[..., None], file: str) -> CodeFolder:
        """Return the place of the code of ``function``."""
        return cls(function.__code__.co_firstlineno)

    def get_cache_path(self) -> str:
        """Return the folder."""
        return str(numba.config.CACHE_DIR)

    def ensure_cache_path(self) -> None:
        """Do nothing: who holds the folder's lock has made it."""

    def get_source_stamp(self) -> str:
        """Return the same for every file."""
        return ""

    def get_disambiguator(self) -> str:
        """Return the first line of the function in its file."""
        return str(self._line)


class CodeFormat(CompileResultCacheImpl):
    """Numba's format of stored code, in the folder of ``CodeFolder``."""

    _locator_classes = (CodeFolder,)


class CodeStore(FunctionCache):
    """Numba's store of the code of a function, with that format."""

    _impl_class = CodeFormat


def folder() -> Path:
    """Return the folder of the machine code of these sources on this CPU."""
    return cache_folder() / "kernels" / digest()


@lru_cache
def kernels(dtype: str) -> Kernels:
    """Return the kernels of ``float32`` or ``float64``: read from disk, or compiled and stored."""
    element = types.float32 if dtype == "float32" else types.float64
    with _stored_in(folder()) as is_stored:
        owners = {
            kind: _compiled(function, _signature(kind, element), kind, is_stored=is_stored)
            for kind, function in _FUNCTIONS.items()
        }
        run = _compiled(interpreter.run, _signature(t.READ_IMAGES, element), is_stored=is_stored)
    addresses = np.array([owners[kind].address for kind in range(len(t.KINDS))], np.int64)
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(run.address)
    return Kernels(call, addresses, (*owners.values(), run))


def _signature(kind: int, element: Any) -> Any:
    """Return the type of a kernel: it takes a row or a job, the frame and the workspace."""
    jobs = {t.CONVOLVE: records.CONVOLVE_JOB, t.CORRELATE: records.CORRELATE_JOB}
    row = jobs.get(kind, records.OPERATION)
    return types.void(row, records.FRAME, types.CPointer(element))


def _compiled(
    function: Callable[..., None], signature: Any, kind: int = -1, *, is_stored: bool = True
) -> Any:
    """Return a compiled kernel; the optimisation passes depend on its kind.

    Only the optimisers need LLVM's loop vectoriser: all other kernels use vector instructions
    explicitly. Tiles are emitted in their final form, so only the kernels that sweep over maps gain
    by optimisation level 3. The two restrictions save a third of the compile time.
    """
    options = {"nopython": True, "error_model": "numpy", "boundscheck": False}
    compiled: Any = CFunc(
        function, (signature.args, signature.return_type), locals={}, options=options
    )
    if is_stored:
        compiled._cache = CodeStore(function)
    before = numba.config.LOOP_VECTORIZE, numba.config.OPT
    numba.config.LOOP_VECTORIZE = int(kind in (t.SGD, t.ADAM))
    numba.config.OPT = type(numba.config.OPT)(3 if kind in _SWEEPING else 2)
    try:
        compiled.compile()
    finally:
        numba.config.LOOP_VECTORIZE, numba.config.OPT = before
    return compiled


def digest() -> str:
    """Return a hash of all that the machine code depends on: sources, Numba, Python, the CPU."""
    digest_ = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest_.update(path.read_bytes())
    cpu = (numba.config.CPU_NAME or binding.get_host_cpu_name(), *sorted(vectors.FEATURES))
    for part in (numba.__version__, llvmlite.__version__, sys.version, *cpu):
        digest_.update(part.encode() + b"\0")
    return digest_.hexdigest()[:20]


@contextmanager
def _stored_in(folder: Path) -> Iterator[bool]:
    """Let Numba store its code in ``folder``; one process compiles, others wait for it.

    Yields:
        Whether it is stored. Where the folder cannot be written or locked, each process compiles
        for itself and stores nothing.
    """
    with locked(folder / "lock") as is_held:
        if not is_held:
            yield False
            return
        before = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(folder)
        try:
            yield True
        finally:
            numba.config.CACHE_DIR = before
