"""How fast a study's baseline and front are to use, all measured in one run and kept beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.errors import StudyError, UsageError

if TYPE_CHECKING:
    from unitsearch.study.latencies import Latencies

MOST = 200  # networks of one run: they are all in memory, and turn about


def study_latency(
    study: str | Path,
    batch: int = 1,
    rounds: int = 30,
    device: str = "cpu",
    watch: Callable[[str], None] = lambda said: None,
) -> Latencies:
    """Measure a study's baseline and front turn about, and write ``latency.yaml`` in its folder.

    Weights do not matter for it: networks are built anew and made fast for inference. What was
    measured before is replaced, since another run met another load. The store is not touched.

    Args:
        study: Its name or folder.
        batch: Images at a time; times are given for one image.
        rounds: How often each network is measured.
        device: ``cpu`` with as many threads as torch is set to, or ``cuda``.
        watch: Called with a line of news.

    Raises:
        StudyError: If it is no study, or has no complete trial to measure.
        UsageError: If there is no such device, or the front has more than 200 members.
    """
    import torch

    from unitsearch.network.build import build
    from unitsearch.network.latency import inference_times
    from unitsearch.study.folder import find_folder, read_study
    from unitsearch.study.latencies import Latencies, write_latencies
    from unitsearch.study.tables import front_trials

    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError(place="device", found=device, expected="cpu: no GPU is at hand")
    record = read_study(study)
    chosen = front_trials(record)
    if record.baseline is not None:
        chosen = [record.baseline, *chosen]
    unique = {trial.key: trial for trial in chosen}
    if not unique:
        raise StudyError(f"study {record.name} has no front to measure")
    if len(unique) > MOST:
        raise UsageError(f"the front has {len(unique)} members", expected=f"at most {MOST}")
    watch(f"{len(unique)} networks, {rounds} rounds, turn about")
    networks = [build(trial.architecture) for trial in unique.values()]
    times = inference_times(networks, batch, rounds, device)
    found = Latencies(
        batch=batch,
        device=device,
        threads=torch.get_num_threads(),
        rounds=rounds,
        networks={key: time.ms(batch) for key, time in zip(unique, times, strict=True)},
    )
    watch(f"written: {write_latencies(find_folder(study), found)}")
    return found
