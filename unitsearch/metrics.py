"""The table of metrics by name: direction, traits, formula; derived from facts, never stored.

A metric that follows from the facts in ``Measured`` is added here and nowhere else: an entry of
``METRICS`` makes it an objective, an axis of the figures and a section of the reference.

In definitions ``a`` is the accuracy (a fraction), ``f`` the FLOPs in the papers' convention, ``p``
the parameters, ``m`` the MACs, ``s`` the MACs with shared filters applied once, ``n`` the stored
bits, ``l`` the most bytes of activations that live at one time and ``t`` the measured milliseconds;
the ending ``_b`` means the baseline.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from unitsearch.costs import Cost
from unitsearch.errors import UsageError, did_you_mean


@dataclass(frozen=True)
class Measured:
    """The facts that metrics derive from.

    Attributes:
        accuracy: A fraction.
        cost: The exact cost.
        latency: Milliseconds an image where it was measured; it depends on the machine.
    """

    accuracy: float
    cost: Cost
    latency: float | None = None


# The costs by their letters in definitions.
_COSTS = {
    "f": "flops", "p": "params", "m": "macs", "s": "macs_shared", "n": "bits",
    "l": "activation_bytes",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number that can be shown or searched for.

    The traits say how it may be used, so that nothing else has to know a metric by its name.

    Attributes:
        name: As written in ``objectives`` and in tables.
        label: As written on an axis, with its unit.
        formula: Its value from a network's facts and the baseline's.
        maximise: Whether more is better.
        scale: ``linear``, or ``log`` where it is compared and drawn in powers of ten.
        needs_accuracy: Whether it depends on the accuracy.
        needs_baseline: Whether it depends on the baseline.
        is_measured: Whether it is measured on a machine, so that a trial may lack it.
        is_accuracy: Whether it is an accuracy: a fraction, shown in %, that the floor bounds.
        in_points: Whether it is shown in percentage points of accuracy, with the accuracy's error.
        unit: Its unit, in words.
        description: What it means, in Markdown.
        definition: The formula as Python over the letters of this module's docstring.
        source: Where the formula comes from; empty if it is plain.
    """

    name: str
    label: str
    formula: Callable[[Measured, Measured], float]
    maximise: bool
    scale: Literal["linear", "log"] = "linear"
    needs_accuracy: bool = False
    needs_baseline: bool = False
    is_measured: bool = False
    is_accuracy: bool = False
    in_points: bool = False
    unit: str
    description: str
    definition: str
    source: str = ""

    @property
    def is_exact(self) -> bool:
        """Whether it follows from the architectures alone and is known before any training."""
        return not self.needs_accuracy and not self.is_measured

    @property
    def costs(self) -> tuple[str, ...]:
        """The costs that it is computed from, by the letters of its definition."""
        names = re.findall(r"[a-z]\w*", self.definition)
        letters = {name.removesuffix("_b") for name in names}
        return tuple(cost for letter, cost in _COSTS.items() if letter in letters)


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
        Metric(
            name="accuracy",
            label="validation accuracy",
            formula=lambda n, b: n.accuracy,
            maximise=True,
            needs_accuracy=True,
            is_accuracy=True,
            in_points=True,
            unit="a fraction, 0 to 1; shown in %",
            description=(
                "The share of the validation images that the network answers right after its last "
                "epoch. Its standard error is shown beside it: one training, so many images. Test "
                "accuracy is no metric: the test images are opened once, for the front, when a "
                "run ends."
            ),
            definition="a",
        ),
        Metric(
            name="flops",
            label="FLOPs (papers' convention)",
            formula=lambda n, b: n.cost.flops,
            maximise=False,
            scale="log",
            unit="operations for one image",
            description=(
                "FLOPs in the papers' own convention: twice the MACs, one for each output of a "
                "convolution with a bias, two for each value that batch norm touches. "
                "Activations, pooling, sums and a linear layer's bias are free. It is never 2 × "
                "`macs`."
            ),
            definition="f",
            source=(
                "The counter behind BUnit-Net Tables I to VIII and TissueNet Tables 2 to 5 (`2 * "
                "macs` of thop 0.0.31)."
            ),
        ),
        Metric(
            name="params",
            label="parameters",
            formula=lambda n, b: n.cost.params,
            maximise=False,
            scale="log",
            unit="numbers",
            description=(
                "Trainable numbers: weights, biases, batch norm's weight and bias. Running means "
                "and variances are not trained and do not count."
            ),
            definition="p",
            source="BUnit-Net Eqs. (5) to (8), for the weights.",
        ),
        Metric(
            name="macs",
            label="MACs",
            formula=lambda n, b: n.cost.macs,
            maximise=False,
            scale="log",
            unit="multiply-accumulates for one image",
            description="Of convolutions and linear layers, and nothing else.",
            definition="m",
            source="Howard et al. 2017 (arXiv:1704.04861), §3.1, for convolutions.",
        ),
        Metric(
            name="macs_shared",
            label="MACs, shared filters applied once",
            formula=lambda n, b: n.cost.macs_shared,
            maximise=False,
            scale="log",
            unit="multiply-accumulates for one image",
            description=(
                "`macs` if every binary filter that output filters share is applied once. Equal "
                "to `macs` for networks without `slbf` layers."
            ),
            definition="s",
            source="Ours, after Lan and Lan 2021 (AAAI 35(9)).",
        ),
        Metric(
            name="bits",
            label="stored bits",
            formula=lambda n, b: n.cost.bits,
            maximise=False,
            scale="log",
            unit="bits of the stored network",
            description=(
                "32 for every number that the network needs to run (batch norm has four a "
                "channel), 1 for a binary weight, ⌈log2 bank⌉ for the choice of a filter. The "
                "true size of networks with binary weights."
            ),
            definition="n",
            source="Ours, after Lan and Lan 2021 (AAAI 35(9)).",
        ),
        Metric(
            name="activation_bytes",
            label="activation memory (bytes)",
            formula=lambda n, b: n.cost.activation_bytes,
            maximise=False,
            scale="log",
            unit="bytes of int8 activations for one image",
            description=(
                "The most bytes of activations that live at one time: the memory that a "
                "microcontroller needs beside the weights, if its runtime leaves no gaps. A number "
                "takes one byte (int8). Layers run in order, a residual's body before its "
                "shortcut; each writes an output of its own, for which its input lives on. A stack "
                "runs as one grouped operation for each layer of its units. Batch norm and "
                "activations take nothing; sums, products, splits and concatenations write an "
                "output; a flattening is a view."
            ),
            definition="l",
            source="Ours; Fedorov et al. 2019 (arXiv:1905.12107) limit working memory too.",
        ),
        Metric(
            name="ce",
            label="CE (× baseline)",
            formula=ce,
            maximise=True,
            scale="log",
            needs_accuracy=True,
            needs_baseline=True,
            unit="times the baseline, which has 1",
            description=(
                "Computation efficiency: accuracy for each FLOP, compared with the baseline."
            ),
            definition="(a / f) / (a_b / f_b)",
            source="TissueNet §4.1.",
        ),
        Metric(
            name="se",
            label="SE (× baseline)",
            formula=se,
            maximise=True,
            scale="log",
            needs_accuracy=True,
            needs_baseline=True,
            unit="times the baseline, which has 1",
            description=(
                "Storage efficiency: accuracy for each parameter, compared with the baseline."
            ),
            definition="(a / p) / (a_b / p_b)",
            source="TissueNet §4.1.",
        ),
        Metric(
            name="se_bits",
            label="SE in stored bits (× baseline)",
            formula=se_bits,
            maximise=True,
            scale="log",
            needs_accuracy=True,
            needs_baseline=True,
            unit="times the baseline, which has 1",
            description=(
                "Storage efficiency in stored bits: the form of SE for networks with binary "
                "weights."
            ),
            definition="(a / n) / (a_b / n_b)",
            source="TissueNet §4.1, with bits in the place of parameters; ours.",
        ),
        Metric(
            name="tca",
            label="TCA (w1 = w2 = 1)",
            formula=tca,
            maximise=True,
            needs_accuracy=True,
            needs_baseline=True,
            unit="none; the baseline has 1",
            description=(
                "Trade-off of computation and accuracy: rises with the FLOPs saved, falls with "
                "the accuracy lost, both as shares of the baseline's. The metric has w1 = w2 = 1; "
                "the papers' tables also use (1, 4) and (4, 1)."
            ),
            definition="exp((f_b - f) / f_b - (a_b - a) / a_b)",
            source="BUnit-Net Eq. (9); its tables use (1, 1), (1, 4) and (4, 1).",
        ),
        Metric(
            name="tsa",
            label="TSA (w1 = w2 = 1)",
            formula=tsa,
            maximise=True,
            needs_accuracy=True,
            needs_baseline=True,
            unit="none; the baseline has 1",
            description=(
                "Trade-off of storage and accuracy: `tca` with parameters in place of FLOPs."
            ),
            definition="exp((p_b - p) / p_b - (a_b - a) / a_b)",
            source="BUnit-Net Eq. (9).",
        ),
        Metric(
            name="tca_1_4",
            label="TCA (w1 = 1, w2 = 4)",
            formula=partial(tca, w1=1, w2=4),
            maximise=True,
            needs_accuracy=True,
            needs_baseline=True,
            unit="none; the baseline has 1",
            description="`tca` with w1 = 1 and w2 = 4: accuracy matters more.",
            definition="exp(1 * (f_b - f) / f_b - 4 * (a_b - a) / a_b)",
            source="BUnit-Net Eq. (9); its tables use (1, 1), (1, 4) and (4, 1).",
        ),
        Metric(
            name="tsa_1_4",
            label="TSA (w1 = 1, w2 = 4)",
            formula=partial(tsa, w1=1, w2=4),
            maximise=True,
            needs_accuracy=True,
            needs_baseline=True,
            unit="none; the baseline has 1",
            description="`tsa` with w1 = 1 and w2 = 4: accuracy matters more.",
            definition="exp(1 * (p_b - p) / p_b - 4 * (a_b - a) / a_b)",
            source="BUnit-Net Eq. (9); its tables use (1, 1), (1, 4) and (4, 1).",
        ),
        Metric(
            name="tca_4_1",
            label="TCA (w1 = 4, w2 = 1)",
            formula=partial(tca, w1=4, w2=1),
            maximise=True,
            needs_accuracy=True,
            needs_baseline=True,
            unit="none; the baseline has 1",
            description="`tca` with w1 = 4 and w2 = 1: FLOPs saved matter more.",
            definition="exp(4 * (f_b - f) / f_b - 1 * (a_b - a) / a_b)",
            source="BUnit-Net Eq. (9); its tables use (1, 1), (1, 4) and (4, 1).",
        ),
        Metric(
            name="tsa_4_1",
            label="TSA (w1 = 4, w2 = 1)",
            formula=partial(tsa, w1=4, w2=1),
            maximise=True,
            needs_accuracy=True,
            needs_baseline=True,
            unit="none; the baseline has 1",
            description="`tsa` with w1 = 4 and w2 = 1: parameters saved matter more.",
            definition="exp(4 * (p_b - p) / p_b - 1 * (a_b - a) / a_b)",
            source="BUnit-Net Eq. (9); its tables use (1, 1), (1, 4) and (4, 1).",
        ),
        Metric(
            name="accuracy_drop",
            label="accuracy drop against the baseline (points)",
            formula=lambda n, b: 100 * (b.accuracy - n.accuracy),
            maximise=False,
            needs_accuracy=True,
            needs_baseline=True,
            in_points=True,
            unit="percentage points",
            description="How much less accurate than the baseline.",
            definition="100 * (a_b - a)",
            source=(
                'The column "accuracy drop" of BUnit-Net Tables IV to VI; there in points too.'
            ),
        ),
        Metric(
            name="flops_drop",
            label="FLOPs drop (%)",
            formula=lambda n, b: _drop(n.cost.flops, b.cost.flops),
            maximise=True,
            needs_baseline=True,
            unit="%",
            description="The share of the baseline's FLOPs that is saved.",
            definition="100 * (f_b - f) / f_b",
            source=("BUnit-Net Tables IV to VI and Fig. 7, which print it of rounded costs."),
        ),
        Metric(
            name="params_drop",
            label="parameters drop (%)",
            formula=lambda n, b: _drop(n.cost.params, b.cost.params),
            maximise=True,
            needs_baseline=True,
            unit="%",
            description="The share of the baseline's parameters that is saved.",
            definition="100 * (p_b - p) / p_b",
            source="BUnit-Net Tables IV to VI, which print it of rounded costs.",
        ),
        Metric(
            name="latency",
            label="latency (ms an image)",
            formula=lambda n, b: math.nan if n.latency is None else n.latency,
            maximise=False,
            scale="log",
            is_measured=True,
            unit="milliseconds for one image",
            description=(
                "How long a network takes for one image on one machine, batch norm folded, as the "
                "median of several rounds. As an objective it is measured by the study, for each "
                "network after its training; `export` measures it beside the baseline in the same "
                "run, and `unitsearch latency` does for any network. It belongs to the machine: "
                "do not compare values of two machines."
            ),
            definition="t",
        ),
    )
}


def metric(name: str) -> Metric:
    """Return the metric called ``name``.

    Raises:
        UsageError: If there is none.
    """
    if name not in METRICS:
        raise UsageError(
            found=name, expected=f"a metric: {', '.join(METRICS)}", fix=did_you_mean(name, METRICS)
        )
    return METRICS[name]


def standard_error(accuracy: float, images: int) -> float:
    """Return the standard error of an accuracy measured once on ``images`` images (binomial).

    The estimate adds one success and one failure, so that 100 % on few images is not called
    certain.
    """
    smoothed = (accuracy * images + 1) / (images + 2)
    return math.sqrt(smoothed * (1 - smoothed) / (images + 2))
