"""The steps of a pack: gather, augment, normalise, forward, losses, backward, one update.

On CUDA the whole step may be captured as a graph: one launch in place of some hundreds. Nothing
else differs between devices.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn import functional as F

from unitsearch.architecture import Architecture
from unitsearch.data.batches import crop_flip, normalise
from unitsearch.data.images import Images
from unitsearch.packs.pack import Pack
from unitsearch.packs.pack_optimisers import Optimiser
from unitsearch.training.recipes import Recipe
from unitsearch.training.runners import Normalisation

EVALUATED = 128  # images of an evaluation batch: each member holds its own maps of them
_WARM_UP = 3  # steps before a graph is captured, in which libraries choose algorithms and allocate


class PackedSteps:
    """Training steps and evaluation of a pack.

    Attributes:
        totals: Sum of each member's losses since ``begin``, float64 [members].
    """

    def __init__(
        self,
        pack: Pack,
        optimiser: Optimiser,
        images: Images,
        normalisation: Normalisation,
        *,
        smoothing: float = 0.0,
        bfloat16: bool = False,
        graph: bool = False,
    ) -> None:
        """Prepare steps on ``images``, which lie on the pack's device.

        Args:
            pack: The members.
            optimiser: Of the pack's parameters.
            images: The images that the members train on.
            normalisation: Mean and standard deviation of each channel, of pixels in [0, 1].
            smoothing: Label smoothing.
            bfloat16: Whether maps are held in bfloat16; parameters, norms and losses are not.
            graph: Whether the step is captured as a CUDA graph.
        """
        self.pack, self.optimiser, self.images = pack, optimiser, images
        self.mean, self.std = normalisation
        self.smoothing, self.bfloat16 = smoothing, bfloat16
        device = pack.weights.device
        self.totals = torch.zeros(len(pack), dtype=torch.float64, device=device)
        self._graph = _Graph(self) if graph and device.type == "cuda" else None

    def begin(self) -> None:
        """Begin an epoch."""
        self.totals.zero_()

    def take(self, rows: Tensor, crops: Tensor | None, coefficients: Tensor) -> None:
        """Take one step of every member.

        Args:
            rows: The indices of the images, int64 [members, b].
            crops: Crop and flip of each image for ``crop_flip``, [members, b, 3]; None for neither.
            coefficients: The optimiser's numbers, [numbers, members].
        """
        if self._graph is None:
            self.compute(rows, crops, coefficients)
        else:
            self._graph.replay(rows, crops, coefficients)

    def compute(self, rows: Tensor, crops: Tensor | None, coefficients: Tensor) -> None:
        """Take one step, operation by operation."""
        count, size = rows.shape
        pixels = self.images.pixels.index_select(0, rows.flatten())
        labels = self.images.labels.index_select(0, rows.flatten())
        if crops is not None:
            pixels = crop_flip(pixels, crops.flatten(0, 1))
        x = self._prepared(pixels)
        x = x.view(count, size, *x.shape[1:]).transpose(0, 1).flatten(1, 2)
        logits = self._logits(x, training=True).transpose(0, 1).flatten(0, 1)
        each = F.cross_entropy(logits, labels, reduction="none", label_smoothing=self.smoothing)
        losses = each.view(count, size).mean(1)
        (gradient,) = torch.autograd.grad(losses.sum(), self.pack.weights)
        with torch.no_grad():
            self.optimiser.step(gradient, coefficients)
            self.totals += losses.detach()

    def evaluate(self, images: Images, first: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return each member's results on ``images``.

        Returns:
            The number of images that each member classifies correctly, int64 [members]; the sum of
            their cross-entropies, float64 [members]; and whether the logits of the ``first`` images
            are all finite, bool [members].
        """
        device = self.pack.weights.device
        correct = torch.zeros(len(self.pack), dtype=torch.int64, device=device)
        loss = torch.zeros(len(self.pack), dtype=torch.float64, device=device)
        is_finite = torch.ones(len(self.pack), dtype=torch.bool, device=device)
        begin, size = 0, min(EVALUATED, first)
        with torch.inference_mode():
            while begin < len(images):
                # a batch ends at `first`: the logits of later images may be infinite
                end = min(begin + size, len(images), first if begin < first else len(images))
                x = self._prepared(images.pixels[begin:end]).repeat(1, len(self.pack), 1, 1)
                logits = self._logits(x, training=False)
                labels = images.labels[begin:end, None]
                correct += (logits.argmax(2) == labels).sum(0)
                exact = logits.double()
                own = labels[:, None].expand(-1, len(self.pack), 1)
                loss += (exact.logsumexp(2) - exact.gather(2, own).squeeze(2)).sum(0)
                if begin < first:
                    is_finite &= torch.isfinite(logits).all(2).all(0)
                begin = end
        return correct, loss, is_finite

    def _prepared(self, pixels: Tensor) -> Tensor:
        return normalise(pixels, self.mean, self.std).to(self.pack.weights.dtype)

    def _logits(self, x: Tensor, *, training: bool) -> Tensor:
        """Return logits [b, members, classes] in the precision of the parameters."""
        x = x.contiguous(memory_format=self.pack.memory_format)
        if x.shape[1] == 1 and self.pack.memory_format == torch.channels_last:
            # one channel fits both memory formats; libraries take it for the slow one
            x = x.view(len(x), *x.shape[2:], 1).permute(0, 3, 1, 2)
        low: AbstractContextManager[object] = nullcontext()
        if self.bfloat16:
            low = torch.autocast(x.device.type, torch.bfloat16, cache_enabled=False)
        with low:
            logits = self.pack(x, training=training)
        return logits.to(self.pack.weights.dtype)


