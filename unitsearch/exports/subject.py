"""A network that is exported, and what its files must answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from unitsearch.architecture import Architecture, key
from unitsearch.costs import Cost, count
from unitsearch.exports.deployed import deployed
from unitsearch.network.build import Network
from unitsearch.network.inference import folded
from unitsearch.network.weights import fixed_images

if TYPE_CHECKING:
    from torch.export import ExportedProgram

INPUT, OUTPUT = "images", "logits"


class Deployed(nn.Module):
    """A network for use only, whose input is called ``images``: see ``INPUT``."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits [n, classes] of float [n, channels, height, width]."""
        return cast(Tensor, self.layers(images))


@dataclass(frozen=True)
class Subject:
    """A network that is exported.

    Attributes:
        stem: What its files are called.
        architecture: With classes, mean, std and provenance as far as they are known.
        network: With the weights that are exported, in eval mode, on the CPU, stacks grouped.
        is_trained: Whether those weights are trained.
    """

    stem: str
    architecture: Architecture
    network: Network
    is_trained: bool

    @cached_property
    def key(self) -> str:
        """The architecture's canonical key."""
        return key(self.architecture)

    @cached_property
    def cost(self) -> Cost:
        """What it costs, in closed form."""
        return count(self.architecture)

    @cached_property
    def deployed_cost(self) -> Cost:
        """What it costs with batch norm folded, in closed form."""
        return count(deployed(self.architecture))

    @cached_property
    def images(self) -> Tensor:
        """The 16 fixed images by which files are compared: see ``fixed_images``."""
        return fixed_images(self.architecture)

    @cached_property
    def logits(self) -> Tensor:
        """The network's logits on them."""
        with torch.inference_mode():
            return cast(Tensor, self.network(self.images))

    @cached_property
    def program(self) -> ExportedProgram:
        """The deployed network as torch.export traces it, any number of images at a time."""
        module = Deployed(folded(self.network).layers).eval()
        image = torch.zeros(2, *self.architecture.input)  # one image would be taken for a constant
        batch = torch.export.Dim("batch")
        program = torch.export.export(module, (image,), dynamic_shapes=({0: batch},))
        for graph in (node.graph for node in program.graph.nodes):
            for node in graph.nodes:
                node.meta.pop("stack_trace", None)  # paths of this machine
        program.example_inputs = None  # the two images would be kept in the file
        return program
