"""The two ends of a network: the images that it reads, the loss and the logits."""

from __future__ import annotations

import math
from typing import Any

from unitsearch.kernels import table_layout as t
from unitsearch.kernels.norm import (
    add_lane_sums,
    clear,
    high_of,
    inlined,
    low_of,
    mask_of,
    pass_gradient,
)
from unitsearch.kernels.records import scalars_at
from unitsearch.kernels.vectors import (
    float64s,
    get,
    int64s,
    number,
    on,
    past,
    pointer,
    put,
    uint8s,
)


def read_images(op: Any, frame: Any, work: Any) -> None:
    """Write the chosen images into lanes, normalised; cropped and flipped if augmented.

    uint8 [image][channel][pixel] becomes [block][channel][pixel][lane]. ``levels`` holds for each
    channel the 256 values of a normalised pixel. A pixel outside its image has the level of black,
    0. Lanes without an image hold zeros.
    """
    pixels, chosen = uint8s(frame.pixels), int64s(frame.chosen)
    tops, lefts = int64s(frame.tops), int64s(frame.lefts)
    flips = int64s(frame.flips)
    levels = pointer(work, frame.levels)
    channels, height, width = op.outputs, op.y_height, op.y_width
    lanes, images = op.inputs, frame.images
    is_augmented = frame.is_augmented != 0
    pixel_count, near = height * width, 64  # pixels of all lanes that fit in the nearest cache
    for b in range(op.blocks):
        block = on(work, op.y + b * op.y_block)
        for c in range(channels):
            level = past(levels, c * 256)
            for start in range(0, pixel_count, near):
                end = min(start + near, pixel_count)
                for lane in range(lanes):
                    image = b * lanes + lane
                    out = past(block, c * pixel_count * lanes + lane)
                    if image >= images:
                        for i in range(start, end):
                            put(out, i * lanes, number(work, 0.0))
                        continue
                    plane = past(pixels, (get(chosen, image) * channels + c) * pixel_count)
                    if not is_augmented:
                        for i in range(start, end):
                            put(out, i * lanes, get(level, int(get(plane, i))))
                        continue
                    top, left = get(tops, image), get(lefts, image)
                    flip = get(flips, image)
                    for i in range(start, end):
                        y, x = i // width + top, i % width
                        column = left + (width - 1 - x if flip else x)
                        value = 0
                        if 0 <= y < height and 0 <= column < width:
                            value = int(get(plane, y * width + column))
                        put(out, i * lanes, get(level, value))


@inlined
def logit(op: Any, frame: Any, work: Any, image: int, lanes: int, k: int) -> Any:
    """Return the logit of class ``k`` of one image, norm and activation applied."""
    offset = op.x + image // lanes * op.x_block + k
    value = float(get(on(work, offset), image % lanes))
    coef = past(pointer(work, frame.coefs), (op.x_coef + k) * t.COEF)
    value = value * get(coef, t.SCALE) + get(coef, t.SHIFT)
    act = op.x_act
    return min(max(value, low_of(act)), high_of(act)) if act else value


def loss(op: Any, frame: Any, work: Any) -> None:
    """Make the mean cross-entropy of the batch, with label smoothing s, and its gradient.

    With p the softmax over K classes and t = (1 - s) · one-hot label + s / K, the loss of an image
    is -Σ t log p, and the gradient of its logits is (p - t) / images. Sums are float64.
    """
    lanes, classes, blocks = op.inputs, op.outputs, op.blocks
    images = frame.images
    labels, chosen = int64s(frame.labels), int64s(frame.chosen)
    scalars = scalars_at(frame.scalars)
    smoothing = scalars.smoothing
    coefs = pointer(work, frame.coefs)
    accumulators = pointer(work, frame.accumulators)
    sum_of_losses = 0.0
    xg, xg_block = op.xg, op.xg_block
    for image in range(blocks * lanes):
        to = past(on(work, xg + image // lanes * xg_block), image % lanes)
        if image >= images:
            for k in range(classes):
                put(to, k * lanes, number(work, 0.0))
            continue
        highest = -math.inf
        for k in range(classes):
            highest = max(highest, logit(op, frame, work, image, lanes, k))
        exponentials, of_all = 0.0, 0.0
        for k in range(classes):
            value = logit(op, frame, work, image, lanes, k)
            exponential = math.exp(value - highest)
            put(to, k * lanes, number(work, exponential))
            exponentials += exponential
            of_all += value
        norm = highest + math.log(exponentials)
        label = get(labels, get(chosen, image))
        right = logit(op, frame, work, image, lanes, label)
        sum_of_losses += (1.0 - smoothing) * (norm - right)
        sum_of_losses += smoothing * (norm - of_all / classes)
        for k in range(classes):
            target = smoothing / classes + (1.0 - smoothing if k == label else 0.0)
            share = get(to, k * lanes) / exponentials
            put(to, k * lanes, number(work, (share - target) / images))
    scalars.loss = sum_of_losses / images
    if op.xg_mode:
        for k in range(classes):
            coef = op.x_coef + k
            clear(accumulators, work)
            for b in range(blocks):
                g = on(work, xg + b * xg_block + k)
                z = on(work, op.x + b * op.x_block + k)
                pass_gradient(
                    g, g, z, 1, t.FINISH, past(coefs, coef * t.COEF), op.x_act, accumulators
                )
            add_lane_sums(
                accumulators, mask_of(frame, work, False),
                past(float64s(frame.sums), 2 * coef),
            )  # fmt: skip


def score(op: Any, frame: Any, work: Any) -> None:
    """Write the logits, [image][class]; count the images whose largest logit is their label's."""
    lanes, classes = op.inputs, op.outputs
    labels, chosen = int64s(frame.labels), int64s(frame.chosen)
    out = pointer(work, frame.logits)
    has_labels = frame.labels != 0
    right = 0.0
    for image in range(frame.images):
        best, predicted = -math.inf, 0
        for k in range(classes):
            value = logit(op, frame, work, image, lanes, k)
            put(out, image * classes + k, number(work, float(value)))
            if value > best:
                best, predicted = value, k
        if has_labels and predicted == get(labels, get(chosen, image)):
            right += 1.0
    scalars_at(frame.scalars).right = right
