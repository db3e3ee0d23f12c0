"""Latency of networks, measured beside a baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from unitsearch import resources
from unitsearch.api.networks import build, load_architecture
from unitsearch.errors import UsageError


@dataclass(frozen=True)
class Latency:
    """The time that a network takes for a batch of images.

    Attributes:
        network: The network's name, as given.
        batch: Images at a time.
        median: Milliseconds a batch, the median of the rounds.
        low: The lower quartile.
        high: The upper quartile.
        speedup: The baseline's median divided by this median, of the same run.
        plan: Its inference form, in words.
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
    """Measure a network beside a baseline, both made fast for inference, in turns in one run.

    Args:
        named: An architecture file or SPACE:POINT; its weights do not matter.
        against: The baseline: a file or SPACE:POINT; unless given the baseline of the space that
            ``named`` belongs to.
        batches: Images at a time, one or more numbers.
        rounds: The number of timings of each network.
        device: ``cpu``, or ``cuda`` where there is one.

    Raises:
        UsageError: If there is no such device, file or point, or nothing to compare with.
    """
    import torch

    from unitsearch.network.latency import inference_times

    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError(place="device", found=device, expected="cpu: torch finds no GPU")
    names = [against or _baseline_of(named), named]
    networks = [build(load_architecture(name)) for name in names]
    rows = []
    for batch in batches:
        times = inference_times(networks, batch, rounds, device)
        base = times[0].seconds.median
        for name, time in zip(names, times, strict=True):
            low, middle, high = time.ms()
            speedup = base / time.seconds.median
            rows.append(Latency(name, batch, middle, low, high, speedup, _in_words(time.plan)))
    return rows


def _baseline_of(named: str) -> str:
    """Return the baseline of the space that an architecture is from, as SPACE:baseline."""
    space, colon, _ = named.rpartition(":")
    if not Path(named).is_file() and colon:
        return f"{space}:baseline"
    known = (load_architecture(named).provenance or {}).get("space")
    if known not in resources.names("search_spaces"):
        raise UsageError(
            f"{named} does not name the shipped space that it belongs to",
            fix="name the baseline: --against ARCH.yaml or SPACE:POINT",
        )
    return f"{known}:baseline"


def _in_words(plan: Mapping[str, str]) -> str:
    """Return a plan in words: channels_last, 3 stacks grouped, 1 dense."""
    forms = Counter(form for name, form in plan.items() if name != "memory")
    stacks = ", ".join(f"{n} {'stacks' if n > 1 else 'stack'} {form}" for form, n in forms.items())
    return ", ".join(filter(None, [plan["memory"], stacks]))
