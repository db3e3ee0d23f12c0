"""Training and evaluation of a network with one image in each SIMD lane: the kernels' interface.

Takes and returns arrays; does not import torch. Weights have the names, order and shapes of the
torch network's state.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unitsearch.architecture import Architecture
from unitsearch.errors import UsageError
from unitsearch.kernels import table_layout as t
from unitsearch.kernels.lane_program import lower_to_lanes
from unitsearch.kernels.machine_code import kernels
from unitsearch.kernels.settings import OptimiserSettings
from unitsearch.kernels.tiles import RUNS, output_tiles, run_tiles, weight_tiles
from unitsearch.kernels.vectors import REGISTER_BYTES, lanes

Array = NDArray[Any]


class Lanes:
    """A network that trains and evaluates in lanes.

    Args:
        architecture: The network; its units are put in canonical order.
        batch: The images of a training step; evaluation takes any number.
        mean: The mean of each channel, of pixels in [0, 1].
        std: The standard deviation of each channel, of pixels in [0, 1].
        dtype: ``float32`` or ``float64``.
        optimiser: The optimiser and its constants.
        smoothing: The label smoothing.

    Raises:
        UsageError: If lanes cannot run ``architecture``: see ``unsupported``.
    """

    def __init__(
        self,
        architecture: Architecture,
        batch: int,
        *,
        mean: tuple[float, ...] | None = None,
        std: tuple[float, ...] | None = None,
        dtype: str = "float32",
        optimiser: OptimiserSettings = OptimiserSettings(),  # noqa: B008  # frozen
        smoothing: float = 0.0,
    ) -> None:
        self.architecture, self.batch, self.dtype = architecture, batch, np.dtype(dtype)
        self._width = lanes(dtype)
        blocks = -(-batch // self._width)
        self._program = program = lower_to_lanes(architecture, blocks, self._width, REGISTER_BYTES)
        self._kernels = kernels(dtype)
        c = architecture.input[0]
        self._levels = _levels(mean or (0.0,) * c, std or (1.0,) * c, self.dtype)
        self._work = _aligned(program.registers * self._width, self.dtype)
        self._weights = _aligned(program.weights, self.dtype)
        self._gradients = _aligned(program.weights, self.dtype)
        self._running = np.zeros(program.running, self.dtype)
        self._first = _aligned(program.weights, self.dtype)
        self._second = _aligned(program.weights if optimiser.kind != "sgd" else 0, self.dtype)
        self._coefs = np.zeros((program.coefs, t.COEF), self.dtype)
        self._coefs[:, t.SCALE] = self._coefs[:, t.C1] = self._coefs[:, t.INVERSE] = 1
        self._sums = np.zeros((program.coefs, 2))
        self._scalars = t.Scalars(
            momentum=optimiser.momentum,
            decay=optimiser.weight_decay,
            beta_1=optimiser.betas[0],
            beta_2=optimiser.betas[1],
            epsilon=optimiser.epsilon,
            smoothing=smoothing,
        )
        self._jobs = np.zeros((), t.CONVOLVE_JOB), np.zeros((), t.CORRELATE_JOB)
        self._zeros = np.zeros(64, self.dtype)
        self._steps = 0  # steps of the optimiser
        self._batches = 0  # batches in the norms' running statistics
        last = np.zeros(1, t.OPERATION)
        last["kind"] = t.SGD if optimiser.kind == "sgd" else t.ADAM
        loss = program.loss
        score = loss.copy()
        score["kind"] = t.SCORE
        back = np.concatenate([program.forward, loss, program.backward])
        self._differentiate = _Table(back)
        self._train = _Table(np.concatenate([back, last]))
        self._predict = _Table(np.concatenate([program.forward, score]))
        self._keys = _keys()
        self._chosen = np.zeros(batch, np.int64)
        self._crops = np.zeros((3, batch), np.int64)
        self._logits = np.zeros((batch, program.classes), self.dtype)
        self._bound: tuple[Array, Array | None] | None = None  # the frame holds their addresses
        self._frame = self._make_frame(optimiser.kind == "adamw")
        frame = ctypes.addressof(self._frame)
        self._call = 0, frame, _address(self._work)  # the interpreter itself is given no operation

    def load(self, state: Mapping[str, Array]) -> None:
        """Copy in parameters and running statistics, named as in ``Network.state_dict()``.

        Raises:
            UsageError: If their names or shapes are not those of this network.
        """
        expected = [entry.name for entry in self._program.entries]
        if sorted(state) != sorted(expected):
            odd = sorted(set(state) ^ set(expected))[0]
            raise UsageError(
                place="state", found=odd, expected="the tensors of this architecture's network"
            )
        for entry in self._program.entries:
            value = np.asarray(state[entry.name])
            if value.shape != entry.shape:
                raise UsageError(place=entry.name, found=value.shape, expected=str(entry.shape))
            if entry.place == "steps":
                self._batches = int(value)
            else:
                self._buffer(entry.place)[entry.offset : entry.offset + entry.size] = value.ravel()

    def state(self) -> dict[str, Array]:
        """Return parameters and running statistics, named as in ``Network.state_dict()``."""
        state: dict[str, Array] = {}
        for entry in self._program.entries:
            if entry.place == "steps":
                state[entry.name] = np.array(self._batches, np.int64)
            else:
                flat = self._buffer(entry.place)[entry.offset : entry.offset + entry.size]
                state[entry.name] = flat.reshape(entry.shape).copy()
        return state

    def optimiser_state(self) -> dict[str, Array]:
        """Return the state of the optimiser: its flat moments and the number of its steps."""
        steps = np.array(self._steps, np.int64)
        return {"first": self._first.copy(), "second": self._second.copy(), "steps": steps}

    def load_optimiser(self, state: Mapping[str, Array]) -> None:
        """Copy in what ``optimiser_state`` returned in a network of the same architecture."""
        self._first[:], self._second[:] = state["first"], state["second"]
        self._steps = int(state["steps"])

    def restart(self, momentum: float) -> None:
        """Reset the optimiser to its initial state, with another momentum."""
        self._first[:] = 0
        self._second[:] = 0
        self._steps = 0
        self._scalars.momentum = momentum

    def train_step(
        self,
        pixels: Array,
        labels: Array,
        chosen: Array,
        rate: float,
        crops: tuple[Array, Array, Array] | None = None,
    ) -> float:
        """Take one step of the optimiser on one batch and return its mean loss.

        Args:
            pixels: uint8 [n, c, h, w], all images.
            labels: int64 [n], their classes.
            chosen: int64 [batch], the indices of this batch's images.
            rate: The learning rate.
            crops: For each image the top row and left column of its crop in the image padded by
                four pixels (0 … 8), and whether it is mirrored: int64 [batch] each.
        """
        self._steps += 1
        self._scalars.rate = rate
        return self._forward_and_back(self._train, pixels, labels, chosen, crops)

    def differentiate(
        self,
        pixels: Array,
        labels: Array,
        chosen: Array,
        crops: tuple[Array, Array, Array] | None = None,
    ) -> tuple[float, dict[str, Array]]:
        """Run a training step without the optimiser; return the loss and all gradients by name."""
        loss = self._forward_and_back(self._differentiate, pixels, labels, chosen, crops)
        gradients = {}
        for entry in self._program.entries:
            if entry.place == "weights":
                flat = self._gradients[entry.offset : entry.offset + entry.size]
                gradients[entry.name] = flat.reshape(entry.shape).copy()
        self._gradients[:] = 0  # each step begins with gradients of 0
        return loss, gradients

    def logits(self, pixels: Array, chosen: Array | None = None) -> Array:
        """Return the logits [n, classes] of images, by the running statistics."""
        chosen = np.arange(len(pixels)) if chosen is None else chosen
        parts = [logits.copy() for logits, _ in self._evaluated(pixels, None, chosen)]
        return np.concatenate(parts) if parts else np.zeros((0, self._program.classes), self.dtype)

    def evaluate(
        self, pixels: Array, labels: Array, chosen: Array | None = None
    ) -> tuple[float, float]:
        """Return the accuracy in [0, 1] and the mean cross-entropy, by the running statistics.

        The cross-entropy is in nats and without smoothing. Both are NaN if no image is chosen.
        """
        chosen = np.arange(len(pixels)) if chosen is None else chosen
        if not len(chosen):
            return float("nan"), float("nan")
        right, parts = 0, []
        for logits, right_in_batch in self._evaluated(pixels, labels, chosen):
            right += right_in_batch
            parts.append(logits.astype(np.float64))
        loss = _cross_entropies(np.concatenate(parts), labels[chosen]).mean()
        return right / len(chosen), float(loss)

    def _forward_and_back(
        self,
        ops: _Table,
        pixels: Array,
        labels: Array,
        chosen: Array,
        crops: tuple[Array, Array, Array] | None,
    ) -> float:
        if len(chosen) != self.batch:
            raise UsageError(place="chosen", found=len(chosen), expected=f"{self.batch} images")
        if crops is not None:
            self._crops[:] = crops
            self._crops[:2] -= 4  # crops are given in the padded image
        self._frame.is_augmented = crops is not None
        self._batches += 1
        self._run(ops, pixels, labels, chosen, is_training=True)
        return float(self._scalars.loss)

    def _evaluated(self, pixels: Array, labels: Array | None, chosen: Array) -> Any:
        """Yield the logits of each batch and the number of right predictions in it."""
        self._frame.is_augmented = 0
        for start in range(0, len(chosen), self.batch):
            chunk = chosen[start : start + self.batch]
            self._run(self._predict, pixels, labels, chunk, is_training=False)
            yield self._logits[: len(chunk)], int(self._scalars.right)

    def _run(
        self, ops: _Table, pixels: Array, labels: Array | None, chosen: Array, *, is_training: bool
    ) -> None:
        if self._bound is None or pixels is not self._bound[0] or labels is not self._bound[1]:
            self._bind(pixels, labels)
        frame, images = self._frame, len(chosen)
        own = self._chosen[:images]
        own[:] = chosen
        # as an unsigned number, an index below 0 is larger than all others
        if images and not own.view(np.uint64).max() < len(pixels):
            raise UsageError(place="chosen", found="an image", expected=f"0 … {len(pixels) - 1}")
        frame.is_training, frame.images = is_training, images
        frame.ops, frame.op_count = ops.address, len(ops.rows)
        frame.steps = self._steps
        self._kernels.run(*self._call)

    def _bind(self, pixels: Array, labels: Array | None) -> None:
        """Point the frame to these images, or to a copy if their layout or type is another."""
        if pixels.dtype != np.uint8 or pixels.shape[1:] != self.architecture.input:
            found = f"{pixels.dtype} {pixels.shape}"
            expected = f"uint8 images of {self.architecture.input}"
            raise UsageError(place="pixels", found=found, expected=expected)
        own_pixels = np.ascontiguousarray(pixels)
        own_labels = None if labels is None else np.ascontiguousarray(labels, np.int64)
        classes = self._program.classes
        if own_labels is not None and len(own_labels):
            least, most = int(own_labels.min()), int(own_labels.max())
            if least < 0 or most >= classes:
                wrong = least if least < 0 else most
                raise UsageError(place="labels", found=wrong, expected=f"0 … {classes - 1}")
        self._frame.pixels = _address(own_pixels)
        self._frame.labels = 0 if own_labels is None else _address(own_labels)
        self._bound = own_pixels, own_labels  # a copy is used once: the next step makes its own

    def _buffer(self, name: str) -> Array:
        return self._weights if name == "weights" else self._running

    def _make_frame(self, is_decoupled: bool) -> t.Frame:
        program, frame = self._program, t.Frame()
        for name, values in (
            ("kernels", self._kernels.addresses),
            ("convolve_job", self._jobs[0]), ("correlate_job", self._jobs[1]),
            ("taps", program.taps), ("phases", program.phases),
            ("output_keys", self._keys[0]), ("weight_keys", self._keys[1]),
            ("weights", self._weights), ("gradients", self._gradients),
            ("running", self._running), ("coefs", self._coefs), ("sums", self._sums),
            ("first", self._first), ("second", self._second),
            ("levels", self._levels), ("zeros", self._zeros), ("chosen", self._chosen),
            ("tops", self._crops[0]), ("lefts", self._crops[1]), ("flips", self._crops[2]),
            ("logits", self._logits),
        ):  # fmt: skip
            setattr(frame, name, _address(values))
        frame.scalars = ctypes.addressof(self._scalars)
        work = _address(self._work)
        frame.numbers = work + program.numbers * REGISTER_BYTES
        frame.accumulators = work + program.accumulators * REGISTER_BYTES
        frame.spare = work + program.spare * REGISTER_BYTES
        frame.weight_count = program.weights
        frame.is_decoupled = is_decoupled
        numbers = self._work[program.numbers * self._width :]
        numbers = numbers[: (t.LARGEST_WINDOW + 1) * self._width].reshape(-1, self._width)
        numbers[:-1] = np.arange(t.LARGEST_WINDOW)[:, None]
        used = self.batch - (program.blocks - 1) * self._width
        numbers[-1] = np.arange(self._width) < used
        return frame


class _Table:
    """A table of operations with its address: to ask NumPy for it takes a microsecond a step."""

    def __init__(self, rows: Array) -> None:
        self.rows = np.ascontiguousarray(rows)
        self.address = _address(self.rows)


def _cross_entropies(logits: Array, labels: Array) -> Array:
    """Return each image's cross-entropy from float64 logits [n, classes]; NaN where not finite."""
    highest = logits.max(axis=1)
    with np.errstate(invalid="ignore"):  # a network that diverged
        norm = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
        cross_entropies: Array = norm - logits[np.arange(len(labels)), labels]
    return cross_entropies


