"""The unit kernel in Triton's interpreter: what grouped convolutions compute, without a GPU."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest
import torch
from network.layouts import SMALL, architecture, unsettle

from packs.members import drawn
from unitsearch.architecture import Architecture
from unitsearch.errors import PackageError
from unitsearch.network.build import build
from unitsearch.packs import unit_kernel
from unitsearch.packs.pack import Pack
from unitsearch.packs.program import Weigh

HAS_TRITON = find_spec("triton") is not None
needs_triton = pytest.mark.skipif(not HAS_TRITON, reason="triton is not installed")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
CASES: dict[str, list[dict[str, Any]]] = {
    "3x3, hybrid": [{"nodes": [1, 2, 1]}, {"count": 2, "nodes": [2, 3, 1]}],
    "1x1": [{"count": 2, "nodes": [2, 3, 1], "kernel": 1}],
    "5x5, bias, stride 2": [{"nodes": [3, 1, 2], "kernel": 5, "bias": True, "stride": [2, 1]}],
    "4x4, padding 1": [{"nodes": [1, 3, 2], "kernel": 4, "padding": 1, "norm": "none"}],
}


@pytest.fixture(scope="module", autouse=True)
def interpreter() -> Iterator[None]:
    """Let Triton interpret its programs where there is no GPU to compile them for."""
    if not HAS_TRITON:
        yield
        return
    patch = pytest.MonkeyPatch()
    if DEVICE == "cpu":
        patch.setenv("TRITON_INTERPRET", "1")
        patch.delitem(sys.modules, "unitsearch.packs.triton_units", raising=False)
    yield
    patch.undo()


def results(
    one: Architecture, members: int, dtype: torch.dtype, *, kernel: bool
) -> list[torch.Tensor]:
    """Return logits, the images' gradient and each member's own gradient."""
    pack = Pack([one] * members, dtype=dtype, kernel=kernel, device=DEVICE)
    networks = [build(one).to(dtype) for _ in range(members)]
    for i, network in enumerate(networks):
        unsettle(network)
        pack.load(i, network)
    generator = torch.Generator().manual_seed(1)
    channels, height, width = one.input
    x = torch.randn(3, members * channels, height, width, generator=generator, dtype=dtype)
    x = x.to(DEVICE).requires_grad_()
    logits = pack(x, training=True)
    slope = torch.linspace(-1, 1, logits.numel(), dtype=dtype, device=DEVICE).view_as(logits)
    to_images, row = torch.autograd.grad((logits * slope).sum(), [x, pack.weights])
    own = [row[pack.rows(i, network)] for i, network in enumerate(networks)]
    return [logits.detach(), to_images, *own]


def off(one: Architecture, dtype: torch.dtype) -> float:
    """Return the largest difference to grouped convolutions, of the largest number."""
    pairs = zip(
        results(one, 2, dtype, kernel=True), results(one, 2, dtype, kernel=False), strict=True
    )
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


@needs_triton
@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_maps_and_both_gradients_are_those_of_grouped_convolutions(name: str) -> None:
    taken = sum(unit.get("count", 1) * unit["nodes"][0] for unit in CASES[name])
    stack = {"kind": "stack", "units": CASES[name]}
    one = architecture([{"kind": "conv", "out": taken}, stack], (1, 5, 5))
    assert off(one, torch.float64) < 1e-12
    assert off(one, torch.float32) < 2e-6


@needs_triton
def test_narrow_layers_of_all_sizes_are_one_launch_and_wide_ones_are_not() -> None:
    pack = Pack(drawn("toy_hybrid", 3), kernel=True, device=DEVICE)
    steps = [step for step in pack.program if isinstance(step, Weigh)]
    assert [step.table is not None for step in steps] == [False, True, True] * 2 + [False]
    assert any(len(step.kinds) > 1 for step in steps if step.table is not None)


@needs_triton
def test_layers_with_groups_stay_grouped_convolutions() -> None:
    pack = Pack([SMALL["grouped units"]] * 2, kernel=True, device=DEVICE)
    assert [step.table is not None for step in pack.program if isinstance(step, Weigh)] == [
        True, False, False, False,
    ]  # fmt: skip


@pytest.mark.skipif(HAS_TRITON, reason="triton is installed")
def test_without_triton_the_unit_kernel_says_what_is_missing() -> None:
    assert not unit_kernel.is_installed()
    with pytest.raises(PackageError, match="pip install triton"):
        unit_kernel.load()
