"""The network that files are made from, with the values that they must reproduce."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from unitsearch.architecture import Architecture, key
from unitsearch.costs import Cost, count
from unitsearch.network.build import Network
from unitsearch.network.deployed import deployed
from unitsearch.network.folding import folded
from unitsearch.network.weights import fixed_images

if TYPE_CHECKING:
    from torch.export import ExportedProgram

    from unitsearch.exports.lite.making import LiteModel, QuantizationImages


class DeployedNetwork(nn.Module):
    """A network for inference alone; its input has the name ``images``, see ``formats.INPUT``."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits [n, classes] of float [n, channels, height, width]."""
        return cast(Tensor, self.layers(images))


@dataclass(frozen=True)
class SourceNetwork:
    """A network to export.

    Attributes:
        stem: The name of its files without their endings.
        architecture: The architecture, with classes, mean, std and provenance where they are known.
        network: The module with the weights to export: in eval mode, on the CPU, stacks grouped.
        is_trained: Whether those weights are trained.
        quantize_with: Returns the images to quantise it with; None for float32 alone.
    """

    stem: str
    architecture: Architecture
    network: Network
    is_trained: bool
    quantize_with: Callable[[Architecture], QuantizationImages] | None = None

    @cached_property
    def key(self) -> str:
        """The architecture's canonical key."""
        return key(self.architecture)

    @cached_property
    def cost(self) -> Cost:
        """Its cost in closed form."""
        return count(self.architecture)

    @cached_property
    def deployed_cost(self) -> Cost:
        """Its cost with batch norm folded, in closed form."""
        return count(deployed(self.architecture))

    @cached_property
    def images(self) -> Tensor:
        """The 16 fixed images by which files are compared: see ``fixed_images``."""
        return fixed_images(self.architecture)

    @cached_property
    def logits(self) -> Tensor:
        """The network's logits on ``images``."""
        with torch.inference_mode():
            return cast(Tensor, self.network(self.images))

    @cached_property
    def lite(self) -> LiteModel:
        """Its TensorFlow Lite files."""
        from unitsearch.exports.lite.making import lite_model

        return lite_model(self)

    @cached_property
    def program(self) -> ExportedProgram:
        """The deployed network as torch.export traces it, any number of images at a time."""
        module = DeployedNetwork(folded(self.network).layers).eval()
        image = torch.zeros(
            2, *self.architecture.input
        )  # torch would take a batch of one for a constant
        batch = torch.export.Dim("batch")
        program = torch.export.export(module, (image,), dynamic_shapes=({0: batch},))
        for graph in (node.graph for node in program.graph.nodes):
            for node in graph.nodes:
                node.meta.pop("stack_trace", None)  # paths of this machine
        program.example_inputs = None  # or the file would hold the two images
        return program
