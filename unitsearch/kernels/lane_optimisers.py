"""SGD, Adam and AdamW over one flat buffer of parameters: torch's formulas."""

from __future__ import annotations

import math
from typing import Any

from unitsearch.kernels import table_layout as t
from unitsearch.kernels.norm import inlined
from unitsearch.kernels.vectors import doubles, get, number, pointer, put


def sgd(op: Any, frame: Any, work: Any) -> None:
    """Take a step of SGD with momentum and coupled weight decay; the gradients become 0."""
    weights, gradients = _parameters(frame, work)
    buffer = pointer(work, get(frame, t.F_FIRST))
    scalars = doubles(get(frame, t.F_SCALARS))
    rate, momentum = number(work, get(scalars, t.RATE)), number(work, get(scalars, t.MOMENTUM))
    decay, zero = number(work, get(scalars, t.DECAY)), number(work, 0.0)
    for i in range(get(frame, t.F_WEIGHT_COUNT)):
        w = get(weights, i)
        moved = momentum * get(buffer, i) + (get(gradients, i) + decay * w)
        put(buffer, i, moved)
        put(weights, i, w - rate * moved)
        put(gradients, i, zero)


def adam(op: Any, frame: Any, work: Any) -> None:
    """Take a step of Adam, or of AdamW where decay is decoupled; the gradients become 0."""
    weights, gradients = _parameters(frame, work)
    first, second = pointer(work, get(frame, t.F_FIRST)), pointer(work, get(frame, t.F_SECOND))
    scalars = doubles(get(frame, t.F_SCALARS))
    is_decoupled, steps = get(frame, t.F_DECOUPLED), float(get(frame, t.F_STEPS))
    beta_1, beta_2 = get(scalars, t.BETA_1), get(scalars, t.BETA_2)
    rate = get(scalars, t.RATE)
    size = number(work, rate / (1.0 - beta_1**steps))
    root = number(work, math.sqrt(1.0 - beta_2**steps))
    epsilon = number(work, get(scalars, t.EPSILON))
    decay = get(scalars, t.DECAY)
    coupled = number(work, 0.0 if is_decoupled else decay)
    kept = number(work, 1.0 - rate * decay if is_decoupled else 1.0)
    b1, b2 = number(work, beta_1), number(work, beta_2)
    rest_1, rest_2 = number(work, 1.0 - beta_1), number(work, 1.0 - beta_2)
    zero = number(work, 0.0)
    for i in range(get(frame, t.F_WEIGHT_COUNT)):
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
    return pointer(work, get(frame, t.F_WEIGHTS)), pointer(work, get(frame, t.F_GRADIENTS))
