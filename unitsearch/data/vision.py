"""The only module of unitsearch that imports torchvision.

Where torch is built for the CPU, the torchvision that package indexes pair with it may be built for
CUDA: its compiled half is then not loaded, and the import fails because a fake kernel is registered
for an operator that is not defined. Data sets, transforms and models need no compiled operator, so
defining the bare schemas is enough to make them work.
"""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType
from typing import Any

_SYMPTOM = "operator torchvision::nms does not exist"
_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


@cache
def torchvision() -> ModuleType:
    """Return torchvision, imported at the first call (about a second)."""
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if str(error) != _SYMPTOM:
            raise
    _operators()
    return importlib.import_module("torchvision")


@cache  # the operators are defined as long as the library object lives
def _operators() -> Any:
    """Return a library that defines the bare schemas of torchvision's operators."""
    import torch

    library: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for operator in ("nms", "qnms"):
        library.define(f"{operator}{_SCHEMA}")
    return library
