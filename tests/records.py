"""Records of invented studies of real architectures; the same seed gives the same study."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from unitsearch.architecture import Architecture, key, read_architecture, read_text
from unitsearch.costs import count
from unitsearch.data import data_spec
from unitsearch.search.configured import SamplerConfig
from unitsearch.study.beliefs import Judged, TrialBelief
from unitsearch.study.config import Config
from unitsearch.study.manifest import Manifest, SpaceText
from unitsearch.study.record import Record, Trial
from unitsearch.study.settings import Budget, EngineConfig, Limits
from unitsearch.training import Recipe

LENET = """
unitsearch: 1
input: [1, 8, 8]
layers:
- {{kind: conv, out: {first}, kernel: {k}}}
- {{kind: stack, name: s1, units: [{s1}]}}
- {{kind: pool, op: max, kernel: 2}}
- {{kind: conv, out: {second}, kernel: 3}}
- {{kind: stack, name: s2, units: [{s2}]}}
- {{kind: pool, op: max, kernel: 2}}
- {{kind: flatten}}
- {{kind: linear, out: 10}}
"""
BASELINE = """
unitsearch: 1
input: [1, 8, 8]
layers:
- {kind: conv, out: 16, kernel: 3}
- {kind: conv, out: 64, kernel: 3}
- {kind: conv, out: 16, kernel: 3}
- {kind: pool, op: max, kernel: 2}
- {kind: conv, out: 16, kernel: 3}
- {kind: conv, out: 64, kernel: 3}
- {kind: conv, out: 16, kernel: 3}
- {kind: pool, op: max, kernel: 2}
- {kind: flatten}
- {kind: linear, out: 10}
"""
# Every kind of layer that there is.
EVERYTHING = """
unitsearch: 1
input: [3, 32, 32]
layers:
- {kind: conv, out: 24, kernel: 3, stride: 2}
- kind: residual
  body:
  - {kind: conv, out: 96, kernel: 1}
  - {kind: conv, out: 96, kernel: 3, stride: 2, groups: 96}
  - {kind: gate, body: [{kind: global_pool}, {kind: conv, out: 96, kernel: 1, act: sigmoid}]}
  - {kind: conv, out: 48, kernel: 1, act: none}
  shortcut: [{kind: conv, out: 48, kernel: 1, stride: 2, act: none}]
- kind: branches
  split: [24, 24]
  of:
  - []
  - [{kind: conv, out: 24, kernel: 1}, {kind: conv, out: 24, kernel: 3, groups: 24}]
- {kind: shuffle, groups: 2}
- {kind: slbf, out: 48, kernel: 3, bank: 16, splits: 2}
- {kind: residual, body: [{kind: conv, out: 48}, {kind: conv, out: 48, act: none}]}
- {kind: residual, body: [{kind: conv, out: 48}, {kind: conv, out: 48, act: none}]}
- kind: stack
  units:
  - {count: 6, nodes: [2, 4, 2], kernel: 3}
  - {count: 4, nodes: [2, 12, 2]}
  - count: 28
    in: 1
    layers:
    - {kind: conv, out: 4, kernel: 5}
    - {kind: pool, op: avg, kernel: 3, stride: 1, padding: 1}
    - {kind: conv, out: 1, kernel: 5}
