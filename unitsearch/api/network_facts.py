"""The facts of one architecture that ``unitsearch cost`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unitsearch.api.networks import load_architecture, point_architecture
from unitsearch.architecture import Architecture, key
from unitsearch.costs import count
from unitsearch.errors import UsageError


def named_architecture(name: str, overrides: Sequence[str] = ()) -> Architecture:
    """Return the architecture of a file or of a point, the point on other data if they are given.

    Raises:
        UsageError: If a file is named and data are given: a file has its own input.
    """
    if overrides and Path(name).is_file():
        raise UsageError(found=overrides[0], expected="nothing more: a file has its own input")
    return point_architecture(name, overrides) if overrides else load_architecture(name)


def cost_row(name: str, architecture: Architecture) -> dict[str, Any]:
    """Return an architecture's exact costs and its key in one row."""
    cost = count(architecture)
    return {
        "architecture": name,
        "params": cost.params,
        "macs": cost.macs,
        "flops": cost.flops,
        "macs_shared": cost.macs_shared,
        "bits": cost.bits,
        "activation_bytes": cost.activation_bytes,
        "key": key(architecture),
    }


def counter_rows(architecture: Architecture) -> list[dict[str, Any]]:
    """Return a row for each other counter: its count, ours, and the difference."""
    from unitsearch.network.counters import opinions

    return [
        {
            "counter": opinion.counter,
            "counts": opinion.what,
            "counted": opinion.counted,
            "closed_form": opinion.ours,
            "difference": opinion.counted - opinion.ours,
            "from": opinion.note,
        }
        for opinion in opinions(architecture)
    ]
