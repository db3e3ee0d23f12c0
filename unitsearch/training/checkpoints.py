"""Checkpoints: the state of a long training, written to a file so that a kill costs only minutes.

A training that continues from its file ends with the same weights, bit for bit, as one that was
never killed, on the same machine. The file is a safetensors file, of which nothing is executed. A
damaged file, or a folder that cannot be written, costs time and never a result: the training begins
anew, or writes nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from unitsearch.files import write_whole


@dataclass(frozen=True, eq=False)
class State:
    """A training after some epochs.

    Attributes:
        curve: Accuracy after each epoch.
        loss_curve: Mean cross-entropy after each epoch, on the same images.
        losses: Mean training loss of each epoch.
        seconds: The time that the epochs took.
        tensors: Everything else that the next epoch depends on, by name.
    """

    curve: tuple[float, ...]
    loss_curve: tuple[float, ...]
    losses: tuple[float, ...]
    seconds: float
    tensors: Mapping[str, Tensor]


class Checkpoint:
    """The file that holds the state of one training.

    Args:
        path: The file. Nothing is written unless its folder exists: a worker on another machine
            than the study's trains without.
        identity: Everything that the states depend on, as plain data; the file of a training of
            another identity, or of another version of torch, is ignored.
        minutes: The least time between two writes; with 0 there is one after every epoch.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any], minutes: float) -> None:
        self._path, self._minutes = path, minutes
        plain = json.dumps([identity, torch.__version__], sort_keys=True)
        self._identity = hashlib.sha256(plain.encode()).hexdigest()
        self._last = time.monotonic()

    def load(self) -> State | None:
        """Return the stored state of this training; None if there is none that can be read."""
        try:
            with safe_open(self._path, "pt") as file:
                metadata = file.metadata() or {}
                if metadata.get("job") != self._identity:
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            about = json.loads(metadata["about"])
            curve, loss_curve, losses = (
                tuple(about[name]) for name in ("curve", "loss_curve", "losses")
            )
            return State(curve, loss_curve, losses, about["seconds"], tensors)
        except (OSError, SafetensorError, KeyError, TypeError, ValueError):
            return None

    def is_due(self) -> bool:
        """Return whether it is time to write a state."""
        return time.monotonic() - self._last >= 60 * self._minutes

    def write(self, state: State) -> None:
        """Write the file, whole or not at all; if that fails, log one line."""
        self._last = time.monotonic()
        if not self._path.parent.is_dir():
            return
        about = {
            "curve": state.curve,
            "loss_curve": state.loss_curve,
            "losses": state.losses,
            "seconds": state.seconds,
        }
        metadata = {"job": self._identity, "about": json.dumps(about)}
        tensors = {name: tensor.contiguous() for name, tensor in state.tensors.items()}
        try:
            write_whole(self._path, save(tensors, metadata))
        except OSError as error:
            logging.getLogger(__name__).warning(
                "%s: cannot be written (%s); a kill costs the training so far",
                self._path,
                error.strerror or error,
            )


def tensors_of(network: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return everything that changes while torch trains ``network``, by name."""
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    for i, parameter in enumerate(_parameters(optimiser)):
        for name, value in optimiser.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                tensors[f"optimiser.{i}.{name}"] = value
    return tensors


def put_back(
    tensors: Mapping[str, Tensor], network: nn.Module, optimiser: torch.optim.Optimizer
) -> None:
    """Load the tensors of ``tensors_of`` into a network and optimiser of the same kinds."""
    named = {
        name.removeprefix("network."): tensor
        for name, tensor in tensors.items()
        if name.startswith("network.")
    }
    network.load_state_dict(named)
    parameters = _parameters(optimiser)
    for name, tensor in tensors.items():
        if name.startswith("optimiser."):
            _, i, of = name.split(".", 2)
            parameter = parameters[int(i)]
            # fused optimisers go through memory in order: the layout must be the parameter's
            like = parameter.detach() if tensor.shape == parameter.shape else tensor
            value = torch.empty_like(like, device=parameter.device)
            optimiser.state[parameter][of] = value.copy_(tensor)


def _parameters(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]
