"""Engines, which run jobs on local workers or on Ray and return outcomes."""

from __future__ import annotations

from pathlib import Path

from unitsearch.engine.jobs import Engine, Job, Outcome

__all__ = ["Engine", "Job", "Outcome", "open_engine"]


def open_engine(
    name: str, workers: int | None, address: str | None, folder: Path, device: str = "cpu"
) -> Engine:
    """Return the engine called ``name``; its workers' output goes to a log in ``folder``.

    On the ``device`` ``cuda`` each worker has a GPU of its own.
    """
    if name == "ray":
        from unitsearch.engine.ray import RayEngine

        return RayEngine(workers, address, folder, device)
    from unitsearch.engine.local import LocalEngine

    return LocalEngine(workers, folder / "workers.log", device)