def prepared(
    architectures: Sequence[Architecture],
    images: Images,
    recipe: Recipe,
    normalisation: Normalisation,
    device: torch.device,
    *,
    dtype: torch.dtype = torch.float32,
    bfloat16: bool = False,
) -> PackedSteps:
    """Return the steps of a pack by a recipe, its parameters still to be loaded.

    Args:
        architectures: The members' architectures, of one skeleton.
        images: The images that the members train on, on ``device``.
        recipe: The recipe of all members.
        normalisation: Mean and standard deviation of each channel.
        device: The pack's device; on CUDA a step becomes one graph.
        dtype: Of the parameters.
        bfloat16: Whether maps are held in bfloat16.
    """
    pack = Pack(architectures, device=device, dtype=dtype)
    optimiser = Optimiser(
        recipe.optimiser,
        pack.weights,
        pack.member_of,
        weight_decay=recipe.weight_decay,
        epsilon=recipe.epsilon,
    )
    smoothing = recipe.smoothing
    return PackedSteps(
        pack, optimiser, images, normalisation, smoothing=smoothing, bfloat16=bfloat16, graph=True
    )


class _Graph:
    """A step captured as a CUDA graph, and the input tensors that it reads."""

    def __init__(self, steps: PackedSteps) -> None:
        self.steps = steps
        self.graph: torch.cuda.CUDAGraph | None = None
        self.inputs: list[Tensor] = []

    def replay(self, rows: Tensor, crops: Tensor | None, coefficients: Tensor) -> None:
        values = [rows, coefficients] if crops is None else [rows, coefficients, crops]
        if self.graph is None:
            self.inputs = [tensor.clone() for tensor in values]
            self.graph = self._captured()
        for own, value in zip(self.inputs, values, strict=True):
            own.copy_(value)
        self.graph.replay()

    def _captured(self) -> torch.cuda.CUDAGraph:
        """Return the graph; the tensors that the steps before the capture change are restored."""
        pack, optimiser = self.steps.pack, self.steps.optimiser
        changed = [
            pack.weights.detach(), pack.means, pack.variances, optimiser.state, self.steps.totals,
        ]  # fmt: skip
        before = [tensor.clone() for tensor in changed]
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch's stub
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP):
                self._compute()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._compute()
        for tensor, old in zip(changed, before, strict=True):
            tensor.copy_(old)
        return graph

    def _compute(self) -> None:
        rows, coefficients, *crops = self.inputs
        self.steps.compute(rows, crops[0] if crops else None, coefficients)