- {kind: pool, op: avg, kernel: 2}
- {kind: global_pool}
- {kind: flatten}
- {kind: stack, units: [{count: 24, nodes: [2, 4, 2], of: linear}]}
- {kind: linear, out: 100}
"""
KINDS = ("1-2-1", "1-3-1", "1-4-1", "2-4-2")


def architecture(text: str) -> Architecture:
    return read_architecture(read_text(text).data)


def lenet(counts: tuple[dict[str, int], dict[str, int]], k: int = 3) -> Architecture:
    """A small network whose two stacks hold ``counts`` units of each kind."""
    fills, widths = [], []
    for part in counts:
        nodes = {kind: kind.split("-") for kind in part}
        fills.append(
            ", ".join(
                f"{{count: {n}, nodes: [{', '.join(nodes[kind])}], kernel: {k}}}"
                for kind, n in part.items()
            )
        )
        widths.append(sum(n * int(nodes[kind][0]) for kind, n in part.items()))
    return architecture(
        LENET.format(first=widths[0], second=widths[1], s1=fills[0], s2=fills[1], k=k)
    )


def trial(number: int, network: Architecture, accuracy: float | None, **more: object) -> Trial:
    usual = Trial(
        number=number,
        state="complete",
        key=key(network),
        seed=1000 + number,
        values={},
        architecture=network,
        cost=count(network),
        accuracy=accuracy,
        images=450,
        curve=tuple((accuracy or 0.0) * (1 - math.exp(-(i + 1) / 4)) for i in range(20)),
        loss_curve=tuple(2.3 * math.exp(-(i + 1) / 4) + 1 - (accuracy or 0.0) for i in range(20)),
        train_seconds=3.5,
    )
    return replace(usual, **more)  # type: ignore[arg-type]


def manifest(**config: Any) -> Manifest:
    """The manifest of a study of digits, with other values for some keys of its configuration."""
    whole = Config(
        **{
            "space": "lenet_hybrid",
            "objectives": ("accuracy", "flops", "params"),
            "floor": 0.9,
            "seed": 1,
            "limits": Limits(),
            "budget": Budget(),
            "data": data_spec("digits"),
            "train": Recipe(name="quick", epochs=20, batch=64),
            "sampler": SamplerConfig(),
            "engine": EngineConfig(),
            **config,
        }
    )
    space = SpaceText(name=whole.space, input=(1, 8, 8), classes=10, text="")
    return Manifest(name="made-up", config=whole, space=space)


def make_record(trials: int = 60, name: str = "digits-lenet", seed: int = 7) -> Record:
    """A study of small hybrid networks with plausible accuracies, some failed."""
    draw = random.Random(seed)
    made = [trial(0, architecture(BASELINE), 0.98)]
    for number in range(1, trials):
        parts = []
        for _ in range(2):
            chosen = draw.sample(KINDS, draw.choice((1, 1, 2, 3)))
            parts.append({kind: draw.randint(1, 7) for kind in sorted(chosen)})
        network = lenet((parts[0], parts[1]), draw.choice((3, 3, 5)))
        size = math.log10(count(network).flops)
        chance = 0.985 - 0.5 * math.exp(-2.0 * (size - 3.9)) + draw.gauss(0, 0.006)
        accuracy = round(max(0.1, min(chance, 0.995)) * 450) / 450
        if number % 23 == 11:
            failed = {"state": "failed", "reason": "loss became NaN in epoch 3", "curve": ()}
            made.append(trial(number, network, None, **failed))
        else:
            made.append(trial(number, network, accuracy))
    return Record(name, Path("studies") / name, manifest(), tuple(made))


def binary_record() -> Record:
    """A study without stacks, of a normal network and two whose filters share binary ones."""
    text = """
    unitsearch: 1
    input: [3, 8, 8]
    layers:
    - {{kind: conv, out: 16}}
    - {layer}
    - {{kind: flatten}}
    - {{kind: linear, out: 10}}
    """
    normal = architecture(text.format(layer="{kind: conv, out: 32}"))
    shared = [
        architecture(text.format(layer=f"{{kind: slbf, out: 32, bank: {bank}, splits: 2}}"))
        for bank in (4, 8)
    ]
    trials = (trial(0, normal, 0.9), trial(1, shared[0], 0.85), trial(2, shared[1], 0.88))
    content = manifest(space="binary", objectives=("accuracy", "bits"))
    return Record("binary", Path("studies/binary"), content, trials)


def odd_records() -> dict[str, Record]:
    """Studies that are unusual, each in one way."""
    usual = make_record(20)
    baseline = usual.trials[0]
    failed = replace(baseline, state="failed", accuracy=None, reason="out of memory", curve=())
    poor = [replace(t, accuracy=0.3) for t in usual.trials[1:]]
    return {
        "no trials": replace(usual, trials=()),
        "one trial": replace(usual, trials=usual.trials[:1]),
        "baseline failed": replace(usual, trials=(failed, *usual.trials[1:])),
        "baseline waiting": replace(usual, trials=(replace(failed, state="waiting"),)),
        "nothing feasible": replace(
            usual,
            trials=(replace(baseline, accuracy=0.9), *poor),
            manifest=manifest(floor=1.2),
        ),
        "no floor": replace(usual, manifest=manifest(floor=None)),
        "equal trials": replace(usual, trials=tuple(replace(baseline, number=i) for i in range(5))),
        "every kind of layer": replace(
            usual, trials=(trial(0, architecture(EVERYTHING), 0.7), *usual.trials[1:])
        ),
        "shared filters": binary_record(),
        "zero accuracy": replace(
            usual, trials=(replace(baseline, accuracy=0.0), *usual.trials[1:])
        ),
    }


ODD = odd_records()


def judged(record: Record, beliefs: dict[int, TrialBelief], front: set[int]) -> Record:
    """The record with these beliefs and this front, whatever the model says."""
    same = replace(record)
    vars(same)["_judged"] = Judged(beliefs, frozenset(front))
    return same
