"""Access to the unit kernel, which is written in Triton, an optional package."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from unitsearch.errors import PackageError

if TYPE_CHECKING:
    from unitsearch.packs.pack_execution import UnitKernel


def is_installed() -> bool:
    """Return whether Triton is installed."""
    return find_spec("triton") is not None


def load() -> UnitKernel:
    """Return the unit kernel.

    Raises:
        PackageError: If Triton is not installed.
    """
    if not is_installed():
        raise PackageError("the unit kernel needs Triton", fix="pip install 'unitsearch[triton]'")
    from unitsearch.packs import triton_units

    kernel: UnitKernel = triton_units.convolve
    return kernel
