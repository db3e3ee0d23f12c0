"""How fast networks are to use, measured beside a baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from unitsearch import resources
from unitsearch.api.networks import build, load_architecture
from unitsearch.errors import UsageError


@dataclass(frozen=True)
class Latency:
    """How long a network takes for a batch of images.

    Attributes:
        network: Which one.
        batch: Images at a time.
        median: Milliseconds a batch, the median of the rounds.
        low: The lower quartile.
        high: The upper quartile.
        speedup: The baseline's median over this one's, of the same run.
        plan: How it ran, in words.
    """

    network: str
    batch: int
    median: float
    low: float
    high: float
    speedup: float
    plan: str


def latency(
    named: str,
    against: str | None = None,
    batches: Sequence[int] = (1, 16),
    rounds: int = 30,
    device: str = "cpu",
) -> list[Latency]:
    """Measure a network beside a baseline, both made fast for inference, turn about in one run.

    Args:
        named: An architecture file or SPACE:POINT; its weights do not matter.
        against: The baseline, likewise; unless given that of the space that ``named`` is from.
        batches: Images at a time.
        rounds: How often each is measured.
        device: ``cpu``, or ``cuda`` where there is one.

    Raises:
        UsageError: If there is no such device, file or point, or nothing to compare with.
    """
    import torch

    from unitsearch.network.inference import for_inference
    from unitsearch.network.timing import timings

    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError(place="device", found=device, expected="cpu: no GPU is at hand")
    names = [against or _baseline_of(named), named]
    plain = [build(load_architecture(name)).to(device) for name in names]
    found = []
    for batch in batches:
        fast = [for_inference(network, batch) for network in plain]
        images = [torch.zeros(batch, *one.architecture.input, device=device) for one in fast]
        with torch.inference_mode():
            calls = [partial(one, x) for one, x in zip(fast, images, strict=True)]
            times = [sorted(row) for row in timings(calls, rounds)]
        base = median(times[0])
        for name, one, row in zip(names, fast, times, strict=True):
            quarter = len(row) // 4
            low, high = 1e3 * row[quarter], 1e3 * row[-1 - quarter]
            middle = median(row)
            plan = _said(one.plan)
            found.append(Latency(name, batch, 1e3 * middle, low, high, base / middle, plan))
    return found


def _baseline_of(named: str) -> str:
    """Return the baseline of the space that an architecture is from, as SPACE:baseline."""
    space, colon, _ = named.rpartition(":")
    if not Path(named).is_file() and colon:
        return f"{space}:baseline"
    known = (load_architecture(named).provenance or {}).get("space")
    if known not in resources.names("search_spaces"):
        raise UsageError(
            f"{named} does not say which shipped space it is from",
            fix="name the baseline: --against ARCH.yaml or SPACE:POINT",
        )
    return f"{known}:baseline"


def _said(plan: Mapping[str, str]) -> str:
    """Return a plan in words: channels_last, 3 stacks grouped, 1 dense."""
    forms = Counter(form for name, form in plan.items() if name != "memory")
    stacks = ", ".join(f"{n} {'stacks' if n > 1 else 'stack'} {form}" for form, n in forms.items())
    return ", ".join(filter(None, [plan["memory"], stacks]))
