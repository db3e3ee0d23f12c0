"""The latency of a study's baseline and front, measured in one run and kept beside its store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.errors import StudyError, UsageError

if TYPE_CHECKING:
    from unitsearch.study.latencies import Latencies

MOST = 200  # networks of one run, which are all in memory and take turns


def study_latency(
    study: str | Path,
    batch: int = 1,
    rounds: int = 30,
    device: str = "cpu",
    watch: Callable[[str], None] = lambda line: None,
) -> Latencies:
    """Measure a study's baseline and front in turns, and write ``latency.yaml`` in its folder.

    The measurement does not depend on weights: networks are built anew in their fastest form for
    inference. It replaces an earlier measurement, because the load of the machine differs from run
    to run. The store is not changed.

    Args:
        study: Its name or folder.
        batch: Images at a time; times are given for one image.
        rounds: Number of measurements of each network.
        device: ``cpu`` with as many threads as torch is set to, or ``cuda``.
        watch: Called with lines of progress.

    Raises:
        StudyError: If there is no such study, or it has no complete trial to measure.
        UsageError: If there is no such device, or the front has more than 200 members.
    """
    import torch

    from unitsearch.network.build import build
    from unitsearch.network.latency import inference_times
    from unitsearch.study.folder import find_folder, read_study
    from unitsearch.study.latencies import Latencies, write_latencies
    from unitsearch.study.tables import front_trials

    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError(place="device", found=device, expected="cpu: torch finds no GPU")
    record = read_study(study)
    trials = front_trials(record)
    if record.baseline is not None:
        trials = [record.baseline, *trials]
    unique = {trial.key: trial for trial in trials}
    if not unique:
        raise StudyError(f"study {record.name} has no front to measure")
    if len(unique) > MOST:
        raise UsageError(f"the front has {len(unique)} members", expected=f"at most {MOST}")
    watch(f"{len(unique)} networks, {rounds} rounds, in turns")
    networks = [build(trial.architecture) for trial in unique.values()]
    times = inference_times(networks, batch, rounds, device)
    latencies = Latencies(
        batch=batch,
        device=device,
        threads=torch.get_num_threads(),
        rounds=rounds,
        networks={key: time.ms(batch) for key, time in zip(unique, times, strict=True)},
    )
    watch(f"written: {write_latencies(find_folder(study), latencies)}")
    return latencies
