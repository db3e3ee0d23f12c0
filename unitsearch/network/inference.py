"""Networks for inference: batch norm folded into the weights, each stack in its fastest form."""

from __future__ import annotations

from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from unitsearch.architecture import Architecture
from unitsearch.network.build import FORMATS, Network
from unitsearch.network.folding import folded
from unitsearch.network.formed import StackChoice, in_form
from unitsearch.network.timing import best_times

# The forms that are tried in torch; unit by unit was never the fastest there.
_TRIED = ("runs", "blocks", "masked")


class Inference(nn.Module):
    """A network for inference only: it has no batch norm and no trainable parameter.

    ``forward`` takes float [n, channels, height, width], normalised, and returns logits [n,
    classes], equal to rounding to those of the network that it was made from.

    Attributes:
        architecture: The architecture.
        plan: The form of each part: the memory format, and each stack's form by the name of its
            module (see ``forms``).
    """

    def __init__(self, architecture: Architecture, layers: nn.Module, plan: dict[str, str]) -> None:
        super().__init__()
        self.architecture = architecture
        self.layers = layers
        self.plan = plan

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        return cast(Tensor, self.layers(x.contiguous(memory_format=FORMATS[self.plan["memory"]])))


def for_inference(network: Network, batch: int = 1) -> Inference:
    """Return a copy of ``network`` made fast for batches of ``batch`` images on its device.

    Batch norm is folded into the weights before it. A short measurement decides the form of each
    stack, such as grouped convolutions or one dense convolution with zeros between the units, and
    which memory format the network has.
    """
    plain = folded(network)
    device = next(network.parameters()).device
    image = torch.zeros(batch, *network.architecture.input, device=device)
    candidates = [_planned(plain, network.architecture, image, memory) for memory in FORMATS]
    with torch.inference_mode():
        times = best_times([partial(candidate, image) for candidate in candidates])
    return candidates[times.index(min(times))]


def _planned(network: Network, original: Architecture, image: Tensor, memory: str) -> Inference:
    """Return a copy in one memory format with the fastest form of each stack."""

    def fastest(choice: StackChoice) -> str:
        x = torch.zeros(len(image), *choice.site.shape, device=image.device)
        if x.dim() == 4:
            x = x.contiguous(memory_format=FORMATS[memory])
        forms = [form for form in choice.forms if form in _TRIED]
        if len(forms) == 1:
            return forms[0]
        stacks = [choice.build(form) for form in forms]
        for stack in stacks:
            stack.to(memory_format=FORMATS[memory])  # type: ignore[call-overload]  # torch's stub
        with torch.inference_mode():
            times = best_times([partial(stack, x) for stack in stacks])
        return forms[times.index(min(times))]

    formed = in_form(network, "auto", fastest)
    formed.layers.to(memory_format=FORMATS[memory])  # type: ignore[call-overload]  # torch's stub
    forms = {name.removeprefix("layers."): form for name, form in formed.forms.items()}
    return Inference(original, formed.layers, {"memory": memory, **forms})
