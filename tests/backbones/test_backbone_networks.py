"""Backbones as networks: logits, and their costs by counters of other libraries."""

from __future__ import annotations

import pytest
import torch

from tests.backbones.cases import CLASSES, SMALL
from unitsearch.architecture import Architecture
from unitsearch.network.build import build
from unitsearch.network.counters import opinions

every = pytest.mark.parametrize("architecture", SMALL.values(), ids=SMALL.keys())


@every
def test_a_backbone_gives_one_logit_for_every_class(architecture: Architecture) -> None:
    with torch.inference_mode():
        logits = build(architecture)(torch.rand(2, *architecture.input))
    assert logits.shape == (2, CLASSES)


@every
def test_every_counter_agrees_on_a_backbone(architecture: Architecture) -> None:
    counts = opinions(architecture)
    assert [opinion.counter for opinion in counts if not opinion.agrees] == []
    assert len(counts) == 3
