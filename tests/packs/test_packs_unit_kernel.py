"""The unit kernel equals grouped convolutions; without a GPU it runs in Triton's interpreter."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec

import pytest
import torch

from tests.network.layouts import SMALL, images, unsettle
from tests.packs.members import drawn
from unitsearch.errors import PackageError
from unitsearch.network.build import build
from unitsearch.packs import unit_kernel
from unitsearch.packs.pack import Pack
from unitsearch.packs.pack_execution import grouped
from unitsearch.packs.pack_program import LayerGeometry, WeightedLayers

HAS_TRITON = find_spec("triton") is not None
needs_triton = pytest.mark.skipif(not HAS_TRITON, reason="triton is not installed")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
CASES = {
    "3x3, units of three sizes": [(2, LayerGeometry(1, 2, 3, 1, 1)),
                                  (1, LayerGeometry(3, 1, 3, 1, 1)),
                                  (2, LayerGeometry(2, 5, 3, 1, 1))],
    "1x1": [(2, LayerGeometry(2, 3, 1))],
    "5x5, bias, stride 2": [(2, LayerGeometry(1, 3, 5, 2, 2, bias=True)),
                            (1, LayerGeometry(2, 1, 5, 2, 2, bias=True))],
    "4x4, padding 1, stride 3": [(1, LayerGeometry(3, 2, 4, 3, 1)),
                                 (1, LayerGeometry(1, 1, 4, 3, 1))],
}  # fmt: skip


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
    geometries: list[tuple[int, LayerGeometry]], dtype: torch.dtype, *, kernel: bool
) -> list[torch.Tensor]:
    """Return maps and the gradients of images, weights and biases.

    Units lie in the images from last to first, behind one channel that none of them reads.
    """
    generator = torch.Generator().manual_seed(1)
    each = [geometry for count, geometry in geometries for _ in range(count)]
    inputs, outputs = (sum(getattr(geometry, of) for geometry in each) for of in ("inputs", "out"))

    def random(*shape: int) -> torch.Tensor:
        values = torch.rand(*shape, generator=generator, dtype=torch.float64) - 0.5
        return values.to(DEVICE, dtype).requires_grad_()

    x, weight = random(3, 1 + inputs, 7, 6), random(sum(geometry.size for geometry in each))
    bias = random(outputs) if each[0].bias else None
    rows, channels, at = [], [], [1 + inputs, 0, 0]
    for geometry in each:
        at[0] -= geometry.inputs
        rows.append((at[0], geometry.inputs, at[1], geometry.out, at[2]))
        channels += range(at[0], at[0] + geometry.inputs)
        at[1], at[2] = at[1] + geometry.out, at[2] + geometry.size
    if kernel:
        step = WeightedLayers(tuple(geometries), 0, None, None, "none", 0)
        table = torch.tensor(rows, dtype=torch.int32, device=DEVICE)
        y = unit_kernel.load()(x, weight, bias, table, step)
    else:
        y = grouped(tuple(geometries), x[:, channels], weight, bias)
    slope = torch.linspace(-1, 1, y.numel(), dtype=dtype, device=DEVICE).view_as(y)
    given = [x, weight] if bias is None else [x, weight, bias]
    return [y.detach(), *torch.autograd.grad((y * slope).sum(), given)]


def relative_error(name: str, dtype: torch.dtype) -> float:
    """Return the largest difference to grouped convolutions in float64, of the largest number."""
    own = results(CASES[name], dtype, kernel=True)
    exact = results(CASES[name], torch.float64, kernel=False)
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(own, exact, strict=True))


@needs_triton
@pytest.mark.parametrize("name", CASES)
def test_maps_and_all_gradients_are_those_of_grouped_convolutions(name: str) -> None:
    assert relative_error(name, torch.float64) < 1e-12
    assert relative_error(name, torch.float32) < 1e-6


@needs_triton
def test_maps_in_bfloat16_are_added_up_in_float32() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(2, 2, 6, 6, generator=generator).to(DEVICE, torch.bfloat16)
    weight = torch.rand(2 * 3 * 9, generator=generator).to(DEVICE)
    geometries = ((1, LayerGeometry(2, 3, 3, 1, 1)),)
    table = torch.tensor([[0, 2, 0, 3, 0]], dtype=torch.int32, device=DEVICE)
    y = unit_kernel.load()(
        x, weight, None, table, WeightedLayers(geometries, 0, None, None, "none", 0)
    )
    exact = grouped(geometries, x.float(), weight, None)
    assert y.dtype == torch.bfloat16
    # no more than y's own rounding; the interpreter cuts digits off, where a GPU rounds
    assert float(((y.float() - exact) / exact).abs().max()) < 2**-7


@needs_triton
@pytest.mark.slow
def test_a_pack_in_the_unit_kernel_is_the_pack_in_grouped_convolutions() -> None:
    architecture = SMALL["hybrid stack"]
    logits, slopes = [], []
    for kernel in (True, False):
        pack = Pack([architecture] * 2, dtype=torch.float64, kernel=kernel, device=DEVICE)
        network = build(architecture).double()
        unsettle(network)
        for i in range(2):
            pack.load(i, network)
        x = images(architecture, 2).repeat(1, 2, 1, 1).to(DEVICE)
        logits.append(pack(x, training=True))
        (row,) = torch.autograd.grad(logits[-1].square().sum(), pack.weights)
        slopes.append(row[pack.rows(1, network)])
    assert float((logits[0] - logits[1]).detach().abs().max()) < 1e-12
    assert float((slopes[0] - slopes[1]).abs().max()) < 1e-12


@needs_triton
def test_narrow_layers_of_all_sizes_are_one_launch_and_wide_ones_are_not() -> None:
    pack = Pack(drawn("toy_hybrid", 3), kernel=True, device=DEVICE)
    steps = [step for step in pack.program if isinstance(step, WeightedLayers)]
    assert [step.table is not None for step in steps] == [False, True, True] * 2 + [False]
    assert any(len(step.geometries) > 1 for step in steps if step.table is not None)


@needs_triton
def test_layers_with_groups_stay_grouped_convolutions() -> None:
    pack = Pack([SMALL["grouped units"]] * 2, kernel=True, device=DEVICE)
    steps = [step for step in pack.program if isinstance(step, WeightedLayers)]
    assert [step.table is not None for step in steps] == [True, False, False, False]


@pytest.mark.skipif(HAS_TRITON, reason="triton is installed")
def test_without_triton_the_unit_kernel_says_what_is_missing() -> None:
    assert not unit_kernel.is_installed()
    with pytest.raises(PackageError, match="needs Triton; pip install"):
        unit_kernel.load()
