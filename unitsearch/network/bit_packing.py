"""Packed weights of networks with binary filters: one bit a binary weight.

A packed file is a safetensors file of two tensors, ``floats`` (float32) and ``bits`` (uint8), with
the architecture's key in its metadata. ``floats`` holds every other number of the network in the
order of its modules, batch norm's running statistics included. ``bits`` is one row of bits, most
significant first: for each SLBF layer in order the signs of its bank (1 is +1), then for each
filter and split the number of the filter selected, in ⌈log2 bank⌉ bits. Together they take
``Cost.bits``, rounded up to bytes; the file's header is some 300 bytes more.

A packed network infers as before, but cannot resume its training: the file does not hold the
proxies of signs and selection.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from safetensors.torch import save as save_tensors
from torch import Tensor, nn
from torch.nn import functional as F

from unitsearch.architecture import key
from unitsearch.errors import SpecError
from unitsearch.network.build import Network
from unitsearch.network.slbf import SlbfConv2d, binary, slbf_layers

_NAMES = {"floats", "bits"}


def packed_bytes(network: Network) -> bytes:
    """Return the packed weights of ``network`` as the bytes of a safetensors file."""
    floats = [tensor.float().flatten() for tensor in _floats(network)]
    rows = [row for layer in slbf_layers(network) for row in _bits(layer)]
    tensors = {
        "floats": torch.cat(floats) if floats else torch.zeros(0),
        "bits": torch.from_numpy(np.packbits(np.concatenate(rows))),
    }
    # one word of metadata only: the order of several differs from file to file
    return save_tensors(tensors, metadata={"key": key(network.architecture)})


def is_packed(tensors: dict[str, Tensor]) -> bool:
    """Return whether the tensors of a file are packed weights."""
    return set(tensors) == _NAMES


def unpack(network: Network, tensors: dict[str, Tensor], content: bytes) -> None:
    """Load the tensors of a packed file into ``network``.

    Proxies are set to the signs themselves, and logits to one for the selected filter, else zero.

    Args:
        network: The network, of any plan.
        tensors: The file's tensors.
        content: The whole file, for the key in its metadata.

    Raises:
        SpecError: If they do not fit the network's architecture.
    """
    file_key, expected = _metadata(content).get("key"), key(network.architecture)
    if file_key != expected:
        raise SpecError(place="key", found=file_key, expected=expected)
    targets, layers = list(_floats(network)), slbf_layers(network)
    sizes = [tensor.numel() for tensor in targets]
    needed = sum(_bits_of(layer) for layer in layers)
    floats, packed = tensors["floats"].flatten(), tensors["bits"].flatten()
    contents = [(len(floats), floats.dtype), (len(packed), packed.dtype)]
    wanted = [(sum(sizes), torch.float32), (-(-needed // 8), torch.uint8)]
    if contents != wanted:
        raise SpecError(found=_in_words(contents), expected=_in_words(wanted))
    bits = np.unpackbits(packed.numpy())
    with torch.no_grad():
        for target, part in zip(targets, torch.split(floats, sizes), strict=True):
            target.copy_(part.view(target.shape))
        start = 0
        for layer in layers:
            end = start + _bits_of(layer)
            _set(layer, bits[start:end])
            start = end


def _floats(network: nn.Module) -> Iterator[Tensor]:
    """Yield the tensors of ``network`` that are stored as floats, in the order of its modules."""
    for module in network.modules():
        tensors = {
            **dict(module.named_parameters(recurse=False)),
            **dict(module.named_buffers(recurse=False)),
        }
        for name, tensor in tensors.items():
            replaced = isinstance(module, SlbfConv2d) and name in ("bank", "logits", "index")
            if not replaced and name != "num_batches_tracked":
                yield tensor.detach()


def _index_bits(layer: SlbfConv2d) -> int:
    return (layer.size - 1).bit_length()


def _bits_of(layer: SlbfConv2d) -> int:
    return layer.bank.numel() + layer.count * layer.out * layer.splits * _index_bits(layer)


def _bits(layer: SlbfConv2d) -> tuple[Any, Any]:
    """Return the bits of a layer's bank and of its selection, as uint8 of 0 and 1."""
    signs = (binary(layer.bank) > 0).flatten().cpu().numpy().astype(np.uint8)
    places = np.arange(_index_bits(layer))[::-1]
    index = layer.selected().detach().flatten().cpu().numpy()
    return signs, ((index[:, None] >> places) & 1).astype(np.uint8).ravel()


def _set(layer: SlbfConv2d, bits: Any) -> None:
    signs, chosen = np.split(bits, [layer.bank.numel()])
    layer.bank.copy_(torch.from_numpy(signs).view(layer.bank.shape) * 2.0 - 1.0)
    powers = 1 << np.arange(_index_bits(layer))[::-1]
    numbers = (chosen.reshape(-1, _index_bits(layer)).astype(np.int64) * powers).sum(1)
    if numbers.max(initial=0) >= layer.size:
        expected = f"filters of a bank of {layer.size}"
        raise SpecError(found=f"a selection of filter {numbers.max()}", expected=expected)
    index = torch.from_numpy(numbers).view(-1, layer.splits)
    if layer.logits is None:
        layer.index.copy_(index)  # type: ignore[union-attr]  # a layer has one of the two
    else:
        layer.logits.copy_(F.one_hot(index, layer.size))


def _in_words(sizes: list[tuple[int, torch.dtype]]) -> str:
    return " and ".join(f"{count:,} of {str(dtype).partition('.')[2]}" for count, dtype in sizes)


def _metadata(content: bytes) -> dict[str, str]:
    """Return the metadata in the header of a safetensors file."""
    size = int.from_bytes(content[:8], "little")
    metadata: dict[str, str] = json.loads(content[8 : 8 + size]).get("__metadata__") or {}
    return metadata
