"""The worker processes of a driver, as Linux lists them."""

from __future__ import annotations

from pathlib import Path


def workers_of(driver: int) -> list[int]:
    """Return the pids of the worker processes of the driver with the pid ``driver``."""
    pids = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        pid = int(stat.parent.name)
        if parent == driver and is_worker(pid):
            pids.append(pid)
    return pids


def is_worker(pid: int) -> bool:
    """Say whether a process is alive and a worker."""
    try:
        return "unitsearch.engine.worker" in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False
