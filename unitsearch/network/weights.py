"""Weights as safetensors files beside an architecture, and a network's logits on fixed images."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from unitsearch.architecture import Architecture
from unitsearch.errors import SpecError
from unitsearch.network.bit_packing import is_packed, packed_bytes, unpack
from unitsearch.network.build import Network, build
from unitsearch.network.slbf import slbf_layers

FIXED_IMAGES = 16
_DIGEST_CLASSES = 32  # enough to distinguish networks; a thousand would make the store large


def weights_bytes(network: Network) -> bytes:
    """Return all parameters and running statistics as the bytes of a safetensors file.

    Binary filters are packed into bits: see ``bit_packing``.
    """
    if slbf_layers(network):
        return packed_bytes(network)
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    return save_tensors(tensors, metadata={"format": "pt"})


def load_weights(network: Network, content: bytes, name: str) -> None:
    """Load the tensors of a safetensors file into ``network``.

    Raises:
        SpecError: If it is no safetensors file, or its tensors do not fit the network.
    """
    try:
        tensors = load_tensors(content)
        if is_packed(tensors):
            unpack(network, tensors, content)
        else:
            network.load_state_dict(tensors)
            _check_selections(network)
    except (SafetensorError, RuntimeError, SpecError) as error:
        reason = str(error).strip().splitlines()[0]
        raise SpecError(f"{name}: not the weights of this architecture ({reason})") from None


def _check_selections(network: Network) -> None:
    """Raise ``SpecError`` if a fixed selection names a filter that its bank does not hold."""
    for layer in slbf_layers(network):
        chosen = layer.selected()
        wrong = chosen[(chosen < 0) | (chosen >= layer.size)]
        if len(wrong):
            expected = f"filters of a bank of {layer.size}"
            raise SpecError(found=f"a selection of filter {int(wrong[0])}", expected=expected)


def load_network(architecture: Architecture, weights: Path, *, plan: str = "grouped") -> Network:
    """Return the network of ``architecture`` with the weights of a file, in eval mode.

    Raises:
        SpecError: If the file is missing or does not fit.
    """
    try:
        content = weights.read_bytes()
    except OSError as error:
        raise SpecError(f"{weights}: cannot be read ({error.strerror or error})") from None
    network = build(architecture, plan=plan)
    load_weights(network, content, str(weights))
    return network.eval()


def fixed_images(architecture: Architecture) -> Tensor:
    """Return the 16 images that digests are made of: float [16, c, h, w], normalised.

    They are noise from a fixed seed, so that a copy can be checked without the data.
    """
    c, h, w = architecture.input
    pixels = np.random.Generator(np.random.PCG64(16)).integers(0, 256, (FIXED_IMAGES, c, h, w))
    images = torch.from_numpy(pixels).float().div_(255)
    mean = torch.tensor(architecture.mean or [0.0] * c).view(1, c, 1, 1)
    std = torch.tensor(architecture.std or [1.0] * c).view(1, c, 1, 1)
    return (images - mean) / std


def digest(network: Network) -> str:
    """Return the network's logits on the 16 fixed images as text: base64 of float32.

    The first 32 classes are kept. The network may be in any mode, which does not change.
    """
    training = network.training
    network.eval()
    with torch.inference_mode():
        logits = network(fixed_images(network.architecture))[:, :_DIGEST_CLASSES]
    network.train(training)
    return base64.b64encode(logits.float().contiguous().numpy().tobytes()).decode()


def distance(digest_a: str, digest_b: str) -> float:
    """Return the largest difference between two digests' logits, relative to their size."""
    a, b = (np.frombuffer(base64.b64decode(text), np.float32) for text in (digest_a, digest_b))
    if a.shape != b.shape:
        return float("inf")
    scale = max(1.0, float(np.abs(a).max(initial=0.0)))
    return float(np.abs(a - b).max(initial=0.0)) / scale
