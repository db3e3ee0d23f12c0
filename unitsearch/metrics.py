"""The table of metrics by name: direction, unit, formula; derived from facts, never stored.

``a``, ``f`` and ``p`` are accuracy (a fraction), FLOPs in the papers' convention and parameters,
``bits`` the size of the stored network; the index ``b`` means the baseline.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from unitsearch.costs import Cost
from unitsearch.errors import UsageError, did_you_mean


@dataclass(frozen=True)
class Measured:
    """The facts that metrics derive from.

    Attributes:
        accuracy: A fraction.
        cost: The exact cost.
        latency: Milliseconds an image where it was measured; it belongs to a machine, not to the
            network.
    """

    accuracy: float
    cost: Cost
    latency: float | None = None


@dataclass(frozen=True)
class Metric:
    """A number that can be shown or searched for.

    Attributes:
        name: As written in ``objectives`` and in tables.
        label: As written on an axis, with its unit.
        maximise: Whether more is better.
        logarithmic: Whether it is compared and drawn in powers of ten.
        formula: Its value from a network's facts and the baseline's.
    """

    name: str
    label: str
    maximise: bool
    logarithmic: bool
    formula: Callable[[Measured, Measured], float]


def ce(new: Measured, baseline: Measured) -> float:
    """Return computation efficiency, (a/f) / (ab/fb); 1 for the baseline.

    Source: TissueNet §4.1.
    """
    return _ratio(new.accuracy, baseline.accuracy) * _ratio(baseline.cost.flops, new.cost.flops)


def se(new: Measured, baseline: Measured) -> float:
    """Return storage efficiency in parameters, (a/p) / (ab/pb); 1 for the baseline.

    Source: TissueNet §4.1.
    """
    return _ratio(new.accuracy, baseline.accuracy) * _ratio(baseline.cost.params, new.cost.params)


def se_bits(new: Measured, baseline: Measured) -> float:
    """Return storage efficiency in stored bits, (a/bits) / (ab/bitsb); 1 for the baseline.

    The form of SE for networks with binary weights, whose ``params`` say nothing of their size.

    Source: TissueNet §4.1, with bits in the place of parameters; ours.
    """
    return _ratio(new.accuracy, baseline.accuracy) * _ratio(baseline.cost.bits, new.cost.bits)


def tca(new: Measured, baseline: Measured, w1: float = 1.0, w2: float = 1.0) -> float:
    """Return the trade-off of computation and accuracy; 1 for the baseline.

    ``w1`` weighs the drop in FLOPs, ``w2`` the drop in accuracy, both relative to the baseline.

    Source: BUnit-Net Eq. (9); its tables use (1, 1), (1, 4) and (4, 1).
    """
    return _trade_off(new.cost.flops, baseline.cost.flops, new.accuracy, baseline.accuracy, w1, w2)


def tsa(new: Measured, baseline: Measured, w1: float = 1.0, w2: float = 1.0) -> float:
    """Return the trade-off of storage (parameters) and accuracy; 1 for the baseline.

    Source: BUnit-Net Eq. (9).
    """
    return _trade_off(
        new.cost.params, baseline.cost.params, new.accuracy, baseline.accuracy, w1, w2
    )


def _trade_off(cost: float, cost_b: float, a: float, a_b: float, w1: float, w2: float) -> float:
    return math.exp(w1 * _ratio(cost_b - cost, cost_b) - w2 * _ratio(a_b - a, a_b))


def _ratio(over: float, under: float) -> float:
    return over / under if under else math.nan


def _drop(new: float, baseline: float) -> float:
    return 100 * _ratio(baseline - new, baseline)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "validation accuracy", True, False, lambda n, b: n.accuracy),
        Metric("flops", "FLOPs (papers' convention)", False, True, lambda n, b: n.cost.flops),
        Metric("params", "parameters", False, True, lambda n, b: n.cost.params),
        Metric("macs", "MACs", False, True, lambda n, b: n.cost.macs),
        Metric(
            "macs_shared",
            "MACs, shared filters applied once",
            False,
            True,
            lambda n, b: n.cost.macs_shared,
        ),
        Metric("bits", "stored bits", False, True, lambda n, b: n.cost.bits),
        Metric("ce", "CE (× baseline)", True, True, ce),
        Metric("se", "SE (× baseline)", True, True, se),
        Metric("se_bits", "SE in stored bits (× baseline)", True, True, se_bits),
        Metric("tca", "TCA (w1 = w2 = 1)", True, False, tca),
        Metric("tsa", "TSA (w1 = w2 = 1)", True, False, tsa),
        *(
            Metric(
                f"{name}_{w1}_{w2}",
                f"{name.upper()} (w1 = {w1}, w2 = {w2})",
                True,
                False,
                partial(formula, w1=w1, w2=w2),
            )
            for w1, w2 in ((1, 4), (4, 1))
            for name, formula in (("tca", tca), ("tsa", tsa))
        ),
        Metric(
            "accuracy_drop",
            "accuracy drop against the baseline (points)",
            False,
            False,
            lambda n, b: 100 * (b.accuracy - n.accuracy),
        ),
        Metric(
            "flops_drop",
            "FLOPs drop (%)",
            True,
            False,
            lambda n, b: _drop(n.cost.flops, b.cost.flops),
        ),
        Metric(
            "params_drop",
            "parameters drop (%)",
            True,
            False,
            lambda n, b: _drop(n.cost.params, b.cost.params),
        ),
    )
}

# What can be looked at: latency besides, which is measured afterwards and cannot be searched for.
SHOWN: dict[str, Metric] = {
    **METRICS,
    "latency": Metric(
        "latency",
        "latency (ms an image)",
        False,
        True,
        lambda n, b: math.nan if n.latency is None else n.latency,
    ),
}


def metric(name: str) -> Metric:
    """Return the metric called ``name``; raise ``UsageError`` if there is none."""
    return _named(name, METRICS)


def shown_metric(name: str) -> Metric:
    """Return the metric called ``name`` of those in ``SHOWN``; raise ``UsageError`` likewise."""
    return _named(name, SHOWN)


def _named(name: str, known: dict[str, Metric]) -> Metric:
    if name not in known:
        raise UsageError(
            found=name, expected=f"a metric: {', '.join(known)}", fix=did_you_mean(name, known)
        )
    return known[name]


def standard_error(accuracy: float, images: int) -> float:
    """Return the standard error of an accuracy measured once on ``images`` images (binomial).

    The estimate adds one success and one failure, so that 100 % on few images is not called
    certain.
    """
    smoothed = (accuracy * images + 1) / (images + 2)
    return math.sqrt(smoothed * (1 - smoothed) / (images + 2))
