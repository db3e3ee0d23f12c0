"""The facts of a network in one runtime, and the sentences in which they are said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from unitsearch.network.latency import Quartiles


@dataclass(frozen=True)
class BatchTimes:
    """Times of a network and of its dense twin for a number of images, measured in turns.

    Attributes:
        batch: Images at a time.
        network: Seconds of the network.
        twin: Seconds of the dense twin; None where there is none.
    """

    batch: int
    network: Quartiles
    twin: Quartiles | None

    @property
    def speedup(self) -> float | None:
        """The twin's median over the network's: above 1 the network is faster."""
        return None if self.twin is None else self.twin.median / self.network.median


@dataclass(frozen=True)
class Int8Facts:
    """The facts of a network in int8, beside the same network in float32.

    Attributes:
        file: The name of its file; empty where it was not kept.
        form: The form of its stacks.
        images: Validation images behind the accuracies.
        accuracy: A fraction.
        accuracy_float: The accuracy in float32, of the same images and runtime.
        error: Standard error of the difference of the two, a fraction.
        calibration: Training images that the ranges are from.
        size: Bytes of its file.
        size_float: Bytes of the file in float32.
        time: Seconds of one image.
        time_float: Seconds of one image in float32, in turns with ``time``.
    """

    file: str
    form: str
    images: int
    accuracy: float
    accuracy_float: float
    error: float
    calibration: int
    size: int
    size_float: int
    time: Quartiles
    time_float: Quartiles

    @property
    def objection(self) -> str:
        """The reason why int8 does not pay here; empty if it does."""
        slower = self.time.median > self.time_float.median
        larger = self.size > self.size_float
        words = [word for word, holds in (("slower", slower), ("larger", larger)) if holds]
        return " and ".join(words)

    def said(self) -> str:
        """Return accuracy, bytes and time before and after, in one line."""
        return (
            f"int8 ({self.form}): accuracy {100 * self.accuracy_float:.2f} % -> "
            f"{100 * self.accuracy:.2f} % (± {100 * self.error:.2f} points, "
            f"{self.images:,} validation images), {self.size_float:,} -> {self.size:,} bytes, "
            f"{duration(self.time_float.median)} -> {duration(self.time.median)} an image"
        )


@dataclass(frozen=True)
class RuntimeFacts:
    """The facts of a network in one runtime.

    Attributes:
        runtime: The runtime's name.
        title: Its name in sentences.
        version: The version of its package.
        files: Content by file name; the first is the one that is loaded.
        form: The form in which its stacks are written, in words.
        difference: The largest difference of a logit, as a share of the largest logit.
        tolerance: The largest difference that is accepted.
        setting: The settings that it was run with, beside one thread.
        times: Times by batch, one image first.
        macs_ratio: The dense twin's MACs over the network's; None where there is no twin.
        machine: Name of the processor.
        rounds: The number of timings behind each time.
        usage: Code that loads the file.
        int8: The facts of its int8 file; None where none was asked for.
    """

    runtime: str
    title: str
    version: str
    files: Mapping[str, bytes]
    form: str
    difference: float
    tolerance: float
    setting: str
    times: tuple[BatchTimes, ...]
    macs_ratio: float | None
    machine: str
    rounds: int
    usage: str
    int8: Int8Facts | None = None

    def said(self) -> str:
        """Return the time of one image beside the dense twin's, and the MACs, in one line."""
        one = self.times[0]
        text = f"in {self.title} {duration(one.network.median)}"
        if one.twin is None or one.speedup is None or self.macs_ratio is None:
            return f"{text}; it has no dense twin"
        return (
            f"{text}, its dense twin {duration(one.twin.median)} ({one.speedup:.2f}x), "
            f"MACs promised {self.macs_ratio:.1f}x"
        )


def duration(seconds: float) -> str:
    """Return a time of inference, to three digits or a whole unit: 78.3 µs, 1,624 µs, 12.4 ms."""
    micro = 1e6 * seconds
    if micro < 100:
        return f"{micro:.3g} µs"
    return f"{micro:,.0f} µs" if micro < 10_000 else f"{micro / 1e3:,.3g} ms"
