"""Whether the unit kernel can be had: it is written in Triton, which is optional."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unitsearch.packs.running import UnitKernel


def is_installed() -> bool:
    """Say whether Triton is there."""
    return find_spec("triton") is not None


def load() -> UnitKernel:
    """Return the kernel.

    Raises:
        PackageError: If Triton is not installed.
    """
    from unitsearch.packs.triton_units import convolve

    return convolve