def _levels(mean: tuple[float, ...], std: tuple[float, ...], dtype: Any) -> Array:
    """Return the normalised value of each pixel value of each channel: [channels, 256]."""
    pixels = np.arange(256, dtype=dtype)
    scale = np.array([1 / (255 * s) for s in std], dtype)[:, None]
    shift = np.array([-m / s for m, s in zip(mean, std, strict=True)], dtype)[:, None]
    return np.ascontiguousarray(pixels * scale + shift)


def _keys() -> tuple[Array, Array]:
    """Return the tables of tile keys by size, of output and of weight tiles; -1 for no tile."""
    outputs = np.full((t.RUN_KEYS + 8, t.KEY_COLUMNS), -1, np.int64)
    for (channels, rows, columns), key in output_tiles().items():
        outputs[channels * t.KEY_ROWS + rows, columns] = key
        if channels == rows == 1:  # this tile also serves where no tile of runs fits
            outputs[t.RUN_KEYS :, columns] = key
    for (run, columns), key in run_tiles().items():
        outputs[t.RUN_KEYS + run, columns] = RUNS + key
    weights = np.full((8, 8, 8), -1, np.int64)
    for size, key in weight_tiles().items():
        weights[size] = key
    return outputs, weights


def _aligned(count: int, dtype: Any) -> Array:
    """Return zeros whose address is a multiple of a register's size."""
    size = count * np.dtype(dtype).itemsize
    raw = np.zeros(size + REGISTER_BYTES, np.uint8)
    start = -raw.ctypes.data % REGISTER_BYTES
    return raw[start : start + size].view(dtype)


def _address(values: Array) -> int:
    """Return the address of an array's first number; the caller keeps the array alive."""
    return int(ctypes.c_void_p(values.ctypes.data).value or 0)
