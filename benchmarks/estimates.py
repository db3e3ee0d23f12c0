"""Does a search take as long as a dry run says?

Command:  python -m benchmarks.estimates space=toy_hybrid data.limit=3000 train.epochs=2
Prints:   one JSON line: seconds estimated, with their range, and seconds taken
Method:   the dry run first, then the search, in a folder that is removed afterwards. Both times are
          of the processor, divided by the number of workers.
Noise:    other work on the machine changes neither much; kernels must have been compiled before.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import tempfile
import time

from unitsearch.api.dry_runs import dry_run_facts, planned_run
from unitsearch.api.studies import run_study


def processor_seconds() -> float:
    """Return the seconds that this process and its ended children have worked."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    overrides = ["engine.device=cpu", *sys.argv[1:]]
    plan = dry_run_facts(planned_run(overrides))
    before, began = processor_seconds(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        end = run_study(overrides, lambda progress: None)
    taken = (processor_seconds() - before) / plan["workers"]
    estimate = plan["time"]
    print(
        json.dumps(
            {
                "overrides": overrides,
                "trials": len(end.record.trials),
                "estimated_s": estimate["seconds"],
                "low_s": estimate["low"],
                "high_s": estimate["high"],
                "taken_s": round(taken, 1),
                "ratio": round(estimate["seconds"] / taken, 2),
                "is_within": estimate["low"] <= taken <= estimate["high"],
                "wall_s": round(time.monotonic() - began, 1),
                "measured": [row["network"] for row in plan["measured"]],
            }
        )
    )


if __name__ == "__main__":
    main()
