"""SGD, Adam and AdamW over one flat buffer of parameters, by the formulas of ``torch.optim``."""

from __future__ import annotations

import math
from typing import Any

from unitsearch.kernels.norm import inlined
from unitsearch.kernels.records import scalars_at
from unitsearch.kernels.vectors import get, number, pointer, put


def sgd(op: Any, frame: Any, work: Any) -> None:
    """Take a step of SGD with momentum and coupled weight decay; set the gradients to 0.

    m = momentum · m + (g + decay · w); w = w - rate · m.
    """
    weights, gradients = _parameters(frame, work)
    buffer = pointer(work, frame.first)
    scalars = scalars_at(frame.scalars)
    rate, momentum = number(work, scalars.rate), number(work, scalars.momentum)
    decay, zero = number(work, scalars.decay), number(work, 0.0)
    for i in range(frame.weight_count):
        w = get(weights, i)
        moved = momentum * get(buffer, i) + (get(gradients, i) + decay * w)
        put(buffer, i, moved)
        put(weights, i, w - rate * moved)
        put(gradients, i, zero)


def adam(op: Any, frame: Any, work: Any) -> None:
    """Take a step of Adam, or of AdamW if decay is decoupled; set the gradients to 0.

    m = β₁ m + (1 - β₁) g; v = β₂ v + (1 - β₂) g²;
    w = w - rate / (1 - β₁ⁿ) · m / (√v / √(1 - β₂ⁿ) + ε) in step n. AdamW first multiplies w by
    1 - rate · decay; Adam adds decay · w to g.

    Source: Kingma & Ba 2015 (arXiv:1412.6980), alg. 1; Loshchilov & Hutter 2019
        (arXiv:1711.05101), alg. 2.
    """
    weights, gradients = _parameters(frame, work)
    first, second = pointer(work, frame.first), pointer(work, frame.second)
    scalars = scalars_at(frame.scalars)
    is_decoupled, steps = frame.is_decoupled, float(frame.steps)
    beta_1, beta_2 = scalars.beta_1, scalars.beta_2
    rate = scalars.rate
    size = number(work, rate / (1.0 - beta_1**steps))
    root = number(work, math.sqrt(1.0 - beta_2**steps))
    epsilon = number(work, scalars.epsilon)
    decay = scalars.decay
    coupled = number(work, 0.0 if is_decoupled else decay)
    kept = number(work, 1.0 - rate * decay if is_decoupled else 1.0)
    b1, b2 = number(work, beta_1), number(work, beta_2)
    rest_1, rest_2 = number(work, 1.0 - beta_1), number(work, 1.0 - beta_2)
    zero = number(work, 0.0)
    for i in range(frame.weight_count):
        w = get(weights, i) * kept
        g = get(gradients, i) + coupled * w
        m = b1 * get(first, i) + rest_1 * g
        v = b2 * get(second, i) + rest_2 * g * g
        put(first, i, m)
        put(second, i, v)
        put(weights, i, w - size * m / (math.sqrt(v) / root + epsilon))
        put(gradients, i, zero)


@inlined
def _parameters(frame: Any, work: Any) -> Any:
    return pointer(work, frame.weights), pointer(work, frame.gradients)
