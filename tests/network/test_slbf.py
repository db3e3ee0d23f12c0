"""Stacked binary filters: cases computed by hand, the table of sizes, both routes."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from tests.network.layouts import architecture
from unitsearch.architecture import Architecture, Conv, Linear, Slbf, read_layer
from unitsearch.costs import Cost, count, layer_cost
from unitsearch.errors import UsageError
from unitsearch.network.build import build
from unitsearch.network.slbf import SlbfConv2d, binary, clamp_, slbf_layers, use_route

CONV2 = Slbf(out=64, bank=16, splits=2, norm="none")  # on 32 channels, in the nets of digits
# d, c, n | k, s | bits of bank and selection | times smaller than 32-bit floats: as it is, with
# scales, with the selection as raw one-hot bits | times fewer operations when shared
TABLE = [
    (3, 256, 256, 64, 4, 36_864, 6_144, 438.857, 368.64, 184.32, 3.972),
    (3, 256, 256, 64, 8, 18_432, 12_288, 614.4, 485.053, 126.247, 3.945),
    (3, 256, 256, 64, 1, 147_456, 1_536, 126.680, 120.078, 115.2, 3.993),
    (3, 256, 256, 32, 4, 18_432, 5_120, 801.391, 594.581, 368.64, 7.890),
    (3, 256, 256, 256, 1, 589_824, 2_048, 31.889, 31.454, 28.8, 1.000),
    (3, 256, 256, 256, 2, 294_912, 4_096, 63.123, 61.44, 44.308, 0.999),
    (3, 512, 512, 64, 8, 36_864, 24_576, 1228.8, 970.105, 252.493, 7.890),
    (3, 64, 64, 32, 2, 9_216, 640, 119.688, 99.097, 88.615, 1.986),
    (1, 256, 256, 64, 8, 2_048, 12_288, 146.286, 93.091, 15.754, 3.556),
    (3, 32, 64, 16, 2, 2_304, 512, 209.455, 121.263, 135.529, 3.892),
]
SHAPES = [  # count, inputs, out, kernel, stride, bank, splits
    (1, 4, 6, 3, 1, 5, 2),
    (1, 6, 4, 5, 2, 4, 3),
    (1, 8, 5, 1, 1, 4, 2),
    (1, 3, 7, 3, 2, 6, 1),
    (2, 4, 3, 3, 1, 4, 4),
    (3, 2, 4, 2, 1, 3, 2),
]


def layer(
    shape: tuple[int, ...] = SHAPES[0], select: str = "softmax", alpha: bool = False, seed: int = 0
) -> SlbfConv2d:
    times, inputs, out, kernel, stride, bank, splits = shape
    spec = Slbf(
        out=out, kernel=kernel, stride=stride, padding=kernel // 2, bank=bank, splits=splits,
        select=select, scale="alpha" if alpha else "none",
    )  # fmt: skip
    conv = SlbfConv2d(times, inputs, spec).double()
    conv.reset(torch.Generator().manual_seed(seed))
    if conv.alpha is not None:
        with torch.no_grad():
            conv.alpha.copy_(torch.linspace(0.1, 0.9, len(conv.alpha)))
    return conv


def noise(*shape: int, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def cost_of(d: int, c: int, n: int, k: int, s: int, scale: str = "none") -> Cost:
    spec = Slbf(out=n, kernel=d, bank=k, splits=s, scale=scale, norm="none")
    return layer_cost(spec, (c, 32, 32))


@pytest.mark.parametrize("select", ["softmax", "identity", "fixed"])
@pytest.mark.parametrize("route", ["compose", "split_transform_merge"])
@pytest.mark.parametrize("training", [True, False])
def test_the_case_by_hand(select: str, route: str, training: bool) -> None:
    """B = (+,+), (+,-); filters (0, 1) and (1, 1) on x = (1, 2 | 3, 4): y = 3 - 1 and -1 - 1."""
    conv = SlbfConv2d(1, 4, Slbf(out=2, kernel=1, bank=2, splits=2, select=select))
    index = torch.tensor([[0, 1], [1, 1]])
    with torch.no_grad():
        conv.bank.copy_(torch.tensor([[0.3, 0.0], [0.5, -0.2]]).view(2, 2, 1, 1))
        if conv.logits is None:
            conv.get_buffer("index").copy_(index)
        else:
            conv.logits.copy_(F.one_hot(index, 2))
    conv.gain = 1.0
    use_route(conv, route)
    y = conv.train(training)(torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 4, 1, 1))
    assert y.flatten().tolist() == [2.0, -2.0]
    cost = layer_cost(Slbf(out=2, kernel=1, bank=2, splits=2, norm="none"), (4, 1, 1))
    assert (cost.bits, 32 * 4 * 2) == (8, 256)


@pytest.mark.parametrize("row", TABLE, ids=[f"{r[:5]}" for r in TABLE])
def test_sizes_and_operations_are_those_of_the_table(row: tuple[Any, ...]) -> None:
    d, c, n, k, s, bank, selection, ratio, with_scales, one_hot, faster = row
    plain, scaled = cost_of(d, c, n, k, s), cost_of(d, c, n, k, s, "alpha")
    full = 32 * d * d * c * n
    assert plain.bits == bank + selection
    assert full / plain.bits == pytest.approx(ratio, abs=5e-4)
    assert full / scaled.bits == pytest.approx(with_scales, abs=5e-4)
    assert full / plain.params == pytest.approx(one_hot, abs=5e-4)  # a proxy for every raw bit
    assert plain.macs / plain.macs_shared == pytest.approx(faster, abs=5e-4)


def test_the_worked_example() -> None:
    cost = cost_of(3, 256, 256, 64, 4)
    assert cost == Cost(
        params=64 * 64 * 9 + 256 * 4 * 64,
        macs=603_979_776,
        flops=2 * 603_979_776,
        macs_shared=150_994_944 + 1_048_576,
        bits=43_008,
        activation_bytes=2 * 256 * 32 * 32,
    )
    assert cost_of(3, 256, 256, 64, 4, "alpha").bits == 51_200


@pytest.mark.parametrize(
    ("of", "s", "ratio"),
    [(4, 1, 120.0), (4, 2, 222.8), (4, 4, 376.9), (8, 2, 397.1), (8, 4, 609.1), (16, 1, 406.6)],
)
def test_a_whole_vgg_16_is_as_much_smaller_as_computed(of: int, s: int, ratio: float) -> None:
    """First convolution and classifier float; batch norm not counted."""
    widths = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
    sides: dict[str, Any] = {"norm": "none"}

    def vgg(binary: bool) -> Architecture:
        layers: list[dict[str, Any]] = []
        for n in widths:
            small = {"kind": "slbf", "bank": n // of, "splits": s} if binary and layers else {}
            plain = {"kind": "conv", "out": n, **sides}
            layers.append({**plain, **small} if n else {"kind": "pool"})
        layers.append({"kind": "flatten"})
        linear = Linear(out=10)
        read = tuple(
            read_layer(plain_layer, f"layers[{i}]") for i, plain_layer in enumerate(layers)
        )
        return Architecture(input=(3, 32, 32), layers=(*read, linear))

    full, small = count(vgg(False)), count(vgg(True))
    assert full.params == 14_715_594
    assert full.bits == 32 * full.params
    assert full.bits / small.bits == pytest.approx(ratio, abs=0.05)


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("select", ["softmax", "identity", "fixed"])
@pytest.mark.parametrize("shape", SHAPES)
def test_both_routes_are_one_function_forward_and_backward(
    shape: tuple[int, ...], select: str, alpha: bool
) -> None:
    x = noise(3, shape[0] * shape[1], 7, 6)
    results = []
    for route in ("compose", "split_transform_merge"):
        conv = layer(shape, select, alpha)
        use_route(conv, route)
        entering = x.clone().requires_grad_()
        y = conv(entering)
        (y * noise(*y.shape, seed=2)).sum().backward()
        grads = [entering.grad, *(parameter.grad for parameter in conv.parameters())]
        with torch.no_grad():
            results.append((y.detach(), conv.eval()(x), grads))
    (y, answer, grads), (other_y, other_answer, other_grads) = results
    torch.testing.assert_close(y, other_y, rtol=0, atol=1e-10)
    torch.testing.assert_close(answer, other_answer, rtol=0, atol=1e-10)
    torch.testing.assert_close(answer, y, rtol=0, atol=0)
    torch.testing.assert_close(grads, other_grads, rtol=0, atol=1e-9)


@pytest.mark.parametrize("select", ["softmax", "identity", "fixed"])
def test_gradients_are_those_by_hand(select: str) -> None:
    """G is the gradient of the composed weights, scale included."""
    conv = layer((1, 4, 6, 3, 1, 5, 2), select, alpha=True)
    with torch.no_grad():
        conv.bank.copy_(3 * noise(*conv.bank.shape, seed=3))
        if conv.logits is not None:
            conv.logits.copy_(noise(*conv.logits.shape, seed=4))
    x = noise(2, 4, 6, 6)
    weights = conv.filters().detach().requires_grad_()
    upstream = noise(2, 6, 6, 6, seed=5)
    y = F.conv2d(x, weights, padding=1)
    (y * upstream).sum().backward()
    assert conv.alpha is not None
    assert weights.grad is not None
    g = (weights.grad * conv.alpha.detach().view(-1, 1, 1, 1)).view(6, 2, 2, 3, 3)

    (conv(x) * upstream).sum().backward()
    index, signs = conv.selected(), conv.signs()
    by_bank = torch.zeros_like(signs)
    for n in range(6):
        for t in range(2):
            by_bank[index[n, t]] += g[n, t]
    expected = by_bank * (conv.bank.detach().abs() <= 1)
    assert conv.bank.grad is not None
    assert 0 < (expected == 0).sum() < expected.numel()
    torch.testing.assert_close(conv.bank.grad, expected, rtol=0, atol=1e-10)

    by_alpha = (y.detach() * upstream).sum((0, 2, 3)) / conv.alpha.detach()
    torch.testing.assert_close(conv.alpha.grad, by_alpha, rtol=0, atol=1e-9)

    if conv.logits is not None:
        inner = torch.einsum("ntqij,kqij->ntk", g, signs)
        if select == "softmax":
            p = conv.logits.detach().softmax(-1)
            inner = p * (inner - (p * inner).sum(-1, keepdim=True))
        torch.testing.assert_close(conv.logits.grad, inner, rtol=0, atol=1e-10)


@pytest.mark.parametrize("training", [True, False])
def test_a_bank_is_shared_by_all_filters_and_splits(training: bool) -> None:
    conv = layer((1, 8, 12, 3, 1, 5, 4)).train(training)
    weights = conv.filters().detach()
    gain = 1 / math.sqrt(3 * 3 * 8)
    assert set(weights.flatten().tolist()) == {-gain, gain}
    slices = weights.view(12 * 4, 2, 3, 3).unique(dim=0)
    assert len(slices) <= 5


def test_equal_units_have_banks_of_their_own() -> None:
    conv = layer((2, 4, 6, 3, 1, 5, 2))
    before = conv.filters().detach().clone()
    with torch.no_grad():
        conv.bank[:5].neg_()
    after = conv.filters().detach()
    assert torch.equal(after[:6], -before[:6])
    assert torch.equal(after[6:], before[6:])


def test_the_sign_of_zero_is_one() -> None:
    proxy = torch.tensor([0.0, -0.0, 1e-30, -1e-30])
    assert binary(proxy).tolist() == [1, 1, 1, -1]


@pytest.mark.parametrize("select", ["softmax", "identity", "fixed"])
def test_every_filter_of_the_bank_is_selected_as_often_at_the_start(select: str) -> None:
    conv = layer((2, 8, 10, 3, 1, 7, 4), select)
    for unit in conv.selected().view(2, 40).tolist():
        assert {unit.count(j) for j in range(7)} <= {40 // 7, 40 // 7 + 1}


def test_the_first_weights_follow_from_the_generator() -> None:
    conv, same, other = layer(seed=3), layer(seed=3), layer(seed=4)
    assert torch.equal(conv.bank, same.bank)
    assert torch.equal(conv.selected(), same.selected())
    assert not torch.equal(conv.bank, other.bank)
    assert conv.bank.std().item() == pytest.approx(0.1, rel=0.2)


def test_proxies_are_brought_back_between_minus_one_and_one() -> None:
    network = build(architecture([{"kind": "slbf", "out": 4, "bank": 3}]))
    (conv,) = slbf_layers(network)
    with torch.no_grad():
        conv.bank.fill_(3.0)
        conv.bank[0] = -0.5
    clamp_([conv])
    assert set(conv.bank.flatten().tolist()) == {-0.5, 1.0}


def test_a_fixed_selection_is_no_parameter() -> None:
    free, fixed = Slbf(out=4, bank=3, splits=2), Slbf(out=4, bank=3, splits=2, select="fixed")
    free_cost, fixed_cost = (layer_cost(each, (2, 8, 8)) for each in (free, fixed))
    assert free_cost.params - fixed_cost.params == 4 * 2 * 3
    assert free_cost.bits == fixed_cost.bits
    names = [name for name, _ in layer(select="fixed").named_parameters()]
    assert names == ["bank"]


@pytest.mark.parametrize("conv", [CONV2, Conv(out=64, norm="none")], ids=["slbf", "conv"])
def test_operations_of_each_route_are_what_torch_counts(conv: Slbf | Conv) -> None:
    """Torch counts no sums: the merge is counted by us alone."""
    network = build(Architecture(input=(32, 4, 4), layers=(conv,))).eval()
    cost = count(network.architecture)
    merge = 2 * 64 * 16 if isinstance(conv, Slbf) else 0
    expected = {"compose": cost.macs, "split_transform_merge": cost.macs_shared - merge}
    for route, macs in expected.items():
        use_route(network, route)
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            network(torch.zeros(1, 32, 4, 4))
        assert counter.get_total_flops() == 2 * macs


def test_an_unknown_route_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="route: found 'merge', expected one of compose, split"):
        use_route(layer(), "merge")
