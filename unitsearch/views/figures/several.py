"""Several studies in one figure: their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from unitsearch.study.record import Record


def as_list(records: Record | Sequence[Record]) -> list[Record]:
    """Return the studies of a figure that takes one or several."""
    return [records] if isinstance(records, Record) else list(records)


def study_names(records: Sequence[Record]) -> list[str]:
    """Return a unique name for each record: its own, or its folder's path if it is shared."""
    times = Counter(record.name for record in records)
    names = [r.name if times[r.name] == 1 else str(r.folder) for r in records]
    times = Counter(names)
    so_far: Counter[str] = Counter()
    unique = []
    for name in names:
        so_far[name] += 1
        unique.append(name if times[name] == 1 else f"{name} ({so_far[name]})")
    return unique
