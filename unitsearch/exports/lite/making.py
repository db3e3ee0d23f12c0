"""The TensorFlow Lite files of a network: made, the form of stacks chosen, compared, described."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Protocol

import numpy as np
from torch import nn

from unitsearch.errors import CheckError, SpecError
from unitsearch.exports.lite.converting import converted, litert_call, output_step, quantized
from unitsearch.exports.lite.flatbuffer import lean
from unitsearch.exports.lite.lowering import FORMS, has_forms, lowered
from unitsearch.exports.lite.micro import Arena, has_micro, run_micro
from unitsearch.network.timing import timings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unitsearch.costs import Cost
    from unitsearch.exports.lite.converting import Images
    from unitsearch.exports.source_network import SourceNetwork

_ROUNDS = 21
_TOLERANCE = 1e-4  # between interpreters in float32, relative to the largest logit over 1
_STEPS = 2  # between interpreters in int8: some of their kernels round to the other side


class QuantizationImages(Protocol):
    """The images that a network in int8 is calibrated and judged on."""

    @property
    def calibration(self) -> Images:
        """Training images, normalised: float32 [n, channels, height, width]."""

    def answers(self, call: Callable[[Images], Images]) -> NDArray[np.bool_]:
        """Return for each validation image whether ``call`` answers it right."""


@dataclass(frozen=True, eq=False)
class LiteFile:
    """A TensorFlow Lite file and what it takes.

    Attributes:
        content: Its bytes.
        arena: What it takes in TensorFlow Lite Micro; None where that was not found out.
        refusal: The reason why TensorFlow Lite Micro does not run it; empty if it does.
    """

    content: bytes
    arena: Arena | None
    refusal: str = ""


@dataclass(frozen=True)
class Int8Comparison:
    """A network in int8 beside itself in float32, both in LiteRT.

    Attributes:
        images: Validation images behind the accuracies.
        accuracy: A fraction.
        accuracy_float: The accuracy in float32.
        error: Standard error of the difference of the two, a fraction.
        calibration: Training images that the ranges are from.
        time: Seconds of one image on one thread, the median of several rounds in turns.
        time_float: Seconds of one image in float32.
    """

    images: int
    accuracy: float
    accuracy_float: float
    error: float
    calibration: int
    time: float
    time_float: float


@dataclass(frozen=True, eq=False)
class LiteModel:
    """A network as TensorFlow Lite files.

    Attributes:
        form: The form of its stacks; empty if it has none with a choice.
        weights: The weights that a file holds, zeros between units included, biases left out.
        macs: The multiply-accumulates of one image, zeros between units included.
        whole: The file in float32.
        int8: The file in int8; None where it was not asked for.
        comparison: The two side by side; None where there is no int8.
    """

    form: str
    weights: int
    macs: int
    whole: LiteFile
    int8: LiteFile | None = None
    comparison: Int8Comparison | None = None

    @property
    def deployed(self) -> LiteFile:
        """The file for a microcontroller: in int8 if there is one."""
        return self.int8 or self.whole

    @property
    def objection(self) -> str:
        """The reason why int8 does not pay here; empty if it does, or there is none."""
        if self.int8 is None or self.comparison is None:
            return ""
        slower = self.comparison.time > self.comparison.time_float
        larger = len(self.int8.content) > len(self.whole.content)
        return " and ".join(
            word for word, holds in (("slower", slower), ("larger", larger)) if holds
        )


def lite_model(source: SourceNetwork) -> LiteModel:
    """Return the files of a network, its stacks in the form that takes the least arena.

    Of equal arenas, or where TensorFlow Lite Micro is not installed, the smaller file wins.

    Raises:
        CheckError: If TensorFlow Lite Micro answers otherwise than LiteRT.
        SpecError: If the network cannot be converted.
    """
    forms = FORMS if has_forms(source.network) else FORMS[:1]
    images = None if source.quantize_with is None else source.quantize_with(source.architecture)
    made = [_in_form(source, form, images) for form in forms]
    best = min(made, key=_size)
    if images is None or best.int8 is None:
        return best
    return _compared(best, images)


def _in_form(source: SourceNetwork, form: str, images: QuantizationImages | None) -> LiteModel:
    module = lowered(source.network, form)
    content = converted(module, source.architecture.input)
    text = f"unitsearch {source.key}"
    samples = channels_last(source.images.numpy())
    weights, macs = _counted(module, source)
    whole = _file(source, lean(content, text), samples)
    int8 = None
    if images is not None:
        made = quantized(content, channels_last(images.calibration))
        int8 = _file(source, lean(made, text), samples)
    return LiteModel(form if has_forms(source.network) else "", weights, macs, whole, int8)


def _file(source: SourceNetwork, content: bytes, samples: Images) -> LiteFile:
    """Return a file with its arena, its answers compared in both interpreters."""
    if not has_micro():
        return LiteFile(content, None)
    try:
        logits, arena = run_micro(content, samples, source.cost.activation_bytes)
    except SpecError as error:
        return LiteFile(content, None, str(error))
    expected = litert_call(content, is_reference=True)(samples)
    difference = float(np.abs(logits - expected).max())
    largest = max(1.0, float(np.abs(expected).max()))
    tolerance = (_STEPS + 0.01) * output_step(content) or _TOLERANCE * largest
    if not difference <= tolerance:
        raise CheckError(
            place=f"{source.stem}.tflite",
            found=f"logits in TensorFlow Lite Micro that differ by {difference:.2g}",
            expected=f"those of LiteRT (to {tolerance:.2g})",
        )
    return LiteFile(content, arena)


def _size(model: LiteModel) -> tuple[int, int]:
    file = model.deployed
    return (0 if file.arena is None else file.arena.total, len(file.content))


def _compared(model: LiteModel, images: QuantizationImages) -> LiteModel:
    """Return a model with its files in float32 and in int8 compared: accuracy and time."""
    assert model.int8 is not None  # the caller has made it
    calls = [litert_call(file.content) for file in (model.whole, model.int8)]
    before, after = (images.answers(partial(_on_maps, call)) for call in calls)
    image = channels_last(images.calibration[:1])
    times = timings([partial(call, image) for call in calls], _ROUNDS)
    count = len(before)
    lost, won = int((before & ~after).sum()), int((~before & after).sum())
    # one image more each way, so that equal answers on few images are not called certain
    spread = lost + won + 2 - (won - lost) ** 2 / count
    comparison = Int8Comparison(
        images=count,
        accuracy=float(after.mean()),
        accuracy_float=float(before.mean()),
        error=max(spread, 0.0) ** 0.5 / count,
        calibration=len(images.calibration),
        time=median(times[1]),
        time_float=median(times[0]),
    )
    return LiteModel(model.form, model.weights, model.macs, model.whole, model.int8, comparison)


def channels_last(images: Images) -> Images:
    """Return [n, height, width, channels] of [n, channels, height, width]."""
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1))


def _on_maps(call: Callable[[Images], Images], images: Images) -> Images:
    return call(channels_last(images))


def _counted(module: nn.Module, source: SourceNetwork) -> tuple[int, int]:
    """Return the weights, biases left out, and the MACs of a module."""
    from unitsearch.exports.checks import counted_macs

    weights = sum(
        layer.weight.numel()
        for layer in module.modules()
        if isinstance(layer, (nn.Conv2d, nn.Linear))
    )
    image = source.images[:1].permute(0, 2, 3, 1)
    return weights, counted_macs(module, image)


def said(model: LiteModel, cost: Cost) -> list[str]:
    """Return what files take and how they compare, a sentence each."""
    sentences = []
    for file, kind in ((model.whole, "float32"), (model.int8, "int8")):
        if file is None:
            continue
        text = f"In {kind} it takes {len(file.content):,} bytes of flash"
        if file.arena is not None:
            arena = file.arena
            text += (
                f" and an arena of {arena.total:,} bytes in TensorFlow Lite Micro on a 64-bit "
                f"machine: {arena.activations:,} of activations and of what operations need while "
                f"they run, {arena.fixed:,} fixed; its answers are those of LiteRT's reference "
                f"kernels to {f'{_STEPS} steps of int8' if kind == 'int8' else 'rounding'}"
            )
        elif file.refusal:
            text += f"; TensorFlow Lite Micro does not run it ({file.refusal})"
        else:
            text += "; tflite-micro is not installed, so that the arena is not known"
        sentences.append(f"{text}.")
    if model.int8 is not None:
        sentences[-1] += f" The exact activation memory is {cost.activation_bytes:,} bytes."
    if model.form:
        words = {"runs": "grouped convolutions", "masked": "one convolution with zeros a layer"}
        sentences.append(f"Stacks are written as {words[model.form]}.")
    if model.comparison is not None and model.int8 is not None:
        both = model.comparison
        sentences.append(
            f"In int8 the accuracy goes from {100 * both.accuracy_float:.2f} % to "
            f"{100 * both.accuracy:.2f} % (± {100 * both.error:.2f} points) on the "
            f"{both.images:,} validation images, the file from {len(model.whole.content):,} to "
            f"{len(model.int8.content):,} bytes, the time of an image in LiteRT from "
            f"{1e6 * both.time_float:.3g} µs to {1e6 * both.time:.3g} µs. Ranges are from "
            f"{both.calibration:,} training images."
        )
        if model.objection:
            sentences.append(f"**On this machine int8 is {model.objection} than float32.**")
    return sentences
