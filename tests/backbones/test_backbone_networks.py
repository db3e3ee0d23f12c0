"""Backbones as networks: logits, and what counters that know nothing of us say."""

from __future__ import annotations

import pytest
import torch

from tests.backbones.cases import CLASSES, SMALL
from unitsearch.architecture import Architecture
from unitsearch.network.build import build
from unitsearch.network.counters import opinions

every = pytest.mark.parametrize("one", SMALL.values(), ids=SMALL.keys())


@every
def test_a_backbone_gives_one_logit_for_every_class(one: Architecture) -> None:
    with torch.inference_mode():
        logits = build(one)(torch.rand(2, *one.input))
    assert logits.shape == (2, CLASSES)


@every
def test_every_counter_agrees_on_a_backbone(one: Architecture) -> None:
    said = opinions(one)
    assert [opinion.counter for opinion in said if not opinion.agrees] == []
    assert len(said) == 3
